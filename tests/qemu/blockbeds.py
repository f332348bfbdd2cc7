# SPDX-License-Identifier: GPL-2.0
"""What the tests of disks with blocks larger than a sector share."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from aoeframes import OK, Client
from lab import Disk, Guest, Machine
from testbeds import SECTOR, Bed, bed, fill, mapped, pattern

SHELF, SLOT = 4, 9
SECTORS = 4096
BLOCK = 8
WRITE_FAULT, UNREADABLE = (0x61, 0x04), (0x41, 0x40)
KEY = "5a" * 64
NULL = "/sys/kernel/config/nullb/blocks"
# A disk whose blocks are larger than a page.
LARGE = (
    *("-blockdev", "null-co,node-name=large,size=67108864,read-zeroes=on"),
    "-device",
    "nvme,drive=large,serial=large,logical_block_size=16384,physical_block_size=16384",
)
# What the kernel says of such guests in any case.
LOG = ("poll_queues", "Power-on or device reset occurred")


@contextlib.contextmanager
def blocks_bed(name: str) -> Iterator[Bed]:
    """A target with a disk of blocks of 4 KiB, two of sectors, and what makes others."""
    disks = [Disk(SECTORS * SECTOR, block=4096), Disk(SECTORS * SECTOR), Disk(64 << 20)]
    modules = ["zram", "dm-integrity", "dm-raid", "nvme"]
    with bed(name, disks, nics=2, modules=modules, machine=Machine(options=LARGE)) as target:
        run = target.guest.run
        run("modprobe loop; modprobe dm-crypt; modprobe dm-delay; modprobe null_blk nr_devices=0")
        run("mount -t configfs none /sys/kernel/config || true")
        run("ip link set eth0 mtu 9000; ip link set eth1 mtu 1500")
        yield target


def filled(guest: Guest) -> Path:
    """The file of the disk with blocks of 4 KiB, with something everywhere."""
    path = guest.disks[0].path
    fill(path, 0, pattern(0, SECTORS, 99))
    guest.run("blockdev --flushbufs /dev/sda")
    return path


def null_disk(guest, bytes_of_block: int, **more: object) -> str:
    """A disk in memory."""
    values = {"size": 8, "memory_backed": 1, "discard": 1, "blocksize": bytes_of_block, **more}
    sets = "; ".join(f"echo {value} >{key}" for key, value in values.items())
    guest.run(f"mkdir {NULL}; cd {NULL}; {sets}; echo 1 >power")
    return "/dev/blocks"


def loop_disk(guest) -> str:
    guest.run("truncate -s 2M /run/image")
    return guest.run("losetup -f --show -b 4096 /run/image").stdout.strip()


def crypt_disk(guest) -> str:
    """What LUKS2 makes, with its sectors of 4 KiB, on a disk that has blocks of 512 bytes."""
    table = f"0 {SECTORS} crypt aes-xts-plain64 {KEY} 0 /dev/sdb 0 1 sector_size:4096"
    return mapped(guest, "crypt", table)


def integrity_disk(guest) -> str:
    """A checksum for each block of 4 KiB, or none can be read."""
    table = "0 {} integrity /dev/sdc 0 - J 2 internal_hash:crc32c block_size:4096"
    guest.run("modprobe dm-integrity && dd if=/dev/zero of=/dev/sdc bs=4k count=1 status=none")
    mapped(guest, "integrity", table.format(8))
    # It tells how much it can have once it has been made.
    sectors = int(
        guest.run("dd if=/dev/sdc bs=512 count=1 status=none | od -An -tu8 -j16 -N8").stdout
    )
    guest.run("dmsetup remove integrity")
    device = mapped(guest, "integrity", table.format(sectors))
    guest.run(f"dd if=/dev/zero of={device} bs=4k count=512 oflag=direct status=none")
    return device


def zram_disk(guest) -> str:
    guest.run("modprobe zram && echo 2M >/sys/block/zram0/disksize")
    return "/dev/zram0"


def mirror_disk(guest) -> str:
    """One of its halves has blocks of 4 KiB, and so has the whole."""
    table = f"0 {SECTORS} raid raid1 2 0 nosync 2 - /dev/sda - /dev/sdb"
    guest.run("modprobe dm-raid")
    return mapped(guest, "mirror", table)


# How each is made, its blocks, and how it is taken down.
DEVICES = {
    "SCSI": (lambda _guest: "/dev/sda", 4096, "true"),
    "1 KiB": (lambda guest: null_disk(guest, 1024), 1024, f"rmdir {NULL}"),
    "2 KiB": (lambda guest: null_disk(guest, 2048), 2048, f"rmdir {NULL}"),
    "4 KiB": (lambda guest: null_disk(guest, 4096), 4096, f"rmdir {NULL}"),
    "loop": (loop_disk, 4096, "losetup -d {}"),
    "dm-crypt": (crypt_disk, 4096, "dmsetup remove crypt"),
    "dm-integrity": (integrity_disk, 4096, "dmsetup remove integrity"),
    "dm-raid": (mirror_disk, 4096, "dmsetup remove mirror"),
    "zram": (zram_disk, 4096, "echo 1 >/sys/block/zram0/reset"),
}


def answers(frames: list[tuple[Client, bytes]]) -> list[bytes]:
    """Sends requests without waiting, and takes all answers, in whatever order they come."""
    for client, frame in frames:
        client.neighbour.send(frame)
    return taken(frames)


def taken(frames: list[tuple[Client, bytes]]) -> list[bytes]:
    """The answers to requests that have been sent, in the order of these."""
    found: dict[bytes, bytes] = {}
    for client in {id(client): client for client, _ in frames}.values():
        open_ = {frame[20:24] for sender, frame in frames if sender is client}
        while open_:
            raw = client.receive(lambda raw, tags=open_: raw[20:24] in tags)
            assert raw is not None, f"{len(open_)} of {len(frames)} are not answered"
            open_.remove(raw[20:24])
            found[raw[20:24]] = raw
    return [found[frame[20:24]] for _, frame in frames]


def collect(frames: list[tuple[Client, bytes]]) -> None:
    """The same, where none may be an error."""
    assert all((raw[27], raw[25]) == OK for raw in answers(frames))
