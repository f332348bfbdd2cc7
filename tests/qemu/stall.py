# SPDX-License-Identifier: GPL-2.0
"""All that can stand still, for long: `make test-stall`, an hour and a half on two cores.

Each prints a line for the table of docs/reliability.md: how long it stood still, and how long the
client did.
"""

import time

import pytest

from beds import mapped
from lab import Disk
from pairs import pair_of
from stalls import Files, Requests, cut, frozen

SECTORS = 400_000
# Seconds after the end within which the client has gone on; or so much of the time that it lasted.
GRACE, PART = 6, 0.1
FREEZES = (1, 5, 10, 20, 50, 65, 170)
CLIENTS = ("files", "randread-1", "randwrite-1", "randrw-16", "randwrite-64")
NETEM = "modprobe sch_netem; tc qdisc add dev eth0 root netem loss 1%"
# In sectors: a thin pool's blocks, its data before it is extended, and after.
BLOCK, SMALL, LARGE = 128, 60_032, 200_064


@pytest.fixture(scope="module")
def pair():
    disks = [Disk(SECTORS * 512), Disk(16 << 20)]
    with pair_of("stall", disks, modules=["dm-thin-pool"]) as pair:
        yield pair


@pytest.fixture
def say(capsys, request):
    """Prints a row, and asserts that the client has gone on soon enough."""

    def row(lasted: float, client, grace: float = GRACE) -> None:
        with capsys.disabled():
            print(f"\n| {request.node.name} | {lasted:.1f} s | {client.outage:.1f} s |")
        assert client.outage - lasted < max(grace, PART * lasted)

    return row


@pytest.fixture
def device(pair):
    """A disk that can be frozen, and a client that has used it for a while."""
    disk = mapped(pair.target, "held", f"0 {SECTORS} linear /dev/sda 0")
    with pair.exported(1, disk) as device:
        pair.initiator.run(f"dd if={device} of=/dev/null bs=64k count=100 iflag=direct")
        yield device
    pair.target.run("dmsetup remove held")


def client_of(pair, device: str, what: str, seconds: float):
    """`files`, or requests: how, and how many at a time."""
    if what == "files":
        return Files(pair.initiator, device)
    how, depth = what.split("-")
    return Requests(pair.initiator, device, how, int(depth), seconds + 25)


def stand_still(client, seconds: float, stall) -> float:
    """Returns how long it lasted."""
    with client:
        began = time.monotonic()
        with stall:
            time.sleep(seconds)
        lasted = time.monotonic() - began
        client.go_on(400)
    return lasted


@pytest.mark.parametrize("what", CLIENTS)
@pytest.mark.parametrize("seconds", FREEZES)
def test_a_disk(pair, device, say, what, seconds):
    client = client_of(pair, device, what, seconds)
    say(stand_still(client, seconds, frozen(pair.target, "held")), client)


@pytest.mark.parametrize("what", ["files", "randrw-16"])
@pytest.mark.parametrize("seconds", [10, 50])
def test_a_disk_behind_a_wire_that_loses_one_in_a_hundred(pair, device, say, what, seconds):
    client = client_of(pair, device, what, seconds)
    pair.both(NETEM)
    try:
        lasted = stand_still(client, seconds, frozen(pair.target, "held"))
    finally:
        pair.both("tc qdisc del dev eth0 root")
    say(lasted, client, grace=15)


@pytest.mark.parametrize("seconds", [20, 50])
def test_a_thin_pool_that_is_full_and_extended(pair, say, seconds):
    run = pair.target.run
    pool = f"thin-pool /dev/sdb /dev/sda {BLOCK} 0 1 skip_block_zeroing"
    run("dd if=/dev/zero of=/dev/sdb bs=64k count=1 oflag=direct")
    run(f"dmsetup create pool --table '0 {SMALL} {pool}'")
    run("dmsetup message pool 0 'create_thin 0'")
    disk = mapped(pair.target, "held", "0 300000 thin /dev/mapper/pool 0")
    with pair.exported(1, disk) as device:
        pair.initiator.run(f"dd if={device} of=/dev/null bs=64k count=100 iflag=direct")
        files = Files(pair.initiator, device)
        with files:
            fill = pair.initiator.spawn("dd if=/dev/zero of=/mnt/large bs=64k count=600 conv=fsync")
            while "out_of_data_space" not in run("dmsetup status pool").stdout:
                assert fill.poll() is None, "the pool is not full"
                time.sleep(0.1)
            began = time.monotonic()
            time.sleep(seconds)
            run(f"dmsetup suspend --noflush pool; dmsetup load pool --table '0 {LARGE} {pool}'")
            run("dmsetup resume pool")
            lasted = time.monotonic() - began
            files.go_on(400)
            fill.wait(timeout=400)
    run("dmsetup remove held; dmsetup remove pool")
    say(lasted, files)


@pytest.mark.parametrize(("delay", "minutes"), [(0.5, 2), (2, 10), (8, 3), (30, 4)])
def test_a_disk_that_is_slow_for_minutes(pair, capsys, delay, minutes):
    """Each request takes as long as it says, and not much more."""
    pair.target.run("modprobe dm-delay")
    disk = mapped(pair.target, "slow", f"0 {SECTORS} delay /dev/sda 0 {int(delay * 1000)}")
    with pair.exported(1, disk) as device:
        client = Requests(pair.initiator, device, "randrw", 4, minutes * 60)
        with client:
            pass
    pair.target.run("dmsetup remove slow")
    with capsys.disabled():
        print(f"\n| {delay} s each, {minutes} minutes | {client.done} | {client.outage:.1f} s |")
    assert client.done >= 4 * minutes * 60 / delay / 3
    assert client.outage < 3 * delay + GRACE


@pytest.mark.parametrize("what", ["files", "randrw-16"])
@pytest.mark.parametrize("seconds", [5, 20, 60])
def test_a_wire(pair, device, say, what, seconds):
    client = client_of(pair, device, what, seconds)
    say(stand_still(client, seconds, cut(pair.target, pair.initiator)), client)


@pytest.mark.parametrize("seconds", [5, 30])
def test_a_module_that_is_loaded_again(pair, device, say, seconds):
    client = client_of(pair, device, "files", seconds)
    run = pair.target.run
    disk = run("cat /sys/kvblade/0.1@eth0/bpath").stdout.strip()
    with client:
        began = time.monotonic()
        run("modprobe -r kvblade_rs")
        time.sleep(seconds)
        run(f"modprobe kvblade_rs && kvadd 0 1 eth0 {disk}")
        lasted = time.monotonic() - began
        client.go_on(400)
    say(lasted, client)


def test_a_target_that_is_started_again(pair, say):
    """The last one: what was mapped is gone."""
    pair.target.run("kvadd 0 1 eth0 /dev/sda")
    try:
        pair.initiator.run("aoe-discover")
        pair.wait_up(1)
        device = "/dev/etherd/e0.1"
        pair.initiator.run(f"dd if={device} of=/dev/null bs=64k count=100 iflag=direct")
        client = client_of(pair, device, "files", 60)
        with client:
            began = time.monotonic()
            pair.cut_power()
            pair.target.run("kvadd 0 1 eth0 /dev/sda")
            lasted = time.monotonic() - began
            client.go_on(400)
        say(lasted, client)
    finally:
        pair.target.run("kvdel 0 1 eth0")
