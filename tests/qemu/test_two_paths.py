# SPDX-License-Identifier: GPL-2.0
"""Two paths: one export on two interfaces of a target, and the kernel's driver as its client.

Cards have their link while a wire is cut, as they have when that happens beyond a switch: neither
side is told.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence

import pytest

from lab import Disk, Hub
from pairs import Pair, pair_of
from test_client import verified

PORTS = (0, 1)
# Of the target and of the initiator, on each wire.
TARGET = 0
# How long a path is gone at least, in seconds.
GONE = 5


@pytest.fixture(scope="module")
def wires() -> Iterator[Sequence[Hub]]:
    with Hub(2) as first, Hub(2) as second:
        yield first, second


@pytest.fixture(scope="module")
def pair(wires):
    with pair_of("paths", [Disk(64 << 20)], wires) as pair:
        yield pair


@pytest.fixture
def device(pair):
    with pair.exported(1, "/dev/sda", *PORTS) as device:
        both_paths(pair)
        # Answers make the driver's timeouts short.
        pair.initiator.run(f"dd if={device} of=/dev/null bs=64k count=100 iflag=direct")
        yield device


def both_paths(pair: Pair) -> None:
    pair.initiator.run("aoe-discover; until aoe-stat | grep -q eth0,eth1; do sleep 0.1; done")


def carried(pair: Pair, port: int) -> int:
    """Frames that the target has had on an interface."""
    return int(pair.target.run(f"cat /sys/class/net/eth{port}/statistics/rx_packets").stdout)


def carries(pair: Pair, port: int) -> None:
    """Waits until the client uses a path."""
    before, deadline = carried(pair, port), time.monotonic() + 120
    while carried(pair, port) < before + 100:
        assert time.monotonic() < deadline, f"eth{port} is not used"
        time.sleep(0.5)


def goes_on(pair: Pair) -> None:
    """Waits until reads that have begun now have ended."""
    reads = "$(wc -l </run/reads)"
    pair.initiator.run(f"n={reads}; until [ {reads} -ge $((n + 3)) ]; do sleep 0.2; done", 200)


@contextlib.contextmanager
def paced(pair: Pair, device: str, what: str) -> Iterator[None]:
    """Verified I/O, and one who reads all the time, whose longest wait is told."""
    clock = "cut -d' ' -f1 /proc/uptime >>/run/reads"
    read = f"dd if={device} of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null"
    with verified(pair, device):
        job = pair.initiator.spawn(
            f"rm -f /run/reads; touch /run/clock; while [ -e /run/clock ]; do {clock};"
            f" {read} || exit; done"
        )
        try:
            pair.initiator.run("until [ -s /run/reads ]; do sleep 0.1; done")
            yield
            assert job.poll() is None, "a read has failed"
        finally:
            pair.initiator.run("rm -f /run/clock")
            job.wait(timeout=200)
    times = [float(word) for word in pair.initiator.run("cat /run/reads").stdout.split()]
    longest = max(after - before for before, after in itertools.pairwise(times))
    print(f"{what}: {len(times)} reads, the longest took {longest:.1f} s")


def test_a_wire_is_cut_and_mended_under_verified_io(pair, device, wires):
    for port in PORTS:
        with paced(pair, device, f"wire {port} cut"):
            wires[port].cut(TARGET)
            time.sleep(GONE)
            # The wire is not mended before the client has gone over.
            goes_on(pair)
            carries(pair, 1 - port)
            wires[port].join(TARGET)
            goes_on(pair)
        # The driver comes back to it by itself, or at the latest when it is told that it is there.
        pair.target.run("echo >/sys/kvblade/announce")
        with verified(pair, device):
            carries(pair, port)


def test_both_wires_are_cut_for_a_while(pair, device, wires):
    with paced(pair, device, f"both wires cut for {GONE} s"):
        for wire in wires:
            wire.cut(TARGET)
        time.sleep(GONE)
        for wire in wires:
            wire.join(TARGET)
        goes_on(pair)
        for port in PORTS:
            carries(pair, port)


def test_an_interface_is_taken_down_for_service(pair, device):
    """Its port is removed first, so that what came by it has been answered by it."""
    for port in PORTS:
        with paced(pair, device, f"eth{port} in service"):
            pair.target.run(f"kvdel 0 1 eth{port} && ip link set eth{port} down")
            time.sleep(GONE)
            goes_on(pair)
            carries(pair, 1 - port)
            pair.target.run(f"ip link set eth{port} up && kvadd 0 1 eth{port} /dev/sda")
            carries(pair, port)
