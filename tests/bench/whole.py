# SPDX-License-Identifier: GPL-2.0
"""The whole cells: fio on a disk that the kernel's own client shows.

What a client has learned in one cell changes what the next one costs, so each measurement has a
connection of its own.
"""

import json
from dataclasses import dataclass

from bench_guest import DISK, MEMORY_DISK, SECTORS, Bench
from contestants import Contestant
from figures import Figures

_NS = 1_000_000


@dataclass(frozen=True)
class Cell:
    """What fio does, on which wire and disk."""

    operation: str
    kib: int
    depth: int
    mtu: int
    disk: str = DISK

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """From OPERATION:KIB:DEPTH:MTU."""
        operation, *numbers = text.split(":")
        kib, depth, mtu = map(int, numbers)
        return cls(operation, kib, depth, mtu)

    @property
    def name(self) -> str:
        pattern = "random" if self.kib == 4 else "sequential"
        name = f"{self.kib} KiB {pattern} {self.operation}, depth {self.depth}, MTU {self.mtu}"
        return f"{name}, with memory" if self.disk == MEMORY_DISK else name

    @property
    def count(self) -> int:
        """Requests of one measurement: so many that starting and ending do not matter. Sequential
        ones end with the disk at the latest: what is read again may come out of a rival's cache.
        """
        if self.kib == 4:
            return 6000
        return 300 if self.mtu == 1500 else SECTORS // 2 // self.kib

    @property
    def repeats(self) -> int:
        """Measurements in a round. With many small requests clients have several ways to go on, of
        different cost, so that one measurement says little."""
        return 3 if self.depth == 32 else 1

    def fio(self, device: str) -> str:
        pattern = f"rand{self.operation}" if self.kib == 4 else self.operation
        return (
            f"fio --name=bench --thread --output-format=json --gtod_reduce=1 --filename={device} "
            f"--direct=1 --ioengine=libaio --norandommap --size={SECTORS // 2}k --rw={pattern} "
            f"--bs={self.kib}k --iodepth={self.depth} --io_size={self.kib * self.count}k"
        )


CELLS = tuple(
    Cell(operation, kib, depth, mtu, disk)
    for mtu, disk, shapes in (
        (9000, DISK, ((4, 1), (4, 32), (128, 8))),
        (1500, DISK, ((4, 1), (4, 32), (128, 8))),
        (9000, MEMORY_DISK, ((4, 32), (128, 8))),
    )
    for kib, depth in shapes
    for operation in ("read", "write")
)


def measure(bench: Bench, contestants: tuple[Contestant, ...], figures: Figures) -> None:
    """Measures all cells once. Each contestant is alone on the wire."""
    for cell in CELLS:
        bench.set_mtu(cell.mtu)
        for contestant in contestants:
            for _ in range(cell.repeats):
                with contestant.connected(bench, cell.disk) as device:
                    figure = cost(bench.run(cell.fio(device)), cell.operation)
                figures.add(cell.name, contestant.name, figure)


def cost(output: str, operation: str) -> float:
    """Instructions for each request, of what fio says."""
    job = json.loads(output[output.index("{") :])["jobs"][0][operation]
    return job["runtime"] * _NS / job["total_ios"]
