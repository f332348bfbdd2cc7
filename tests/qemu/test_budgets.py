# SPDX-License-Identifier: GPL-2.0
"""What the target takes of its host, and whom a busy one still answers: the pace of answers to
wildcards, the length of its sections, places for questions, the priority of its I/O.
"""

import contextlib
import re
import time

import pytest

from aoeframes import IDENTIFY, READ_EXT, Reply
from lab import Disk
from listframes import EDIT, NOP, mask_frame
from listframes import READ as LIST
from testbeds import bed, mapped

SHELF, SLOT = 7, 1
TRACING = "/sys/kernel/tracing"
# Requests in flight: of each initiator for an export, and for an export in all.
EACH, MOST = 64, 512
INITIATORS = MOST // EACH
# And, beyond them, changes of the lists that wait, and of each initiator.
RESERVED, RESERVED_EACH = 64, 16
# Queries by wildcard that an interface takes in a second: of one initiator, and in all.
OF_ONE, OF_ALL = 100, 200
# Exports that a query is handed to at once, and answers that are sent at once.
PIECE = 64
WILDCARD = {"shelf": 0xFFFF, "slot": 0xFF}

# Takes one request at a time, which takes half a second: meanwhile who submits another waits.
SLOW_DISK = """
modprobe null_blk nr_devices=0
mount -t configfs none /sys/kernel/config
mkdir /sys/kernel/config/nullb/slow
cd /sys/kernel/config/nullb/slow
for setting in size=16 irqmode=2 hw_queue_depth=1 submit_queues=1 completion_nsec=500000000; do
    echo ${setting#*=} >${setting%=*} || exit
done
echo 1 >power
until [ -b /dev/slow ]; do sleep 0.1; done
echo none >/sys/block/slow/queue/scheduler
"""
ADD = """
i=0
while [ $i -lt {count} ]; do
    echo $((20 + i / 200)) $((i % 200)) eth0 {disk} shared=1 force=1 announce=none
    i=$((i + 1))
done | while read -r line; do echo "$line" >/sys/kvblade/add || exit; done
"""
DELETE = """
for export in /sys/kvblade/2[0-9].*@eth0; do
    echo ${export##*/} | tr .@ '  ' >/sys/kvblade/del || exit
done
"""


@pytest.fixture(scope="module")
def target():
    with bed("budgets", [Disk(1 << 20)], memory="1G") as target:
        target.guest.run(
            f"mount -t tracefs none {TRACING}; modprobe brd rd_nr=1 rd_size=4096; {SLOW_DISK}",
            timeout=300,
        )
        yield target


@pytest.fixture(autouse=True)
def _nothing_is_left(target):
    """Of the answers of the test before."""
    target.neighbours[0].drain()


def initiator(number: int) -> str:
    return f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}"


@contextlib.contextmanager
def held(target):
    """A client of a disk that answers nothing while the context lasts."""
    disk = mapped(target.guest, "held", "0 8192 linear /dev/ram0 0")
    try:
        with target.exported(SHELF, SLOT, disk) as client:
            target.guest.run("dmsetup suspend --noflush --nolockfs held")
            try:
                yield client
            finally:
                target.guest.run("dmsetup resume held")
    finally:
        target.guest.run("dmsetup remove held")


@contextlib.contextmanager
def traced(guest, *events: str):
    """Lets the kernel note events while the context lasts; empties what it has noted before."""
    switches = [f"{TRACING}/events/{event}/enable" for event in events]
    guest.run(f"echo 8192 >{TRACING}/buffer_size_kb; echo >{TRACING}/trace")
    guest.run("; ".join(f"echo 1 >{switch}" for switch in switches))
    try:
        yield
    finally:
        guest.run("; ".join(f"echo 0 >{switch}" for switch in switches))


def stats(guest, name: str) -> int:
    return int(guest.run(f"cat /sys/kvblade/{SHELF}.{SLOT}@eth0/stats/{name}").stdout)


def fill(client, initiators: int, each: int) -> None:
    """So many reads of so many initiators, all of them in flight."""
    for number in range(initiators):
        for lba in range(each):
            client.neighbour.send(client.ata_frame(READ_EXT, lba, src=initiator(number)))


def until(what) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "never"
        time.sleep(0.1)


