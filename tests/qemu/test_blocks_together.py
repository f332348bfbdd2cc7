# SPDX-License-Identifier: GPL-2.0
"""Several writes of one block of a disk, what is found together, and blocks that are bad."""

import contextlib
import itertools
import random
import time

import pytest

from aoeframes import ATA, OK, READ, READ_EXT, WRITE_EXT
from blockbeds import (
    BLOCK,
    LOG,
    NULL,
    SECTORS,
    SHELF,
    SLOT,
    UNREADABLE,
    WRITE_FAULT,
    answers,
    blocks_bed,
    collect,
    filled,
    null_disk,
    taken,
)
from testbeds import SECTOR, mapped, pattern, sectors_of

FLUSH_EXT = 0xEA
ABORTED = (0x41, 0x04)

pytestmark = pytest.mark.kernel_log(allow=LOG)


@pytest.fixture(scope="module")
def target():
    with blocks_bed("together") as target:
        yield target


@pytest.fixture
def disk(target):
    return filled(target.guest)


@pytest.fixture
def client(target, disk):
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        client.neighbour.drain()
        yield client


# One block, many writers.


@pytest.fixture
def slow(target, disk):
    """The disk takes a while for each request, so that others come meanwhile."""
    table = f"0 {SECTORS} delay /dev/sda 0 20 /dev/sda 0 40"
    path = mapped(target.guest, "slow", table)
    with (
        target.exported(SHELF, SLOT, path) as first,
        target.exported(SHELF, SLOT, path, port=1) as second,
    ):
        yield first, second
    target.guest.run("dmsetup remove slow")


def test_writers_of_one_block_undo_nothing_of_each_other(slow):
    """Two clients on two cards, each some sectors of every block, in any order."""
    chance = random.Random(7)
    for seed in range(4):
        expected, frames = {}, []
        for lba in range(4 * BLOCK):
            client = slow[chance.randint(0, 1)]
            expected[lba] = pattern(lba, seed=seed)
            frames.append((client, client.ata_frame(WRITE_EXT, lba, 1, expected[lba])))
        if seed % 2:
            chance.shuffle(frames)
        collect(frames)
        for lba, data in expected.items():
            assert slow[seed % 2].read(lba) == data


def test_overlapping_writes_end_in_the_order_of_their_arrival(slow, disk):
    client, _ = slow
    chance = random.Random(8)
    for _ in range(4):
        model = bytearray(client.read(0, 16))
        frames = []
        for _ in range(20):
            first = chance.randint(0, 14)
            count = chance.randint(1, 16 - first)
            data = pattern(first, count, chance.getrandbits(32))
            model[first * SECTOR : (first + count) * SECTOR] = data
            frames.append((client, client.ata_frame(WRITE_EXT, first, count, data)))
        collect(frames)
        assert client.read(0, 16) == model == sectors_of(disk, 0, 16)


def test_reads_see_what_was_written_before(slow):
    """Of each sector the writes before it and none after it, though others of its block change. No
    two reads are the same, which the target may take for one that is repeated."""
    client, _ = slow
    requests, expected = [], []
    for (seed, opcode), lba in itertools.product(enumerate((READ, READ_EXT)), range(BLOCK)):
        requests.append(client.ata_frame(WRITE_EXT, lba, 1, pattern(lba, 1, seed)))
        requests.append(client.ata_frame(opcode, lba, 1))
        expected.append((requests[-1][20:24], pattern(lba, 1, seed)))
    replies = answers([(client, frame) for frame in requests])
    found = {raw[20:24]: raw[36 : 36 + SECTOR] for raw in replies}
    assert [found[tag] for tag, _ in expected] == [data for _, data in expected]


