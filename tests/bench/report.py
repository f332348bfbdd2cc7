# SPDX-License-Identifier: GPL-2.0
"""Tables of figures."""

from contestants import NULL, OWN
from figures import Figures


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _change(value: float | None, before: float | None) -> str:
    return f"{100 * (value / before - 1):+.1f} %" if value is not None and before else ""


def table(rows: list[list[str]]) -> str:
    """For a terminal: columns as wide as they need be; the first is text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


def markdown(rows: list[list[str]]) -> str:
    """For a document."""
    head, *body = rows
    ruler = ["-", *["-:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *body))


def changes(now: Figures, before: Figures) -> list[list[str]]:
    """How much the own cost of our target has changed since the baseline."""
    rows = [["instructions per I/O", "floor", OWN.name, "spread", "own cost", "before", "change"]]
    for cell in now.cells:
        own, was = (figures.above(cell, OWN.name, NULL.name) for figures in (now, before))
        floor, total = (now.median(cell, one.name) for one in (NULL, OWN))
        spread = f"{100 * now.spread(cell, OWN.name):.1f} %"
        words = (_number(floor), _number(total), spread, _number(own), _number(was))
        rows.append([cell, *words, _change(own, was)])
    return rows


def own_costs(now: Figures) -> list[list[str]]:
    """The own cost of all contestants."""
    names = [name for name in now.contestants(now.cells[0]) if name != NULL.name]
    rows = [["own cost", *names]]
    for cell in now.cells:
        rows.append([cell, *(_number(now.above(cell, name, NULL.name)) for name in names)])
    return rows


def totals(now: Figures) -> list[list[str]]:
    """What a request costs with each contestant, all included."""
    names = now.contestants(now.cells[0])
    rows = [["instructions per I/O", *names]]
    for cell in now.cells:
        rows.append([cell, *(_number(now.median(cell, name)) for name in names)])
    return rows


def waits(now: Figures) -> list[list[str]]:
    """How long requests take: on the average, and so many of them at most."""
    parts = now.contestants(now.cells[0])
    rows = [["instructions until the answer", *parts]]
    for cell in now.cells:
        rows.append([cell, *(_number(now.median(cell, part)) for part in parts)])
    return rows


def spreads(*tables: Figures) -> str:
    """How far runs differed: a change that is smaller may be none."""
    found = sorted(
        (figures.spread(cell, name), f"{name}, {cell}")
        for figures in tables
        for cell in figures.cells
        for name in figures.contestants(cell)
    )
    (middle, _), (most, where) = found[len(found) // 2], found[-1]
    own = max(
        figures.spread(cell, name)
        for figures in tables
        for cell in figures.cells
        for name in figures.contestants(cell)
        if name in (NULL.name, OWN.name)
    )
    return (
        f"From the lowest to the highest run: {100 * middle:.1f} % in the middle, at most "
        f"{100 * own:.1f} % with {NULL.name} and {OWN.name}, {100 * most:.1f} % with {where}."
    )
