# SPDX-License-Identifier: GPL-2.0
"""IDENTIFY DEVICE and READ."""

from aoeframes import (
    ANY_SLOT,
    BROADCAST,
    EXTENDED,
    IDENTIFY,
    READ,
    READ_DMA,
    READ_DMA_EXT,
    READ_EXT,
    WRITE,
)
from cases.steps import EVERYWHERE, SECTORS, WILDCARD, ata, case

# Beyond 24 bits of an LBA.
HIGH = (1 << 24) + 5
LAST28 = (1 << 28) - 1

CASES = {
    "C01-identify": case(ata(IDENTIFY, 0xA0 << 24)),
    "C02-identify-junk": case(ata(IDENTIFY, data=b"\xed" * 1024)),
    "C03-identify-8704": case(ata(IDENTIFY, data=bytes(8704)), mtu=9000),
    "C04-identify-broadcast": case(ata(IDENTIFY, dst=BROADCAST)),
    "C04-identify-wildcards": case(ata(IDENTIFY, **EVERYWHERE)),
    "C04-identify-count-0": case(ata(IDENTIFY, count=0)),
    "C04-identify-count-2": case(ata(IDENTIFY, count=2)),
    "C04-identify-w-flag": case(ata(IDENTIFY, aflags=WRITE)),
    "C10-read-1": case(ata(READ_EXT)),
    "C10-read-2": case(ata(READ_EXT, 3, 2)),
    "C10-read-tag-twice": case(ata(READ_EXT, 3, tag=5), ata(READ_EXT, 4, tag=5)),
    "C11-read-3-mtu-1500": case(ata(READ_EXT, 0, 3)),
    "C11-read-255-mtu-1500": case(ata(READ_EXT, 0, 255)),
    "C11-read-3-past-the-end": case(ata(READ_EXT, SECTORS, 3)),
    "C11-read-17-mtu-9000": case(ata(READ_EXT, 0, 17), mtu=9000),
    "C11-read-18-mtu-9000": case(ata(READ_EXT, 0, 18), mtu=9000),
    "C11-read-18-mtu-9238": case(ata(READ_EXT, 0, 18), mtu=9238),
    "C12-read-junk": case(ata(READ_EXT, 1, 2, data=b"\xed" * 1024)),
    "C13-read28": case(ata(READ, HIGH)),
    "C13-read28-device-bits": case(ata(READ, 0x50 << 24 | HIGH)),
    "C13-read28-lba4": case(ata(READ, 0xFFFF << 32 | HIGH)),
    "C14-read-last": case(ata(READ_EXT, SECTORS - 1)),
    "C14-read-end": case(ata(READ_EXT, SECTORS)),
    "C14-read28-last-28": case(ata(READ, LAST28)),
    "C16-read-across-the-end": case(ata(READ_EXT, SECTORS - 1, 2)),
    "C16-read28-across-28-bits": case(ata(READ, LAST28, 2)),
    "C17-read-lba-ffffffffffff": case(ata(READ_EXT, (1 << 48) - 1, 2)),
    "C17-read-lba-2-32": case(ata(READ_EXT, 1 << 32)),
    "C18-read-count-0": case(ata(READ_EXT, count=0)),
    "C18-read28-count-0": case(ata(READ, count=0)),
    "C18-read-w-flag": case(ata(READ_EXT, aflags=EXTENDED | WRITE)),
    "C18-read28-w-flag": case(ata(READ, aflags=WRITE)),
    "C20-read-ext-without-e-flag": case(ata(READ_EXT, HIGH, aflags=0)),
    "C20-read28-with-e-flag": case(ata(READ, HIGH, aflags=EXTENDED)),
    "C20-reserved-aflags": case(ata(READ_EXT, aflags=EXTENDED | 0xBE)),
    "C20-features": case(ata(READ_EXT, features=0xFF)),
    "C21-read-dma": case(ata(READ_DMA, HIGH)),
    "C21-read-dma-ext": case(ata(READ_DMA_EXT, HIGH)),
    "C22-read-broadcast": case(ata(READ_EXT, dst=BROADCAST)),
    "C22-read-wildcards": case(ata(READ_EXT, **WILDCARD)),
    "C22-read28-broadcast-wildcards": case(ata(READ, **EVERYWHERE)),
    "C22-read-any-slot": case(ata(READ_EXT, slot=ANY_SLOT)),
    "D10-read-bad": case(ata(READ_EXT, 64), bad=True),
    "D10-read-half-bad": case(ata(READ_EXT, 63, 2), bad=True),
}
