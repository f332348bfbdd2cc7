# SPDX-License-Identifier: GPL-2.0
"""The kernel's client while the target's disk stands still for ten seconds: it goes on when the
disk does. stall.py has the other stalls, and longer ones.
"""

import time

import pytest

from beds import mapped
from lab import Disk
from pairs import pair_of
from stalls import Files, Requests, frozen

SECTORS = 400_000
FROZEN = 10
# What is asked for is two seconds; guests beside others on a busy machine take longer for all.
GRACE = 6


@pytest.fixture(scope="module")
def pair():
    with pair_of("stall", [Disk(SECTORS * 512)]) as pair:
        disk = mapped(pair.target, "held", f"0 {SECTORS} linear /dev/sda 0")
        with pair.exported(1, disk) as device:
            # Answers make the driver's timeouts short.
            pair.initiator.run(f"dd if={device} of=/dev/null bs=64k count=100 iflag=direct")
            yield pair, device


def stand_still(pair, client) -> float:
    with client:
        began = time.monotonic()
        with frozen(pair.target, "held"):
            time.sleep(FROZEN)
        lasted = time.monotonic() - began
        client.go_on(120)
    print(f"{lasted:.1f} s: {client.outage:.1f} s")
    return client.outage - lasted


def test_files_on_ext4(pair):
    pair, device = pair
    assert stand_still(pair, Files(pair.initiator, device)) < GRACE


@pytest.mark.parametrize(("how", "depth"), [("randwrite", 1), ("randrw", 16), ("randwrite", 64)])
def test_requests(pair, how, depth):
    pair, device = pair
    seconds = 5 + FROZEN + 10
    assert stand_still(pair, Requests(pair.initiator, device, how, depth, seconds)) < GRACE
