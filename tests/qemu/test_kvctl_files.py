# SPDX-License-Identifier: GPL-2.0
"""Files that are exported: where they lie, how they change, and what is no disk."""

import pytest

from aoeframes import ABRT, WRITE_EXT, Identity
from configs import apply, clean, configured, export, ports, refused, value
from testbeds import SECTOR, bed, pattern

LOOPS = "losetup --list --noheadings --output NAME"
WRITE_FAULT = (0x61, 0x04)


@pytest.fixture(scope="module")
def target():
    with bed("kvctl-files", [], programs=["kvctl"]) as target:
        target.guest.run("modprobe loop")
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)
    target.guest.run("umount /mnt 2>/dev/null; losetup --detach-all; rm -f /root/*")


def test_a_sparse_file(target, guest):
    guest.run("truncate -s 1G '/root/a file'")
    table = export(device="", file="'/root/a file'")
    with configured(target, table) as client:
        assert Identity(client.identify()).capacity == 1 << 21
        client.write((1 << 21) - 1, pattern(7))
        assert client.read(0) == bytes(SECTOR)
        assert guest.run(f"cat /sys/block/{value(guest, 'bpath')[5:]}/loop/dio").stdout == "1\n"
        assert apply(guest, table) == ""
        apply(guest, export("read-only = true", device="", file="'/root/a file'"))
        assert client.ata(WRITE_EXT, 0, 1, pattern(0)).registers == ABRT
        apply(guest, table)
        client.write(0, pattern(5))
    end = guest.run("tail -c 512 '/root/a file' | od -An -v -tx1").stdout
    assert bytes.fromhex(end.replace(" ", "")) == pattern(7)
    assert int(guest.run("stat -c %b '/root/a file'").stdout) < 100, "it is still sparse"
    assert guest.run(LOOPS).stdout == "", "the loop device was released"


def test_a_file_on_a_disk_with_larger_blocks(target, guest):
    """The loop device gets the blocks of that disk; clients see sectors all the same."""
    guest.run("truncate -s 64M /root/large")
    disk = guest.run("losetup --find --show --sector-size 4096 /root/large").stdout.strip()
    guest.run(f"mkfs.ext4 -q {disk} && mkdir -p /mnt && mount {disk} /mnt")
    guest.run("truncate -s 8M /mnt/image")
    table = export(device="", file="'/mnt/image'")
    with configured(target, table) as client:
        assert Identity(client.identify()).capacity == 1 << 14
        client.write(3, pattern(3, 2))
        assert client.read(2, 2) == bytes(SECTOR) + pattern(3)
        assert client.read(4, 2) == pattern(4) + bytes(SECTOR)
        assert apply(guest, table) == ""
    assert guest.run(LOOPS).stdout.split() == [disk]


def test_a_file_that_grows_or_is_replaced(target, guest):
    guest.run("truncate -s 1M /root/image")
    table = export(device="", file="'/root/image'")
    with configured(target, table) as client:
        client.write(5, pattern(5))
        device = value(guest, "bpath")
        guest.run("truncate -s 3M /root/image")
        assert f"take the size of its file over: {device}" in apply(guest, table)
        assert Identity(client.identify()).capacity == 6144 == int(value(guest, "scnt"))
        client.write(6143, pattern(6143))
        assert client.read(5) == pattern(5)
        assert apply(guest, table) == ""
        guest.run("truncate -s 2M /root/new && mv /root/new /root/image")
        apply(guest, table)
        assert Identity(client.identify()).capacity == 4096
        assert client.read(5) == bytes(SECTOR)
        assert apply(guest, table) == ""
        assert len(guest.run(LOOPS).stdout.split()) == 1
    assert guest.run(LOOPS).stdout == ""


def test_a_file_without_direct_io(target, guest):
    guest.run("mkdir -p /mnt && mount -t ramfs none /mnt && truncate -s 1M /mnt/image")
    table = export(device="", file="'/mnt/image'")
    said = "note: /mnt/image: by the page cache, since its file system takes no direct I/O"
    assert said in apply(guest, table)
    with configured(target, table) as client:
        assert guest.run(LOOPS).stdout.split() == [value(guest, "bpath")]
        client.write(3, pattern(3))
        assert client.read(3) == pattern(3)
    assert guest.run(LOOPS).stdout == ""


