# SPDX-License-Identifier: GPL-2.0
"""A disk that stands still for a while, and initiators that ask again meanwhile (H19)."""

import random
import time

import pytest

from aoeframes import ATA, READ_EXT, WRITE_EXT
from lab import Disk
from stalls import Hold, answers, executed, tags
from testbeds import SECTOR, bed, mapped

SHELF, SLOT = 7, 1
SECTORS = 2048
FLUSH_EXT, VERIFY_EXT = 0xEA, 0x42
# Seconds from which on only the newest of several repetitions is answered, and a bit more; and so
# many between two that are not taken for two readers.
OLD, APART = 1.3, 0.25
# Requests that an export has in flight, of so many initiators.
MOST, INITIATORS = 512, 8
# Where the flags of an ATA command are in a frame.
ATA_FLAGS = 24
COUNTERS = f"/sys/kvblade/{SHELF}.{SLOT}@eth0/stats"


@pytest.fixture(scope="module")
def target():
    with bed("stall", [Disk(SECTORS * SECTOR)]) as target:
        mapped(target.guest, "held", f"0 {SECTORS} linear /dev/sda 0")
        yield target


@pytest.fixture
def client(target):
    device = target.guest.run("dmsetup info -c --noheadings -o blkdevname held").stdout.strip()
    with target.exported(SHELF, SLOT, f"/dev/{device}") as client:
        client.neighbour.drain()
        yield client


def counted(target, *names: str) -> list[int]:
    files = " ".join(f"{COUNTERS}/{name}" for name in names)
    return [int(line) for line in target.guest.run(f"cat {files}").stdout.split()]


def read(client, lba: int = 0, count: int = 2, **how) -> bytes:
    return client.ata_frame(READ_EXT, lba, count, **how)


