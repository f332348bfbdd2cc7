# SPDX-License-Identifier: GPL-2.0
"""How long a light initiator waits, which has one request at a time, beside greedy ones.

In virtual time: the clock ticks with every instruction. One processor executes those of all
initiators and of the target.
"""

from bench_guest import Bench
from direct import Cell, load
from figures import Figures
from scale import add

# Requests of the light initiator: enough for one of 1,000 to be told.
COUNT = 1000
PARTS = ("50 %", "99 %", "99.9 %")
# How many greedy ones there are, each on a wire of its own.
GREEDY = (0, 1, 8)

_LIGHT = Cell("read", 8, 1)
_WINDOW = Cell("read", 8, 64)


def name(greedy: int) -> str:
    """Of the cell with so many greedy initiators."""
    words = {0: "alone", 1: "beside a greedy one"}
    return f"a light initiator {words.get(greedy, f'beside {greedy} greedy ones')}"


def measure(bench: Bench, figures: Figures) -> None:
    """Measures all of it once."""
    bench.set_mtu(9000)
    bench.run(f"modprobe kvblade_rs; {add(1, 1)}")
    for greedy in GREEDY:
        wires = [(f"greedy{2 * number}", f"greedy{2 * number + 1}") for number in range(greedy)]
        for wire in wires:
            bench.run(_begin(*wire))
        bench.run("sleep 0.1")
        words = bench.run(load(COUNT, [_LIGHT]).replace(_LIGHT.load, f"{_LIGHT.load}:each")).split()
        figures.add(name(greedy), "mean", float(words[1]))
        for part, time in zip(PARTS, words[3:], strict=True):
            figures.add(name(greedy), part, float(time))
        for wire in wires:
            # It is there until now.
            bench.run(f"kill $(cat /run/{wire[0]}) && sleep 0.1 && ip link del {wire[0]}")
    bench.run("modprobe -r kvblade_rs")


def _begin(near: str, far: str) -> str:
    """A wire with a greedy initiator at one end, and the export at the other."""
    whole = load(10**9, [_WINDOW], (near, far))
    return (
        f"ip link add {near} mtu 9000 type veth peer name {far} mtu 9000\n"
        f"ip link set {near} up; ip link set {far} up\n"
        f"{add(1, 1, far)}\n{whole} >/dev/null 2>&1 & echo $! >/run/{near}"
    )
