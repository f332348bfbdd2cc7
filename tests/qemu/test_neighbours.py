# SPDX-License-Identifier: GPL-2.0
"""Requests on their way to the disk: neighbours that come together go there as one, and neither an
answer nor another disk waits while a disk lets its submitter wait.
"""

import random
import struct
import time

import pytest

from aoeframes import EXTENDED, READ_EXT, WRITE_EXT
from testbeds import SECTOR, bed, mapped, pattern

SHELF, SLOT = 4, 3
# Of each request, and where they begin.
EACH, START = 2, 64
REQUESTS = 6
# Sectors that cannot be read or written, within the third.
BAD = START + 2 * EACH
TRIM, VERIFY_EXT = 0x06, 0x42
# Status and error register.
OK, UNC, FAULT = (0x40, 0), (0x41, 0x40), (0x61, 0x04)

# One request at a time, which takes half a second: requests that come meanwhile are found together.
# Its cache makes the block layer leave alone writes that are to be durable.
DISK = """
modprobe null_blk nr_devices=0
mount -t configfs none /sys/kernel/config
cd /sys/kernel/config/nullb
mkdir slow
cd slow
for setting in size=16 blocksize=512 memory_backed=1 cache_size=1 discard=1 irqmode=2 \\
    hw_queue_depth=1 submit_queues=1 completion_nsec=500000000; do
    echo ${setting#*=} >${setting%=*} || exit
done
echo 1 >power
until [ -b /dev/slow ]; do sleep 0.1; done
echo none >/sys/block/slow/queue/scheduler
"""

# The same, for so long that it stands still.
STILL_DISK = """
cd /sys/kernel/config/nullb
mkdir still
cd still
for setting in size=16 blocksize=512 irqmode=2 hw_queue_depth=1 submit_queues=1 \\
    completion_nsec=5000000000; do
    echo ${setting#*=} >${setting%=*} || exit
done
echo 1 >power
until [ -b /dev/still ]; do sleep 0.1; done
echo none >/sys/block/still/queue/scheduler
"""

# One request at a time, and a scheduler that joins those that wait. Without a cache what is to be
# durable is a write as any other.
JOINING_DISK = """
cd /sys/kernel/config/nullb
mkdir joining
cd joining
for setting in size=16 blocksize=512 memory_backed=1 irqmode=2 hw_queue_depth=1 submit_queues=1 \\
    completion_nsec=200000000; do
    echo ${setting#*=} >${setting%=*} || exit
done
echo 1 >power
until [ -b /dev/joining ]; do sleep 0.1; done
echo mq-deadline >/sys/block/joining/queue/scheduler
echo 64 >/sys/block/joining/queue/nr_requests
"""


@pytest.fixture(scope="module")
def target():
    with bed("neighbours", [], modules=["raid1"]) as target:
        target.guest.run(DISK)
        yield target
        target.guest.run("rmdir /sys/kernel/config/nullb/slow && modprobe -r null_blk")


@pytest.fixture
def joining(target):
    target.guest.run(JOINING_DISK)
    yield
    target.guest.run("rmdir /sys/kernel/config/nullb/joining")


@pytest.fixture
def array(target, joining):
    """Of two legs, one of which is missing; without mdadm, whose superblocks nobody needs here."""
    target.guest.run(
        "modprobe raid1; echo md7 >/sys/module/md_mod/parameters/new_array; cd /sys/block/md7/md;"
        " echo raid1 >level; echo 2 >raid_disks; cat /sys/block/joining/dev >new_dev;"
        " echo 0 >dev-joining/slot; echo 8192 >component_size; echo none >resync_start;"
        " echo active >array_state"
    )
    yield "/dev/md7"
    target.guest.run("echo clear >/sys/block/md7/md/array_state")


@pytest.fixture
def client(target):
    with target.exported(SHELF, SLOT, "/dev/slow") as client:
        client.neighbour.drain()
        yield client


def requests_of(guest, column: int, disk: str = "slow") -> int:
    """What the kernel counts of the disk, as its Documentation/block/stat.rst numbers it."""
    return int(guest.run(f"cat /sys/block/{disk}/stat").stdout.split()[column])


