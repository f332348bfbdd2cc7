# SPDX-License-Identifier: GPL-2.0
"""Disks with blocks larger than a sector: served in sectors, whatever a request covers."""

import random
import struct

import pytest

import logwrites
from aoeframes import (
    ABRT,
    IDNF,
    OK,
    READ,
    READ_EXT,
    WRITE28,
    WRITE_EXT,
    WRITE_FUA_EXT,
    WRITES28,
    WRITES48,
    Identity,
)
from blockbeds import (
    DEVICES,
    LOG,
    NULL,
    SECTORS,
    SHELF,
    SLOT,
    blocks_bed,
    collect,
    filled,
    null_disk,
    taken,
)
from testbeds import SECTOR, Bed, fill, mapped, pattern, sectors_of

TRIM, VERIFY_EXT, FLUSH_EXT = 0x06, 0x42, 0xEA

pytestmark = pytest.mark.kernel_log(allow=LOG)


@pytest.fixture(scope="module")
def target():
    with blocks_bed("blocks") as target:
        yield target


@pytest.fixture
def disk(target):
    return filled(target.guest)


@pytest.fixture
def client(target, disk):
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        client.neighbour.drain()
        yield client


@pytest.fixture(params=DEVICES)
def device(target, request):
    make, size, remove = DEVICES[request.param]
    path = make(target.guest)
    told = f"/sys/block/{path.rpartition('/')[2]}/queue/logical_block_size"
    assert target.guest.run(f"cat {told}").stdout == f"{size}\n"
    yield path
    target.guest.run(remove.format(path))


@pytest.mark.parametrize(("port", "most"), [(0, 17), (1, 2)], ids=["jumbo", "1500"])
def test_any_sectors_are_written_and_read(target, device, port, most):
    """Beside a model: one after the other, and many at the same time that do not overlap."""
    chance = random.Random(most)
    model = bytearray(chance.randbytes(256 * SECTOR))
    with target.exported(SHELF, SLOT, device, port=port) as client:
        client.neighbour.drain()
        for first in range(0, 256, most):
            client.write(first, bytes(model[first * SECTOR : min(first + most, 256) * SECTOR]))

        def change(first: int, count: int) -> bytes:
            data = chance.randbytes(count * SECTOR)
            model[first * SECTOR : (first + count) * SECTOR] = data
            return data

        for _ in range(20):
            count = chance.randint(1, most)
            first = chance.randint(0, 256 - count)
            wide = first + count <= 1 << 28 and chance.random() < 0.3
            client.write(first, change(first, count), WRITE28 if wide else WRITE_EXT)
            first = chance.randint(0, 256 - count)
            read = client.read(first, count, READ if wide else READ_EXT)
            assert read == model[first * SECTOR : (first + count) * SECTOR]
        for _ in range(5):
            frames, first = [], chance.randint(0, 20)
            while first + most < 256 and len(frames) < 30:
                count = chance.randint(1, most)
                opcode = WRITE_FUA_EXT if chance.random() < 0.1 else WRITE_EXT
                frame = client.ata_frame(opcode, first, count, change(first, count))
                frames.append((client, frame))
                first += count + chance.choice((0, 0, 0, 1, 5))
            if chance.random() < 0.5:
                chance.shuffle(frames)
            collect(frames)
            for first in range(0, 256, most):
                count = min(most, 256 - first)
                read = client.read(first, count)
                assert read == model[first * SECTOR : (first + count) * SECTOR]
        assert client.ata(VERIFY_EXT, 3, 250).registers == OK


def test_what_was_there_around_it_stays(target, client, disk):
    for first, count in ((0, 1), (7, 1), (3, 2), (7, 2), (1, 17), (4, 8), (6, 16), (15, 17)):
        fill(disk, 0, pattern(0, 64, 99))
        data = pattern(first, count, count)
        client.write(first, data)
        expected = pattern(0, first, 99) + data + pattern(first + count, 64 - first - count, 99)
        assert sectors_of(disk, 0, 64) == expected


def test_what_the_disk_is_told_to_be(target, client):
    identity = Identity(client.ata(0xEC).data[:512])
    assert identity.word(106) == 0x6003 and identity.word(209) == 0x4000
    assert identity.capacity == SECTORS
    target.guest.run("ip link set eth0 mtu 9000")
    assert client.config_query().sector_count == 16
    assert client.ata(FLUSH_EXT).registers == OK
    assert client.ata(0xB0, 0xC24F00).registers == ABRT


def test_the_capacity_is_whole_blocks(target):
    run = target.guest.run
    run("truncate -s 1050624 /run/odd")
    path = run("losetup -f --show -b 4096 /run/odd").stdout.strip()
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()
        capacity = Identity(client.ata(0xEC).data[:512]).capacity
        assert capacity == 2048
        assert client.ata(READ_EXT, capacity - 1, 2).registers == IDNF
        client.write(capacity - 1, pattern(5))
        assert client.read(capacity - 2, 2)[SECTOR:] == pattern(5)
    run(f"losetup -d {path}")


def said(target: Bed, options: str, path: str = "/dev/sda") -> str:
    result = target.guest.run(f"kvadd {SHELF} {SLOT} eth0 {path} force=1 {options}", check=False)
    assert result.status == 1
    return result.stdout


def test_blocks_larger_than_a_page_are_refused(target):
    target.guest.run("modprobe nvme; until [ -b /dev/nvme0n1 ]; do sleep 0.1; done")
    sentence = "blocks of 16384 bytes cannot be exported, only of 512 to 4096"
    assert said(target, "", "/dev/nvme0n1") == (
        f"kvadd: /dev/nvme0n1: {sentence}; set the device up with such blocks\n"
    )


