# SPDX-License-Identifier: GPL-2.0
"""What a request costs among many exports and initiators."""

from bench_guest import DISK, TARGET, Bench
from contestants import OWN
from direct import COUNT, Cell, load
from figures import Figures

EXPORTS = (1, 64, 1024, 4096)
INITIATORS = (1, 16, 256)

_READ = Cell("read", 8, 16)

# Exports number `from` to `to`, as the load generator counts them.
_ADD = """
i={first}
while [ $i -le {last} ]; do
    echo $((i / 128)) $((i % 128)) {interface} {disk} shared=1 force=1 announce=none
    i=$((i + 1))
done | while read -r line; do echo "$line" >/sys/kvblade/add; done
"""


def add(first: int, last: int, interface: str = TARGET) -> str:
    """The command that adds exports."""
    return _ADD.format(first=first, last=last, interface=interface, disk=DISK)


def measure(bench: Bench, figures: Figures) -> None:
    """Measures all of it once."""
    bench.set_mtu(9000)
    bench.run("modprobe kvblade_rs")
    _measure_exports(bench, figures)
    bench.run("modprobe -r kvblade_rs; modprobe kvblade_rs")
    bench.run(add(1, 1))
    for count in INITIATORS:
        figures.add(_count(count, "initiator"), OWN.name, _cost(bench, _READ, crowd=f"1 {count}"))
    bench.run("modprobe -r kvblade_rs")


def _measure_exports(bench: Bench, figures: Figures) -> None:
    """Requests for one of many exports, and for all of them in turn."""
    there = 0
    for count in EXPORTS:
        bench.run(add(there + 1, count))
        there = count
        name, everyone = _count(count, "export"), _cost(bench, _READ, crowd=f"{count} 1")
        figures.add(f"{name}, one used", OWN.name, _cost(bench, _READ))
        figures.add(f"{name}, all used", OWN.name, everyone)


def _cost(bench: Bench, cell: Cell, crowd: str = "1 1") -> float:
    return float(bench.run(load(COUNT, [cell], crowd=crowd)).split()[1])


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
