# SPDX-License-Identifier: GPL-2.0
"""Puts figures into docs/performance.md, between its marks, and draws plots beside it."""

import re
import subprocess
from pathlib import Path

import contestants
import direct
import report
import whole
from bench_guest import DISK
from figures import Figures
from lab import paths

_DOCS = paths.SOURCE / "docs"
_DOCUMENT = _DOCS / "performance.md"
_CHART = Path(__file__).resolve().parent / "chart.gp"

# The pictures: which figures, the cells and their short names, and the title. Few cells each, so
# that it can be read at the width of a page; the tables have them all.
_PLOTS = {
    "direct": (
        "direct",
        {
            cell.name: cell.name.replace(", ", "\\n")
            for cell in direct.CELLS
            if cell.sectors == 8 and cell.disk == DISK
        },
        "Load generator on a raw socket, 4 KiB, MTU 9000",
    ),
    **{
        f"whole-4-{mtu}": (
            "whole",
            {
                cell.name: f"{cell.operation}\\ndepth {cell.depth}"
                for cell in whole.CELLS
                if (cell.kib, cell.mtu, cell.disk) == (4, mtu, DISK)
            },
            f"fio through the kernel's client, 4 KiB random, MTU {mtu}",
        )
        for mtu in (9000, 1500)
    },
    "whole-128": (
        "whole",
        {
            cell.name: cell.operation
            for cell in whole.CELLS
            if (cell.kib, cell.mtu, cell.disk) == (128, 9000, DISK)
        },
        "fio through the kernel's client, 128 KiB sequential, depth 8, MTU 9000",
    ),
}


def write(figures: dict[str, Figures], about: dict[str, str], rounds: int) -> None:
    """Writes the document's figures and the plots of `direct` and `whole`."""
    texts = [
        f"Medians; rounds: {rounds}. Kernel {about['kernel']}, QEMU {about['qemu']}.",
        report.spreads(*figures.values()),
        "### Own cost in the direct cells",
        report.markdown(report.own_costs(figures["direct"])),
        "![](performance-direct.svg)",
        "### All in all, in the direct cells",
        report.markdown(report.totals(figures["direct"])),
        "### fio through the kernel's client",
        report.markdown(report.totals(figures["whole"])),
        "![](performance-whole-4-9000.svg)",
        "![](performance-whole-4-1500.svg)",
        "![](performance-whole-128.svg)",
        "### Among many",
        report.markdown(report.totals(figures["scale"])),
    ]
    _put("figures", "\n\n".join(texts))
    write_waits(figures["fairness"])
    draw(figures)


def write_waits(figures: Figures) -> None:
    """Writes how long a light initiator waits."""
    _put("waits", report.markdown(report.waits(figures)))


def _put(what: str, inner: str) -> None:
    """Puts a text between its marks in the document."""
    mark = rf"(<!-- {what} -->\n).*(<!-- end of {what} -->)"
    text, found = re.subn(
        mark, lambda match: f"{match[1]}\n{inner}\n\n{match[2]}", _DOCUMENT.read_text(), flags=re.S
    )
    if not found:
        raise ValueError(f"{_DOCUMENT} has no marks for {what}")
    _DOCUMENT.write_text(text)


def draw(figures: dict[str, Figures]) -> None:
    """Draws all pictures."""
    for name, (table, cells, title) in _PLOTS.items():
        _plot(name, cells, figures[table], title)


def _plot(name: str, cells: dict[str, str], figures: Figures, title: str) -> None:
    names = [one for one in figures.contestants(next(iter(cells))) if one != contestants.BARE.name]
    # A bar for each contestant, and as much as one between the cells.
    height = len(names) + 1
    middles = [f'"{short}"\t{height * i + height / 2}' for i, short in enumerate(cells.values())]
    parts = ["\n".join(["\t", *middles])]
    most = max(figures.median(cell, one) for cell in cells for one in names)
    for j, one in enumerate(names):
        bars = [
            f"{height * i + j + 1}\t{figures.median(cell, one):.0f}" for i, cell in enumerate(cells)
        ]
        parts.append("\n".join([f"{one}\t{one}", *bars]))
    data = paths.scratch() / f"{name}.tsv"
    data.write_text("\n\n\n".join(parts) + "\n")
    settings = (
        f"data='{data}'; out='{_DOCS}/performance-{name}'; what=\"{title}\"; "
        f"rows={height * len(cells)}; most={most:.0f}; contestants={len(names)}"
    )
    subprocess.run(["gnuplot", "-e", settings, _CHART], check=True)
