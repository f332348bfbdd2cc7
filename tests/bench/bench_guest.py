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

# The null responder, and what rivals need of the kernel's package.
_MODULES = ("tests/bench/null", "nbd", "target_core_iblock", "iscsi_target_mod", "iscsi_tcp")

# What the kernel says of them at a level of warning or worse, and what is no matter.
_RIVALS_SAY = (
    r"block nbd0: shutting down sockets",
    r"Unable to load target_core_",
    r"MODE SENSE: unimplemented page",
)

# The ends of the wire.
CLIENT, TARGET = "bench0", "bench1"
CLIENT_IP, TARGET_IP = "10.9.0.1", "10.9.0.2"

SECTORS = 64 << 11
DISK = "/dev/bench_null"
MEMORY_DISK = "/dev/bench_memory"
# One with blocks of 4 KiB, of which a write of less takes a reading.
BLOCKS_DISK = "/dev/bench_blocks"

# Both ends are in one host, which would keep IP packets off the wire: packets to either address
# leave by the other's end, and only those that come in are local.
_WIRE = f"""
set -e
ip link add {CLIENT} type veth peer name {TARGET}
for end in {CLIENT} {TARGET}; do
    ip link set $end up
    sysctl -q net.ipv4.conf.$end.accept_local=1 net.ipv4.conf.$end.rp_filter=0
    ip rule add pref 10 iif $end lookup local
done
sysctl -q net.ipv4.conf.all.rp_filter=0
ip address add {CLIENT_IP}/32 dev {CLIENT}
ip address add {TARGET_IP}/32 dev {TARGET}
ip route add {TARGET_IP} dev {CLIENT} src {CLIENT_IP} table 100
ip route add {CLIENT_IP} dev {TARGET} src {TARGET_IP} table 100
ip rule add pref 20 lookup 100
ip rule add pref 30 lookup local
ip rule del pref 0
"""

_DISKS = f"""
set -e
modprobe null_blk nr_devices=0
mount -t configfs none /sys/kernel/config
for disk in {DISK} {MEMORY_DISK} {BLOCKS_DISK}; do
    folder=/sys/kernel/config/nullb/${{disk##*/}}
    mkdir $folder
    echo {SECTORS >> 11} >$folder/size
    echo 512 >$folder/blocksize
    [ $disk != {BLOCKS_DISK} ] || echo 4096 >$folder/blocksize
    [ $disk != {MEMORY_DISK} ] || echo 1 >$folder/memory_backed
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
        return problems(self._guest.kernel_log(self._guest.boot_mark), _RIVALS_SAY)


@contextlib.contextmanager
def bench(machine: Machine = MACHINE, cpus: int = 1) -> Iterator[Bench]:
    """Boots the guest."""
    guest = Guest(
        "bench", cpus=cpus, memory="1G", programs=("bench",), modules=_MODULES, machine=machine
    )
    with guest:
        result = Bench(guest)
        result.run(_WIRE)
        result.run(_DISKS)
        yield result
