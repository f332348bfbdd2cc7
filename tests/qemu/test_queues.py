# SPDX-License-Identifier: GPL-2.0
"""What docs/receive-queues.md says: by which receive queue frames come, on which processor they are
taken, and by which queue replies leave. On cards with a queue for each processor.
"""

import itertools
import re
import struct
import time

import pytest

from aoeframes import READ_EXT, mac_bytes
from lab import Disk, Guest, Nic, Wire, find_leaks
from testbeds import Bed, assert_decoded

SHELF, SLOT = 5, 1
# As many initiators, VLANs and IP addresses: chance puts them all on one side once in 32,768 times.
MANY = 16
BURST = 2 * MANY
VLANS = range(101, 101 + MANY)
QUEUES = "/sys/class/net/{card}/queues/{queue}"
# Each interrupt is for the first processor, and nothing else is set.
PLAIN = """
for card in eth0 eth1; do
    echo 1 >$(dirname /proc/irq/*/$card-rx-0)/smp_affinity
    echo 0 >/sys/class/net/$card/threaded
    for file in /sys/class/net/$card/queues/*/[rx]ps_cpus; do echo 0 >$file; done
done
"""


@pytest.fixture(scope="module")
def target():
    wires = [Wire() for _ in range(2)]
    neighbours = [wire.host(f"02:00:00:00:01:{i:02x}") for i, wire in enumerate(wires)]
    # Each has virtual functions, 16 slots behind it.
    models = ("igb,addr=0x8", "igb,addr=0xc")
    nics = [Nic(wire.ends[0], model=it) for wire, it in zip(wires, models, strict=True)]
    guest = Guest("queues", disks=[Disk(1 << 20)], nics=nics, modules=["igb"])
    try:
        with guest:
            guest.run("modprobe -a igb 8021q kvblade_rs")
            for card in ("eth0", "eth1"):
                guest.run(
                    f"ip link set {card} up\n"
                    f"until grep -q 1 /sys/class/net/{card}/carrier; do sleep 0.1; done"
                )
                guest.run(f"kvadd {SHELF} {SLOT} {card} /dev/sda force=1")
            yield Bed(guest, neighbours)
            guest.run(f"kvdel {SHELF} {SLOT} eth0; kvdel {SHELF} {SLOT} eth1")
            trouble = find_leaks(guest)
            assert not trouble, "\n".join(trouble)
    finally:
        for neighbour in neighbours:
            neighbour.close()
    assert_decoded(guest)


@pytest.fixture
def guest(target):
    target.guest.run(PLAIN)
    return target.guest


def irq(target: Bed, port: int, cpu: int) -> None:
    """The interrupt of the card's first queue is for this processor, from the next one on."""
    file = f"$(dirname /proc/irq/*/eth{port}-rx-0)/smp_affinity"
    target.guest.run(f"echo {1 << cpu:x} >{file}")
    burst(target, port)


def steer(guest: Guest, card: str, mask: int) -> None:
    """What comes by the card is taken by these processors."""
    guest.run(f"for q in /sys/class/net/{card}/queues/rx-*; do echo {mask:x} >$q/rps_cpus; done")


def burst(target: Bed, port: int = 0, vlans: range | None = None) -> list[int]:
    """Sends requests of many initiators, or on many VLANs: how many frames each processor takes."""
    client = target.client(SHELF, SLOT, port)
    client.neighbour.drain()
    before = taken(target.guest)
    tags = set()
    for number, vlan in zip(range(BURST), itertools.cycle(vlans or [None]), strict=False):
        source = f"02:00:00:00:02:{number % MANY:02x}"
        frame = client.ata_frame(READ_EXT, number, src=source)
        if vlan is None:
            tags.add(frame[20:24])
        else:
            frame = frame[:12] + struct.pack(">HH", 0x8100, vlan) + frame[12:]
        client.neighbour.send(frame)
    while tags:
        raw = client.receive(lambda frame: frame[20:24] in tags)
        assert raw is not None, "not all are answered"
        tags.remove(raw[20:24])
    if vlans:
        # They are for interfaces without exports.
        target.guest.run("sleep 0.5")
    return [now - was for now, was in zip(taken(target.guest), before, strict=True)]


def taken(guest: Guest) -> list[int]:
    """The frames that each processor has taken."""
    return [
        int(line.split()[0], 16)
        for line in guest.run("cat /proc/net/softnet_stat").stdout.splitlines()
    ]


def by_queue(guest: Guest, way: str, card: str = "eth0") -> list[int]:
    """The frames that have come (`rx`) or left (`tx`) by each queue."""
    text = guest.run(f"sleep 0.2; ethtool -S {card}").stdout
    return [int(count) for count in re.findall(rf" {way}_queue_\d+_packets: (\d+)", text)]


