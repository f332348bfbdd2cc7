# SPDX-License-Identifier: GPL-2.0
"""Whether what a client has read and written could have come from one disk, request after request.

A sector is a register, and no two writes of one put the same value there. A history is linearizable
if each request can have taken effect at one moment between its beginning and its answer: a read
returns the last answered write, or one that was in flight.

With values that tell which write they are from this needs no search (Gibbons and Korach, "Testing
shared memories", 1997). A write and the reads of its value belong together. If all of them had a
moment in common the value need have been there for that moment only; if not, it was there at least
from the first answer to the last beginning. Two values cannot be there at the same time, and a
moment of one does not fit within the time of another.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

READ, WRITE = "read", "write"
# What each sector holds at first.
FIRST = 0


@dataclass(frozen=True)
class Request:
    """One request of a sector. What was never answered has no end, and may have taken effect."""

    kind: str
    sector: int
    value: int
    begin: float
    end: float = math.inf

    def __str__(self) -> str:
        end = "never answered" if self.end == math.inf else f"answered at {self.end:.6f}"
        return f"{self.kind} of {self.value}, begun at {self.begin:.6f}, {end}"


@dataclass(frozen=True)
class Zone:
    """A value: the time that it was there for certain, or within which it was for a moment."""

    requests: tuple[Request, ...]
    first_end: float
    last_begin: float

    @property
    def lasts(self) -> bool:
        return self.first_end < self.last_begin

    @property
    def bounds(self) -> tuple[float, float]:
        return min(self.first_end, self.last_begin), max(self.first_end, self.last_begin)

    def __str__(self) -> str:
        return "\n".join(f"    {request}" for request in self.requests)


def faults(history: Iterable[Request]) -> list[str]:
    """What no disk could have done, a text for each sector that shows it first."""
    sectors = defaultdict(list)
    for request in history:
        sectors[request.sector].append(request)
    texts = ((sector, _fault(sectors[sector])) for sector in sorted(sectors))
    return [f"sector {sector}: {text}" for sector, text in texts if text]


def _fault(requests: list[Request]) -> str:
    values = defaultdict(list)
    values[FIRST].append(Request(WRITE, requests[0].sector, FIRST, -math.inf, -math.inf))
    for request in requests:
        # A read without an answer says nothing.
        if request.kind == WRITE or request.end < math.inf:
            values[request.value].append(request)
    zones = []
    for value, own in values.items():
        writes = [request for request in own if request.kind == WRITE]
        if len(writes) > 1:
            return f"the value {value} was written twice, so this history cannot be judged"
        reads = [request for request in own if request.kind == READ]
        if not writes:
            return f"a value was read that nobody has written:\n    {reads[0]}"
        if early := [read for read in reads if read.end < writes[0].begin]:
            return f"a value was read before it was written:\n    {writes[0]}\n    {early[0]}"
        zones.append(_zone(writes + reads))
    return _collision(zones)


def _zone(requests: list[Request]) -> Zone:
    first_end = min(request.end for request in requests)
    last_begin = max(request.begin for request in requests)
    # Those that show it.
    shown = sorted(requests, key=lambda request: request.begin)
    keep = {shown[0], shown[-1], min(requests, key=lambda request: request.end)}
    return Zone(tuple(it for it in shown if it in keep), first_end, last_begin)


def _collision(zones: list[Zone]) -> str:
    """Two values of which one was there while the other must have been."""
    lasting = sorted((zone for zone in zones if zone.lasts), key=lambda zone: zone.bounds)
    for before, after in itertools.pairwise(lasting):
        if after.first_end < before.last_begin:
            return f"two values at the same time:\n{before}\nand\n{after}"
    # None of the lasting ones overlaps another from here on, so one of them at most holds a moment.
    momentary = sorted((zone for zone in zones if not zone.lasts), key=lambda zone: zone.bounds)
    place = 0
    for zone in momentary:
        begin, end = zone.bounds
        while place < len(lasting) and lasting[place].last_begin <= begin:
            place += 1
        if place < len(lasting) and lasting[place].first_end < begin:
            outer = lasting[place]
            if end < outer.last_begin:
                return f"a value within the time of another:\n{outer}\nand\n{zone}"
    return ""
