# SPDX-License-Identifier: GPL-2.0
"""Frames that no client sends (G05), from outside: nothing may break, and nothing may leak."""

import random

import pytest

from aoeframes import HEADER, READ_EXT, RESPONSE, mac_bytes
from lab import Disk
from testbeds import SECTOR, bed, pattern

SHELF, SLOT = 4, 3
FRAMES = 20_000
# Frames in a row before the answers are looked at.
BURST = 200


@pytest.fixture(scope="module")
def target():
    with bed("hostile", [Disk(1 << 20), Disk(1 << 20)]) as target:
        yield target


def hostile(client, chance: random.Random) -> bytes:
    """A frame with something wrong, or with nothing right."""
    kind = chance.randrange(8)
    if kind == 0:
        body = chance.randbytes(chance.choice((0, 1, 9, 10, 11, 17, 18, 21, 22, 23, 46, 300)))
        return mac_bytes(client.mac) + mac_bytes(client.neighbour.mac) + b"\x88\xa2" + body
    argument = bytearray(chance.randbytes(chance.choice((0, 2, 4, 8, 12, 12, 12, 20, 524, 1036))))
    if kind < 5 and len(argument) >= 12:
        # An ATA command that is half right.
        argument[3] = chance.choice((0x20, 0x24, 0x30, 0x34, 0x06, 0x40, 0x42, 0xEC, 0xE7, 0xEF))
        argument[4:10] = chance.choice((0, 2040, 2047, 2048, 1 << 47)).to_bytes(6, "little")
        argument[2] = chance.choice((0, 1, 2, 3, 255))
    return client.frame(
        chance.choice((0, 0, 0, 1, 2, 3, 3, 4, 255)),
        bytes(argument),
        flags=chance.choice((0x10, 0x10, 0x10, 0x10, 0x13, 0x14, 0x18, 0x20, 0xFF)),
        shelf=chance.choice((SHELF, SHELF, SHELF, 0xFFFF, 9)),
        slot=chance.choice((SLOT, SLOT, SLOT, 0xFF, 9)),
        dst=chance.choice((client.mac, client.mac, "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01")),
        src=chance.choice((client.neighbour.mac, "02:00:00:00:77:01", "03:00:00:00:00:01")),
    )


def end_of(raw: bytes) -> int:
    """Where the fields of an answer end and its padding begins."""
    if raw[14] & 0x04 and raw[15] in (1, 5):
        return HEADER
    if raw[19] == 0:
        # Data of whole sectors, or registers alone.
        return 36 if len(raw) == 60 else len(raw)
    if raw[19] == 1:
        return 32 + int.from_bytes(raw[30:32])
    if raw[19] == 2:
        listed = raw[26] == 0 and not raw[14] & 0x04
        return 28 + (8 * raw[27] if listed else 0)
    return 26 + 6 * raw[25]


def judge(raw: bytes) -> None:
    assert raw[14] & RESPONSE and raw[14] & 0xF3 == 0x10, f"flags {raw[14]:#x}"
    assert not raw[0] & 1, "an answer to a group"
    assert len(raw) >= 60 and not any(raw[end_of(raw) :]), f"padding: {raw.hex()}"
    if raw[19] == 0 and len(raw) > 60:
        assert (len(raw) - 36) % SECTOR == 0 and raw[27] == 0x40


def answers_until(client, probe: bytes) -> list[bytes]:
    """What is answered before the answer to a probe, which comes last."""
    client.neighbour.send(probe)
    answers = []
    while True:
        raw = client.receive(lambda _frame: True, 20)
        assert raw is not None, "a client with good frames is not served"
        answers.append(raw)
        if raw[20:24] == probe[20:24]:
            return answers


@pytest.mark.kernel_log(allow=["conflict: "])
def test_g05_random_frames(target, seed):
    chance = random.Random(seed)
    folder = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
    with target.exported(SHELF, SLOT, "/dev/sda") as client, target.exported(9, 9, "/dev/sdb"):
        good = target.client(9, 9)
        good.write(5, pattern(5, 2))
        answered = 0
        for number in range(FRAMES // BURST):
            for _ in range(BURST):
                frame = hostile(client, chance)
                # The other export is to keep its data, and its client.
                if frame[16:19] != b"\x00\x09\x09":
                    client.neighbour.send(frame)
            # A tag that no hostile frame has.
            *answers, last = answers_until(client, good.ata_frame(READ_EXT, 5, 2, tag=number))
            assert last[36:] == pattern(5, 2)
            for raw in answers:
                judge(raw)
            answered += len(answers)
            # Else a list that has got there by chance shuts everyone out for good.
            target.guest.run(f"echo >{folder}/mask; echo >{folder}/reserve")
        print(f"{answered} answers")
        assert answered > FRAMES // 20, "hardly anything was answered: not a test"
