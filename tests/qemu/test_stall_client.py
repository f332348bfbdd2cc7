# SPDX-License-Identifier: GPL-2.0
"""The kernel's client while what serves it stands still for seconds: it goes on when that does.
stall.py has the longer ones, and more.
"""

import contextlib

import pytest

from lab import Disk
from pairs import pair_of
from stalls import client_of, cut, frozen, stand_still, unloaded
from testbeds import mapped

SECTORS = 400_000
CLIENTS = ("files", "randwrite-1", "randrw-16", "randread-64")
PIECE = SECTORS // len(CLIENTS)
# What is asked for is two seconds; guests beside others on a busy machine take longer for all.
GRACE = 6
HELD = [f"held{i}" for i in range(len(CLIENTS))]


@pytest.fixture(scope="module")
def pair():
    """With a device for each client, that is a disk of its own."""
    with pair_of("stall", [Disk(SECTORS * 512)]) as pair, contextlib.ExitStack() as stack:
        devices = []
        for i, name in enumerate(HELD):
            disk = mapped(pair.target, name, f"0 {PIECE} linear /dev/sda {i * PIECE}")
            devices.append(stack.enter_context(pair.exported(i + 1, disk)))
            # Answers make the driver's timeouts short.
            warm = "dd if={} of=/dev/null bs=64k count=100 iflag=direct"
            pair.initiator.run(warm.format(devices[-1]))
        yield pair, devices


def assert_all_go_on(pair, seconds: float, stall) -> None:
    pair, devices = pair
    clients = [
        client_of(pair.initiator, device, what, seconds + 20)
        for device, what in zip(devices, CLIENTS, strict=True)
    ]
    lasted = stand_still(clients, seconds, stall)
    outages = {client.name: round(client.outage, 1) for client in clients}
    print(f"{lasted:.1f} s: {outages}")
    assert max(outages.values()) - lasted < GRACE


@pytest.mark.parametrize("seconds", [1, 10])
def test_disks(pair, seconds):
    assert_all_go_on(pair, seconds, frozen(pair[0].target, *HELD))


def test_a_wire(pair):
    assert_all_go_on(pair, 5, cut(pair[0].target, pair[0].initiator))


def test_a_module_that_is_loaded_again(pair):
    assert_all_go_on(pair, 5, unloaded(pair[0].target))
