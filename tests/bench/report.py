# SPDX-License-Identifier: GPL-2.0
"""Tables of figures."""

from contestants import NULL, OWN
from figures import Figures


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _change(value: float | None, before: float | None) -> str:
    return f"{100 * (value / before - 1):+.1f} %" if value is not None and before else ""


def table(rows: list[list[str]]) -> str:
    """Columns as wide as they need be; the first is text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


def changes(now: Figures, before: Figures) -> str:
    """How much the own cost of our target has changed since the baseline."""
    rows = [["instructions per I/O", "floor", OWN.name, "spread", "own cost", "before", "change"]]
    for cell in now.cells:
        own, was = (figures.above(cell, OWN.name, NULL.name) for figures in (now, before))
        floor, total = (now.median(cell, one.name) for one in (NULL, OWN))
        spread = f"{100 * now.spread(cell, OWN.name):.1f} %"
        words = (_number(floor), _number(total), spread, _number(own), _number(was))
        rows.append([cell, *words, _change(own, was)])
    return table(rows)


def own_costs(now: Figures) -> str:
    """The own cost of all contestants."""
    names = [name for name in now.contestants(now.cells[0]) if name != NULL.name]
    rows = [["own cost", *names]]
    for cell in now.cells:
        costs = [now.above(cell, name, NULL.name) for name in names]
        rows.append([cell, *map(_number, costs)])
    return table(rows)


def widest_spread(now: Figures) -> str:
    """Where runs differed most: what is below that is no change."""
    spreads = [
        (now.spread(cell, name), f"{name}, {cell}")
        for cell in now.cells
        for name in now.contestants(cell)
    ]
    spread, where = max(spreads)
    return f"The widest spread: {100 * spread:.1f} % ({where})"
