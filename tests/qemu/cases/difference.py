# SPDX-License-Identifier: GPL-2.0
"""In which words two targets differ."""

from dataclasses import dataclass

from cases.fields import ANSWERED, Fields

# In every reply of a kind, and so told once for all of them.
IN_ALL_REPLIES = ("buffer count", "firmware version", "argument", "padding")
# What tells of an answer when the other target gives another kind of answer, or none.
GIST = ("flags", "result", "data")
# Fields that are named only if they are unusual.
USUAL = {"flags": "18h", "count": "as usual", "error code": "0", "LBA": "as asked for"}
LONGEST = 8


@dataclass(frozen=True)
class Difference:
    """What each of two targets says where they differ, in the words of the document's tables."""

    theirs: str
    ours: str


def difference(theirs: list[Fields], ours: list[Fields]) -> Difference | None:
    """How the replies to a case's requests differ."""
    pairs = [_pair(*both) for both in zip(theirs, ours, strict=False)]
    if all(pair == ("", "") for pair in pairs):
        return None
    return Difference(*(_joined(side) for side in zip(*pairs, strict=True)))


def _joined(replies: tuple[str, ...]) -> str:
    """All that differs, with the number of the request if it is not the first."""
    texts = [f"{n}: {text}" if n > 1 else text for n, text in enumerate(replies, 1) if text]
    return "; ".join(texts)


def _pair(theirs: Fields, ours: Fields) -> tuple[str, str]:
    if theirs["answer"] != ours["answer"]:
        return _gist(theirs), _gist(ours)
    names = [name for name in dict.fromkeys([*theirs, *ours]) if name not in IN_ALL_REPLIES]
    names = [name for name in names if theirs.get(name) != ours.get(name)]
    return _words(theirs, names), _words(ours, names)


def _gist(fields: Fields) -> str:
    if fields["answer"] != ANSWERED:
        return fields["answer"]
    return _words(fields, [name for name in GIST if name in fields]) or ANSWERED


def _words(fields: Fields, names: list[str]) -> str:
    return ", ".join(_word(name, fields.get(name)) for name in names)


def _word(name: str, value: str | None) -> str:
    value = USUAL.get(name) if value is None else value
    if value is None:
        return f"no {name}"
    words = value.split(" ")
    short = " ".join([*words[:LONGEST], "..."] if len(words) > LONGEST else words)
    return short if name == "result" else f"{name} {short}"
