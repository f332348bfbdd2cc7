# SPDX-License-Identifier: GPL-2.0
"""Everything comes and goes at the same time, under load: exports, interfaces, disks, the module.

Nothing is asserted of what each step answers: it may find nothing to do. What must hold is that
every command ends, that the kernel has nothing to say, and that nothing is kept at the end.
"""

import pytest

from lab import Disk
from testbeds import Flood, bed

LOOP = "n=0; while [ $n -lt {rounds} ]; do n=$((n + 1))\n{body}\ndone 2>/dev/null; true"

EXPORTS = """
kvadd 0 1 eth0 /dev/sda force=1
kvadd 0 1 eth1 /dev/sda force=1
echo offline >/sys/kvblade/0.1@eth0/state
cat /sys/kvblade/*/* /sys/kvblade/*/stats/* >/dev/null
echo online force=1 >/sys/kvblade/0.1@eth0/state
sleep 0.0$((n % 7))
kvdel 0 1 eth$((n % 2))
kvdel 0 1 eth$(((n + 1) % 2))
"""

INTERFACES = """
ip link set eth1 mtu 9000
ip link set eth1 down && ip link set eth1 name card1 && ip link set card1 name eth1
ip link set eth1 mtu 1500 up
echo >/sys/kvblade/announce
ip link add veth0 up type veth peer name veth1 && ip link set veth1 up
kvadd 0 3 veth0 /dev/loop0 force=1
case $((n % 3)) in
0) kvdel 0 3 veth0; ip link del veth0 ;;
1) ip link del veth0; kvdel 0 3 veth0 ;;
2) ip link set veth0 netns other; kvdel 0 3 veth0; ip -n other link del veth0 ;;
esac
"""

# The disk comes back under another name while someone still has the old one open.
AGAIN = (
    "echo 1 >/sys/bus/scsi/devices/0:0:1:0/delete;"
    " echo '0 1 0' >/sys/class/scsi_host/host0/scan; sleep 0.02"
)

DISKS = f"""
kvadd 0 2 eth0 /dev/sdb force=1
sleep 0.$((n % 5))
echo 1 >/sys/block/sdb/device/delete
[ $((n % 2)) -eq 0 ] || sleep 0.05
kvdel 0 2 eth0
tries=0; until [ -b /dev/sdb ] || [ $tries -gt 50 ]; do {AGAIN}; tries=$((tries + 1)); done
truncate -s $((1 + n % 3))M /root/image; losetup -c /dev/loop0
"""

MODULE = """
modprobe -r kvblade_rs
sleep 0.0$((n % 9))
modprobe kvblade_rs
sleep 0.3
"""

FREE = "dmsetup create free --table '0 8 linear {0} 0' && dmsetup remove free"


@pytest.fixture(scope="module")
def target():
    with bed("stress", [Disk(1 << 22), Disk(1 << 22)], nics=2) as target:
        target.guest.run(
            "modprobe loop && truncate -s 1M /root/image && losetup /dev/loop0 /root/image &&"
            " ip netns add other"
        )
        yield target


# The kernel's own words on a disk that is pulled out while it is read, searched for partitions, or
# asked what it can do.
PULLED_OUT = ["device offline", "I/O error", "read failed", "unable to read"]
PULLED_OUT += ["callbacks suppressed", "Asking for cache data failed", "Assuming drive cache"]
PULLED_OUT += ["No Caching mode page found"]


@pytest.mark.kernel_log(allow=PULLED_OUT)
@pytest.mark.parametrize("with_module", [False, True], ids=["exports", "module"])
def test_everything_comes_and_goes_under_load(target, rounds, with_module):
    guest = target.guest
    bodies = [EXPORTS, INTERFACES, DISKS] + [MODULE] * with_module
    floods = [
        Flood(target.client(0, 1)),
        Flood(target.client(0, 1, port=1)),
        Flood(target.client(0, 2)),
    ]
    for flood in floods:
        flood.__enter__()
    try:
        # Again where none of a flood has met its export, on a busy machine.
        for _ in range(4):
            jobs = [guest.spawn(LOOP.format(rounds=rounds, body=body)) for body in bodies]
            for job in jobs:
                job.wait(timeout=60 + 20 * rounds)
            if all(flood.answers for flood in floods):
                break
    finally:
        for flood in floods:
            flood.__exit__()
    assert all(flood.answers for flood in floods), "there was no load"
    # The module and all that it used can go, and comes back in order.
    guest.run("modprobe -r kvblade_rs && [ ! -e /sys/kvblade ]", timeout=30)
    guest.run(f"until [ -b /dev/sdb ]; do {AGAIN}; done 2>/dev/null")
    for disk in ("/dev/sda", "/dev/sdb", "/dev/loop0"):
        guest.run(FREE.format(disk))
    guest.run("modprobe kvblade_rs && kvadd 0 1 eth0 /dev/sda && kvadd 0 1 eth1 /dev/sda")
    for port in (0, 1):
        client = target.client(0, 1, port)
        client.neighbour.drain()
        assert len(client.read(0)) == 512
    guest.run("kvdel 0 1 eth0 && kvdel 0 1 eth1")
