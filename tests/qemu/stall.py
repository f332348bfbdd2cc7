# SPDX-License-Identifier: GPL-2.0
"""All that can stand still, for long: `make test-stall`, three quarters of an hour on two cores.

Each prints a line for the table of docs/reliability.md: how long it stood still, and how long each
client had no answer. Several clients are there at the same time, each with a disk of its own.
"""

import contextlib
import time

import pytest

from lab import Disk
from pairs import Pair, pair_of
from stalls import (
    RESUME,
    SUSPEND,
    Files,
    Requests,
    client_of,
    cut,
    export,
    frozen,
    stand_still,
    unloaded,
)
from testbeds import mapped

SECTORS = 400_000
# Seconds after the end within which a client has gone on; or so much of the time that it lasted.
GRACE, PART = 6, 0.1
CLIENTS = ("files", "randread-1", "randwrite-1", "randrw-16", "randwrite-64")
# Of a disk for each client.
PIECE = SECTORS // len(CLIENTS)
# How long requests go on after a stall.
AFTER = 15
NETEM = "modprobe sch_netem; tc qdisc add dev eth0 root netem loss 1%"
# In sectors: a thin pool's blocks, its data before it is extended, and after.
BLOCK, SMALL, LARGE = 128, 60_032, 200_064
# Said by the target's kernel of its pool.
FULL = "device-mapper: thin"
# Answers what is on the disk, as ours does.
VBLADE = "vblade -d -s 0 {slot} eth0 {disk} >/dev/null 2>&1 </dev/null & echo $! >>/run/vblade.pids"


@pytest.fixture(scope="module")
def pair():
    disks = [Disk(SECTORS * 512), Disk(16 << 20)]
    with pair_of("stall", disks, modules=["dm-thin-pool"]) as pair:
        yield pair


def pieces(pair: Pair, name: str, count: int = len(CLIENTS)) -> list[str]:
    """Disks that can be frozen, one for each client."""
    return [
        mapped(pair.target, f"{name}{i}", f"0 {PIECE} linear /dev/sda {i * PIECE}")
        for i in range(count)
    ]


def warmed_up(pair: Pair, device: str) -> str:
    """Answers make the driver's timeouts short."""
    pair.initiator.run(f"dd if={device} of=/dev/null bs=64k count=100 iflag=direct")
    return device


@pytest.fixture(scope="module")
def devices(pair):
    """At the client, a device for each of the clients' kinds, in their order."""
    with contextlib.ExitStack() as stack:
        exports = [
            stack.enter_context(pair.exported(slot, disk))
            for slot, disk in enumerate(pieces(pair, "held"), 1)
        ]
        yield [warmed_up(pair, device) for device in exports]


@pytest.fixture
def say(capsys, request):
    """Prints a row, and asserts that all clients have gone on soon enough."""

    def row(lasted: float, clients: list, grace: float = GRACE) -> None:
        outages = ", ".join(f"{client.name} {client.outage:.1f} s" for client in clients)
        with capsys.disabled():
            print(f"\n| {request.node.name} | {lasted:.1f} s | {outages} |", flush=True)
        assert max(client.outage for client in clients) - lasted < max(grace, PART * lasted)

    return row


def all_clients(pair: Pair, devices: list[str], seconds: float) -> list:
    kinds = zip(devices, CLIENTS, strict=True)
    return [
        client_of(pair.initiator, device, what, seconds + AFTER + 5 * (what != "files"))
        for device, what in kinds
    ]


def all_held(pair: Pair):
    return frozen(pair.target, *(f"held{i}" for i in range(len(CLIENTS))))


@pytest.mark.parametrize("seconds", [1, 5, 10, 20, 50, 65, 170])
def test_disks(pair, devices, say, seconds):
    clients = all_clients(pair, devices, seconds)
    say(stand_still(clients, seconds, all_held(pair)), clients)


@pytest.mark.parametrize("seconds", [10, 50])
def test_disks_behind_a_wire_that_loses_one_in_a_hundred(pair, devices, say, seconds):
    clients = all_clients(pair, devices, seconds)
    pair.both(NETEM)
    try:
        lasted = stand_still(clients, seconds, all_held(pair))
    finally:
        pair.both("tc qdisc del dev eth0 root")
    say(lasted, clients, grace=15)


@pytest.mark.parametrize("seconds", [5, 20, 60])
def test_a_wire(pair, devices, say, seconds):
    clients = all_clients(pair, devices, seconds)
    say(stand_still(clients, seconds, cut(pair.target, pair.initiator)), clients)


@contextlib.contextmanager
def powerless(pair: Pair):
    """The target is not there."""
    pair.cut_power(allowed=[FULL])
    yield
    export(pair.target, pieces(pair, "held"))


@pytest.mark.parametrize("seconds", [1, 5, 30])
def test_a_module_that_is_loaded_again(pair, devices, say, seconds):
    clients = all_clients(pair, devices, seconds + 10)
    say(stand_still(clients, seconds, unloaded(pair.target)), clients)


