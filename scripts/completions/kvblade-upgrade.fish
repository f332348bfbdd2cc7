# SPDX-License-Identifier: GPL-2.0
complete -c kvblade-upgrade -f
complete -c kvblade-upgrade -s n -l dry-run -d 'Say whether it can be done, and do nothing'
complete -c kvblade-upgrade -s h -l help -d 'Show how it is called'
