# SPDX-License-Identifier: GPL-2.0
"""The tables of docs/conformance.md that list the differences from vblade."""

import re

from cases.difference import Difference
from lab import paths

Differences = dict[str, Difference]


def listed(heading: str) -> Differences:
    """The differences in the table under a heading, by the names in its first column."""
    text = (paths.SOURCE / "docs/conformance.md").read_text()
    section = text.split(f"### {heading}\n")[1].split("\n#")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    assert all(len(row) == 4 for row in rows[2:]), "a row has four cells, a reason at the end"
    return {
        name: Difference(theirs, ours)
        for names, theirs, ours, _reason in rows[2:]
        for name in re.findall("`(.+?)`", names)
    }


def check(found: Differences, expected: Differences) -> None:
    """Asserts that a table has what was found, and tells the rows that it should have."""
    wrong = [
        f"| `{name}` | {it.theirs} | {it.ours} | (why ours is right) |"
        for name, it in found.items()
        if expected.get(name) != it
    ]
    wrong += [f"no difference: `{name}`" for name in expected if name not in found]
    assert not wrong, "\n".join(["docs/conformance.md should have:", *wrong])
