# SPDX-License-Identifier: GPL-2.0
"""Overlapping requests on a slow disk. Names carry the ids of conformance cases and hazards."""

import random
import time

import pytest

from aoeframes import READ_EXT, WRITE_EXT
from lab import Disk
from testbeds import SECTOR, bed, mapped, pattern, uneven

SHELF, SLOT = 4, 2
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
SECTORS = 2048
FLUSH_EXT = 0xEA


@pytest.fixture(scope="module")
def target():
    with bed("order", [Disk(SECTORS * SECTOR), Disk(1 << 20), Disk(SECTORS * SECTOR)]) as target:
        target.guest.run("modprobe dm-delay")
        yield target


@pytest.fixture(scope="module", autouse=True)
def stuck(target):
    """A request that hangs in its disk from here on, and when it was sent."""
    run = target.guest.run
    device = mapped(target.guest, "stuck", "0 8 linear /dev/sdb 0")
    with target.exported(SHELF, 3, device) as client:
        client.read(0)
        run("dmsetup suspend stuck")
        frame = client.ata_frame(READ_EXT)
        client.neighbour.send(frame)
        yield client, frame, time.monotonic()
        run("dmsetup resume stuck")


@pytest.fixture(scope="module")
def export(target):
    """Reads take 20 ms and writes 200 ms, each on its own."""
    table = f"0 {SECTORS} delay /dev/sda 0 20 /dev/sda 0 200"
    with target.exported(SHELF, SLOT, mapped(target.guest, "slow", table)) as client:
        yield client


@pytest.fixture(scope="module")
def uneven_disk(target):
    return uneven(target.guest, "/dev/sdc", SECTORS, fast=20, slow=200)


@pytest.fixture
def uneven_client(target, uneven_disk):
    """Of two requests the second ends first, or much later than the first."""
    with target.exported(SHELF, 5, uneven_disk) as client:
        client.neighbour.drain()
        yield client


@pytest.fixture
def client(export):
    export.neighbour.drain()
    return export


def send(client, *frames: bytes) -> list[bytes]:
    """Sends frames at once; returns the answers in the order in which they came."""
    for frame in frames:
        client.neighbour.send(frame)
    answers = [client.receive(lambda _frame: True) for _ in frames]
    assert None not in answers, "not all are answered"
    assert all(raw[27] == 0x40 and raw[15] == 0 for raw in answers)
    return answers


