# SPDX-License-Identifier: GPL-2.0
"""Frames of senders on the target's own host: they may go on writing to a frame, lend its pages and
wait for them, keep it to send it again, and leave traces in what describes it. tests/qemu/card is a
card by which such frames come in.
"""

import time

import pytest

from aoeframes import ABRT, IDENTIFY, OK, READ_EXT, WRITE_EXT, Client, Reply
from lab import paths
from testbeds import SECTOR, bed, mapped, pattern

SHELF, SLOT = 5, 1
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@card0"
MAC, TARGET = "02:00:00:00:00:0a", "02:00:00:00:00:0c"
OTHER = bytes.fromhex("020000000001")
MASK, RESERVE, TRIM = 2, 3, 0x06
# Of what tells a queue, a frame is in all of them.
QUEUES = range(4)


class Card:
    """The other end of the card, as a neighbour of the target."""

    mac = MAC

    def __init__(self, guest):
        self.guest = guest
        # What the driver was told with the latest frame that was taken.
        self.told: dict[str, int] = {}
        self._frames: list[tuple[bytes, dict[str, int]]] = []

    def send(self, frame: bytes, flags="-", queue=0, linear=14, change=None) -> None:
        """A frame comes in; then at once bytes of it change: (offset, bytes). Flags: see there."""
        offset, data = change or (0, b"")
        after = f" {offset} {data.hex()}" if change else ""
        self._write(f"in {flags} {queue} {linear} {frame.hex()}{after}")

    def change(self, offset: int, data: bytes) -> None:
        """Bytes of the latest frame with the flag w change."""
        self._write(f"change {offset} {data.hex()}")

    def _write(self, line: str) -> None:
        # One write, of whatever length.
        self.guest.run(f"printf '%s' '{line}' | dd of=/dev/card bs=64k iflag=fullblock status=none")

    def _fetch(self) -> None:
        for line in self.guest.run("cat /dev/card").stdout.splitlines():
            *told, frame = line.split(" ")
            fields = (field.split("=") for field in told)
            self._frames.append((bytes.fromhex(frame), {name: int(it) for name, it in fields}))

    def recv_if(self, wanted, timeout: float = 1.0) -> bytes | None:
        deadline = time.monotonic() + timeout
        while True:
            self._fetch()
            while self._frames:
                frame, self.told = self._frames.pop(0)
                if wanted(frame):
                    return frame
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)

    def drain(self) -> None:
        self._fetch()
        self._frames.clear()

    def waited_for(self, what: str) -> int:
        """For how many frames senders wait: `lent` ones, or `held` by others."""
        return int(self.guest.run(f"cat /sys/module/card/parameters/{what}").stdout)


def prepared(cpus: int):
    with bed(f"senders{cpus}", [], modules=("tests/qemu/card",), cpus=cpus) as target:
        guest = target.guest
        guest.run("modprobe card && ip link set card0 up mtu 4000")
        guest.run("modprobe brd rd_nr=2 rd_size=4096")
        yield Card(guest), mapped(guest, "held", "0 2048 linear /dev/ram0 0")


@pytest.fixture(scope="module")
def one():
    """One CPU: what the card does after a frame has come in is done before a worker runs."""
    yield from prepared(1)


@pytest.fixture(scope="module")
def two():
    yield from prepared(2)


def exported(card: Card, disk: str):
    card.guest.run(f"kvadd {SHELF} {SLOT} card0 {disk} force=1")
    card.drain()
    yield Client(card, TARGET, SHELF, SLOT)
    card.guest.run(f"kvdel {SHELF} {SLOT} card0")


@pytest.fixture
def client(one):
    yield from exported(*one)


@pytest.fixture
def client_of_two(two):
    yield from exported(*two)


def counter(client, name: str) -> int:
    return int(client.neighbour.guest.run(f"cat {FOLDER}/stats/{name}").stdout)


def answer_to(client, frame: bytes) -> Reply | None:
    raw = client.receive(lambda raw: raw[20:24] == frame[20:24], 5)
    return raw and Reply(raw)