def together(client, frames: list[bytes]) -> dict[bytes, bytes]:
    """Sends frames while the disk is busy with a request, and the target waits to submit another.

    Returns the answers by tag.
    """
    before = [client.ata_frame(READ_EXT, lba, 1) for lba in (1000, 1010)]
    for frame in before:
        client.neighbour.send(frame)
    time.sleep(0.1)
    for frame in frames:
        client.neighbour.send(frame)
    answers = [client.receive(lambda _frame: True) for _ in before + frames]
    assert None not in answers, "not all are answered"
    assert [raw[20:24] for raw in answers[:2]] == [frame[20:24] for frame in before]
    return {raw[20:24]: raw for raw in answers[2:]}


def reads(client) -> list[bytes]:
    return [client.ata_frame(READ_EXT, START + i * EACH, EACH) for i in range(REQUESTS)]


def writes(client, data: bytes) -> list[bytes]:
    size = EACH * SECTOR
    return [
        client.ata_frame(WRITE_EXT, START + i * EACH, EACH, data[i * size : (i + 1) * size])
        for i in range(REQUESTS)
    ]


def test_reads_go_to_the_disk_as_one(target, client):
    data = random.randbytes(REQUESTS * EACH * SECTOR)
    together(client, writes(client, data))
    began = requests_of(target.guest, 0)
    frames = reads(client)
    answers = together(client, frames)
    assert b"".join(answers[frame[20:24]][36:] for frame in frames) == data
    # Two before, and one with all; none merged by the block layer.
    assert requests_of(target.guest, 0) - began == 3
    assert requests_of(target.guest, 1) == 0


def test_durable_writes_go_to_the_disk_as_one(target, client):
    began = requests_of(target.guest, 4)
    data = random.randbytes(REQUESTS * EACH * SECTOR)
    frames = writes(client, data)
    answers = together(client, frames)
    assert all(raw[27] == 0x40 for raw in answers.values())
    assert requests_of(target.guest, 4) - began == 1
    assert b"".join(client.read(START + i * EACH, EACH) for i in range(REQUESTS)) == data


def test_no_more_go_as_one_than_the_disk_takes(target, client):
    """Of six times two sectors four times: the block layer has nothing to split."""
    limit = "/sys/block/slow/queue/max_sectors_kb"
    tracing = "/sys/kernel/tracing"
    event = f"{tracing}/events/block/block_split/enable"
    before = target.guest.run(f"cat {limit}").stdout.strip()
    target.guest.run(f"mount -t tracefs none {tracing}; echo 4 >{limit} && echo 1 >{event}")
    try:
        began = requests_of(target.guest, 0)
        together(client, reads(client))
        assert requests_of(target.guest, 0) - began == 2 + 2
        trace = target.guest.run(f"cat {tracing}/trace").stdout
        assert "block_split" not in trace
    finally:
        target.guest.run(f"echo {before} >{limit}; echo 0 >{event}")


def test_others_than_neighbours_go_alone(target, client):
    """With a gap, backwards, or a read and a write."""
    began = [requests_of(target.guest, column) for column in (0, 4)]
    frames = [client.ata_frame(READ_EXT, lba, 1) for lba in (200, 210, 205)]
    frames += [client.ata_frame(WRITE_EXT, 206, 1, bytes(SECTOR))]
    together(client, frames)
    assert [requests_of(target.guest, column) for column in (0, 4)] == [began[0] + 5, began[1] + 1]