def test_a_late_copy_of_a_write_does_no_harm(client, disk):
    """Another write of the same block has come since: but not of the same sector, or of that."""
    old = client.ata_frame(WRITE_EXT, 2, 1, pattern(2, 1, 1))
    assert client.ask(old).registers == OK
    client.write(3, pattern(3, 1, 2))
    # Nobody has written there since: its answer may have been lost.
    assert client.ask(old).registers == OK
    client.write(2, pattern(2, 1, 3))
    client.assert_silent(old)
    assert sectors_of(disk, 2, 2) == pattern(2, 1, 3) + pattern(3, 1, 2)


# What is found together goes to the disk as one.


def requests_at(guest, name: str) -> tuple[int, int]:
    """How many reads and writes a disk has had."""
    words = guest.run(f"cat /sys/block/{name}/stat").stdout.split()
    return int(words[0]), int(words[4])


@pytest.mark.parametrize("port", [0, 1])
def test_a_sequence_of_small_writes_needs_no_reading(target, slow, disk, port):
    """While the first one is in flight the others come in, and are joined to whole blocks."""
    guest, client = target.guest, slow[port]
    holder = client.ata_frame(WRITE_EXT, 0, 1, pattern(0, 1, 4))
    frames = [holder]
    # All of them wait for the first, as a barrier would.
    frames.append(client.ata_frame(FLUSH_EXT))
    frames += [
        client.ata_frame(WRITE_EXT, lba, 2, pattern(lba, 2, 4)) for lba in range(8, 8 + 64, 2)
    ]
    name = "sda"
    before = requests_at(guest, name)
    guest.run("dmsetup suspend slow")
    for frame in frames:
        client.neighbour.send(frame)
    client.neighbour.send(client.config_frame())
    assert client.receive(lambda raw: raw[19] == 1) is not None
    guest.run("dmsetup resume slow")
    assert all(raw[27] == OK[0] for raw in taken([(client, frame) for frame in frames]))
    reads, writes = (now - then for now, then in zip(requests_at(guest, name), before, strict=True))
    assert sectors_of(disk, 8, 64) == pattern(8, 64, 4)
    # The one of the block that was written in part, and what the joined ones have at their ends.
    assert reads <= 5 and writes <= 8, (reads, writes)


@contextlib.contextmanager
def while_a_block_is_read(target, sectors: int):
    """A write has come, and the disk stands still amid the reading of what stays of its block."""
    guest = target.guest
    below = mapped(guest, "below", f"0 {SECTORS} linear /dev/sda 0")
    path = mapped(guest, "above", f"0 {SECTORS} linear {below} 0")
    name = guest.run(f"basename $(readlink -f {path})").stdout.strip()
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()
        guest.run("dmsetup suspend below")
        frame = client.ata_frame(WRITE_EXT, 1, sectors, pattern(1, sectors, 5))
        client.neighbour.send(frame)
        guest.run(f"until read read _ </sys/block/{name}/inflight && [ $read = 1 ]; do :; done")
        yield client, path, frame
    guest.run("dmsetup remove above below")


def test_what_is_durable_is_decided_once(target, disk):
    """Whatever the administrator changes while the block is being read."""
    guest, trace = target.guest, "/sys/kernel/tracing"
    guest.run("echo 'write back' >/sys/block/sda/queue/write_cache")
    guest.run(f"mountpoint -q {trace} || mount -t tracefs none {trace}")
    guest.run(f"echo >{trace}/trace; echo 1 >{trace}/events/block/block_bio_queue/enable")
    with while_a_block_is_read(target, 2) as (client, _, frame):
        guest.run(f"echo back >/sys/kvblade/{SHELF}.{SLOT}@eth0/cache; dmsetup resume below")
        assert taken([(client, frame)])[0][27] == OK[0]
    guest.run(f"echo 0 >{trace}/events/block/block_bio_queue/enable")
    lines = guest.run(f"grep block_bio_queue {trace}/trace").stdout.splitlines()
    kinds = [line.split("block_bio_queue: ")[1].split()[1] for line in lines]
    writes = [kind for kind in kinds if kind.startswith("W")]
    assert writes and all("F" in kind for kind in writes), lines
    assert sectors_of(disk, 0, 4) == pattern(0, 1, 99) + pattern(1, 2, 5) + pattern(3, 1, 99)