def gained(before: list[int], after: list[int]) -> list[int]:
    return [now - was for now, was in zip(after, before, strict=True)]


def assert_on(cpu: int, frames: list[int]) -> None:
    """One of the two processors has taken them, but for some that came while that was set."""
    assert frames[cpu] >= BURST * 3 / 4 and frames[1 - cpu] < BURST / 4, frames


def ip_frame(client, number: int) -> bytes:
    """A UDP datagram that differs from others in its source."""
    head = struct.pack(
        ">BBHHHBBH4s4s",
        0x45,
        0,
        46,
        0,
        0,
        64,
        17,
        0,
        bytes([10, 9, 1, number]),
        bytes([10, 9, 0, 1]),
    )
    total = sum(struct.unpack(">10H", head))
    check = 0xFFFF ^ ((total & 0xFFFF) + (total >> 16))
    head = head[:10] + struct.pack(">H", check) + head[12:]
    udp = struct.pack(">HHHH", 1000 + number, 9, 26, 0) + bytes(18)
    return mac_bytes(client.mac) + mac_bytes(client.neighbour.mac) + b"\x08\x00" + head + udp


def test_a_card_puts_all_of_aoe_into_one_queue(target, guest):
    """Of however many initiators it is, while it spreads IP over all."""
    queues = by_queue(guest, "rx")
    assert len(queues) == 2
    burst(target)
    aoe = gained(queues, by_queue(guest, "rx"))
    assert aoe[0] >= BURST and aoe[1] == 0, aoe
    client = target.client(SHELF, SLOT)
    queues = by_queue(guest, "rx")
    for number in range(MANY):
        client.neighbour.send(ip_frame(client, number))
    deadline = time.monotonic() + 30
    while sum(ip := gained(queues, by_queue(guest, "rx"))) < MANY and time.monotonic() < deadline:
        pass
    assert sum(ip) == MANY and min(ip) > 0, ip


def test_its_interrupt_tells_the_processor(target, guest):
    for cpu in (1, 0):
        irq(target, 0, cpu)
        frames = burst(target)
        assert_on(cpu, frames)


def test_rps_takes_all_initiators_for_one_flow(target, guest):
    """It tells flows by IP, and by the VLAN, not by MAC addresses."""
    steer(guest, "eth0", 3)
    frames = burst(target)
    assert_on(frames.index(max(frames)), frames)
    # So with more than one processor in the mask nothing is won, and with one it is that.
    for cpu in (1, 0):
        steer(guest, "eth0", 1 << cpu)
        frames = burst(target)
        assert_on(cpu, frames)


def test_rps_tells_vlans_apart(target, guest):
    make = [f"link add link eth0 name v{it} up type vlan id {it}" for it in VLANS]
    guest.run("ip -batch - <<'END'\n" + "\n".join(make) + "\nEND")
    try:
        steer(guest, "eth0", 3)
        frames = burst(target, vlans=VLANS)
        assert min(frames) >= BURST / MANY, frames
    finally:
        guest.run("ip -batch - <<'END'\n" + "\n".join(f"link del v{it}" for it in VLANS) + "\nEND")


def test_several_interfaces_have_a_processor_each(target, guest):
    for port in (0, 1):
        irq(target, port, port)
    for port in (0, 1):
        frames = burst(target, port)
        assert_on(port, frames)


def test_a_thread_takes_the_frames_where_it_may_run(target, guest):
    """With threaded NAPI the scheduler chooses, or the administrator."""
    guest.run("echo 1 >/sys/class/net/eth0/threaded")
    assert len(guest.run("pgrep '^napi/eth0'").stdout.split()) >= 2
    for cpu in (1, 0):
        guest.run(f"for it in $(pgrep '^napi/eth0'); do taskset -p {1 << cpu:x} $it; done")
        frames = burst(target)
        assert_on(cpu, frames)


def test_replies_leave_by_the_queue_of_their_requests_unless_xps_is_set(target, guest):
    queues = by_queue(guest, "tx")
    burst(target)
    left = gained(queues, by_queue(guest, "tx"))
    assert left[0] >= BURST and left[1] < BURST / 4, left
    # All processors that send have the second queue.
    guest.run(f"echo 3 >{QUEUES.format(card='eth0', queue='tx-1')}/xps_cpus")
    queues = by_queue(guest, "tx")
    burst(target)
    left = gained(queues, by_queue(guest, "tx"))
    assert left[1] >= BURST and left[0] < BURST / 4, left
