# SPDX-License-Identifier: GPL-2.0
"""The same frames to Debian's vblade, in the same guest.

Every difference is in a table of docs/conformance.md, with the reason why ours is right. The
tests compare the tables with what they see, so that neither an unlisted difference nor a row
that is not true any more passes.
"""

import pytest

from aoeframes import Identity
from cases import GROUPS
from cases.difference import IN_ALL_REPLIES, Difference, difference
from cases.document import check, listed
from cases.side_by_side import Bench
from cases.steps import OLD, SECTORS, case
from lab import Disk, paths
from testbeds import SECTOR, bed, fill, pattern

# What vblade reads of the bad disk, and what it has answered before it was on the disk.
BAD_DISK = pytest.mark.kernel_log(allow=["Buffer I/O error on dev dm-0"])
# Words of IDENTIFY DEVICE that are one value.
TEXTS = ((10, 19), (23, 26), (27, 46))
NUMBERS = ((57, 58), (60, 61), (100, 103))


@pytest.fixture(scope="module")
def bench():
    disks = [Disk(size) for size in (SECTORS * SECTOR, SECTORS * SECTOR, 1 << 20, 1 << 20)]
    for disk in disks:
        fill(disk.path, 0, pattern(0, 300, OLD))
    for disk in disks[:2]:
        for lba in (1 << 24, SECTORS - 20):
            fill(disk.path, lba, pattern(lba, 20, OLD))
    with bed("vblade", disks) as target:
        yield Bench.of(target)


@BAD_DISK
@pytest.mark.parametrize("group", GROUPS)
def test_differences(bench, group):
    theirs, ours = (
        {name: [*bench.play(it, ours)] for name, it in GROUPS[group].items()}
        for ours in (False, True)
    )
    differences = {name: difference(theirs[name], ours[name]) for name in GROUPS[group]}
    found = {name: it for name, it in differences.items() if it}
    check(found, {name: it for name, it in listed("By case").items() if name in GROUPS[group]})


def test_names_in_the_document():
    names = {name for group in GROUPS.values() for name in group}
    assert sorted(listed("By case").keys() - names) == [], "cases that are not there"
    assert sum(len(group) for group in GROUPS.values()) == len(names), "two cases of one name"


def test_in_all_replies(bench):
    samples = (
        GROUPS["header"]["A01-query"],
        GROUPS["header"]["A12-command-4-long"],
        GROUPS["writes"]["D05-write-count-0"],
    )
    sides = [
        [fields for sample in samples for fields in bench.play(sample, ours)]
        for ours in (False, True)
    ]
    found = {}
    for name in IN_ALL_REPLIES:
        said = [sorted({reply[name] for reply in side if name in reply}) for side in sides]
        found[name] = Difference(*(" or ".join(values) or "none" for values in said))
    check(found, listed("In all replies"))


def values(identity: Identity) -> dict[str, str]:
    """The words of an IDENTIFY DEVICE block, those of a text or a longer number as one value."""
    longer = {word for first, last in (*TEXTS, *NUMBERS) for word in range(first, last + 1)}
    words = {str(word): f"{identity.word(word):04X}h" for word in range(256) if word not in longer}
    texts = {f"{first}-{last}": identity.text(first, last).strip() for first, last in TEXTS}
    numbers = {f"{a}-{b}": f"{identity.word(a, b - a + 1):X}h" for a, b in NUMBERS}
    return words | texts | numbers


def test_identify(bench):
    sides = []
    for ours in (False, True):
        bench.start(case(), ours)
        sides.append(values(Identity(bench.client.identify())))
    theirs, ours = sides
    # These differ from version to version, and are not in the document.
    assert ours["23-26"] == (paths.SOURCE / "VERSION").read_text().strip()
    assert ours["255"].endswith("A5h")
    ours |= {"23-26": "VERSION", "255": "..A5h"}
    found = {
        word: Difference(theirs[word], ours[word]) for word in theirs if theirs[word] != ours[word]
    }
    check(found, listed("IDENTIFY DEVICE"))
