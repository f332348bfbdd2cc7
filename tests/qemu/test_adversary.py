# SPDX-License-Identifier: GPL-2.0
"""A client on a bad network that retransmits as Linux does (H1, H4, H5, H16).

Requests are lost, doubled and late; so are answers. The disk ends its requests in any order. What
the client was told is written must be there whenever it reads, and stay.
"""

import random
import time

import pytest

from aoeframes import READ_EXT, WRITE_EXT
from beds import SECTOR, bed, uneven
from lab import Disk

SHELF, SLOT = 6, 3
SECTORS = 2048
# Few sectors, so that nearly every request overlaps one before it.
REGION = 12
STEPS = 1500


@pytest.fixture(scope="module")
def client():
    with bed("adversary", [Disk(SECTORS * SECTOR)]) as target:
        disk = uneven(target.guest, "/dev/sda", SECTORS, fast=2, slow=20)
        with target.exported(SHELF, SLOT, disk) as client:
            yield client


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
        and only the newest one's answer counts. The others may still be under way after that.
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


def test_what_was_answered_is_never_undone(client):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    adversary, chance = Adversary(client, seed), random.Random(seed + 1)
    now = [bytes(SECTOR)] * REGION
    client.write(0, bytes(SECTOR * 2))
    for lba in range(0, REGION, 2):
        adversary.write(lba, bytes(2 * SECTOR))
    for step in range(STEPS):
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
    assert b"".join(client.read(lba, 1) for lba in range(REGION)) == b"".join(now)
