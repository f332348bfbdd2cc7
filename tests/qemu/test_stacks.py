# SPDX-License-Identifier: GPL-2.0
"""Devices that are made of others: each serves, and what a client gets when it runs full or loses a
leg.

What takes longer, and connections, are in disks.py: `make test-disks`.
"""

import time

import pytest

from aoeframes import OK, READ_EXT, WRITE_EXT, Client, Identity
from stacks import (
    BLOCK,
    LEG,
    LINEAR,
    LOG,
    SHELF,
    SLOT,
    UNREADABLE,
    WRITE_FAULT,
    array,
    comes,
    device,
    end_array,
    end_thin,
    exported,
    extend,
    fails,
    fill_pool,
    fixtures,
    lose,
    mend,
    named,
    reads_right_or_not,
    state,
    there,
    thin,
    verified,
    waits,
)
from test_senders import TARGET, Card
from testbeds import SECTOR, mapped, pattern

MODULES = ("dm-thin-pool", "dm-raid", "dm-integrity", "zram", "raid1", "raid456", "tests/qemu/card")

target, guest = fixtures("stacks", MODULES)

pytestmark = pytest.mark.kernel_log(allow=LOG)


# Pools that run full.


@pytest.mark.parametrize("how", ["1 skip_block_zeroing", "0"])
def test_a_thin_pool_that_is_full_and_queues(target, guest, how):
    """What finds no room waits for it, and nothing else does."""
    with exported(target, thin(guest, how)) as client:
        verified(client, 1)
        full = fill_pool(client, 24 * 40 // BLOCK + 2)
        # All blocks up to there have room, and some in between perhaps not.
        lba = full * BLOCK
        more = [client.ata_frame(WRITE_EXT, lba + i * BLOCK, 1, pattern(lba, 1, i)) for i in (0, 1)]
        frame = client.ata_frame(WRITE_EXT, lba + 4 * BLOCK, 1, pattern(lba, 1, 4))
        for other in more:
            client.neighbour.send(other)
        waits(client, frame)
        there(client, 1)
        client.write(0, pattern(0, 1, 9))
        extend(guest, how)
        assert comes(client, frame)[27] == OK[0]
        assert client.read(lba + 4 * BLOCK) == pattern(lba, 1, 4)
        assert client.read(0) == pattern(0, 1, 9)
    end_thin(guest)


def test_a_thin_pool_that_is_full_and_fails(target, guest):
    """What finds no room is a write fault; what has some is read and written."""
    how = "1 error_if_no_space"
    with exported(target, thin(guest, how)) as client:
        verified(client, 1)
        full = fill_pool(client, 24 * 40 // BLOCK + 2)
        lba = (full + 8) * BLOCK
        refused = 0
        for i in range(8):
            data = pattern(lba + i * BLOCK, 1, 4)
            refused += client.ata(WRITE_EXT, lba + i * BLOCK, 1, data).registers == WRITE_FAULT
        assert refused, "the pool is not full"
        there(client, 1)
        client.write(0, pattern(0, 1, 9))
        assert client.read(lba + 7 * BLOCK) == bytes(SECTOR)
        assert "degraded" in state(guest)
        extend(guest, how)
        client.write(lba + 7 * BLOCK, pattern(lba, 1, 4))
        assert client.read(lba + 7 * BLOCK) == pattern(lba, 1, 4)
        assert client.read(0) == pattern(0, 1, 9)
    end_thin(guest)


def test_a_snapshot_that_is_full(target, guest):
    """That of LVM without a pool: it is lost, and the origin goes on."""
    origin = mapped(guest, "origin", "0 8192 snapshot-origin /dev/mapper/leg0")
    with exported(target, origin) as client:
        verified(client, 1)
        named(guest, "cow", "0 512 linear /dev/mapper/leg1 0")
        guest.run("dmsetup suspend origin")
        snapshot = mapped(guest, "snapshot", "0 8192 snapshot /dev/mapper/leg0 /dev/mapper/cow N 8")
        guest.run("dmsetup resume origin")
        with exported(target, snapshot, SLOT + 1) as second:
            there(second, 1)
            verified(client, 2)
            there(second, 1)
            second.write(4000, pattern(4000, 1, 5))
            assert client.read(4000) == bytes(SECTOR)
            for lba in range(0, 4096, 8):
                client.write(lba, pattern(lba, 1, 6))
            fails(second)
            assert client.read(8) == pattern(8, 1, 6)
    guest.run("dmsetup remove snapshot && dmsetup remove cow && dmsetup remove origin")


def test_a_zram_that_is_full(target, guest):
    guest.run("modprobe zram && echo 4M >/sys/block/zram0/disksize")
    with exported(target, "/dev/zram0") as client:
        verified(client, 1)
        guest.run("echo 256K >/sys/block/zram0/mem_limit")
        noise = [guest.run("head -c 4096 /dev/urandom | od -An -v -tx1").stdout for _ in range(4)]
        noise = [bytes.fromhex("".join(text.split())) for text in noise]
        results = {
            client.ata(WRITE_EXT, 2048 + 8 * i, 8, noise[i % 4][: 4096 - i] + bytes(i)).registers
            for i in range(100)
        }
        assert results == {OK, WRITE_FAULT}
        there(client, 1)
        guest.run("echo 0 >/sys/block/zram0/mem_limit")
        client.write(4000, noise[0])
        assert client.read(4000, 8) == noise[0]
    guest.run("echo 1 >/sys/block/zram0/reset; rmmod zram")


# Legs that are lost.


@pytest.mark.parametrize(("level", "legs"), [("raid1", 3), ("raid5", 4), ("raid6", 5)])
def test_an_array_that_loses_its_legs(target, guest, level, legs):
    """It lacks one from the beginning, and goes on without any that it can do without."""
    path = array(guest, level, legs)
    with exported(target, path) as client:
        verified(client, 1)
        if level != "raid5":
            lose(guest, 0)
            verified(client, 2)
            there(client, 2)
        if level == "raid1":
            lose(guest, 1)
            assert reads_right_or_not(client, 2)
            fails(client, 4000)
            assert "degraded" in state(guest)
    end_array(guest)


@pytest.mark.parametrize(("level", "legs"), [("raid5", 4), ("raid6", 5)])
def test_a_degraded_array_whose_writes_change_meanwhile(target, guest, level, legs):
    """Parity that fits other data than what is written would make nonsense of what is on the leg
    that is missing, which nobody has written."""
    path = array(guest, level, legs)
    # Pages of the sender's may be written as they are, and nothing is read from memory for long.
    guest.run("cd /sys/block/md7/md; echo 1 >skip_copy; echo 17 >stripe_cache_size")
    guest.run("modprobe card && ip link set card0 up mtu 9000")
    card = Card(guest)
    guest.run(f"kvadd {SHELF} {SLOT} card0 {path} force=1")
    card.drain()
    client = Client(card, TARGET, SHELF, SLOT)
    chunks = legs - (1 if level == "raid5" else 2)
    # Of the third stripe the leg that is missing has data.
    first = 2 * 8 * chunks
    lbas = range(first, first + 8 * chunks, 8)
    for lba in lbas:
        client.write(lba, pattern(lba, 8, 1))
    for leg in range(legs - 1):
        delay = f"0 {LEG} delay /dev/ram{leg} 0 0 /dev/ram{leg} 0 3000"
        guest.run(
            f"modprobe dm-delay; dmsetup suspend leg{leg};"
            f" dmsetup load leg{leg} --table '{delay}'; dmsetup resume leg{leg}"
        )
    frames = [client.ata_frame(WRITE_EXT, lba, 8, pattern(lba, 8, 2)) for lba in lbas]
    for lba, frame in zip(lbas, frames, strict=True):
        # The data are a page of the sender's.
        card.send(frame, "w", linear=36)
        time.sleep(0.5)
        card.change(36, pattern(lba, 8, 3))
        assert comes(client, frame)[27] == OK[0]
        guest.run(f"dd if={path} of=/dev/null bs=64k skip=4 count=32 iflag=direct status=none")
        for other in lbas:
            seeds = (2, 3) if other <= lba else (1,)
            read = client.read(other, 8)
            assert read in [pattern(other, 8, seed) for seed in seeds], f"{other} after {lba}"
    guest.run(f"kvdel {SHELF} {SLOT} card0; rmmod card")
    end_array(guest)


@pytest.mark.parametrize("queue", [True, False])
def test_a_multipath_device_that_loses_its_paths(target, guest, queue):
    for leg in (0, 1):
        guest.run(
            f"dmsetup suspend leg{leg}; dmsetup load leg{leg} --table"
            f" '{LINEAR.format(0)}'; dmsetup resume leg{leg}"
        )
    features = "3 queue_if_no_path queue_mode bio" if queue else "2 queue_mode bio"
    ways = "/dev/mapper/leg0 1 /dev/mapper/leg1 1"
    guest.run("modprobe dm-multipath && modprobe dm-round-robin")
    table = f"0 {LEG} multipath {features} 0 1 1 round-robin 0 2 1 {ways}"
    with exported(target, mapped(guest, "paths", table)) as client:
        verified(client, 1)
        lose(guest, 0)
        verified(client, 2)
        lose(guest, 1)
        if queue:
            frame = client.ata_frame(WRITE_EXT, 4, 1, pattern(4, 1, 8))
            waits(client, frame)
        else:
            fails(client)
        for leg in (0, 1):
            guest.run(
                f"dmsetup suspend --noflush --nolockfs leg{leg}; dmsetup load leg{leg} --table"
                f" '{LINEAR.format(0)}'; dmsetup resume leg{leg}"
            )
        guest.run("dmsetup message paths 0 'reinstate_path /dev/mapper/leg1'")
        if queue:
            assert comes(client, frame)[27] == OK[0]
            assert client.read(4) == pattern(4, 1, 8)
        verified(client, 3)
    guest.run("dmsetup remove paths")


# Encryption and checksums.


def test_luks_on_a_partition_of_a_disk_with_large_blocks(target, guest):
    """As it is made today, with sectors of 4096 bytes, and the partition by itself."""
    guest.run(
        "echo 'start=256, size=7000' | sfdisk -q --label gpt /dev/sda; udevadm settle || true"
    )
    guest.run("until [ -b /dev/sda1 ]; do partx -a /dev/sda; sleep 0.1; done")
    with exported(target, "/dev/sda1") as client:
        assert Identity(client.identify()).capacity == 7000 * 8
        verified(client, 1)
        client.write(7000 * 8 - 1, pattern(5))
        assert client.read(7000 * 8 - 2, 2)[SECTOR:] == pattern(5)
    crypt(target, guest, "/dev/sda1")


def test_luks_on_a_disk_with_sectors(target, guest):
    crypt(target, guest, "/dev/mapper/leg0", loses=True)


def crypt(target, guest, path: str, loses: bool = False) -> None:
    fast = "--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
    guest.run("modprobe dm-crypt; head -c 64 /dev/urandom >/run/key")
    how = f"-q --type luks2 --sector-size 4096 {fast} --luks2-metadata-size 16k"
    guest.run(f"cryptsetup luksFormat {how} --luks2-keyslots-size 256k {path} /run/key")
    guest.run(f"cryptsetup open --key-file /run/key {path} secret")
    plain = device(guest, "secret")
    with exported(target, plain) as client:
        assert Identity(client.identify()).word(106) == 0x6003
        verified(client, 1)
        guest.run("! cryptsetup close secret 2>/dev/null")
        if loses:
            lose(guest, 0)
            fails(client)
            mend(guest, 0)
            there(client, 1)
            verified(client, 2)
    guest.run(f"cryptsetup close secret; cryptsetup open --key-file /run/key {path} secret")
    with exported(target, device(guest, "secret")) as client:
        there(client, 2 if loses else 1)
    guest.run("cryptsetup close secret")


def test_a_checksum_that_does_not_fit(target, guest):
    """The sectors of the block cannot be read until they are written, and nothing else is lost."""
    size = 4096
    table = f"0 {{}} integrity /dev/mapper/leg0 0 - J 2 internal_hash:crc32c block_size:{size}"
    guest.run("modprobe dm-integrity")
    mapped(guest, "sums", table.format(8))
    sectors = int(
        guest.run(
            "dd if=/dev/mapper/leg0 bs=512 count=1 iflag=direct status=none | od -An -tu8 -j16 -N8"
        ).stdout
    )
    guest.run("dmsetup remove sums")
    path = mapped(guest, "sums", table.format(sectors))
    guest.run(f"dd if=/dev/zero of={path} bs=64k count=16 oflag=direct status=none")
    with exported(target, path) as client:
        verified(client, 1)
        client.write(1600, b"findme!!" * 512)
    guest.run("dmsetup remove sums")
    places = guest.run("grep -abo findme!! /dev/mapper/leg0 | cut -d: -f1").stdout.split()
    for place in {int(place) // size for place in places}:
        guest.run(
            f"printf X | dd of=/dev/mapper/leg0 bs=1 seek={place * size + 100} conv=notrunc"
            " status=none"
        )
    guest.run("sync; blockdev --flushbufs /dev/mapper/leg0")
    with exported(target, mapped(guest, "sums", table.format(sectors))) as client:
        assert client.ata(READ_EXT, 1602, 2).registers == UNREADABLE
        there(client, 1)
        # A part of it cannot be written, since the rest is not known; all of it can.
        assert client.ata(WRITE_EXT, 1602, 2, pattern(1602, 2, 7)).registers == WRITE_FAULT
        client.write(1600, pattern(1600, 8, 7))
        assert client.read(1600, 8) == pattern(1600, 8, 7)
    guest.run("dmsetup remove sums")


# Blocks that become others.


def test_blocks_that_become_larger_or_smaller(target, guest):
    """Whole blocks are served as before; of the rest a client gets errors and never wrong data, and
    the administrator is told."""
    path = mapped(guest, "blocks", LINEAR.format(0))
    size = f"/sys/block/{path[5:]}/queue/logical_block_size"
    change = "dmsetup suspend blocks; dmsetup load blocks --table '{}'; dmsetup resume blocks"
    with exported(target, path) as client:
        verified(client, 1)
        guest.run("dd if=/dev/mapper/leg0 of=/dev/sda bs=1M count=16 iflag=direct oflag=direct")
        guest.run(change.format(f"0 {LEG} linear /dev/sda 0"))
        assert guest.run(f"cat {size}").stdout == "4096\n"
        client.write(8, pattern(8, 8, 5))
        assert client.read(8, 8) == pattern(8, 8, 5)
        assert client.ata(READ_EXT, 9, 1).registers == UNREADABLE
        assert client.ata(WRITE_EXT, 9, 1, pattern(9)).registers == WRITE_FAULT
        assert client.read(8, 8) == pattern(8, 8, 5)
        told = "degraded: device has blocks of 4096 bytes now, was exported with 512"
        assert state(guest) == told
        guest.run(change.format(LINEAR.format(0)))
        there(client, 1)
    guest.run(change.format(f"0 {LEG} linear /dev/sda 0"))
    with exported(target, path) as client:
        verified(client, 2)
        guest.run("dd if=/dev/sda of=/dev/mapper/leg0 bs=1M count=16 iflag=direct oflag=direct")
        guest.run(change.format(LINEAR.format(0)))
        there(client, 2)
        verified(client, 3)
    guest.run("dmsetup remove blocks")
