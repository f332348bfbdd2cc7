# SPDX-License-Identifier: GPL-2.0
"""What a request costs among many exports and initiators, and beside a greedy one."""

from bed import DISK, TARGET, Bench
from contestants import OWN
from direct import COUNT, Cell, load
from figures import Figures

EXPORTS = (1, 64, 1024, 4096)
INITIATORS = (1, 16, 256)

_READ = Cell("read", 8, 16)
_LIGHT = Cell("read", 8, 1)
_GREEDY = Cell("read", 8, 64)

# Another wire, on which the greedy initiator is.
_OTHER = ("bench2", "bench3")

# Exports number `from` to `to`, as the load generator counts them.
_ADD = """
i={first}
while [ $i -le {last} ]; do
    echo $((i / 128)) $((i % 128)) {interface} {disk} shared=1 force=1 announce=none
    i=$((i + 1))
done | while read -r line; do echo "$line" >/sys/kvblade/add; done
"""


def _add(first: int, last: int, interface: str = TARGET) -> str:
    return _ADD.format(first=first, last=last, interface=interface, disk=DISK)


def measure(bench: Bench, figures: Figures) -> None:
    """Measures all of it once."""
    bench.set_mtu(9000)
    bench.run("modprobe kvblade_rs")
    _measure_exports(bench, figures)
    bench.run("modprobe -r kvblade_rs; modprobe kvblade_rs")
    bench.run(_add(1, 1))
    for count in INITIATORS:
        figures.add(_count(count, "initiator"), OWN.name, _cost(bench, _READ, crowd=f"1 {count}"))
    _measure_fairness(bench, figures)
    bench.run("modprobe -r kvblade_rs")


def _measure_exports(bench: Bench, figures: Figures) -> None:
    """Requests for one of many exports, and for all of them in turn."""
    there = 0
    for count in EXPORTS:
        bench.run(_add(there + 1, count))
        there = count
        name, everyone = _count(count, "export"), _cost(bench, _READ, crowd=f"{count} 1")
        figures.add(f"{name}, one used", OWN.name, _cost(bench, _READ))
        figures.add(f"{name}, all used", OWN.name, everyone)


def _measure_fairness(bench: Bench, figures: Figures) -> None:
    """How long one request at a time takes, alone and beside many of another initiator's."""
    figures.add("a light initiator alone", OWN.name, _cost(bench, _LIGHT))
    near, far = _OTHER
    bench.run(f"ip link add {near} mtu 9000 type veth peer name {far} mtu 9000")
    bench.run(f"ip link set {near} up; ip link set {far} up")
    bench.run(_add(1, 1, far))
    greedy = load(1000 * COUNT, [_GREEDY], _OTHER)
    bench.run(f"{greedy} >/dev/null 2>&1 & echo $! >/run/greedy; sleep 0.1")
    figures.add("a light initiator beside a greedy one", OWN.name, _cost(bench, _LIGHT))
    bench.run("kill $(cat /run/greedy); sleep 0.1")
    bench.run(f"ip link del {near}")


def _cost(bench: Bench, cell: Cell, crowd: str = "1 1") -> float:
    return float(bench.run(load(COUNT, [cell], crowd=crowd)).split()[1])


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