@pytest.mark.parametrize("options", ["offset=1", "offset=8 length=9", "length=12", "offset=2047"])
def test_a_part_begins_and_ends_with_a_block(target, options):
    assert said(target, options) == (
        "kvadd: /dev/sda: offset and length must be multiples of 8 sectors, as the device has"
        " blocks of 4096 bytes\n"
    )


def test_a_part_of_the_disk(target, disk):
    with target.exported(SHELF, SLOT, "/dev/sda", options="offset=16 length=24") as client:
        client.neighbour.drain()
        client.write(23, pattern(23, 1, 5))
        assert client.read(20, 4) == pattern(36, 3, 99) + pattern(23, 1, 5)
        assert client.ata(WRITE_EXT, 23, 2, pattern(23, 2)).registers == IDNF
        assert Identity(client.ata(0xEC).data[:512]).word(106) == 0x6003
    assert sectors_of(disk, 38, 3) == pattern(38, 1, 99) + pattern(23, 1, 5) + pattern(40, 1, 99)


def test_a_read_only_export(target, disk):
    with target.exported(SHELF, SLOT, "/dev/sda", options="ro=1") as client:
        client.neighbour.drain()
        assert client.read(5, 3) == pattern(5, 3, 99)
        assert client.ata(WRITE_EXT, 5, 1, pattern(5)).registers == ABRT


def test_trim_discards_whole_blocks_only(target, disk):
    path = null_disk(target.guest, 4096)
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()
        for first in range(0, 80, 16):
            client.write(first, pattern(first, 16, 6))
        # A part of a block; a block and parts; several; none.
        ranges = [(1, 3), (12, 13), (33, 31), (70, 0)]
        entries = b"".join(struct.pack("<Q", first | count << 48) for first, count in ranges)
        data = entries.ljust(SECTOR, b"\0")
        assert client.ata(TRIM, 0, 1, data, features=1, aflags=1).registers == OK
        gone = {*range(16, 24), *range(40, 64)}
        for lba in range(80):
            assert client.read(lba) == (bytes(SECTOR) if lba in gone else pattern(lba, 1, 6)), lba
    target.guest.run(f"rmdir {NULL}")


def test_every_write_command_is_durable(target, disk):
    """Also where a part of a block is written: the disk is told so, as of any write."""
    guest = target.guest
    guest.run("echo 'write back' >/sys/block/sda/queue/write_cache")
    trace = "/sys/kernel/tracing"
    guest.run(f"mountpoint -q {trace} || mount -t tracefs none {trace}")
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        client.neighbour.drain()
        guest.run(f"echo >{trace}/trace; echo 1 >{trace}/events/block/block_bio_queue/enable")
        for opcode in WRITES28 + WRITES48:
            client.write(3, pattern(3, 2, opcode), opcode)
        guest.run(f"echo 0 >{trace}/events/block/block_bio_queue/enable")
        lines = guest.run(f"grep block_bio_queue {trace}/trace").stdout.splitlines()
    kinds = [line.split("block_bio_queue: ")[1].split()[1] for line in lines]
    assert kinds.count("R") == len(WRITES28 + WRITES48), lines
    writes = [kind for kind in kinds if kind.startswith("W")]
    assert len(writes) == len(WRITES28 + WRITES48) and all("F" in kind for kind in writes), lines


def test_a_power_cut_under_small_writes(target, disk, tmp_path):
    """What was answered is there, and what nobody has written is as it was, though it is in the
    blocks that were being written."""
    guest, chance, cuts = target.guest, random.Random(11), 6
    guest.run("modprobe dm-log-writes; dd if=/dev/zero of=/dev/sdc bs=1M count=1 status=none")
    path = mapped(guest, "logged", f"0 {SECTORS} log-writes /dev/sda /dev/sdc")
    image, told = tmp_path / "image", []
    image.write_bytes(disk.read_bytes())
    # What a sector may hold: what was answered last, and what was in flight at the cut.
    may = {lba: {pattern(lba, 1, 99)} for lba in range(256)}
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()

        def some(number: int) -> list[tuple[int, int, int, bytes]]:
            writes = []
            for _ in range(number):
                count, seed = chance.randint(1, 17), chance.getrandbits(32)
                first = chance.randint(0, 255 - count)
                data = pattern(first, count, seed)
                writes.append((first, count, seed, client.ata_frame(WRITE_EXT, first, count, data)))
            return writes

        for cut in range(cuts):
            answered, under_way = some(12), some(12)
            collect([(client, frame) for *_, frame in answered])
            for first, count, seed, _ in answered:
                may.update({lba: {pattern(lba, 1, seed)} for lba in range(first, first + count)})
            for _, _, _, frame in under_way:
                client.neighbour.send(frame)
            guest.run(f"dmsetup message logged 0 mark cut{cut}")
            after = {lba: set(data) for lba, data in may.items()}
            replies = taken([(client, frame) for *_, frame in under_way])
            assert all(raw[27] == OK[0] for raw in replies)
            for first, count, seed, _ in under_way:
                for lba in range(first, first + count):
                    after[lba].add(pattern(lba, 1, seed))
                    may[lba] = {pattern(lba, 1, seed)}
            told.append(after)
    guest.run("dmsetup remove logged && sync")
    for cut, after in enumerate(told):
        copy = tmp_path / f"cut{cut}"
        copy.write_bytes(image.read_bytes())
        logwrites.replay(guest.disks[2].path, copy, f"cut{cut}")
        for lba, data in after.items():
            assert sectors_of(copy, lba) in data, f"cut {cut}, sector {lba}"
        assert sectors_of(copy, 256, 64) == pattern(256, 64, 99)
