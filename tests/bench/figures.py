# SPDX-License-Identifier: GPL-2.0
"""What was measured: instructions per I/O, by cell and contestant."""

import json
import statistics
from pathlib import Path


class Figures:
    """The figures of all runs."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, list[float]]] = {}

    def add(self, cell: str, contestant: str, figure: float) -> None:
        self._runs.setdefault(cell, {}).setdefault(contestant, []).append(figure)

    @property
    def cells(self) -> list[str]:
        return list(self._runs)

    def contestants(self, cell: str) -> list[str]:
        return list(self._runs.get(cell, {}))

    def median(self, cell: str, contestant: str) -> float | None:
        runs = self._runs.get(cell, {}).get(contestant)
        return statistics.median(runs) if runs else None

    def spread(self, cell: str, contestant: str) -> float:
        """The distance of the largest from the smallest figure, as a part of the median."""
        runs = self._runs[cell][contestant]
        return (max(runs) - min(runs)) / statistics.median(runs)

    def above(self, cell: str, contestant: str, floor: str) -> float | None:
        """What a contestant costs more than another: its own cost."""
        cost, base = self.median(cell, contestant), self.median(cell, floor)
        return None if cost is None or base is None else cost - base

    def save(self, path: Path, about: dict[str, str]) -> None:
        """Writes all figures as JSON, those of a cell on one line."""
        lines = [
            f"  {json.dumps(cell)}: "
            + json.dumps({name: [round(figure) for figure in runs] for name, runs in row.items()})
            for cell, row in self._runs.items()
        ]
        cells = ",\n".join(lines)
        path.write_text(f'{{\n "about": {json.dumps(about)},\n "cells": {{\n{cells}\n }}\n}}\n')

    @classmethod
    def load(cls, path: Path) -> "Figures":
        figures = cls()
        if path.exists():
            figures._runs = json.loads(path.read_text())["cells"]
        return figures
