# SPDX-License-Identifier: GPL-2.0
"""What exports take while initiators send as much as they may, and more, and the disk holds it."""

import time

import pytest

from aoeframes import READ_EXT
from testbeds import bed, mapped, memory_in_use

# Requests in flight: of each initiator for an export, and for an export in all. More are sent.
EACH, MOST, MORE = 64, 512, 8
# Sectors of a request: all that a frame can have.
SECTORS = 17
# KiB that an export takes, and a request with its frame and its data.
EXPORT, REQUEST = 112, 13
# KiB that may be in use for other reasons, or are kept by the target to be used again.
OTHERS = 20480
# KiB that are hardly any.
KEPT = 1024

ADD = """
i=0
while [ $i -lt {count} ]; do
    echo $((i / 200)) $((i % 200)) eth0 {disk} shared=1 force=1 announce=none
    i=$((i + 1))
done | while read -r line; do echo "$line" >/sys/kvblade/add || exit; done
"""
DELETE = """
for export in /sys/kvblade/*.*@*; do
    echo ${export##*/} | tr .@ '  ' >/sys/kvblade/del || exit
done
"""
COUNT = "for name in {names}; do cat /sys/kvblade/*.*@*/stats/$name | paste -sd+; done"


@pytest.fixture(scope="module")
def target():
    with bed("memory", [], memory="2G") as target:
        target.guest.run("ip link set eth0 mtu 9000; modprobe brd rd_nr=1 rd_size=65536")
        yield target


def counted(guest, *names: str) -> list[int]:
    """Counters of all exports together."""
    sums = guest.run(COUNT.format(names=" ".join(names))).stdout.splitlines()
    return [sum(map(int, line.split("+"))) for line in sums]


def let_in(guest, sent: int) -> int:
    """How many of the requests sent are in flight, once all of them have come."""
    end = time.monotonic() + 60
    while True:
        requests, *drops = counted(guest, "requests", "dropped_window", "dropped_full")
        if requests + sum(drops) == sent:
            return requests
        assert time.monotonic() < end, f"of {sent}: {requests} let in, {drops} dropped"


@pytest.mark.parametrize(("exports", "initiators"), [(1, 10), (100, 8), (1000, 1)])
def test_what_requests_take_is_bounded(target, exports, initiators):
    guest = target.guest
    disk = mapped(guest, "held", "0 65536 linear /dev/ram0 0")
    unused = memory_in_use(guest)
    guest.run(ADD.format(count=exports, disk=disk), timeout=300)
    idle = memory_in_use(guest)
    assert idle - unused < exports * EXPORT + OTHERS
    guest.run("dmsetup suspend --noflush --nolockfs held")
    try:
        for client in (target.client(i // 200, i % 200) for i in range(exports)):
            for initiator in range(initiators):
                for number in range(EACH + MORE):
                    raw = client.ata_frame(READ_EXT, SECTORS * number, SECTORS)
                    client.neighbour.send(raw[:6] + bytes((2, 0, 0, 1, 0, initiator)) + raw[12:])
        requests = let_in(guest, exports * initiators * (EACH + MORE))
        taken = memory_in_use(guest) - idle
    finally:
        guest.run("dmsetup resume held")
    guest.run(DELETE, timeout=300)
    guest.run("dmsetup remove held")
    print(f"{exports} exports: {idle - unused} KiB; {requests} requests: {taken} KiB more")
    assert requests == exports * min(initiators * EACH, MOST)
    assert taken < requests * REQUEST + OTHERS
    # Some of it comes back when those who might still have seen it have gone on.
    end = time.monotonic() + 60
    while (left := memory_in_use(guest) - unused) >= OTHERS:
        assert time.monotonic() < end, f"{left} KiB are left of all exports"
        time.sleep(1)


def test_an_idle_module_keeps_no_memory(target):
    guest = target.guest
    disk = mapped(guest, "held", "0 65536 linear /dev/ram0 0")
    with target.exported(1, 1, disk) as client:
        unused = memory_in_use(guest)
        for sectors in (SECTORS, 8):
            guest.run("dmsetup suspend --noflush --nolockfs held")
            for number in range(MOST):
                raw = client.ata_frame(READ_EXT, 8 * number, sectors)
                source = bytes((2, 0, 0, 1, 0, number // EACH))
                client.neighbour.send(raw[:6] + source + raw[12:])
            guest.run("dmsetup resume held")
            for _ in range(MOST):
                assert client.receive(lambda _frame: True)
        kept = memory_in_use(guest) - unused
        assert kept > KEPT, "hardly any memory was kept: not a test"
        end = time.monotonic() + 60
        while (left := memory_in_use(guest) - unused) > KEPT:
            assert time.monotonic() < end, f"{left} KiB of {kept} are still kept"
            time.sleep(1)
        print(f"{kept} KiB kept after the requests, {left} KiB when idle")
        # And all is as before.
        assert len(client.read(8, SECTORS)) == SECTORS * 512
    guest.run("dmsetup remove held")
