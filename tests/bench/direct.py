# SPDX-License-Identifier: GPL-2.0
"""The direct cells: a load generator sends AoE requests over a raw socket."""

from dataclasses import dataclass

from bench_guest import BLOCKS_DISK, CLIENT, DISK, MEMORY_DISK, SECTORS, TARGET, Bench
from contestants import NULL, OWN, Contestant
from figures import Figures

# Requests of one measurement. More would not make it steadier.
COUNT = 2000

_SUFFIXES = {MEMORY_DISK: ", with memory", BLOCKS_DISK: ", blocks of 4 KiB"}


@dataclass(frozen=True)
class Cell:
    """What is measured, on which wire and disk."""

    operation: str
    sectors: int
    window: int
    disk: str = DISK

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """From the load generator's form of it, OPERATION:SECTORS:WINDOW."""
        operation, sectors, window = text.split(":")
        return cls(operation, int(sectors), int(window))

    @property
    def mtu(self) -> int:
        return 1500 if self.sectors <= 2 else 9000

    @property
    def name(self) -> str:
        size = f"{self.sectors / 2:g} KiB"
        suffix = _SUFFIXES.get(self.disk, "")
        return f"{self.operation} {size}, window {self.window}{suffix}"

    @property
    def load(self) -> str:
        """How the load generator calls it."""
        return f"{self.operation}:{self.sectors}:{self.window}"


CELLS = (
    *(
        Cell(operation, sectors, window)
        for sectors in (2, 8, 16)
        for operation in ("read", "write")
        for window in (1, 16)
    ),
    Cell("read", 8, 16, MEMORY_DISK),
    Cell("write", 8, 16, MEMORY_DISK),
    # A whole block, a sector of one, and what a frame has, which begins and ends within blocks.
    *(Cell("write", sectors, window, BLOCKS_DISK) for sectors in (8, 1, 17) for window in (1, 16)),
)


def _can(contestant: Contestant, disk: str) -> bool:
    """vblade writes whole blocks of such a disk only."""
    return disk != BLOCKS_DISK or contestant in (NULL, OWN)


def load(
    count: int, cells: list[Cell], ends: tuple[str, str] = (CLIENT, TARGET), crowd: str = "1 1"
) -> str:
    """The command that puts the load of these cells on a crowd of targets and initiators."""
    words = " ".join(cell.load for cell in cells)
    return f"kvblade-bench {' '.join(ends)} {SECTORS} {crowd} {count} {words}"


def measure(bench: Bench, contestants: tuple[Contestant, ...], figures: Figures) -> None:
    """Measures all cells once. Each contestant is alone on the wire."""
    for mtu, disk in dict.fromkeys((cell.mtu, cell.disk) for cell in CELLS):
        cells = [cell for cell in CELLS if (cell.mtu, cell.disk) == (mtu, disk)]
        bench.set_mtu(mtu)
        for contestant in contestants:
            if not _can(contestant, disk):
                continue
            with contestant.serving(bench, disk):
                output = bench.run(load(COUNT, cells))
            for cell, line in zip(cells, output.splitlines(), strict=True):
                figures.add(cell.name, contestant.name, float(line.split()[1]))
