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
# The numbers of a log count blocks of the disk.
SUPER, ENTRY = struct.Struct("<QQQL"), struct.Struct("<QQQQ")
DISCARD, MARK = 1 << 2, 1 << 3


@dataclass(frozen=True)
class Entry:
    """A write, a discard or a flush; or a mark, with its name as the data. In bytes."""

    start: int
    size: int
    flags: int
    data: bytes


def entries(log: Path) -> Iterator[Entry]:
    """All entries of a log."""
    with log.open("rb") as file:
        magic, _version, count, block_size = SUPER.unpack(file.read(SUPER.size))
        assert magic == MAGIC, "not a log of dm-log-writes"
        file.seek(block_size)
        for _ in range(count):
            block = file.read(block_size)
            start, blocks, flags, length = ENTRY.unpack_from(block)
            size = blocks * block_size
            if flags & MARK:
                data = block[ENTRY.size : ENTRY.size + length]
            else:
                data = b"" if flags & DISCARD else file.read(size)
            yield Entry(start * block_size, size, flags, data)


def replay(log: Path, image: Path, mark: str) -> None:
    """Makes of an image of the disk before what it holds after a power cut at the mark."""
    with image.open("r+b") as file:
        for entry in entries(log):
            if entry.flags & MARK and entry.data.rstrip(b"\0") == mark.encode():
                return
            if not entry.flags & MARK:
                file.seek(entry.start)
                file.write(entry.data or bytes(entry.size))
    raise AssertionError(f"no mark {mark} in the log")
