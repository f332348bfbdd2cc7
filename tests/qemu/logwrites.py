# SPDX-License-Identifier: GPL-2.0
"""Reads the log of the kernel's dm-log-writes: what a disk would hold after a power cut.

The log has what was made durable, in that order: a write when it was a FUA one, or else when a
flush that came after its end has ended. Format: Documentation/admin-guide/device-mapper/
log-writes.rst, and the structures at the head of drivers/md/dm-log-writes.c.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAGIC = 0x6A736677736872
SUPER, ENTRY = struct.Struct("<QQQL"), struct.Struct("<QQQQ")
DISCARD, MARK = 1 << 2, 1 << 3
SECTOR = 512


@dataclass(frozen=True)
class Entry:
    """A write, a discard or a flush; or a mark, with its name as the data."""

    sector: int
    sectors: int
    flags: int
    data: bytes


def entries(log: Path) -> Iterator[Entry]:
    """All entries of a log."""
    with log.open("rb") as file:
        magic, _version, count, size = SUPER.unpack(file.read(SUPER.size))
        assert (magic, size) == (MAGIC, SECTOR), "not a log of dm-log-writes"
        file.seek(SECTOR)
        for _ in range(count):
            block = file.read(SECTOR)
            sector, sectors, flags, length = ENTRY.unpack_from(block)
            if flags & MARK:
                data = block[ENTRY.size : ENTRY.size + length]
            else:
                data = b"" if flags & DISCARD else file.read(sectors * SECTOR)
            yield Entry(sector, sectors, flags, data)


def replay(log: Path, image: Path, mark: str) -> None:
    """Makes of an image of the disk before what it holds after a power cut at the mark."""
    with image.open("r+b") as file:
        for entry in entries(log):
            if entry.flags & MARK and entry.data.rstrip(b"\0") == mark.encode():
                return
            if not entry.flags & MARK:
                file.seek(entry.sector * SECTOR)
                file.write(entry.data or bytes(entry.sectors * SECTOR))
    raise AssertionError(f"no mark {mark} in the log")
