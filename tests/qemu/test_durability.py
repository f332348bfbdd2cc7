# SPDX-License-Identifier: GPL-2.0
"""An answered write survives a power cut (D07, D15, H7): on a disk whose cache is lost."""

import random

import pytest

import logwrites
from aoeframes import (
    ASYNC,
    EXTENDED,
    OK,
    WRITE,
    WRITE28,
    WRITE_DMA,
    WRITE_DMA_EXT,
    WRITE_EXT,
    WRITE_FUA_EXT,
)
from lab import Disk
from testbeds import SECTOR, bed, sectors_of

SHELF, SLOT = 6, 7
SECTORS = 4096
SET_FEATURES = 0xEF
WRITES = (WRITE28, WRITE_DMA, WRITE_EXT, WRITE_DMA_EXT, WRITE_FUA_EXT)


@pytest.fixture
def log():
    return Disk(64 << 20)


@pytest.fixture
def target(log):
    """A target with a disk that logs what is durable."""
    with bed("durability", [Disk(SECTORS * SECTOR), log]) as target:
        target.guest.run(
            "modprobe dm-log-writes && grep -q back /sys/block/sda/queue/write_cache &&"
            f" echo '0 {SECTORS} log-writes /dev/sda /dev/sdb' | dmsetup create cached"
        )
        yield target


def write_some(client) -> dict[int, bytes]:
    """Writes by several commands; returns the sectors that have been answered."""
    sectors = {}
    for opcode in random.sample(WRITES, 3):
        lba, data = random.randrange(SECTORS - 2), random.randbytes(2 * SECTOR)
        extended = EXTENDED if opcode in (WRITE_EXT, WRITE_DMA_EXT, WRITE_FUA_EXT) else 0
        reply = client.ata(opcode, lba, 2, data, aflags=extended | WRITE | ASYNC)
        assert reply.registers == OK
        sectors |= {lba: data[:SECTOR], lba + 1: data[SECTOR:]}
    return sectors


def test_d07_d15_an_answered_write_survives_a_power_cut(target, log):
    run = target.guest.run
    device = run("dmsetup info -c --noheadings -o blkdevname cached").stdout.strip()
    written, expected = {}, {}
    with target.exported(SHELF, SLOT, f"/dev/{device}") as client:
        for number in range(24):
            if number in (8, 16):
                # Whatever the initiator says of caches, it is told of durable data only.
                features = 0x02 if number == 8 else 0x82
                assert client.ata(SET_FEATURES, features=features, count=0).registers == OK
            written |= write_some(client)
            # The power goes here: what becomes durable later is lost.
            run(f"dmsetup message cached 0 mark cut{number}")
            expected[f"cut{number}"] = dict(written)
    run("dmsetup remove cached && sync")
    for mark, sectors in expected.items():
        image = Disk(SECTORS * SECTOR).path
        logwrites.replay(log.path, image, mark)
        lost = [lba for lba, data in sectors.items() if sectors_of(image, lba) != data]
        assert lost == [], f"sectors lost by a power cut at {mark}"
