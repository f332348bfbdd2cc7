# SPDX-License-Identifier: GPL-2.0
"""Devices that cannot be exported, that become read-only, and what others have cached of them."""

import pytest

from aoeframes import WRITE, WRITE_EXT
from lab import Disk
from test_states import until
from testbeds import SECTOR, bed, pattern

ABORTED = (0x41, 0x04)
TRIM = 0x06
FOLDER = "/sys/kvblade/3.4@eth0"


@pytest.fixture(scope="module")
def target():
    with bed("devices", [Disk(1 << 20), Disk(1 << 22)], programs=["kvctl"]) as target:
        target.guest.run("modprobe null_blk nr_devices=0; modprobe loop")
        target.guest.run("mount -t configfs none /sys/kernel/config || true")
        yield target


@pytest.fixture(autouse=True)
def _writable(target):
    yield
    target.guest.run("blockdev --setrw /dev/sda; rm -f /etc/kvblade.conf")


def said_by(guest, command: str) -> str:
    """What is said when something is refused."""
    result = guest.run(f"{command} 2>&1", check=False)
    assert result.status == 1, result.stdout
    return result.stdout


def null_device(guest, name: str, **values: int) -> str:
    """Makes a device of null_blk."""
    folder = f"/sys/kernel/config/nullb/{name}"
    sets = "; ".join(f"echo {value} >{folder}/{key}" for key, value in values.items())
    guest.run(f"mkdir {folder}; {sets}; echo 1 >{folder}/power")
    return f"/dev/{name}"


def test_a_zoned_device_is_refused(target):
    guest = target.guest
    path = null_device(guest, "zoned0", size=64, memory_backed=1, zoned=1, zone_size=4)
    sentence = (
        f"{path}: device is zoned: it takes writes only in its own order, which clients do not keep"
    )
    assert said_by(guest, f"kvadd 3 4 eth0 {path} force=1") == f"kvadd: {sentence}\n"
    assert said_by(guest, f"kvadd 3 4 eth0 {path} force=1 ro=1") == f"kvadd: {sentence}\n"
    guest.run("rmdir /sys/kernel/config/nullb/zoned0")


def test_a_device_without_sectors_is_refused(target):
    guest = target.guest
    loop = guest.run("losetup -f").stdout.strip()
    sentence = f"kvadd: {loop}: device has no sectors (no medium, or not set up)\n"
    assert said_by(guest, f"kvadd 3 4 eth0 {loop} force=1 shared=1") == sentence
    assert said_by(guest, f"kvadd 3 4 eth0 {loop} force=1") == sentence


def test_d09_a_device_that_becomes_read_only(target):
    guest = target.guest
    path = null_device(guest, "locked", size=1, memory_backed=1, discard=1)
    with target.exported(3, 4, path) as client:
        before = client.identify()
        client.write(5, pattern(5))
        trim = (7).to_bytes(6, "little") + (1).to_bytes(2, "little") + bytes(504)
        guest.run(f"blockdev --setro {path}")
        assert client.ata(WRITE_EXT, 5, 1, bytes(SECTOR)).registers == ABORTED
        assert client.ata(TRIM, 0, 1, trim, features=1, aflags=WRITE).registers == ABORTED
        assert client.read(5) == pattern(5)
        assert client.identify() == before
        until(guest, "degraded: device is read-only")
        guest.run(f"blockdev --setrw {path}")
        client.write(5, pattern(5, seed=1))
        assert client.read(5) == pattern(5, seed=1)
        until(guest, "up")
    guest.run("rmdir /sys/kernel/config/nullb/locked")


def test_a_read_only_device(target):
    """Who is root is not told that he is not."""
    guest = target.guest
    guest.run("blockdev --setro /dev/sda")
    said = said_by(guest, "kvadd 3 4 eth0 /dev/sda force=1")
    assert said == "kvadd: /dev/sda: device is read-only; export it with ro=1\n"
    table = '[export.disk]\nshelf = 3\nslot = 4\ninterfaces = ["eth0"]\ndevice = "/dev/sda"\n'
    guest.write_file("/etc/kvblade.conf", table)
    said = said_by(guest, "kvctl apply")
    assert said.splitlines()[-1] == (
        "kvctl: disk: /dev/sda: device is read-only; export it with ro=1"
    )
    guest.run("kvadd 3 4 eth0 /dev/sda force=1 ro=1 && kvdel 3 4 eth0")


# What is in the page cache of others, who have the device open all the time.


READ = "dd if={0} bs=512 count=1 skip={1} status=none | od -An -v -tx1 | tr -d ' \\n'"


@pytest.mark.parametrize("options", ["", "shared=1"])
@pytest.mark.parametrize(("exported", "read"), [("sda", "sda"), ("sdb1", "sdb"), ("sdb", "sdb1")])
def test_others_see_what_clients_wrote(target, exported, read, options):
    guest = target.guest
    guest.run("echo 'start=2048, size=2048' | sfdisk -q /dev/sdb; udevadm settle || true")
    # The same sector, counted from the start of either.
    ours = {"sdb": 2048 + 9}.get(exported, 9)
    theirs = {"sdb": 2048 + 9}.get(read, 9)
    holder = guest.spawn(f"exec sleep 1000 </dev/{read}")
    look = READ.format(f"/dev/{read}", theirs)
    before = guest.run(look).stdout
    data = pattern(9, seed=len(before) + len(options) + ours)
    assert before != data.hex()
    with target.exported(3, 4, f"/dev/{exported}", options=options) as client:
        client.write(ours, data)
    assert guest.run(look).stdout == data.hex()
    holder.kill()
    guest.run(f"dd if=/dev/zero of=/dev/{read} bs=512 seek={theirs} count=1 conv=fsync status=none")


def test_what_others_wrote_before_is_seen_and_comes_no_more_later(target):
    """Pages that wait to be written would come over what clients have written since."""
    guest = target.guest
    guest.run("sysctl -q vm.dirty_writeback_centisecs=0 vm.dirty_expire_centisecs=60000")
    holder = guest.spawn(
        "exec 3<>/dev/sda; printf 'old old old old ' |"
        " dd of=/dev/sda bs=512 seek=20 conv=sync,notrunc status=none;"
        " touch /run/written; exec sleep 1000"
    )
    guest.run("until [ -e /run/written ]; do sleep 0.1; done; rm /run/written")
    with target.exported(3, 4, "/dev/sda") as client:
        assert client.read(20).startswith(b"old old")
        client.write(20, pattern(20))
        guest.run("sync /dev/sda; sync")
        assert client.read(20) == pattern(20)
    holder.kill()
    guest.run("sysctl -q vm.dirty_writeback_centisecs=500 vm.dirty_expire_centisecs=3000")