def flood(client, sources) -> tuple[int, int]:
    """Sends queries by wildcard, one from each of these sources, in bursts. Returns the number of
    answers, and how many of the target's seconds these can have been.
    """
    client.neighbour.drain()
    began = time.monotonic()
    for number, source in enumerate(sources):
        client.neighbour.send(client.config_frame(src=source, **WILDCARD))
        if number % 20 == 19:
            time.sleep(0.02)
    time.sleep(0.5)
    return len(client.neighbour.drain()), 2 + int(time.monotonic() - began)


def test_h13_a_full_table_of_initiators_lifts_no_limit(target):
    """Each of its places is taken by a request that does not end."""
    with held(target) as client:
        fill(client, 300, 1)
        until(lambda: stats(target.guest, "requests") == 300)
        victim = initiator(1000)
        answers, seconds = flood(client, [victim] * 600)
        assert OF_ONE <= answers <= min(599, OF_ONE * seconds)


def test_h13_forged_addresses_share_one_pace(target):
    with target.exported(SHELF, SLOT, "/dev/ram0") as client:
        answers, seconds = flood(client, map(initiator, range(1000)))
        assert OF_ALL <= answers <= min(999, OF_ALL * seconds)
        until(lambda: stats(target.guest, "dropped_to_all") == 1000 - answers)
        # What is meant for this target is not affected.
        assert client.config_query(src=initiator(0)).error is None


def test_a_query_reaches_all_of_many_exports_in_pieces(target):
    count = 4 * PIECE + 10
    guest = target.guest
    guest.run(ADD.format(count=count, disk="/dev/ram0"), timeout=300)
    try:
        client = target.client(0xFFFF, 0xFF)
        client.neighbour.drain()
        with traced(guest, "kvblade/kvblade_request_begin"):
            client.neighbour.send(client.config_frame())
            found = set()
            while len(found) < count:
                raw = client.receive(lambda _frame: True)
                assert raw, f"only {len(found)} answers of {count}"
                found.add((Reply(raw).shelf, Reply(raw).slot))
        begun = re.findall(r"\[\d+\] (\S+) +[\d.]+: kvblade_request_begin", trace(guest))
        assert len(begun) == count
        # Not one after the other in a softirq, where nothing else runs meanwhile.
        assert not any(re.search("[sH]", flags) for flags in begun), set(begun)
    finally:
        guest.run(DELETE, timeout=300)


def test_a_real_time_thread_submits_what_has_come_alone_only(target):
    """What comes while it waits for the disk is for a worker of the workqueue."""
    guest = target.guest
    with target.exported(SHELF, SLOT, "/dev/slow") as client:
        for lba in range(20):
            client.read(lba)
        client.neighbour.drain()
        reads = [client.ata_frame(READ_EXT, 100 + 10 * number) for number in range(8)]
        with traced(guest, "block/block_bio_queue"):
            for frame in reads:
                client.neighbour.send(frame)
                time.sleep(0.1)
            answers = [client.receive(lambda _frame: True) for _ in reads]
            assert None not in answers, "not all are answered"
        text = trace(guest)
    # As `kvblade_rs/0-123 [000] ..... 1.2: block_bio_queue: 252,0 R 100 + 1 [kvblade_rs/0]`.
    queued = re.findall(r"block_bio_queue: \S+ R\w* (\d+) \+ 1 \[(.+)\]", text)
    who = [name for lba, name in queued if int(lba) >= 100]
    assert len(who) == len(reads), text
    # The first two have come alone: the second waits until the first has ended.
    assert sum(name.startswith("kvblade_rs/") for name in who) <= 2, who


def trace(guest) -> str:
    return guest.run(f"cat {TRACING}/trace", timeout=120).stdout


def test_a_target_with_all_places_taken_can_be_discovered(target):
    with held(target) as client:
        fill(client, INITIATORS, EACH + 1)
        until(lambda: stats(target.guest, "dropped_window") == INITIATORS)

        def is_full() -> bool:
            # A busy guest may have lost a frame of those before.
            client.neighbour.send(client.ata_frame(READ_EXT, 5))
            time.sleep(0.2)
            return stats(target.guest, "dropped_full") > 0

        until(is_full)
        # One who has nothing in flight, and one who has as much as it may.
        for source in (client.neighbour.mac, initiator(0)):
            client.neighbour.drain()
            assert client.config_query(src=source).error is None
            assert client.config_query(src=source, dst="ff:ff:ff:ff:ff:ff").error is None
            assert len(client.identify(src=source)) == 512
            query = client.config_frame(src=source, dst="ff:ff:ff:ff:ff:ff", **WILDCARD)
            client.neighbour.send(query)
            assert client.receive(lambda raw, tag=query[20:24]: raw[20:24] == tag)
        # The config string can be changed and read, in this order.
        client.neighbour.send(client.config_frame(3, b"busy"))
        assert client.config_query().config == b"busy"
        assert stats(target.guest, "reads") == 0