@pytest.mark.kernel_log(allow=[FULL])
@pytest.mark.parametrize("seconds", [20, 50])
def test_a_thin_pool_that_is_full_and_extended(pair, say, seconds):
    run = pair.target.run
    pool = f"thin-pool /dev/sdb /dev/sda {BLOCK} 0 1 skip_block_zeroing"
    run("dd if=/dev/zero of=/dev/sdb bs=64k count=1 oflag=direct")
    path = mapped(pair.target, "pool", f"0 {SMALL} {pool}")
    run("dmsetup message pool 0 'create_thin 0'; dmsetup message pool 0 'create_thin 1'")
    disk, other = (mapped(pair.target, f"thin{n}", f"0 300000 thin {path} {n}") for n in (0, 1))
    with pair.exported(9, disk) as device:
        warmed_up(pair, device)
        # Another has most of the room; the client gets a little, and then none.
        run(f"dd if=/dev/zero of={other} bs=64k count={SMALL // BLOCK - 20} oflag=direct")
        client = Requests(pair.initiator, device, "randwrite", 16, seconds + AFTER + 20)
        with client:
            run("until dmsetup status pool | grep -q out_of_data_space; do sleep 0.1; done")
            began = time.monotonic()
            time.sleep(seconds)
            run(f"dmsetup suspend --noflush pool; dmsetup load pool --table '0 {LARGE} {pool}'")
            run("dmsetup resume pool")
            lasted = time.monotonic() - began
    run("dmsetup remove thin0; dmsetup remove thin1; dmsetup remove pool")
    say(lasted, [client])


def test_disks_that_are_slow_for_ten_minutes(pair, capsys):
    """Each request takes as long as it says, and not much more."""
    delays, minutes = (0.5, 2, 8, 30), 10

    def table(i: int, delay: float) -> str:
        return f"0 {PIECE} delay /dev/sda {i * PIECE} {int(delay * 1000)}"

    def become(i: int, delay: float) -> None:
        load = f"dmsetup suspend --noflush --nolockfs slow{i}; echo '{table(i, delay)}' |"
        pair.target.run(f"{load} dmsetup load slow{i}; dmsetup resume slow{i}", timeout=120)

    pair.target.run("modprobe dm-delay")
    with contextlib.ExitStack() as stack:
        clients = []
        for i in range(len(delays)):
            disk = mapped(pair.target, f"slow{i}", table(i, 0))
            device = stack.enter_context(pair.exported(10 + i, disk))
            clients.append(Requests(pair.initiator, device, "randrw", 4, minutes * 60))
        for i, delay in enumerate(delays):
            become(i, delay)
            stack.callback(become, i, 0)
        with contextlib.ExitStack() as running:
            for client in clients:
                running.enter_context(client)
    for i, (delay, client) in enumerate(zip(delays, clients, strict=True)):
        with capsys.disabled():
            print(f"\n| {delay} s each | {client.done} done | {client.outage:.1f} s |", flush=True)
        pair.target.run(f"dmsetup remove slow{i}")
        assert client.done >= 4 * minutes * 60 / delay / 3
        assert client.outage < 3 * delay + GRACE


def test_vblade_beside(pair, capsys):
    """What it costs there, on disks that stand still at the same time, for longer and longer.
    Nothing is asserted of that."""
    target, initiator = pair.target, pair.initiator
    seconds = (1, 5, 10, 20)
    slots = range(21, 21 + len(seconds))
    disks = pieces(pair, "theirs", len(seconds))
    names = [f"theirs{i}" for i in range(len(seconds))]
    for slot, disk in zip(slots, disks, strict=True):
        target.run(VBLADE.format(slot=slot, disk=disk))
    initiator.run("sleep 1; aoe-discover")
    for slot in slots:
        pair.wait_up(slot)
    clients = [Files(initiator, warmed_up(pair, f"/dev/etherd/e0.{slot}")) for slot in slots]
    with contextlib.ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
        began, lasted = time.monotonic(), []
        target.run(SUSPEND.format(name=" ".join(names)))
        for name, until in zip(names, seconds, strict=True):
            time.sleep(max(0, began + until - time.monotonic()))
            target.run(RESUME.format(name=name))
            lasted.append(time.monotonic() - began)
        for client in clients:
            client.go_on(400)
    for length, client in zip(lasted, clients, strict=True):
        with capsys.disabled():
            print(f"\n| vblade | {length:.1f} s | files {client.outage:.1f} s |", flush=True)
    target.run("kill $(cat /run/vblade.pids)")
    for slot, name in zip(slots, names, strict=True):
        initiator.run(f"aoe-flush e0.{slot}")
        target.run(f"until dmsetup remove {name}; do sleep 0.1; done")


def test_a_target_that_is_started_again(pair, devices, say):
    """The last one: it has less then than a target of this file."""
    clients = all_clients(pair, devices, 60)
    say(stand_still(clients, 0, powerless(pair)), clients)