@pytest.mark.kernel_log(allow=["I/O error, dev loop", "space allocation error, dev loop"])
def test_a_file_on_a_full_file_system(target, guest):
    """What was answered is there, and what finds no room has failed, until there is some."""
    guest.run("truncate -s 16M /root/small")
    disk = guest.run("losetup --find --show /root/small").stdout.strip()
    guest.run(f"mkfs.ext4 -q {disk} && mkdir -p /mnt && mount {disk} /mnt")
    guest.run("truncate -s 64M /mnt/image")
    with configured(target, export(device="", file="'/mnt/image'")) as client:
        client.write(8, pattern(8))
        guest.run(
            "for size in 64k 1k; do dd if=/dev/zero bs=$size status=none; done >/mnt/filler; sync"
        )
        reply = client.ata(WRITE_EXT, 80000, 1, pattern(80000))
        assert reply.registers == WRITE_FAULT
        assert client.read(8) == pattern(8)
        client.write(9, pattern(9))
        guest.run("rm /mnt/filler && sync")
        client.write(80000, pattern(80000))
        assert client.read(80000) == pattern(80000)
        assert client.read(8, 2) == pattern(8) + pattern(9)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("qcow2", ""),
        ("qcow", ""),
        ("vpc", ""),
        ("vpc", "-o subformat=fixed"),
        ("vhdx", ""),
        ("vmdk", ""),
        ("vmdk", "-o subformat=twoGbMaxExtentSparse"),
        ("vdi", ""),
        ("qed", ""),
    ],
)
def test_an_image_in_a_format(target, guest, name, options):
    """It would be shown as a disk of another size, with the format's own data in it."""
    guest.run(f"cd /root && qemu-img create -q -f {name} {options} image 4M")
    table = export(device="", file="'/root/image'")
    reason = f"disk: /root/image: an image in the format {name}, not a disk; "
    assert reason in refused(guest, table, "apply --dry-run")
    said = refused(guest, table)
    assert reason in said and f"qemu-img convert -f {name} -O raw" in said, said
    assert guest.run(LOOPS).stdout == "" and ports(guest) == []
    # What is said helps.
    assert 'format = "raw"' in said
    guest.run(f"cd /root && qemu-img convert -f {name} -O raw image raw && mv raw image")
    with configured(target, table) as client:
        assert client.read(0) == bytes(SECTOR)


RESTART = "kvctl stop; rm -rf /run/kvblade"
QCOW2 = b"QFI\xfb\0\0\0\x03".ljust(SECTOR, b"\0")
VHD = b"conectix".ljust(SECTOR, b"\0")


def test_what_a_client_writes_does_not_keep_its_file_away(target, guest):
    """Neither after a restart, nor when the file has grown meanwhile. Another file is looked at."""
    guest.run("truncate -s 1M /root/image")
    table = export(device="", file="'/root/image'")
    with configured(target, table) as client:
        client.write(0, QCOW2)
        client.write(2047, VHD)
        guest.run(RESTART)
        assert "format" not in apply(guest, table)
        assert client.read(0) == QCOW2 and client.read(2047) == VHD
        guest.run("truncate -s 2M /root/image")
        apply(guest, table)
        guest.run(RESTART)
        apply(guest, table)
        assert client.read(0) == QCOW2
        assert Identity(client.identify()).capacity == 4096
        # A copy is another file, and so is what was written over it.
        guest.run(RESTART)
        guest.run("cp /root/image /root/copy && mv /root/copy /root/image")
        assert "an image in the format qcow2" in refused(guest, table)
        apply(guest, table + 'format = "raw"\n')
        assert client.read(0) == QCOW2
        guest.run(RESTART)
        apply(guest, table)
        guest.run(RESTART)
        guest.run("qemu-img create -q -f qcow2 /root/image 2M")
        assert "an image in the format qcow2" in refused(guest, table)


def test_a_file_as_a_device(target, guest):
    guest.run("truncate -s 1M /root/image")
    said = refused(guest, export(device="'/root/image'"))
    assert '/root/image: a file, not a block device; give it as file = "/root/image"' in said


def test_a_file_that_cannot_be_had_leaves_nothing(target, guest):
    guest.run("touch /root/empty")
    assert "has no sectors" in refused(guest, export(device="", file="'/root/empty'"))
    assert guest.run(LOOPS).stdout == ""
