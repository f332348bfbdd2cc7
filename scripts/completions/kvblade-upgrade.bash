# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
complete -W '--dry-run --help' kvblade-upgrade