def write(client, lba: int, data: bytes, **how) -> bytes:
    return client.ata_frame(WRITE_EXT, lba, len(data) // SECTOR, data, **how)


def tags(frames: list[bytes]) -> list[bytes]:
    return [frame[20:24] for frame in frames]


def test_g02_h1_a_retransmission_never_undoes_a_newer_write(uneven_client):
    client = uneven_client
    # Three requests each time, so that each comes by each way.
    for _ in range(4):
        old, new = random.randbytes(SECTOR), random.randbytes(SECTOR)
        frames = [write(client, 10, old), write(client, 10, new)]
        assert tags(send(client, *frames)) == tags(frames)
        assert client.read(10) == new


def test_h1_writes_that_do_not_overlap_end_in_any_order(uneven_client):
    """So the disk is one that could undo a newer write."""
    client = uneven_client
    orders = set()
    for _ in range(4):
        frames = [write(client, lba, bytes(SECTOR)) for lba in (20, 30)]
        orders.add(tags(send(client, *frames)) == tags(frames))
        client.read(0)
    assert orders == {True, False}


def test_g01_the_same_write_twice(client):
    data = random.randbytes(SECTOR)
    frame = write(client, 12, data)
    client.neighbour.send(frame)
    client.neighbour.send(frame)
    assert client.receive(lambda raw: raw[20:24] == frame[20:24])[27] == 0x40
    assert client.read(12) == data


@pytest.mark.parametrize("tag", ["new", "same"])
def test_g09_a_write_whose_answer_was_lost(client, tag):
    data = random.randbytes(SECTOR)
    frame = write(client, 14, data)
    send(client, frame)
    send(client, frame if tag == "same" else write(client, 14, data))
    assert client.read(14) == data


def test_g13_h5_a_copy_of_a_write_that_a_newer_one_has_followed(client):
    old, new = random.randbytes(2 * SECTOR), random.randbytes(SECTOR)
    first = write(client, 16, old)
    send(client, first)
    send(client, write(client, 17, new))
    client.assert_silent(first)
    assert client.read(16, 2) == old[:SECTOR] + new
    # After that time the initiator must mean it: its tags have come round.
    time.sleep(5.5)
    send(client, first)
    assert client.read(16, 2) == old


# How the second write is refused: what it is, and what else is done before it and after.
BEYOND = (8 << 48 | SECTORS).to_bytes(8, "little")
REFUSED = {
    "too short": (lambda client, lba: client.ata_frame(WRITE_EXT, lba, 2, bytes(SECTOR)), "", ""),
    "no write flag": (
        lambda client, lba: client.ata_frame(WRITE_EXT, lba, 1, bytes(SECTOR), aflags=0x40),
        "",
        "",
    ),
    "beyond the end": (lambda client, lba: write(client, lba, bytes(2 * SECTOR)), "", ""),
    "a trim beyond the end": (
        lambda client, lba: client.ata_frame(
            0x06,
            0,
            1,
            ((1 << 48 | lba).to_bytes(8, "little") + BEYOND).ljust(SECTOR, b"\0"),
            features=1,
            aflags=1,
        ),
        "",
        "",
    ),
    "reserved": (
        lambda client, lba: write(client, lba, bytes(SECTOR)),
        "echo 02:00:00:00:77:01 >reserve",
        "echo >reserve",
    ),
    "masked": (
        lambda client, lba: write(client, lba, bytes(SECTOR)),
        "echo 02:00:00:00:77:01 >mask",
        "echo >mask",
    ),
    "offline": (
        lambda client, lba: write(client, lba, bytes(SECTOR)),
        "echo offline >state",
        "echo online force=1 >state",
    ),
    "read-only": (
        lambda client, lba: write(client, lba, bytes(SECTOR)),
        "echo only 02:00:00:00:77:01 >access/write",
        "echo all >access/write",
    ),
}


def is_success(raw: bytes) -> bool:
    return raw[27] == 0x40 and raw[15] == 0


@pytest.mark.parametrize("how", REFUSED)
def test_h5_a_write_that_is_refused_overtakes_nothing(target, client, how):
    make, before, after = REFUSED[how]
    lba = SECTORS - 1
    first = write(client, lba, random.randbytes(SECTOR))
    second = make(client, lba)
    send(client, first)
    target.guest.run(f"cd {FOLDER}; {before}")
    client.neighbour.send(second)
    answer = client.receive(lambda raw: raw[20:24] == second[20:24], 1 if how == "masked" else 20)
    target.guest.run(f"cd {FOLDER}; {after}")
    assert (answer is None) if how == "masked" else not is_success(answer)
    client.neighbour.drain()
    send(client, first)
    assert client.read(lba) == first[36:]


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("is_refused", [False, True])
def test_h5_a_copy_that_waits_is_judged_by_what_is_executed(client, behind, is_refused):
    """All come while the first is in flight, or while they all wait for another one."""
    old, new = random.randbytes(SECTOR), random.randbytes(SECTOR)
    other = [write(client, 24, random.randbytes(SECTOR))] if behind else []
    first = write(client, 24, old)
    second = client.ata_frame(WRITE_EXT, 24, 2 if is_refused else 1, new)
    expected = [*other, first, second, *([first] if is_refused else [])]
    for frame in [*other, first, second, first]:
        client.neighbour.send(frame)
    answers = [client.receive(lambda _frame: True) for _ in expected]
    assert None not in answers
    assert tags(answers) == tags(expected)
    ends = [True] * len(other) + [True, not is_refused, True]
    assert [is_success(raw) for raw in answers] == ends[: len(answers)]
    assert client.receive(lambda _frame: True, 1) is None
    assert client.read(24) == (old if is_refused else new)


def test_h5_a_copy_of_a_write_elsewhere_or_of_another_initiator_is_executed(client):
    first = write(client, 18, random.randbytes(SECTOR))
    send(client, first, write(client, 19, bytes(SECTOR)))
    send(client, write(client, 18, bytes(SECTOR), src="02:00:00:00:77:01"))
    send(client, first)
    assert client.read(18) == first[36:]


def test_h5_an_initiator_that_always_uses_one_tag(client):
    for _ in range(3):
        data = random.randbytes(SECTOR)
        send(client, write(client, 22, data, tag=7))
        assert client.read(22) == data


def test_h5_as_many_writes_as_are_remembered(client):
    """The copy is known among the writes of a whole ring, and forgotten after."""
    first = write(client, 100, random.randbytes(SECTOR))
    newer = write(client, 100, random.randbytes(SECTOR))
    send(client, first)
    send(client, newer)
    others = [write(client, 200 + i, bytes(SECTOR)) for i in range(300)]
    for start in range(0, 300, 50):
        send(client, *others[start : start + 50])
    client.assert_silent(first)
    assert client.read(100) == newer[36:]


def test_g03_h16_a_read_sees_the_write_before_it(client):
    data = pattern(20, 2, seed=random.getrandbits(32))
    frames = [write(client, 20, data), client.ata_frame(READ_EXT, 21, 1)]
    answers = send(client, *frames)
    assert tags(answers) == tags(frames)
    assert answers[1][36:] == data[SECTOR:]


def test_a_write_waits_for_the_read_before_it(client):
    old, new = random.randbytes(SECTOR), random.randbytes(SECTOR)
    client.write(30, old)
    answers = send(client, client.ata_frame(READ_EXT, 30, 1), write(client, 30, new))
    assert answers[0][36:] == old
    assert client.read(30) == new


def test_partly_overlapping_writes_in_a_chain(client):
    data = [random.randbytes(2 * SECTOR) for _ in range(6)]
    frames = [write(client, 40 + i, it) for i, it in enumerate(data)]
    assert tags(send(client, *frames)) == tags(frames)
    for i, it in enumerate(data):
        assert client.read(40 + i) == it[:SECTOR]


def test_writes_that_do_not_overlap_do_not_wait(client):
    """A read elsewhere overtakes, and neighbours go to the disk together."""
    frames = [write(client, 60 + i, random.randbytes(SECTOR)) for i in range(8)]
    frames += [write(client, 60, random.randbytes(SECTOR))]
    other = client.ata_frame(READ_EXT, 200, 1)
    answers = tags(send(client, *frames, other))
    assert answers.index(other[20:24]) == 0
    assert answers[-1] == frames[-1][20:24]


def test_a_flush_is_answered_after_the_writes_before_it(client):
    frames = [write(client, 80 + 2 * i, random.randbytes(SECTOR)) for i in range(4)]
    flush = client.ata_frame(FLUSH_EXT, count=0)
    assert tags(send(client, *frames, flush))[-1] == flush[20:24]


def test_g04_more_than_the_target_holds(client):
    """What is too much is dropped, and does no harm to what comes later."""
    count = 10 * client.config_query().buffer_count
    frames = [client.ata_frame(READ_EXT, i % SECTORS, 1) for i in range(count)]
    for frame in frames:
        client.neighbour.send(frame)
    answered = set()
    while raw := client.receive(lambda _frame: True, 2):
        answered.add(raw[20:24])
    assert answered <= set(tags(frames))
    assert len(answered) >= client.config_query().buffer_count
    assert len(client.read(0)) == SECTOR


def counter(target, name: str) -> int:
    return int(target.guest.run(f"cat /sys/kvblade/{SHELF}.{SLOT}@eth0/stats/{name}").stdout)


def test_h14_an_initiator_has_no_more_under_way_than_its_buffer_count(target, client):
    """What is beyond is dropped and counted; another initiator is served meanwhile."""
    count = client.config_query().buffer_count
    target.guest.run(f"echo >/sys/kvblade/{SHELF}.{SLOT}@eth0/stats/clear")
    # Each waits for the one before it, 200 ms.
    frames = [write(client, 300, random.randbytes(SECTOR)) for _ in range(count + 6)]
    for frame in frames:
        client.neighbour.send(frame)
    other = client.ata_frame(READ_EXT, 400, src="02:00:00:00:77:01")
    client.neighbour.send(other)
    time.sleep(0.3)
    # Some may have ended already.
    seen = target.guest.run(f"cat /sys/kvblade/{SHELF}.{SLOT}@eth0/initiators").stdout
    assert any(f"{client.neighbour.mac} {busy} " in seen for busy in range(count // 2, count + 1))
    answered = [client.receive(lambda _frame: True)[20:24] for _ in range(count + 1)]
    assert answered == [other[20:24], *tags(frames[:count])]
    assert client.receive(lambda _frame: True, 1) is None
    assert counter(target, "dropped_window") == 6
    assert counter(target, "requests") == count + 1
    assert (counter(target, "writes"), counter(target, "written_sectors")) == (count, count)
    assert (counter(target, "reads"), counter(target, "read_sectors")) == (1, 1)
    # And the window is open again.
    client.write(300, bytes(SECTOR))


def test_h13_queries_of_all_targets_are_answered_so_often_only(client):
    """Their answers go to whom the frame names as its source."""
    victim = "02:00:00:00:77:02"
    began = time.monotonic()
    for _ in range(20):
        for _ in range(20):
            client.neighbour.send(client.config_frame(src=victim, shelf=0xFFFF, slot=0xFF))
        time.sleep(0.02)
    time.sleep(0.5)
    answers = len(client.neighbour.drain())
    # 100 in each second that has begun since.
    assert 100 <= answers <= min(399, 100 * (2 + int(time.monotonic() - began)))
    # Others, and what is meant for this target, are not affected.
    query = client.config_frame(shelf=0xFFFF, slot=0xFF)
    client.neighbour.send(query)
    assert client.receive(lambda raw: raw[20:24] == query[20:24] and raw[18] == SLOT)
    assert client.config_query(src=victim).error is None


def test_h6_an_answer_after_a_minute_is_not_sent(target, stuck):
    client, old, sent = stuck
    time.sleep(max(0, sent + 61 - time.monotonic()))
    young = client.ata_frame(READ_EXT)
    client.neighbour.drain()
    client.neighbour.send(young)
    time.sleep(0.5)
    target.guest.run("dmsetup resume stuck")
    assert client.receive(lambda _frame: True)[20:24] == young[20:24]
    assert client.receive(lambda raw: raw[20:24] == old[20:24], 1) is None
