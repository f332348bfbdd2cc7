# SPDX-License-Identifier: GPL-2.0
"""WRITE. What has been written is read back, from sectors that each case has for itself."""

from aoeframes import (
    ANY_SLOT,
    ASYNC,
    BROADCAST,
    EXTENDED,
    READ_EXT,
    WRITE,
    WRITE28,
    WRITE_DMA,
    WRITE_DMA_EXT,
    WRITE_EXT,
    WRITE_FUA_EXT,
)
from cases.steps import EVERYWHERE, NEW, NEWER, SECTORS, WILDCARD, Case, Step, ata, case
from testbeds import pattern


def new(lba: int, sectors: int = 2, seed: int = NEW) -> bytes:
    return pattern(lba, sectors, seed)


def then_read(write: Step, lba: int, sectors: int = 2, **options) -> Case:
    return case(write, ata(READ_EXT, lba, sectors), **options)


def plain(opcode: int, lba: int, **how) -> Case:
    """A write of two sectors."""
    return then_read(ata(opcode, lba, 2, new(lba), **how), lba)


CASES = {
    "D01-write": plain(WRITE_EXT, 100),
    "D01-write-17": then_read(ata(WRITE_EXT, 102, 17, new(102, 17)), 102, 17, mtu=9000),
    "D02-write28": plain(WRITE28, 120),
    "D02-write28-lba4": plain(WRITE28, 122 | 0xFFFF << 32),
    "D02-write-dma": plain(WRITE_DMA, 124),
    "D02-write-dma-ext": plain(WRITE_DMA_EXT, 126),
    "D02-write-fua-ext": plain(WRITE_FUA_EXT, 128),
    "D03-write-short": then_read(ata(WRITE_EXT, 130, 2, new(130)[:1023]), 130),
    "D03-write-without-data": then_read(ata(WRITE_EXT, 132, 2), 132),
    "D04-write-long": then_read(ata(WRITE_EXT, 134, 1, new(134)), 134),
    "D05-write-without-w-flag": plain(WRITE_EXT, 136, aflags=EXTENDED),
    "D05-write28-without-w-flag": plain(WRITE28, 138, aflags=0),
    "D05-write-without-e-flag": plain(WRITE_EXT, 140, aflags=WRITE),
    "D05-write-count-0": then_read(ata(WRITE_EXT, 142, 0, new(142)), 142),
    "D05-write28-count-0": then_read(ata(WRITE28, 144, 0, new(144)), 144),
    "D05-write-3-of-2": then_read(ata(WRITE_EXT, 146, 3, new(146)), 146),
    "D06-write-last": then_read(
        ata(WRITE_EXT, SECTORS - 1, 1, new(SECTORS - 1, 1)), SECTORS - 1, 1
    ),
    "D06-write-end": case(ata(WRITE_EXT, SECTORS, 1, new(SECTORS, 1))),
    "D06-write-across-the-end": then_read(
        ata(WRITE_EXT, SECTORS - 1, 2, new(SECTORS - 1, seed=NEWER)), SECTORS - 1, 1
    ),
    "D06-write28-across-28-bits": then_read(
        ata(WRITE28, (1 << 28) - 1, 2, new((1 << 28) - 1)), (1 << 28) - 1
    ),
    "D08-write-broadcast": plain(WRITE_EXT, 150, dst=BROADCAST),
    "D08-write-wildcards": plain(WRITE_EXT, 152, **WILDCARD),
    "D08-write-any-slot": plain(WRITE_EXT, 154, slot=ANY_SLOT),
    "D08-write28-broadcast-wildcards": plain(WRITE28, 156, **EVERYWHERE),
    "D07-write-asynchronous": plain(WRITE_EXT, 158, aflags=EXTENDED | WRITE | ASYNC),
    "D09-write-read-only": then_read(ata(WRITE_EXT, 160, 2, new(160)), 160, read_only=True),
    "D09-write-end-read-only": case(ata(WRITE_EXT, SECTORS, 1, new(SECTORS, 1)), read_only=True),
    "D11-write-bad": case(ata(WRITE_EXT, 64, 1, new(64, 1)), bad=True),
    "D11-write-bad-block": case(ata(WRITE_EXT, 64, 8, new(64, 8)), bad=True, mtu=9000),
    "G01-write-twice": case(
        ata(WRITE_EXT, 162, 2, new(162), tag=0x80000005),
        ata(WRITE_EXT, 162, 2, new(162), tag=0x80000005),
        ata(READ_EXT, 162, 2),
    ),
    "G13-old-copy": case(
        ata(WRITE_EXT, 164, 1, new(164, 1), tag=0x80000006),
        ata(WRITE_EXT, 164, 1, new(164, 1, seed=NEWER)),
        ata(WRITE_EXT, 164, 1, new(164, 1), tag=0x80000006),
        ata(READ_EXT, 164),
    ),
}
