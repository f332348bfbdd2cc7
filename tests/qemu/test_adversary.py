# SPDX-License-Identifier: GPL-2.0
"""A client on a bad network that retransmits as Linux does (H1, H4, H5, H16, H19).

Requests are lost, doubled and late; so are answers. The disk ends its requests in any order, and
may stand still at times. What the client was told is written must be there whenever it reads, and
stay.
"""

import contextlib
import random
import threading
import time

import pytest

from aoeframes import READ_EXT, WRITE_EXT
from lab import Disk
from stalls import RESUME, SUSPEND
from testbeds import SECTOR, bed, mapped, uneven

SHELF, SLOT = 6, 3
SECTORS = 2048
# Few sectors, so that nearly every request overlaps one before it.
REGION = 12
STEPS = 1500
# With a disk that stands still for so many seconds, again and again.
STEPS_STALLED, STALLS = 250, (0.2, 0.6, 1.2, 2.0)


@pytest.fixture(scope="module")
def target():
    with bed("adversary", [Disk(SECTORS * SECTOR)]) as target:
        yield target


@pytest.fixture(scope="module")
def client(target):
    held = mapped(target.guest, "held", f"0 {SECTORS} linear /dev/sda 0")
    disk = uneven(target.guest, held, SECTORS, fast=2, slow=20)
    with target.exported(SHELF, SLOT, disk) as client:
        yield client


@contextlib.contextmanager
def standing_still(guest):
    """While the context lasts the disk stands still at times. Nothing else may use the guest."""
    end = threading.Event()

    def run() -> None:
        while not end.wait(random.uniform(0.05, 0.5)):
            guest.run(SUSPEND.format(name="held"))
            end.wait(random.choice(STALLS))
            guest.run(RESUME.format(name="held"))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


class Adversary:
    """The client, with its network: a chance decides what becomes of a frame."""

    def __init__(self, client, seed: int):
        self.client = client
        self.chance = random.Random(seed)
        # Exact copies that the network still has, with the time at which it delivers them.
        self.late: list[tuple[float, bytes]] = []

    def deliver(self, frame: bytes) -> None:
        """Sends a frame, unless it is lost; keeps a copy of it for later at times."""
        if self.chance.random() < 0.8:
            self.client.neighbour.send(frame)
            if self.chance.random() < 0.3:
                self.late.append((time.monotonic() + self.chance.random(), frame))

    def deliver_late(self) -> None:
        """Sends the copies whose time has come."""
        now = time.monotonic()
        for due, frame in self.late:
            if due <= now:
                self.client.neighbour.send(frame)
        self.late = [(due, frame) for due, frame in self.late if due > now]

    def exchange(self, make) -> bytes:
        """Sends a request until one of its copies is answered, as Linux does: each has a new tag,
        and only the newest one's answer counts. The others may still be in flight after that.
        """
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            frame = make()
            self.deliver_late()
            self.deliver(frame)
            answer = self.client.receive(
                lambda raw, tag=frame[20:24]: raw[20:24] == tag and self.chance.random() < 0.9,
                self.chance.choice((0.002, 0.01, 0.05)),
            )
            if answer:
                assert (answer[15], answer[27]) == (0, 0x40)
                return answer
        raise AssertionError("no progress")

    def write(self, lba: int, data: bytes) -> None:
        self.exchange(lambda: self.client.ata_frame(WRITE_EXT, lba, len(data) // SECTOR, data))

    def read(self, lba: int, count: int) -> bytes:
        answer = self.exchange(lambda: self.client.ata_frame(READ_EXT, lba, count))
        return answer[36 : 36 + count * SECTOR]


def play(client, steps: int) -> None:
    """Writes and reads, each until it is answered, and compares with what must be there."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    adversary, chance = Adversary(client, seed), random.Random(seed + 1)
    now = [bytes(SECTOR)] * REGION
    for lba in range(0, REGION, 2):
        adversary.write(lba, bytes(2 * SECTOR))
    for step in range(steps):
        count = chance.choice((1, 2))
        lba = chance.randrange(REGION - count + 1)
        if chance.random() < 0.7:
            data = [chance.randbytes(SECTOR) for _ in range(count)]
            adversary.write(lba, b"".join(data))
            now[lba : lba + count] = data
        else:
            assert adversary.read(lba, count) == b"".join(now[lba : lba + count]), f"step {step}"
    # What the network still has comes now.
    time.sleep(1)
    adversary.deliver_late()
    time.sleep(1)
    there = b"".join(adversary.read(lba, 1) for lba in range(REGION))
    assert there == b"".join(now)


def test_what_was_answered_is_never_undone(client):
    client.write(0, bytes(SECTOR * 2))
    play(client, STEPS)


def test_nor_by_a_disk_that_stands_still(target, client):
    counter = f"cat /sys/kvblade/{SHELF}.{SLOT}@eth0/stats/{{}}"
    before = int(target.guest.run(counter.format("repeated_joined")).stdout)
    with standing_still(target.guest):
        play(client, STEPS_STALLED)
    assert int(target.guest.run(counter.format("repeated_joined")).stdout) > before
