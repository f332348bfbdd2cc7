# SPDX-License-Identifier: GPL-2.0
"""The whole, with the kernel's own AoE driver as the client in a second guest."""

import contextlib
import time

import pytest

from aoeframes import Identity
from lab import Disk, Guest
from pairs import Pair, pair_of

# Odd numbers of sectors; enough for XFS.
DISKS = [1_500_001 * 512, 400_003 * 512]
SUMS = "find . -type f | sort | xargs sha256sum"


@pytest.fixture(scope="module")
def pair():
    with pair_of("client", [Disk(size) for size in DISKS]) as pair:
        yield pair


def number(guest: Guest, command: str) -> int:
    return int(guest.run(command).stdout)


@pytest.mark.parametrize(("path", "size"), [("/dev/sda", DISKS[0]), ("/dev/sdb", DISKS[1])])
def test_sizes_agree(pair, path, size):
    with pair.exported(1, path) as device:
        assert number(pair.initiator, f"blockdev --getsize64 {device}") == size
        assert number(pair.target, f"blockdev --getsize64 {path}") == size
        shown = pair.initiator.run("aoe-stat").stdout.split()
        assert shown[:3] == ["e0.1", pair.target.run("kvstat").stdout.split()[7], "eth0"]


@pytest.mark.parametrize("filesystem", ["ext4", "xfs"])
def test_file_systems(pair, filesystem):
    target, initiator = pair.target, pair.initiator
    target.run("wipefs -qa /dev/sda")
    with pair.exported(1, "/dev/sda") as device:
        initiator.run(f"mkfs.{filesystem} -q {device} && mount {device} /mnt", timeout=120)
        initiator.run("cp -a /etc /mnt/ && head -c 5000001 /dev/urandom >/mnt/random")
        sums = initiator.run(f"cd /mnt && {SUMS}", timeout=120).stdout
        assert sums.count("\n") > 100
        initiator.run(f"umount /mnt && mount {device} /mnt", timeout=120)
        assert initiator.run(f"cd /mnt && {SUMS}", timeout=120).stdout == sums
        initiator.run("umount /mnt")
    target.run("mount -o ro /dev/sda /mnt")
    local = target.run(f"cd /mnt && {SUMS}", timeout=120).stdout
    target.run("umount /mnt")
    assert local == sums


def test_a_clients_normal_work_is_not_logged_by_the_target(pair):
    with pair.exported(1, "/dev/sdb") as device:
        mark = pair.target.mark()
        pair.initiator.run("aoe-discover; echo >/dev/etherd/discover; aoe-stat")
        pair.initiator.run(f"dd if={device} of=/dev/null bs=1M count=10 iflag=direct")
        pair.initiator.run(f"dd if=/dev/zero of={device} bs=1M count=10 oflag=direct")
        log = pair.target.kernel_log(mark)
        assert [line for line in log.splitlines() if "lab: mark" not in line] == []


def test_two_exports(pair):
    with pair.exported(1, "/dev/sda") as first, pair.exported(2, "/dev/sdb") as second:
        pair.initiator.run(
            f"head -c 4000000 /dev/urandom >/run/a; head -c 4000000 /dev/urandom >/run/b\n"
            f"dd if=/run/a of={first} bs=64k oflag=direct &\n"
            f"dd if=/run/b of={second} bs=64k oflag=direct; wait",
            timeout=120,
        )
        for file, device in (("a", first), ("b", second)):
            pair.initiator.run(f"cmp -n 4000000 /run/{file} {device}", timeout=120)
    for file, device in (("a", "/dev/sda"), ("b", "/dev/sdb")):
        local = pair.target.run(f"head -c 4000000 {device} | sha256sum").stdout
        assert local == pair.initiator.run(f"sha256sum </run/{file}").stdout


FIO = (
    "fio --name=verify --filename={device} --direct=1 --rw=randwrite --bs=4k --size=6m "
    "--ioengine=libaio --iodepth=16 --verify=crc32c --verify_state_save=0 --minimal {more}"
)


def fio(pair: Pair, device: str, more: str = ""):
    """Writes at random places, and reads back to compare; for some seconds if told so."""
    return pair.initiator.spawn(FIO.format(device=device, more=more))


