# SPDX-License-Identifier: GPL-2.0
"""The disk of the demo: a big one with a small partition."""

from lab.guest import Guest

DISK_BYTES = 80 * 1000**3
# An odd number of sectors, which an export must keep.
PART_BYTES = 3 * 1000**3

_LAYOUT = f"""label: dos
start=2048, size=2097152, type=83
start=2099200, type=5
start=2101248, size={PART_BYTES // 512}, type=83
"""


def partition(guest: Guest, disk: str) -> None:
    """Makes partitions of which the fifth has PART_BYTES."""
    guest.run(f"sfdisk -q {disk} <<'EOF'\n{_LAYOUT}EOF")


def wake(device: str) -> str:
    """A command that reads from an AoE device once a second, until its flag is removed.

    The kernel's initiator does not send a request when the card still holds the frames
    of those already answered, and only remembers it when the next request comes: one that
    waits for it alone, as a buffered read does, would wait for ever.
    """
    flag = wake_flag(device)
    read = f"dd if={device} of=/dev/null count=1 iflag=direct"
    return f"touch {flag}; (while [ -e {flag} ]; do {read}; sleep 1; done) >/dev/null 2>&1 &"


def wake_flag(device: str) -> str:
    return f"/run/wake.{device.rpartition('/')[2]}"