CHANGES = {
    "config": (lambda client: client.config_frame(0, b"changed"), 29, 4),
    "mask": (
        lambda client: client.frame(
            MASK, bytes((0, 0, 0, 1, 0, 1)) + bytes.fromhex("020000000001")
        ),
        25,
        1,
    ),
    "reserve": (lambda client: client.frame(RESERVE, bytes((0, 1)) + OTHER), 24, 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_query_that_becomes_a_change_once_it_is_let_in(client, name):
    """No one may change anything, but all may ask. What was judged is done."""
    make, offset, value = CHANGES[name]
    run = client.neighbour.guest.run
    before = run(f"cat {FOLDER}/{name}").stdout
    run(f"echo none >{FOLDER}/access/config")
    frame = make(client)
    client.neighbour.send(frame, "w", change=(offset, bytes((value,))))
    answer = answer_to(client, frame)
    assert run(f"cat {FOLDER}/{name}").stdout == before
    # It is answered as the query that it was.
    assert answer and answer.raw[offset] & 0x0F == 0 and answer.error is None


def test_ranges_of_a_trim_that_change_once_it_has_its_place(client):
    """It waits for a read of the sectors that it names; those that it names then are others."""
    for lba in (0, 64):
        client.write(lba, pattern(lba, 4))
        client.write(lba + 4, pattern(lba + 4, 4))
    run = client.neighbour.guest.run

    def ranges(lba: int) -> bytes:
        return (8 << 48 | lba).to_bytes(8, "little").ljust(SECTOR, b"\0")

    run("dmsetup suspend held")
    try:
        read = client.ata_frame(READ_EXT, 0, 4)
        trim = client.ata_frame(TRIM, 0, 1, ranges(0), features=1, aflags=1)
        client.neighbour.send(read)
        client.neighbour.send(trim, "w")
        # Goes the same way, and does not wait for the disk.
        client.config_query()
        client.neighbour.change(36, ranges(64))
    finally:
        run("dmsetup resume held")
    answers = {}
    while len(answers) < 2:
        raw = client.receive(lambda _frame: True)
        assert raw, "not both are answered"
        answers[raw[20:24]] = Reply(raw)
    assert answers[trim[20:24]].registers == OK
    assert answers[read[20:24]].data == pattern(0, 4)
    assert client.read(64, 4) == pattern(64, 4), "discarded, but not named when it had its turn"
    assert client.read(0, 4) == bytes(4 * SECTOR)


def test_trims_of_all_lengths(client):
    """More ranges than fit a page, empty ones, and one beyond the end."""
    run = client.neighbour.guest.run

    def trim(*lbas: int, blocks: int, gap: int = 0) -> Reply:
        entries = b"".join(bytes(8 * gap) + (8 << 48 | lba).to_bytes(8, "little") for lba in lbas)
        data = entries.ljust(blocks * SECTOR, b"\0")
        return client.ata(TRIM, 0, blocks, data, features=1, aflags=1)

    run("ip link set card0 mtu 9000")
    try:
        for blocks, gap in ((1, 0), (1, 15), (7, 111), (8, 127)):
            lbas = [256 + 8 * i for i in range(4)]
            for lba in lbas:
                client.write(lba, pattern(lba, 8))
            assert trim(*lbas, blocks=blocks, gap=gap).registers == OK
            assert all(client.read(lba, 8) == bytes(8 * SECTOR) for lba in lbas)
        client.write(256, pattern(256, 8))
        assert trim(256, 2048, blocks=1).registers == ABRT
        assert client.read(256, 8) == pattern(256, 8)
        assert trim(blocks=2).registers == OK
    finally:
        run("ip link set card0 mtu 4000")


def test_pages_that_are_lent_are_given_back_before_the_disk_is_waited_for(client_of_two):
    client, card = client_of_two, client_of_two.neighbour
    card.guest.run("dmsetup suspend held")
    try:
        data = pattern(8, 2)
        write = client.ata_frame(WRITE_EXT, 8, 2, data)
        card.send(write, flags="zw")
        assert card.waited_for("lent") == 0
        # It can be used for anything by now.
        card.change(36, bytes(2 * SECTOR))
    finally:
        card.guest.run("dmsetup resume held")
    assert answer_to(client, write).registers == OK
    assert client.read(8, 2) == data


def test_without_memory_to_copy_lent_pages_to_a_frame_is_dropped(client_of_two):
    client, card = client_of_two, client_of_two.neighbour
    before = counter(client, "dropped_memory")
    write = client.ata_frame(WRITE_EXT, 8, 1, pattern(8))
    card.send(write, flags="zu", linear=36)
    assert card.waited_for("lent") == 0
    assert counter(client, "dropped_memory") == before + 1
    assert answer_to(client, write) is None
    card.send(write, linear=36)
    assert answer_to(client, write).registers == OK


def test_a_frame_that_its_sender_has_kept_is_free_when_it_is_answered(client_of_two):
    """Whatever CPU it was made on."""
    client, card = client_of_two, client_of_two.neighbour
    for number in range(4):
        for frame in (
            client.ata_frame(WRITE_EXT, 16, 1, pattern(16, 1, number)),
            client.ata_frame(READ_EXT, 16),
            client.ata_frame(IDENTIFY),
            client.config_frame(),
        ):
            card.send(frame, flags="c")
            assert answer_to(client, frame).error is None
    # Of the last one the answer may go out before the request has quite ended.
    end = time.monotonic() + 5 * paths.patience()
    while card.waited_for("held") and time.monotonic() < end:
        time.sleep(0.1)
    assert card.waited_for("held") == 0


# The kernel's initiator keeps each frame until it is answered, and its memory for the next.
FIO = (
    "fio --name=load --filename=/dev/etherd/e7.1 --direct=1 --rw=randrw --bs=4k --size=3m "
    "--ioengine=libaio --iodepth=16 --numjobs=2 --loops=2 --minimal"
)


def test_the_initiator_on_the_same_host_forgets_a_target(two):
    """It waits until no one has a part in its frames, and says so in the log after 30 s."""
    run = two[0].guest.run
    run("ip link add v0 mtu 9000 type veth peer v1 mtu 9000 && ip link set v0 up")
    run("ip link set v1 up && modprobe aoe aoe_iflist=v1 && kvadd 7 1 v0 /dev/ram1")
    try:
        for _ in range(6):
            run("aoe-discover; until [ -b /dev/etherd/e7.1 ]; do sleep 0.1; done")
            run(FIO, timeout=120)
            run("aoe-flush -a", timeout=120)
    finally:
        run("modprobe -r aoe; kvdel 7 1 v0; ip link del v0", timeout=120)


@pytest.mark.parametrize("flags", ["s", "sc"])
def test_traces_of_a_sender_do_not_go_out_with_the_answer(client_of_two, flags):
    """Whether it is made in the place of the frame, or beside it."""
    client, card = client_of_two, client_of_two.neighbour
    client.write(24, pattern(24))
    for frame in (
        client.ata_frame(READ_EXT, 24),
        client.ata_frame(WRITE_EXT, 24, 1, pattern(24)),
        client.ata_frame(IDENTIFY),
        client.config_frame(),
    ):
        card.send(frame, flags=flags, linear=36 if frame[19] == 0 else 32)
        assert answer_to(client, frame).error is None
        told = dict(card.told)
        del told["queue"]
        assert told == dict.fromkeys(told, 0)


@pytest.mark.parametrize("flags", ["-", "c"])
def test_an_answer_leaves_by_the_queue_that_the_request_came_by(client_of_two, flags):
    client, card = client_of_two, client_of_two.neighbour
    for queue in QUEUES:
        for frame in (
            client.ata_frame(READ_EXT, 24),
            client.ata_frame(READ_EXT, 24, 4),
            client.ata_frame(WRITE_EXT, 24, 1, pattern(24)),
            client.ata_frame(IDENTIFY),
            client.config_frame(),
        ):
            card.send(frame, flags=flags, queue=queue)
            assert answer_to(client, frame).error is None
            assert card.told["queue"] == queue
