# SPDX-License-Identifier: GPL-2.0
"""What the cases are made of: short sequences of requests to a fresh target."""

from collections.abc import Callable
from dataclasses import dataclass

from aoeframes import ANY_SHELF, ANY_SLOT, BROADCAST, EXTENDED, Client
from listframes import mask_frame, reserve_frame

# Both disks: an odd number of sectors that 28 bits of an LBA cannot count.
SECTORS = (1 << 28) + 3

# Seeds of `pattern`: what the disks have at first, and what is written.
OLD, NEW, NEWER = 1, 2, 3

ME = "02:00:00:00:01:00"
OTHER = "02:00:00:00:02:99"
WILDCARD = {"shelf": ANY_SHELF, "slot": ANY_SLOT}
EVERYWHERE = {"dst": BROADCAST, **WILDCARD}

Step = Callable[[Client], bytes]


@dataclass(frozen=True)
class Case:
    """Requests, sent one after another to a target that has just been started.

    `asker` is who asks for a sign of life after each of them: someone whom the
    target still serves then.
    """

    steps: tuple[Step, ...]
    asker: str = ME
    mtu: int = 1500
    read_only: bool = False
    # The sectors from 64 to 79 cannot be read or written.
    bad: bool = False


def case(*steps: Step, **options) -> Case:
    return Case(steps, **options)


def config(ccmd: int = 0, string: bytes = b"", **how) -> Step:
    return lambda client: client.config_frame(ccmd, string, **how)


def ata(opcode: int, lba: int = 0, count: int = 1, data: bytes = b"", **how) -> Step:
    return lambda client: client.ata_frame(opcode, lba, count, data, **how)


def wide(opcode: int, lba: int = 0, count: int = 1, **how) -> Step:
    """An ATA request with the E flag."""
    return ata(opcode, lba, count, aflags=EXTENDED, **how)


def command(number: int, argument: bytes = bytes(36), **how) -> Step:
    return lambda client: client.frame(number, argument, **how)


def mask(mcmd: int, *directives: tuple[int, str], **how) -> Step:
    return lambda client: mask_frame(client, mcmd, *directives, **how)


def reserve(rcmd: int, *macs: str, **how) -> Step:
    return lambda client: reserve_frame(client, rcmd, *macs, **how)


def cut(step: Step, length: int) -> Step:
    return lambda client: step(client)[:length]
