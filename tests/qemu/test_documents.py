# SPDX-License-Identifier: GPL-2.0
"""What the documents say of tests: those that they name exist, and cases are found by ids."""

import re

import pytest

from lab.paths import SOURCE

TESTS = SOURCE / "tests/qemu"
ALL = "\n".join(path.read_text() for path in sorted(TESTS.rglob("*.py")))
FUNCTIONS = set(re.findall(r"^def (test_\w+)", ALL, re.MULTILINE))

# All that there are.
CASES = (
    "A01-A04 A07-A12 A14-A20 B01-B13 B15-B20 C01-C04 C06 C08 C10-C14 C16-C18 C20-C22 D01-D15"
    " D17-D21 E01-E08 F01-F08 G01-G13"
)


def document(name: str) -> str:
    return (SOURCE / "docs" / name).read_text()


def rows(text: str, after: str) -> list[str]:
    """The first cells of the rows of the table that follows a heading."""
    table = text.split(f"\n{after}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| ?([^|]*?) \|", table, re.MULTILINE)


def ids(cells: list[str]) -> set[str]:
    """The ids in texts, which may name ranges of them."""
    found = set()
    for letter, first, last in re.findall(r"\b([A-G])(\d\d)(?:-[A-G](\d\d))?", " ".join(cells)):
        found |= {f"{letter}{number:02}" for number in range(int(first), int(last or first) + 1)}
    return found


@pytest.mark.parametrize("name", ["reliability.md", "conformance.md", "high-availability.md"])
def test_the_tests_that_are_named_exist(name):
    text = document(name)
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named - FUNCTIONS == set()
    files = set(re.findall(r"`(test_\w+\.py)`", text))
    assert {file for file in files if not (TESTS / file).exists()} == set()


def test_each_hazard_has_a_row():
    told = rows(document("reliability.md"), "## Hazards")
    assert [cell for cell in told if cell[:1] == "H"] == [f"H{n}" for n in range(1, 22)]


def test_each_case_is_found_by_its_id():
    of_tests = set(re.findall(r"(?<=_)[a-g]\d\d(?=_)", " ".join(FUNCTIONS)))
    # The names of what test_vblade.py compares.
    of_cases = set(re.findall(r"\"([A-G]\d\d)-", ALL))
    assert ids([CASES]) - {name.upper() for name in of_tests} - of_cases == set()
    assert ids([CASES]) - ids(rows(document("conformance.md"), "## Cases")) == set()
