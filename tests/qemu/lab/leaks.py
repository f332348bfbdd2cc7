# SPDX-License-Identifier: GPL-2.0
"""What is missing when a debug guest is done with: memory, references, the lock validator."""

import re

from lab import paths
from lab.guest import Guest
from lab.logscan import problems

# An object counts as lost when nothing points to it in two scans and it did not change between
# them. The kernel keeps stacks of ended tasks and looks for pointers there as well; new tasks
# wipe them. Without these, a leak that was made on purpose was not seen in five scans.
_SCAN = """
cd /sys/kernel/debug && for scan in 1 2 3; do
for task in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 3 & done; wait
echo scan >kmemleak || exit 1
done && cat kmemleak
"""


def find_leaks(guest: Guest) -> list[str]:
    """Unloads our module and the interfaces' drivers; returns what is wrong.

    A reference to an interface that was not given back holds up the driver for ever.
    The stock kernel can tell nothing. The debug kernel fails where it cannot tell.
    """
    if not paths.is_debug():
        return []
    mark = guest.last_mark
    # Addresses of a module that is gone say nothing: where its parts were, for the backtraces.
    symbols = guest.run("grep -F '[kvblade_rs]' /proc/kallsyms || true").stdout
    (paths.results() / f"{guest.console.stem}.kallsyms").write_text(symbols)
    guest.run("modprobe -r kvblade_rs")
    trouble = unreferenced(guest)
    guest.run("modprobe -r virtio_net vmxnet3")
    if guest.run("grep -q 'debug_locks: *1' /proc/lockdep_stats", check=False).status:
        trouble.append("the lock validator has switched itself off")
    return trouble + problems(guest.kernel_log(mark))


def unreferenced(guest: Guest) -> list[str]:
    """The reports of kmemleak."""
    report = guest.run(_SCAN, timeout=180).stdout
    return re.findall(r"^unreferenced object.*\n(?:[ \t].*\n)*", report, re.MULTILINE)