def test_changes_that_wait_leave_room_for_questions(target):
    """A change of a list waits for all that came before it, here as long as the disk is held."""
    with held(target) as client:
        fill(client, INITIATORS, EACH)
        until(lambda: stats(target.guest, "requests") == MOST)
        for number in range(2 * RESERVED):
            change = mask_frame(client, EDIT, (NOP, initiator(0)), src=initiator(500 + number))
            client.neighbour.send(change)
        until(lambda: stats(target.guest, "dropped_full") == RESERVED)
        client.neighbour.drain()
        assert client.ask(mask_frame(client, LIST)).error is None
        assert client.config_query(src=initiator(900)).error is None
        client.neighbour.drain()


def test_changes_of_one_leave_room_for_those_of_others(target):
    with held(target) as client:
        fill(client, 1, 1)
        until(lambda: stats(target.guest, "requests") == 1)
        for source, count in ((initiator(500), RESERVED), (initiator(501), 1)):
            for _ in range(count):
                change = mask_frame(client, EDIT, (NOP, initiator(0)), src=source)
                client.neighbour.send(change)
        until(lambda: stats(target.guest, "requests") == 1 + RESERVED_EACH + 1)
        assert stats(target.guest, "dropped_full") == 0
        assert stats(target.guest, "dropped_window") == RESERVED - RESERVED_EACH
        client.neighbour.drain()


def test_a_question_does_not_wait_for_a_disk_that_lets_its_submitter_wait(target):
    with target.exported(SHELF, SLOT, "/dev/slow") as client:
        client.neighbour.drain()
        reads = [client.ata_frame(READ_EXT, 8 * number) for number in range(8)]
        for frame in reads:
            client.neighbour.send(frame)
        # Let them come to where they wait.
        until(lambda: stats(target.guest, "requests") == len(reads))
        time.sleep(0.5)
        questions = [client.config_frame(), client.config_frame(**WILDCARD)]
        questions += [client.ata_frame(IDENTIFY)]
        for frame in questions:
            client.neighbour.send(frame)
        order = [client.receive(lambda _frame: True)[20:24] for _ in reads + questions]
        asked = {frame[20:24] for frame in questions}
        assert order[-1] not in asked and order[-2] not in asked, "questions waited for the disk"


def test_answers_are_sent_in_bounded_pieces(target):
    """A timer ends all of the requests of a disk at once, or a disk whose submitter is done."""
    guest = target.guest
    with traced(guest, "kvblade/kvblade_request_end", "workqueue"), held(target) as client:
        fill(client, INITIATORS, EACH)
        until(lambda: stats(guest, "requests") == MOST)
    pieces = [0]
    running: dict[str, int] = {}
    for line in trace(guest).splitlines():
        found = re.match(r" *\S.*\[(\d+)\] (\S+) +[\d.]+: (\w+):", line)
        if not found:
            continue
        cpu, flags, event = found.groups()
        if event == "workqueue_execute_start" and "s" in flags:
            running[cpu] = 0
        elif event == "kvblade_request_end" and "s" in flags:
            running[cpu] = running.get(cpu, 0) + 1
            pieces.append(running[cpu])
    print(f"at most {max(pieces)} answers in a piece, {len(pieces)} of them in softirq context")
    assert max(pieces) <= PIECE


def test_requests_that_come_one_at_a_time_have_no_real_time_priority(target):
    guest = target.guest
    guest.run("echo mq-deadline >/sys/block/sda/queue/scheduler")
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        for _ in range(40):
            client.read(0)
        with traced(guest, "block/block_rq_insert"):
            for lba in range(40):
                client.read(lba)
        text = trace(guest)
    # As `kvblade_rs/0-123 [000] ..... 1.2: block_rq_insert: 8,0 R 512 () 1 + 1 be,0,4 [...]`.
    issued = re.findall(r"(\S+)-\d+ .*block_rq_insert: .* (\w+),\d+,(\d+) \[", text)
    classes = {(word, level) for _who, word, level in issued}
    who = {name for name, *_ in issued}
    print(f"{len(issued)} requests, {classes}, by {who}")
    assert any(name.startswith("kvblade_rs/") for name in who), "not the real-time threads"
    assert classes == {("be", "4")}
