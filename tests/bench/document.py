# SPDX-License-Identifier: GPL-2.0
"""Puts figures into docs/performance.md, between its marks, and draws plots beside it."""

import re
import subprocess
from pathlib import Path

import contestants
import direct
import report
import whole
from bed import DISK
from figures import Figures
from lab import paths

_DOCS = paths.SOURCE / "docs"
_DOCUMENT = _DOCS / "performance.md"
_CHART = Path(__file__).resolve().parent / "chart.gp"

# Cells of one plot, their short names, and the contestants whose bars would hide the others'.
_PLOTS = {
    "direct": {cell.name: cell.name.replace(", window ", "\\n") for cell in direct.CELLS},
    "whole-4": {
        cell.name: f"{cell.operation}\\ndepth {cell.depth}\\nMTU {cell.mtu}"
        for cell in whole.CELLS
        if cell.kib == 4 and cell.disk == DISK
    },
    "whole-128": {
        cell.name: f"{cell.operation}\\nMTU {cell.mtu}"
        for cell in whole.CELLS
        if cell.kib == 128 and cell.disk == DISK
    },
}
_TITLES = {
    "direct": "Load generator on a raw socket, by request and window",
    "whole-4": "fio through the kernel's client, 4 KiB random",
    "whole-128": "fio through the kernel's client, 128 KiB sequential, depth 8",
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
        "![](performance-whole-4.svg)",
        "![](performance-whole-128.svg)",
        "### Among many, and beside a greedy one",
        report.markdown(report.totals(figures["scale"])),
    ]
    mark = r"(<!-- figures -->\n).*(<!-- end of figures -->)"
    inner = "\n\n".join(texts)
    text, found = re.subn(
        mark, lambda match: f"{match[1]}\n{inner}\n\n{match[2]}", _DOCUMENT.read_text(), flags=re.S
    )
    if not found:
        raise ValueError(f"{_DOCUMENT} has no marks for figures")
    _DOCUMENT.write_text(text)
    for name, cells in _PLOTS.items():
        _plot(name, cells, figures["direct" if name == "direct" else "whole"])


def _plot(name: str, cells: dict[str, str], figures: Figures) -> None:
    names = [one for one in figures.contestants(next(iter(cells))) if one != contestants.BARE.name]
    rows = [["", *names]]
    for cell, short in cells.items():
        rows.append([short, *(f"{figures.median(cell, one):.0f}" for one in names)])
    data = paths.scratch() / f"{name}.tsv"
    data.write_text("".join("\t".join(row) + "\n" for row in rows))
    settings = f"data='{data}'; out='{_DOCS}/performance-{name}'; what=\"{_TITLES[name]}\""
    subprocess.run(["gnuplot", "-e", settings, _CHART], check=True)
