# SPDX-License-Identifier: GPL-2.0
"""The judge of histories, on histories that are known to be right or wrong. Needs no guest."""

import itertools
import math
import random

import pytest

from cluster.history import READ, WRITE, Request, faults


def write(value: int, begin: float, end: float = math.inf, sector: int = 7) -> Request:
    return Request(WRITE, sector, value, begin, end)


def read(value: int, begin: float, end: float = math.inf, sector: int = 7) -> Request:
    return Request(READ, sector, value, begin, end)


RIGHT = {
    "nothing": [],
    "what was there first": [read(0, 0, 1)],
    "the last answered write": [write(1, 0, 1), write(2, 2, 3), read(2, 4, 5)],
    "one in flight, seen": [write(1, 0, 1), write(2, 2, 9), read(2, 3, 4), read(2, 5, 6)],
    "one in flight, not seen yet": [write(1, 0, 1), write(2, 2, 9), read(1, 3, 4), read(2, 5, 6)],
    "never answered, seen": [write(1, 0), read(1, 5, 6)],
    "never answered, seen late": [write(1, 0), read(0, 5, 6), read(1, 7, 8)],
    "never answered, not seen": [write(1, 0), read(0, 5, 6), write(2, 7, 8), read(2, 9, 10)],
    "two in flight, in either order": [
        write(1, 0, 9),
        write(2, 0, 9),
        read(2, 1, 2),
        read(1, 3, 4),
    ],
    "a read without an answer": [write(1, 0, 1), read(99, 2)],
    "two sectors": [write(1, 0, 1), write(1, 0, 1, sector=8), read(0, 0, 1, sector=9)],
}
WRONG = {
    "an answered write is lost": (
        [write(1, 0, 1), read(0, 2, 3)],
        "a value within the time of another",
    ),
    "an answered write is lost later": (
        [write(1, 0, 1), write(2, 2, 3), read(2, 4, 5), read(1, 6, 7)],
        "two values at the same time",
    ),
    "a late copy of an old write": (
        [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)],
        "a value within the time of another",
    ),
    "one that was seen is gone again": (
        [write(1, 0, 1), write(2, 2, 99), read(2, 3, 4), read(1, 5, 6)],
        "a value within the time of another",
    ),
    "never answered, comes and goes": (
        [write(1, 0), read(1, 1, 2), read(0, 3, 4)],
        "a value within the time of another",
    ),
    "two in flight, back and forth": (
        [write(1, 0, 9), write(2, 0, 9), read(1, 1, 2), read(2, 3, 4), read(1, 5, 6)],
        "a value within the time of another",
    ),
    "two that last over each other": (
        [write(1, 0, 1), write(2, 0, 1), read(1, 2, 3), read(2, 4, 5), read(1, 6, 7)],
        "two values at the same time",
    ),
    "two readers see two orders": (
        [
            *(write(1, 0, 9), write(2, 0, 9)),
            *(read(1, 1, 2), read(2, 3, 4), read(1, 5, 6), read(2, 7, 8)),
        ],
        "two values at the same time",
    ),
    "from the future": ([read(1, 0, 1), write(1, 2, 3)], "before it was written"),
    "from nobody": ([read(5, 0, 1)], "nobody has written"),
    "written twice": ([write(1, 0, 1), write(1, 2, 3)], "cannot be judged"),
    "in the other sector": (
        [write(1, 0, 1), write(2, 0, 1, sector=8), read(2, 2, 3)],
        "nobody has written",
    ),
}


@pytest.mark.parametrize("history", RIGHT.values(), ids=RIGHT)
def test_right(history):
    assert faults(history) == []


@pytest.mark.parametrize(("history", "text"), WRONG.values(), ids=WRONG)
def test_wrong(history, text):
    (fault,) = faults(history)
    assert text in fault and fault.startswith("sector 7: ")


def test_a_fault_names_its_requests():
    (fault,) = faults([write(1, 0, 1), write(2, 2, 3), read(1, 4, 5), read(2, 6, 7)])
    assert "    read of 1, begun at 4.000000, answered at 5.000000" in fault
    assert "    write of 2, begun at 2.000000, answered at 3.000000" in fault


def could_be(history: list[Request]) -> bool:
    """The same by trying all orders; what was never answered may be left out."""
    must = [it for it in history if it.end < math.inf]
    may = [it for it in history if it.end == math.inf and it.kind == WRITE]
    chosen = (
        must + list(some)
        for count in range(len(may) + 1)
        for some in itertools.combinations(may, count)
    )
    return any(_has_order(requests, 0) for requests in chosen)


def _has_order(left: list[Request], value: int) -> bool:
    if not left:
        return True
    soonest = min(it.end for it in left)
    for it in left:
        if it.begin <= soonest and (it.kind == WRITE or it.value == value):
            rest = [other for other in left if other is not it]
            if _has_order(rest, it.value if it.kind == WRITE else value):
                return True
    return False


def some_history(choose: random.Random) -> list[Request]:
    """Some requests of one sector, whose moments are all different."""
    count = choose.randrange(2, 8)
    times = iter(choose.sample(range(100), 2 * count))
    history, writes = [], 0
    for _ in range(count):
        begin, end = sorted((next(times), next(times)))
        end = math.inf if choose.random() < 0.15 else end
        if choose.random() < 0.5:
            writes += 1
            history.append(write(writes, begin, end))
        else:
            history.append(read(choose.randrange(4), begin, end))
    return history


def test_it_says_what_trying_all_orders_says(seed):
    choose, said = random.Random(seed), {True: 0, False: 0}
    for _ in range(4000):
        history = some_history(choose)
        fits = could_be(history)
        assert (not faults(history)) == fits, history
        said[fits] += 1
    assert min(said.values()) > 300, said