def test_h19_a_step_that_is_refused_is_so_under_the_newest_tag(target, disk):
    """The disk becomes read-only while the block is being read for longer than a second."""
    guest = target.guest
    with while_a_block_is_read(target, 2) as (client, path, _):
        time.sleep(1.3)
        again = client.ata_frame(WRITE_EXT, 1, 2, pattern(1, 2, 5))
        client.neighbour.send(again)
        time.sleep(0.3)
        guest.run(f"blockdev --setro {path}; dmsetup resume below")
        said = [client.receive(lambda raw: raw[19] == ATA, 2) for _ in range(2)]
        guest.run(f"blockdev --setrw {path}")
    assert said[0] is not None and said[0][20:24] == again[20:24]
    assert (said[0][27], said[0][25]) == ABORTED
    assert said[1] is None
    assert sectors_of(disk, 0, 8) == pattern(0, 8, 99)


def test_a_disk_that_becomes_read_only_while_a_block_is_read(target, disk):
    guest = target.guest
    with while_a_block_is_read(target, 2) as (client, path, frame):
        guest.run(f"blockdev --setro {path}; dmsetup resume below")
        (raw,) = taken([(client, frame)])
        assert (raw[27], raw[25]) == ABORTED
        guest.run(f"blockdev --setrw {path}")
    assert sectors_of(disk, 0, 8) == pattern(0, 8, 99)


# Faults.


@pytest.fixture
def sick(target, disk):
    """The third block cannot be read or written."""
    table = f"0 16 linear /dev/sda 0\n16 8 error\n24 {SECTORS - 24} linear /dev/sda 24"
    with target.exported(SHELF, SLOT, mapped(target.guest, "sick", table)) as client:
        client.neighbour.drain()
        yield client
    target.guest.run("dmsetup remove sick")


@pytest.mark.kernel_log(allow=["I/O error, dev dm-"])
@pytest.mark.parametrize(("first", "count"), [(16, 1), (20, 8), (12, 5), (9, 14), (17, 15)])
def test_a_block_that_cannot_be_read_stays_as_it_is(sick, disk, first, count):
    before = sectors_of(disk, 0, 48)
    reply = sick.ata(WRITE_EXT, first, count, pattern(first, count, 3))
    assert reply.registers == WRITE_FAULT
    assert sectors_of(disk, 0, 48) == before
    assert sick.ata(READ_EXT, first, count).registers == UNREADABLE
    sick.write(9, pattern(9, 1, 3))
    assert sick.read(8, 3) == pattern(8, 1, 99) + pattern(9, 1, 3) + pattern(10, 1, 99)


@pytest.mark.kernel_log(allow=["I/O error, dev dm-"])
def test_a_bad_block_that_is_written_whole_need_not_be_read(target, disk):
    """It can be written, only not be read, as a sector that has gone bad."""
    guest = target.guest
    guest.run("modprobe dm-flakey")
    flaky = "16 8 flakey /dev/sda 16 0 60 1 error_reads"
    table = f"0 16 linear /dev/sda 0\n{flaky}\n24 {SECTORS - 24} linear /dev/sda 24"
    with target.exported(SHELF, SLOT, mapped(guest, "flaky", table)) as client:
        client.neighbour.drain()
        assert client.ata(READ_EXT, 16, 1).registers == UNREADABLE
        client.write(12, pattern(12, 16, 3))
        assert client.ata(WRITE_EXT, 17, 1, pattern(17)).registers == WRITE_FAULT
    guest.run("dmsetup remove flaky")
    assert sectors_of(disk, 8, 24) == pattern(8, 4, 99) + pattern(12, 16, 3) + pattern(28, 4, 99)


