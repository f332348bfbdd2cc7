# SPDX-License-Identifier: GPL-2.0
"""What a second processor brings: two initiators, each with a wire and a target of its own.

By the clock of a machine with two emulated processors that run at the same time, so it must be idle
otherwise. What is compared are ratios within one boot, with one of the processors off and on.
Beside it, which locks of the kernel and of ours the processors wait for, by its tracepoint.
"""

import collections
import contextlib
import re
import statistics
from collections.abc import Iterator

import bench_guest
from bench_guest import CLIENT, DISK, MEMORY_DISK, TARGET, Bench
from direct import Cell, load
from lab import Machine

# Requests of each initiator in one measurement.
COUNT = 20000
CELLS = (Cell("read", 8, 16), Cell("write", 8, 16))

# The ends of each initiator's wire, its disk, and its target's number.
_PAIRS = ((CLIENT, TARGET, DISK, 1), ("bench2", "bench3", MEMORY_DISK, 2))

_OTHER_WIRE = """
ip link add bench2 type veth peer name bench3
ip link set bench2 up
ip link set bench3 up
"""
_TRACE = "/sys/kernel/tracing/events/lock/contention_begin/trigger"
_HISTOGRAM = "hist:keys=common_stacktrace:size=16384"
# Functions by which locks are taken.
_LOCKING = re.compile(r"trace_|__traceiter|_raw_|.*(spin_lock|slowpath|mutex_lock|__down|rwsem)")


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """Boots the guest, with both targets in it. Each has a disk without memory."""
    with bench_guest.bench(Machine(), cpus=2) as guest:
        guest.run(_OTHER_WIRE)
        guest.run(
            "cd /sys/kernel/config/nullb/bench_memory && echo 0 >power && echo 0 >memory_backed && "
            f"echo 1 >power && until [ -b {MEMORY_DISK} ]; do sleep 0.1; done"
        )
        guest.run("modprobe kvblade_rs; mount -t tracefs none /sys/kernel/tracing || true")
        for near, far, disk, number in _PAIRS:
            guest.run(f"ip link set {near} mtu 9000 && ip link set {far} mtu 9000")
            guest.run(f"kvadd 0 {number} {far} {disk} force=1")
        yield guest


class Scaling:
    """The requests a second, and the waits, of all rounds."""

    def __init__(self) -> None:
        self._rates: dict[str, dict[int, list[float]]] = {
            cell.name: {1: [], 2: []} for cell in CELLS
        }
        self._waits: collections.Counter[tuple[str, str]] = collections.Counter()
        self._requests = 0

    def measure(self, guest: Bench) -> None:
        """Measures all cells once, with one processor and with two."""
        for cell in CELLS:
            for cpus in (1, 2):
                guest.run(f"echo {cpus - 1} >/sys/devices/system/cpu/cpu1/online")
                self._rates[cell.name][cpus].append(_rate(guest, cell))
            # Not while it is timed.
            guest.run(f"echo '{_HISTOGRAM}' >{_TRACE}")
            _rate(guest, cell)
            histogram = guest.run(f"cat {_TRACE.replace('trigger', 'hist')}")
            guest.run(f"echo '!{_HISTOGRAM}' >{_TRACE}")
            self._count(histogram)
            self._requests += 2 * COUNT

    def _count(self, histogram: str) -> None:
        for stack, count in re.findall(
            r"\{ common_stacktrace:(.*?)\} hitcount: +(\d+)", histogram, re.S
        ):
            functions = [line.split("+")[0].strip() for line in stack.strip().splitlines()]
            taker = next((one for one in functions if not _LOCKING.match(one)), "?")
            ours = next((line for line in stack.splitlines() if "kvblade_rs" in line), "")
            self._waits[taker, "of a target's" if ours else "of others'"] += int(count)

    def rates(self) -> list[list[str]]:
        rows = [["requests a second", "one processor", "two", "ratio", "lowest", "highest"]]
        for name, rates in self._rates.items():
            one, two = (statistics.median(rates[cpus]) for cpus in (1, 2))
            ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
            words = (statistics.median(ratios), min(ratios), max(ratios))
            rows.append([name, f"{one:,.0f}", f"{two:,.0f}", *(f"{word:.2f}" for word in words)])
        return rows

    def waits(self) -> list[list[str]]:
        """Per 1,000 requests, so that what happens once in 100,000 is not seen."""
        rows = [["waits for a lock per 1,000 requests", "", "in work"]]
        for (taker, whose), count in self._waits.most_common():
            each = 1000 * count / self._requests
            if each >= 0.01:
                rows.append([taker, f"{each:.2f}", whose])
        return rows


def _rate(guest: Bench, cell: Cell) -> float:
    """Requests a second of both initiators together."""
    commands = [
        f"taskset -c $((i % $(nproc))) {load(COUNT, [cell], (near, far), f'{number}+1 1')} & i=1"
        for near, far, _, number in _PAIRS
    ]
    text = guest.run(
        "i=0; began=$(date +%s%N)\n"
        + "\n".join(commands)
        + "\nwait; echo $(($(date +%s%N) - began))"
    )
    return 2 * COUNT * 1e9 / int(text.split()[-1])
