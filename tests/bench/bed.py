# SPDX-License-Identifier: GPL-2.0
"""The guest in which everything is measured, and what all contestants find there."""

import contextlib
from collections.abc import Iterator

from lab import Guest, Machine, problems

# One processor and a clock that ticks with every instruction, so that time is what was executed.
# String instructions count once for each step: without the fast ones the kernel copies in other
# ways, which are nearer to what a processor does with them.
MACHINE = Machine(
    accel="tcg,thread=single",
    cpu="max,-erms,-fsrm,-fsrs,-fzrm,-fsrc",
    options=("-icount", "shift=0,sleep=off"),
)
# The guest's clock runs when it idles, and nobody measures how long that takes.
PATIENCE = 3600

CLIENT = "bench0"
TARGET = "bench1"
SECTORS = 64 << 11
DISK = "/dev/bench_null"
MEMORY_DISK = "/dev/bench_memory"

_SET_UP = f"""
set -e
ip link add {CLIENT} type veth peer name {TARGET}
ip link set {CLIENT} up
ip link set {TARGET} up
modprobe null_blk nr_devices=0
mount -t configfs none /sys/kernel/config
for disk in {DISK} {MEMORY_DISK}; do
    folder=/sys/kernel/config/nullb/${{disk##*/}}
    mkdir $folder
    echo {SECTORS >> 11} >$folder/size
    echo 512 >$folder/blocksize
    [ $disk = {DISK} ] || echo 1 >$folder/memory_backed
    echo 1 >$folder/power
    until [ -b $disk ]; do sleep 0.1; done
done
dd if=/dev/zero of={MEMORY_DISK} bs=1M count={SECTORS >> 11} oflag=direct status=none
"""


class Bench:
    """The guest."""

    def __init__(self, guest: Guest):
        self._guest = guest

    def run(self, command: str) -> str:
        return self._guest.run(command, timeout=PATIENCE).stdout

    def set_mtu(self, mtu: int) -> None:
        self.run(f"ip link set {CLIENT} mtu {mtu} && ip link set {TARGET} mtu {mtu}")

    def complaints(self) -> list[str]:
        """What the kernel has said that it should not."""
        return problems(self._guest.kernel_log(self._guest.boot_mark))


@contextlib.contextmanager
def bench(machine: Machine = MACHINE) -> Iterator[Bench]:
    """Boots the guest."""
    guest = Guest(
        "bench",
        cpus=1,
        memory="1G",
        programs=("bench",),
        modules=("tests/bench/null",),
        machine=machine,
    )
    with guest:
        guest.run(_SET_UP, timeout=PATIENCE)
        yield Bench(guest)