@pytest.mark.kernel_log(allow=["I/O error, dev dm-"])
@pytest.mark.parametrize("size", [1024, 2048])
def test_of_blocks_smaller_than_a_page_too(target, size):
    """What is to stay is read, and nothing else: also of a block in the same page."""
    guest, each = target.guest, size // SECTOR
    guest.run("modprobe dm-flakey")
    below, bad = null_disk(guest, size), 2 * each
    behind = bad + each
    table = "\n".join(
        (
            f"0 {bad} linear {below} 0",
            f"{bad} {each} flakey {below} {bad} 0 60 1 error_reads",
            f"{behind} {SECTORS - behind} linear {below} {behind}",
        )
    )
    with target.exported(SHELF, SLOT, mapped(guest, "flaky", table)) as client:
        client.neighbour.drain()
        assert client.ata(READ_EXT, bad, 1).registers == UNREADABLE
        model = bytearray(64 * SECTOR)
        first_of_page, ends = bad // 8 * 8, (bad + each + 1, bad + 2 * each, bad + 10)
        for seed, (first, stop) in enumerate(
            itertools.product((1, first_of_page, bad - 1, bad), ends)
        ):
            data = pattern(first, stop - first, seed)
            client.write(first, data)
            model[first * SECTOR : stop * SECTOR] = data
        assert client.ata(WRITE_EXT, bad + 1, 1, pattern(17)).registers == WRITE_FAULT
    guest.run("dmsetup remove flaky")
    with target.exported(SHELF, SLOT, below) as client:
        client.neighbour.drain()
        assert b"".join(client.read(lba, 8) for lba in range(0, 64, 8)) == model
    guest.run(f"rmdir {NULL}")


@pytest.mark.kernel_log(allow=["I/O error, dev dm-"])
def test_of_small_writes_together_only_those_fail_whose_block_is_bad(target, sick, disk):
    """They come in while the worker waits, are joined, and fail as one."""
    guest = target.guest
    for seed in (1, 2):
        frames = [
            sick.ata_frame(WRITE_EXT, lba, 2, pattern(lba, 2, seed)) for lba in range(2, 40, 2)
        ]
        guest.run("dmsetup suspend sick")
        for frame in frames:
            sick.neighbour.send(frame)
        sick.neighbour.send(sick.config_frame())
        assert sick.receive(lambda raw: raw[19] == 1) is not None
        guest.run("dmsetup resume sick")
        replies = taken([(sick, frame) for frame in frames])
        for lba, raw in zip(range(2, 40, 2), replies, strict=True):
            expected = WRITE_FAULT if 16 <= lba < 24 else OK
            assert (raw[27], raw[25]) == expected, lba
        assert sectors_of(disk, 0, 2) == pattern(0, 2, 99)
        assert sectors_of(disk, 2, 14) == pattern(2, 14, seed)
        assert sectors_of(disk, 16, 8) == pattern(16, 8, 99)
        assert sectors_of(disk, 24, 16) == pattern(24, 16, seed)


@pytest.mark.kernel_log(allow=["I/O error, dev blocks", "I/O error on dev blocks"])
def test_a_good_block_beside_a_bad_one_is_written(target):
    """Both are read at the same time, and the disk fails all that it is asked for at once."""
    sick = {"irqmode": 2, "completion_nsec": 10**9, "badblocks": "+24-31"}
    with target.exported(SHELF, SLOT, null_disk(target.guest, 4096, **sick)) as client:
        client.neighbour.drain()
        # Both wait for it, and so are found together.
        frames = [client.ata_frame(READ_EXT, 16, 16)]
        frames += [client.ata_frame(WRITE_EXT, lba, 1, pattern(lba)) for lba in (17, 25)]
        replies = answers([(client, frame) for frame in frames])
        assert [(raw[27], raw[25]) for raw in replies] == [UNREADABLE, OK, WRITE_FAULT]
        assert client.read(17) == pattern(17)
    target.guest.run(f"rmdir {NULL}")