@contextlib.contextmanager
def disturbed(pair: Pair, device: str):
    """I/O that lasts longer than what is done to it, and must succeed."""
    # Answers make the driver's timeouts short.
    pair.initiator.run(f"dd if={device} of=/dev/null bs=64k count=100 iflag=direct")
    job = fio(pair, device, "--time_based --runtime=15")
    time.sleep(2)
    yield
    assert job.poll() is None, "the I/O ended before the disturbance did"
    job.wait(timeout=120)


@contextlib.contextmanager
def verified(pair: Pair, device: str):
    """I/O that goes on while things are done to it, of which all is read back and compared."""
    again = FIO.format(device=device, more="")
    job = pair.initiator.spawn(f"touch /run/io; while [ -e /run/io ]; do {again} || exit; done")
    pair.initiator.run("until pgrep -x fio; do sleep 0.1; done")
    try:
        yield
        assert job.poll() is None, "the I/O has failed"
    finally:
        pair.initiator.run("rm -f /run/io")
        job.wait(timeout=300)


def test_g12_two_interfaces_are_two_paths(pair):
    with pair.exported(1, "/dev/sda", 0, 1) as device:
        pair.initiator.run("aoe-discover; sleep 1")
        assert "eth0,eth1" in pair.initiator.run("aoe-stat").stdout
        received = "cat /sys/class/net/eth{}/statistics/rx_packets"
        before = [number(pair.target, received.format(port)) for port in (0, 1)]
        fio(pair, device).wait(timeout=180)
        after = [number(pair.target, received.format(port)) for port in (0, 1)]
        assert all(b - a > 500 for a, b in zip(before, after, strict=True)), "one path idles"


@pytest.mark.parametrize("side", ["target", "initiator"])
def test_g12_one_of_two_paths_goes_down_under_load(pair, side):
    """And comes up again, when the other goes down."""
    with pair.exported(1, "/dev/sda", 0, 1) as device:
        pair.initiator.run("aoe-discover; sleep 1")
        assert "eth0,eth1" in pair.initiator.run("aoe-stat").stdout
        with verified(pair, device):
            for port in (1, 0):
                getattr(pair, side).run(f"ip link set eth{port} down; sleep 3")
                getattr(pair, side).run(f"ip link set eth{port} up; sleep 1")
        pair.wait_up(1)


def test_g06_the_linux_initiator_from_its_load_to_its_unload(pair):
    """What it logs beyond the disk and its partitions fails the test."""
    initiator = pair.initiator
    initiator.run("modprobe -r aoe && modprobe aoe")
    pair.target.run("wipefs -qa /dev/sda && echo 'start=2048' | sfdisk -q /dev/sda")
    with pair.exported(1, "/dev/sda") as device:
        part = f"{device}p1"
        assert number(initiator, f"blockdev --getsz {part}") == DISKS[0] // 512 - 2048
        initiator.run(f"mkfs.ext4 -q {part} && mount {part} /mnt && cp -a /etc /mnt && umount /mnt")
        initiator.run(f"e2fsck -fn {part}", timeout=120)
    assert initiator.run("rmmod aoe; grep -c '^aoe ' /proc/modules", check=False).stdout == "0\n"
    initiator.run("modprobe aoe")
    pair.target.run("wipefs -qa /dev/sda")


@pytest.mark.parametrize(("mtu", "payload"), [(9000, 8704), (4200, 4096), (1500, 1024)])
def test_frame_sizes(pair, mtu, payload):
    pair.both(f"ip link set eth0 mtu {mtu}")
    try:
        with pair.exported(1, "/dev/sda") as device:
            shown = pair.initiator.run("aoe-stat").stdout.split()
            assert shown[3] == str(payload)
            fio(pair, device).wait(timeout=180)
    finally:
        pair.both("ip link set eth0 mtu 1500")


def test_removed_and_added_again_under_io(pair):
    with pair.exported(1, "/dev/sda") as device, disturbed(pair, device):
        for _ in range(3):
            pair.target.run("kvdel 0 1 eth0; sleep 1; kvadd 0 1 eth0 /dev/sda; sleep 1")


def test_module_loaded_again_under_io(pair):
    with pair.exported(1, "/dev/sda") as device, disturbed(pair, device):
        for _ in range(3):
            pair.target.run("modprobe -r kvblade_rs && modprobe kvblade_rs")
            pair.target.run("kvadd 0 1 eth0 /dev/sda; sleep 1")