def write(client, lba: int, data: bytes, **how) -> bytes:
    return client.ata_frame(WRITE_EXT, lba, len(data) // SECTOR, data, **how)


@pytest.mark.parametrize("opcode", [READ_EXT, VERIFY_EXT, FLUSH_EXT])
def test_h19_the_newest_of_repeated_requests_is_answered(target, client, opcode):
    frames = [client.ata_frame(opcode, 4, 2) for _ in range(4)]
    with Hold(target, client, frames[0]) as hold:
        for n, frame in enumerate(frames[1:]):
            hold.until(OLD + n * APART)
            hold.send(frame)
    assert answers(client) == tags(frames[-1])
    assert counted(target, "repeated_joined", "answers_superseded") == [3, 3]
    assert counted(target, "requests", "dropped_window") == [4, 0]
    if opcode == READ_EXT:
        assert executed(target)[0] == hold.before[0] + 1


def test_h19_a_repeated_write_is_executed_once(target, client):
    data = random.randbytes(2 * SECTOR)
    frames = [write(client, 8, data) for _ in range(5)]
    with Hold(target, client, frames[0]) as hold:
        for n, frame in enumerate(frames[1:]):
            hold.until(APART + n * 0.5)
            hold.send(frame)
    assert answers(client) == tags(frames[-1])
    assert executed(target)[1] == hold.before[1] + 1
    assert counted(target, "repeated_joined", "answers_superseded") == [4, 4]
    assert client.read(8, 2) == data


def test_h19_a_write_that_is_repeated_soon_is_executed_once(target, client):
    """The kernel's initiator asks again after some milliseconds where answers are that fast."""
    data = random.randbytes(2 * SECTOR)
    frames = [write(client, 48, data) for _ in range(4)]
    with Hold(target, client, *frames[:2]) as hold:
        for n, frame in enumerate(frames[2:]):
            hold.until(OLD + n * APART)
            hold.send(frame)
    assert answers(client) == tags(frames[-1])
    assert executed(target)[1] == hold.before[1] + 1
    assert counted(target, "repeated_joined", "answers_superseded") == [3, 3]
    assert client.read(48, 2) == data


def test_h19_what_is_repeated_soon_joins_though_no_more_comes(target, client):
    data = random.randbytes(2 * SECTOR)
    frames = [write(client, 52, data) for _ in range(2)]
    with Hold(target, client, *frames) as hold:
        hold.until(OLD)
    assert answers(client) == tags(frames[-1])
    assert executed(target)[1] == hold.before[1] + 1


def test_what_is_repeated_soon_keeps_its_order_with_others(target, client):
    """The same data again, with other data between: the last to come is what stays."""
    old, new = random.randbytes(SECTOR), random.randbytes(SECTOR)
    frames = [write(client, 56, data) for data in (old, new, old)]
    with Hold(target, client, *frames) as hold:
        hold.until(OLD)
    assert sorted(answers(client)) == sorted(tags(*frames))
    assert executed(target)[1] == hold.before[1] + 3
    assert client.read(56) == old


@pytest.mark.parametrize("request_of", [read, write], ids=["read", "write"])
def test_a_late_copy_does_not_take_the_place_of_the_newest(target, client, request_of):
    """Its initiator has given up the tag of the copy."""
    body = {} if request_of is read else {"data": bytes(SECTOR)}
    first, again = (request_of(client, 60, **body) for _ in range(2))
    with Hold(target, client, first) as hold:
        hold.until(OLD)
        hold.send(again)
        hold.until(OLD + APART)
        hold.send(first)
    assert answers(client) == tags(again)


def test_a_copy_of_a_write_that_is_overtaken_takes_no_place(target, client):
    """What is written is there again, under another tag, when a copy of the first frame comes."""
    data, other = random.randbytes(SECTOR), random.randbytes(SECTOR)
    copy = write(client, 64, data)
    for frame in (copy, write(client, 64, other)):
        assert client.ask(frame).error is None
    first, again = write(client, 64, data), write(client, 64, data)
    with Hold(target, client, first) as hold:
        hold.until(OLD)
        hold.send(again)
        hold.until(OLD + APART)
        hold.send(copy)
    assert answers(client) == tags(again)
    assert client.read(64) == data


def test_requests_that_differ_in_a_flag_are_no_repetitions(target, client):
    first = read(client, 68)
    other = bytearray(read(client, 68))
    other[ATA_FLAGS] ^= 0x10
    with Hold(target, client, first) as hold:
        hold.until(OLD)
        hold.send(bytes(other))
    assert sorted(answers(client)) == sorted(tags(first, bytes(other)))


def test_what_is_answered_soon_is_answered_under_each_tag(target):
    target.guest.run("modprobe dm-delay")
    slow = mapped(target.guest, "slow", f"0 {SECTORS} delay /dev/sda 0 500")
    with target.exported(SHELF, SLOT, slow) as client:
        frames = [read(client, 12), read(client, 12), write(client, 20, bytes(SECTOR))]
        frames += [write(client, 20, bytes(SECTOR))]
        for frame in frames:
            client.neighbour.send(frame)
        time.sleep(APART)
        more = [read(client, 12), write(client, 20, bytes(SECTOR))]
        for frame in more:
            client.neighbour.send(frame)
        assert sorted(answers(client, 3)) == sorted(tags(*frames, *more))
        assert counted(target, "answers_superseded") == [0]
    target.guest.run("dmsetup remove slow")


def test_two_readers_at_the_same_time_have_their_answers_though_they_are_old(target, client):
    frames = [read(client, 12), read(client, 12)]
    with Hold(target, client, *frames) as hold:
        hold.until(OLD)
    assert sorted(answers(client)) == sorted(tags(*frames))
    assert counted(target, "repeated_joined", "answers_superseded") == [0, 0]


@pytest.mark.parametrize("seconds", [5, 10, 20])
def test_what_is_not_repeated_is_answered_as_long_as_its_tag_is_its_own(target, client, seconds):
    frames = [read(client, 12), write(client, 16, bytes(SECTOR))]
    with Hold(target, client, *frames) as hold:
        hold.until(seconds)
    assert sorted(answers(client)) == sorted(tags(*frames))
    assert counted(target, "dropped_late") == [0]


def test_of_two_old_readers_the_newest_repetition_is_answered(target, client):
    frames = [read(client, 12), read(client, 12)]
    again = read(client, 12)
    with Hold(target, client, *frames) as hold:
        hold.until(OLD)
        hold.send(again)
    assert answers(client) == tags(again)
    assert counted(target, "repeated_joined", "answers_superseded") == [1, 2]


@pytest.mark.parametrize("way", ["read", "write"])
def test_h19_all_of_a_full_window_can_be_repeated(target, client, way):
    """New tags for all that is in flight, twice; and what is no repetition is dropped."""
    count = client.config_query().buffer_count
    data = [random.randbytes(SECTOR) for _ in range(count)]

    def requests() -> list[bytes]:
        if way == "read":
            return [read(client, 2 * n, 1) for n in range(count)]
        return [write(client, 2 * n, it) for n, it in enumerate(data)]

    rounds = [requests() for _ in range(3)]
    with Hold(target, client, *rounds[0]) as hold:
        for n, frames in enumerate(rounds[1:]):
            hold.until(OLD + n * APART)
            hold.send(*frames)
        hold.send(read(client, 1000, 1), write(client, 1002, bytes(SECTOR)))
    assert sorted(answers(client)) == sorted(tags(*rounds[-1]))
    assert counted(target, "repeated_joined", "answers_superseded") == [2 * count, 2 * count]
    assert counted(target, "dropped_window", "requests") == [2, 3 * count + 1]
    done = executed(target)
    assert done[way == "write"] == hold.before[way == "write"] + count
    for n, it in enumerate(data):
        if way == "write":
            assert client.read(2 * n) == it


def test_h19_repetitions_take_no_place_of_the_window(target, client):
    target.guest.run(f"echo 3 >/sys/kvblade/{SHELF}.{SLOT}@eth0/bufcnt")
    first = [read(client, 0, 1), write(client, 4, bytes(SECTOR))]
    with Hold(target, client, *first) as hold:
        hold.until(OLD)
        again = [read(client, 0, 1), write(client, 4, bytes(SECTOR))]
        hold.send(*again)
        time.sleep(0.3)
        other = read(client, 30, 1)
        hold.send(other)
        beyond = read(client, 32, 1)
        hold.send(beyond)
    assert sorted(answers(client)) == sorted(tags(*again, other))
    assert counted(target, "dropped_window") == [1]


def test_h14_repetitions_take_no_place_of_other_requests(target, client):
    """Half of what the target holds is in flight, and all of it is repeated: there is room for as
    much again, and for no more."""
    target.guest.run(f"echo 128 >/sys/kvblade/{SHELF}.{SLOT}@eth0/bufcnt")
    each = MOST // 2 // INITIATORS

    def requests(lba: int) -> list[bytes]:
        sources = [f"02:00:00:00:78:{number:02x}" for number in range(INITIATORS)]
        return [read(client, lba + n, 1, src=src) for src in sources for n in range(each)]

    first, again, others, more = requests(0), requests(0), requests(500), requests(1000)
    with Hold(target, client, *first) as hold:
        hold.until(OLD)
        hold.send(*again)
        hold.until(OLD + 1)
        hold.send(*others)
        hold.until(OLD + 2)
        hold.send(*more)
    assert sorted(answers(client)) == sorted(tags(*again, *others))
    assert counted(target, "repeated_joined", "requests") == [len(again), 3 * len(first)]
    assert counted(target, "dropped_full", "dropped_window") == [len(more), 0]


def test_writes_with_other_data_keep_their_order(target, client):
    """Both are repeated: each is executed once, in the order in which they came first."""
    old, new = random.randbytes(SECTOR), random.randbytes(SECTOR)
    with Hold(target, client, write(client, 40, old), write(client, 40, new)) as hold:
        hold.until(OLD)
        again = [write(client, 40, new), write(client, 40, old)]
        hold.send(again[0])
        time.sleep(APART)
        hold.send(again[1])
    assert answers(client) == tags(again[1], again[0])
    assert executed(target)[1] == hold.before[1] + 2
    assert client.read(40) == new


def test_h5_a_late_copy_of_a_joined_write_undoes_nothing(target, client):
    old, new = random.randbytes(SECTOR), random.randbytes(SECTOR)
    first, between, again = (write(client, 44, it) for it in (old, new, old))
    with Hold(target, client, first, between) as hold:
        hold.until(OLD)
        hold.send(again)
    assert answers(client) == tags(again, between)
    assert client.read(44) == new
    client.assert_silent(again, first)
    assert client.read(44) == new


def test_a_write_over_others_in_part_keeps_its_place(target, client):
    data = [random.randbytes(2 * SECTOR) for _ in range(3)]
    frames = [write(client, 50 + n, it) for n, it in enumerate(data)]
    with Hold(target, client, *frames) as hold:
        hold.until(OLD)
        again = [write(client, 50 + n, it) for n, it in enumerate(data)]
        hold.send(*reversed(again))
    assert answers(client) == tags(*again)
    assert executed(target)[1] == hold.before[1] + 3
    there = client.read(50, 2) + client.read(52, 2)
    assert there == data[0][:SECTOR] + data[1][:SECTOR] + data[2]


def test_a_read_that_waits_for_a_write_sees_it(target, client):
    data = random.randbytes(SECTOR)
    with Hold(target, client, write(client, 60, data), read(client, 60, 1)) as hold:
        hold.until(OLD)
        again = read(client, 60, 1)
        hold.send(again)
    assert len(answers(client)) == 2
    assert client.read(60) == data
    assert counted(target, "repeated_joined") == [1]


@pytest.mark.parametrize("way", ["read", "write"])
def test_clients_that_repeat_under_the_same_tag(target, client, way):
    """iPXE and Plan 9."""
    data = random.randbytes(2 * SECTOR)
    frame = read(client, 70) if way == "read" else write(client, 70, data)
    with Hold(target, client, frame) as hold:
        for n in range(6):
            hold.until(OLD + n * APART)
            hold.send(frame)
    assert answers(client) == tags(frame)
    assert counted(target, "answers_superseded") == [0]
    if way == "write":
        assert client.read(70, 2) == data


def test_one_tag_for_two_writes(target, client):
    old, new = random.randbytes(SECTOR), random.randbytes(SECTOR)
    frames = [write(client, 76, it, tag=7) for it in (old, new)]
    with Hold(target, client, frames[0]) as hold:
        hold.until(OLD)
        hold.send(frames[1], frames[1])
    assert len(answers(client)) >= 2
    assert client.read(76) == new


def test_other_initiators_and_sectors_are_no_repetitions(target, client):
    other = "02:00:00:00:77:01"
    frames = [read(client, 80), write(client, 90, bytes(SECTOR))]
    with Hold(target, client, *frames) as hold:
        hold.until(OLD)
        more = [
            read(client, 80, src=other),
            write(client, 90, bytes(SECTOR), src=other),
            read(client, 80, 1),
            read(client, 81, 2),
            client.ata_frame(VERIFY_EXT, 80, 2),
        ]
        hold.send(*more)
    assert sorted(answers(client)) == sorted(tags(*frames, *more))
    assert counted(target, "repeated_joined", "answers_superseded") == [0, 0]


def test_a_lost_answer_is_asked_for_again(target, client):
    """The repetition that comes after the end is a request of its own."""
    frames = [read(client, 96) for _ in range(2)]
    with Hold(target, client, frames[0]) as hold:
        hold.until(OLD)
        hold.send(frames[1])
    assert answers(client) == tags(frames[1])
    assert len(client.read(96, 2)) == 2 * SECTOR
    assert counted(target, "repeated_joined") == [1]


def test_h6_the_newest_of_a_minute_is_answered(target, client):
    """A stall of more than a minute: the first tag may be in use again, the newest is not."""
    frames = [read(client, 98), write(client, 99, bytes(SECTOR))]
    with Hold(target, client, *frames) as hold:
        hold.until(61)
        again = [read(client, 98), write(client, 99, bytes(SECTOR))]
        hold.send(*again)
    assert sorted(answers(client)) == sorted(tags(*again))


def test_a_failed_request_is_answered_under_the_newest_tag(target, client):
    """The disk fails what it has held: the answer is that of the newest repetition too."""
    frames = [read(client, 4), read(client, 4)]
    with Hold(target, client, frames[0]) as hold:
        hold.until(OLD)
        hold.send(frames[1])
        time.sleep(0.3)
        target.guest.run(f"echo '0 {SECTORS} error' | dmsetup load held")
    try:
        answer = client.receive(lambda frame: frame[19] == ATA)
        assert answer[20:24] == frames[1][20:24] and answer[27] & 1
        assert client.receive(lambda frame: frame[19] == ATA, 1) is None
    finally:
        target.guest.run(
            f"dmsetup suspend held; echo '0 {SECTORS} linear /dev/sda 0' | dmsetup load held;"
            " dmsetup resume held"
        )