@pytest.mark.kernel_log(allow=["I/O error, dev slow"])
@pytest.mark.parametrize("operation", ["read", "write"])
def test_of_neighbours_only_those_fail_that_must(target, client, operation):
    before, after = (pattern(START, REQUESTS * EACH, seed) for seed in (1, 2))
    together(client, writes(client, before))
    target.guest.run(f"echo +{BAD}-{BAD} >/sys/kernel/config/nullb/slow/badblocks")
    column = 0 if operation == "read" else 4
    try:
        frames = reads(client) if operation == "read" else writes(client, after)
        answers = together(client, frames)
        began = requests_of(target.guest, column)
        # Now each goes alone, and none waits for the disk twice.
        together(client, frames)
        ended = requests_of(target.guest, column)
    finally:
        target.guest.run(f"echo -{BAD}-{BAD} >/sys/kernel/config/nullb/slow/badblocks")
    assert ended - began == REQUESTS + (2 if operation == "read" else 0)
    failed = [frame for frame in frames if answers[frame[20:24]][27] & 1]
    assert failed == [frames[(BAD - START) // EACH]]
    answer = answers[failed[0][20:24]]
    assert (answer[27], answer[25]) == (UNC if operation == "read" else FAULT)
    now = after if operation == "write" else before
    for frame in frames:
        if frame not in failed:
            lba = int.from_bytes(frame[28:34], "little")
            offset = (lba - START) * SECTOR
            expected = now[offset : offset + EACH * SECTOR]
            assert client.read(lba, EACH) == expected
            if operation == "read":
                assert answers[frame[20:24]][36:] == expected


@pytest.mark.kernel_log(allow=["I/O error, dev joining", "md: async del_gendisk"])
@pytest.mark.parametrize(
    ("disk", "operation"),
    [("joining", "read"), ("joining", "write"), ("joining", "verify"), ("array", "read")],
)
def test_what_the_block_layer_has_joined_fails_by_itself(target, joining, disk, operation, request):
    """Of requests that come backwards the target makes no one, but the disk's scheduler does, and
    fails all of them for a bad sector of one. In an array also those that are not to be joined."""
    guest = target.guest
    path = request.getfixturevalue("array") if disk == "array" else "/dev/joining"
    data = pattern(START, REQUESTS * EACH, 1)
    bad = "/sys/kernel/config/nullb/joining/badblocks"
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()
        for frame in writes(client, data):
            assert client.ask(frame).registers == OK
        frames = {
            "read": reads,
            "write": lambda client: writes(client, data),
            "verify": lambda client: [
                client.ata_frame(VERIFY_EXT, START + i * EACH, EACH, aflags=EXTENDED)
                for i in range(REQUESTS)
            ],
        }[operation](client)
        column = 5 if operation == "write" else 1
        began = requests_of(guest, column, "joining")
        guest.run(f"echo +{BAD}-{BAD} >{bad}")
        answers = together(client, frames[::-1])
        guest.run(f"echo -{BAD}-{BAD} >{bad}")
        stats = f"/sys/kvblade/{SHELF}.{SLOT}@eth0/stats"
        recovered = int(guest.run(f"cat {stats}/recovered").stdout)
        assert recovered in (range(1, REQUESTS) if operation != "verify" else [0])
        if operation != "verify":
            assert requests_of(guest, column, "joining") > began, "none were joined"
        failed = [frame for frame in frames if answers[frame[20:24]][27] & 1]
        assert failed == [frames[(BAD - START) // EACH]]
        answer = answers[failed[0][20:24]]
        assert (answer[27], answer[25]) == (FAULT if operation == "write" else UNC)
        for i, frame in enumerate(frames):
            expected = data[i * EACH * SECTOR : (i + 1) * EACH * SECTOR]
            if operation == "read" and frame not in failed:
                assert answers[frame[20:24]][36:] == expected
            assert client.read(START + i * EACH, EACH) == expected


@pytest.mark.kernel_log(allow=["I/O error, dev slow"])
def test_all_ranges_of_a_trim_are_discarded_when_neighbours_have_failed(target, client):
    data = pattern(START, REQUESTS * EACH, 3)
    together(client, writes(client, data))
    target.guest.run(f"echo +{BAD}-{BAD} >/sys/kernel/config/nullb/slow/badblocks")
    try:
        together(client, reads(client))
    finally:
        target.guest.run(f"echo -{BAD}-{BAD} >/sys/kernel/config/nullb/slow/badblocks")
    gone = (0, 2, 5)
    ranges = b"".join(struct.pack("<IHH", START + i * EACH, 0, EACH) for i in gone)
    answer = client.ata(TRIM, 0, 1, ranges.ljust(SECTOR, b"\0"), features=1, aflags=1)
    assert answer.registers == OK
    size = EACH * SECTOR
    for i in range(REQUESTS):
        expected = bytes(size) if i in gone else data[i * size : (i + 1) * size]
        assert client.read(START + i * EACH, EACH) == expected, i


def test_an_answer_does_not_wait_until_all_are_submitted(target):
    """Half of this disk ends requests at once, and the other lets their submitter wait."""
    guest, half, count = target.guest, 2048, 12
    guest.run("modprobe brd rd_nr=1 rd_size=1024")
    table = f"0 {half} linear /dev/ram0 0\n{half} {half} linear /dev/slow 0"
    path = mapped(guest, "both", table)
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()
        late = [client.ata_frame(READ_EXT, half + 10 * i, 1) for i in range(count)]
        early = client.ata_frame(READ_EXT, 10, 1)
        for frame in late[:2]:
            client.neighbour.send(frame)
        # The second waits to be submitted, so that the rest is found together.
        time.sleep(0.1)
        for frame in [early, *late[2:]]:
            client.neighbour.send(frame)
        began = time.monotonic()
        ends = {}
        for _ in range(count + 1):
            raw = client.receive(lambda _frame: True)
            assert raw is not None, "not all are answered"
            ends[raw[20:24]] = time.monotonic() - began
        # Those at the end take half a second each.
        assert ends[early[20:24]] < ends[late[-1][20:24]] - 2
        assert ends[late[1][20:24]] < ends[late[-1][20:24]] - 2
    guest.run("dmsetup remove both && modprobe -r brd")


def test_an_answer_does_not_wait_for_a_disk_that_ends_nothing(target):
    """Half of this disk ends requests at once, while their submitter goes on to the other half,
    which lets it wait, and of which none ends meanwhile."""
    guest, half = target.guest, 2048
    # The kernel looks for partitions on it.
    guest.run(STILL_DISK, timeout=300)
    guest.run("modprobe brd rd_nr=1 rd_size=1024")
    table = f"0 {half} linear /dev/ram0 0\n{half} {half} linear /dev/still 0"
    path = mapped(guest, "both", table)
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()
        late = [client.ata_frame(READ_EXT, half + 10 * i, 1) for i in range(4)]
        early = client.ata_frame(READ_EXT, 10, 1)
        for frame in late[:2]:
            client.neighbour.send(frame)
        # The second waits to be submitted, so that these are found together.
        time.sleep(0.5)
        for frame in [early, late[2]]:
            client.neighbour.send(frame)
        order = [client.receive(lambda _frame: True)]
        assert order[0] is not None and order[0][20:24] == late[0][20:24]
        # The third waits to be submitted now.
        time.sleep(1)
        client.neighbour.send(late[3])
        time.sleep(1)
        question = client.config_frame()
        client.neighbour.send(question)
        order = [client.receive(lambda _frame: True) for _ in range(5)]
        assert None not in order, "not all are answered"
        tags = [raw[20:24] for raw in order if raw]
        assert tags.index(early[20:24]) < tags.index(question[20:24])
    guest.run("dmsetup remove both && modprobe -r brd && rmdir /sys/kernel/config/nullb/still")


def test_h19_repetitions_are_seen_while_the_target_waits_to_submit(target, client):
    """What repeats others joins them though those before have not been submitted yet."""
    stats = f"/sys/kvblade/{SHELF}.{SLOT}@eth0/stats"
    began = requests_of(target.guest, 0)
    frames = [client.ata_frame(READ_EXT, 100 + 10 * i, 1) for i in range(8)]
    for frame in frames:
        client.neighbour.send(frame)
    # What is old when its repetition comes ends after two and a half seconds, or later.
    time.sleep(1.3)
    again = [client.ata_frame(READ_EXT, 100 + 10 * i, 1) for i in range(5, 8)]
    for frame in again:
        client.neighbour.send(frame)
    answers = [client.receive(lambda _frame: True) for _ in frames]
    expected = [frame[20:24] for frame in [*frames[:5], *again]]
    assert [raw[20:24] for raw in answers if raw] == expected
    assert requests_of(target.guest, 0) - began == len(frames)
    counts = target.guest.run(f"cat {stats}/repeated_joined {stats}/answers_superseded").stdout
    assert counts.split() == ["3", "3"]


def test_a_disk_that_is_waited_for_holds_up_no_other(target):
    """Both are read one request at a time before, so that they use the same thread."""
    guest = target.guest
    guest.run("modprobe brd rd_nr=1 rd_size=1024")
    with (
        target.exported(SHELF, SLOT, "/dev/slow") as slow,
        target.exported(SHELF, SLOT + 1, "/dev/ram0") as fast,
    ):
        for client, count in ((slow, 20), (fast, 40)):
            for lba in range(count):
                client.read(lba)
        slow.neighbour.drain()
        frames = [slow.ata_frame(READ_EXT, 100 + 10 * i) for i in range(6)]
        tags = [frame[20:24] for frame in frames]
        for frame in frames:
            slow.neighbour.send(frame)
        time.sleep(0.1)
        # Of those before it only that can be answered which was in flight.
        other = fast.ata_frame(READ_EXT, 5)
        fast.neighbour.send(other)
        order = []
        while other[20:24] not in order:
            raw = slow.receive(lambda _frame: True)
            assert raw is not None, "no answer"
            order.append(raw[20:24])
        assert len(order) <= 3
        while not set(tags) <= set(order):
            raw = slow.receive(lambda _frame: True)
            assert raw is not None, "no answer"
            order.append(raw[20:24])
    guest.run("modprobe -r brd")