def test_g07_aoeping(pair):
    with pair.exported(1, "/dev/sda"):
        run, mac = pair.initiator.run, pair.target.nics[0].mac.replace(":", "")
        assert f"found e0.1 with mac {mac}" in run("aoeping -v 0 1 eth0").stdout
        assert "model: kvblade_rs " in run("aoeping -I 0 1 eth0").stdout
        block = bytes.fromhex(run("aoeping -i 0 1 eth0").stdout.split("response:")[1])
        assert Identity(block[:512]).capacity == DISKS[0] // 512
        refused = run("aoeping -S enable 0 1 eth0", check=False)
        assert "e0.1 does not support SMART" in refused.stdout and refused.status
        assert run("aoeping -s 1 0 9 eth0", check=False).status, "nobody is there"


def test_g07_aoecfg(pair):
    with pair.exported(1, "/dev/sda"):

        def aoecfg(command: str, string: str, where: str = "0 1 eth0") -> str:
            return pair.initiator.run(f"aoecfg -c {command} -s '{string}' -t 1 {where}").stdout

        assert pair.initiator.run("aoecfg -t 1").stdout == "0.1\t\n"
        assert aoecfg("set", "of the lab") == "of the lab\n"
        assert pair.target.run("cat /sys/kvblade/0.1@eth0/config").stdout == "of the lab\n"
        assert aoecfg("read", "") == "of the lab\n"
        assert aoecfg("test", "of the lab") == "of the lab\n"
        assert aoecfg("test", "of the la") == "", "who has another string is silent"
        assert aoecfg("prefix", "of the la", where="") == "0.1\tof the lab\n"
        assert aoecfg("set", "of others") == "*badcfg*\n"
        assert aoecfg("fset", "of others") == "of others\n"
        assert aoecfg("fset", "") == "\n"


@pytest.mark.parametrize(("mtu", "payload"), [(1500, 1024), (9000, 8704)])
def test_g07_aoe_sancheck(pair, mtu, payload):
    pair.both(f"ip link set eth0 mtu {mtu}")
    try:
        with pair.exported(1, "/dev/sda"):
            check = pair.initiator.run("aoe-sancheck", timeout=60).stdout
            line = next(line for line in check.splitlines() if line.startswith("e0.1"))
            assert line.split()[1:4] == ["1", str(payload), "eth0"]
            assert "not set optimally" not in check and "only capable" not in check
    finally:
        pair.both("ip link set eth0 mtu 1500")


def test_aoe_flush_and_aoe_discover(pair):
    with pair.exported(1, "/dev/sda") as device:
        pair.rest(device)
        pair.initiator.run(f"aoe-flush e0.1 && [ ! -e {device} ]")
        # Devices of other tests may still be known.
        assert "e0.1 " not in pair.initiator.run("aoe-stat", check=False).stdout
        pair.initiator.run("aoe-discover")
        pair.wait_up(1)
        lines = pair.initiator.run("aoe-stat").stdout.splitlines()
        assert ["e0.1", "0.768GB", "eth0", "1024", "up"] in [line.split() for line in lines]


def test_aoe_revalidate(pair):
    """The driver asks for the size of an open disk again only when it is told to."""
    before, after = 30 << 20, 50 << 20
    pair.target.run(f"modprobe loop && truncate -s {before} /root/disk")
    loop = pair.target.run("losetup -f --show /root/disk").stdout.strip()
    with pair.exported(1, loop) as device:
        size = f"blockdev --getsize64 {device}"
        user = pair.initiator.spawn(f"exec sleep 1000 <{device}")
        pair.target.run(f"truncate -s {after} /root/disk && losetup -c {loop}")
        pair.target.run(f"until [ $(cat /sys/kvblade/0.1@eth0/scnt) = {after // 512} ]; do :; done")
        pair.initiator.run("aoe-discover; sleep 2")
        assert number(pair.initiator, size) == before
        pair.initiator.run("aoe-revalidate e0.1")
        pair.initiator.run(f"until [ $({size}) = {after} ]; do sleep 0.1; done")
        last = f"bs=512 count=1 seek={after // 512 - 1}"
        pair.initiator.run(f"yes end | head -c 512 | dd of={device} oflag=direct {last}")
        user.kill()
    assert pair.target.run("tail -c 512 /root/disk").stdout == "end\n" * 128
    pair.target.run(f"losetup -d {loop}")
