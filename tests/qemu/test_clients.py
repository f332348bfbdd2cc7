# SPDX-License-Identifier: GPL-2.0
"""Initiators that are not Linux's: the frames that they send, in their order, and what they go by.

docs/clients.md tells what each of them needs. iPXE itself is in test_ipxe.py.
"""

import pytest

from aoeframes import (
    ANY_SHELF,
    ANY_SLOT,
    BROADCAST,
    CONFIG_FIXED,
    HEADER,
    IDENTIFY,
    MINIMUM,
    OK,
    READ_EXT,
    WRITE_EXT,
    Identity,
)
from lab import Disk
from listframes import READ, SET, reserve_frame
from testbeds import SECTOR, bed, fill, pattern, sectors_of

SHELF, SLOT = 2, 7
SECTORS = 4096
ALL = {"dst": BROADCAST, "shelf": ANY_SHELF, "slot": ANY_SLOT}
SET_FEATURES, FLUSH = 0xEF, 0xE7
RELEASE = ()


@pytest.fixture(scope="module")
def target():
    disk = Disk(SECTORS * SECTOR)
    fill(disk.path, 0, pattern(0, 64))
    with bed("clients", [disk], nics=2) as target:
        for card in ("eth0", "eth1"):
            target.guest.run(f"ip link set {card} mtu 9000")
        with target.exported(SHELF, SLOT, "/dev/sda"):
            yield target


@pytest.fixture
def client(target):
    client = target.client(SHELF, SLOT)
    client.neighbour.drain()
    return client


@pytest.fixture
def second(target, client):
    """The same client by its second card, to the same disk."""
    with target.exported(SHELF, SLOT, "/dev/sda", port=1) as second:
        second.neighbour.drain()
        yield second


@pytest.mark.parametrize("mtu", [1500, 9000])
def test_winaoe_finds_the_size_of_frames_by_trying(target, client, mtu):
    """It asks no config: it tries one sector more each time, and ignores the status."""
    target.guest.run(f"ip link set eth0 mtu {mtu}")
    try:
        identity = Identity(client.identify(**ALL))
        assert identity.capacity == SECTORS, "it knows no other place for the size"
        most = (mtu - 22) // SECTOR
        for count in range(1, most + 1):
            answer = client.ask(client.ata_frame(READ_EXT, 0, count))
            assert answer.raw[36:] == pattern(0, count)
        over = client.ask(client.ata_frame(READ_EXT, 0, most + 1))
        assert len(over.raw) == MINIMUM, "a short answer is what ends it"
    finally:
        target.guest.run("ip link set eth0 mtu 9000")


def test_winaoe_asks_again_under_the_same_tag(target, client):
    data = pattern(100, 2, seed=1)
    for request in (
        client.ata_frame(READ_EXT, 4, 2, tag=0x1234),
        client.ata_frame(WRITE_EXT, 100, 2, data, tag=0x1235),
    ):
        first = client.insist(request)
        assert client.insist(request).raw == first.raw
    assert sectors_of(target.guest.disks[0].path, 100, 2) == data


def test_9front_queries_and_identifies(client):
    """It goes by the low nibble of the byte with version and command, and by the LBA bit."""
    reply = client.config_query(tag=0, pad=MINIMUM, **ALL)
    assert reply.config_command & 0x0F == 0
    identity = Identity(client.identify())
    assert identity.word(49) & 1 << 9
    assert identity.serial.strip(), "by which it knows that the disk is another"


def test_9front_falls_back_to_small_frames_by_another_card(target, client, second):
    """What a large frame has not brought, it asks for in a small one under the same tag."""
    large = client.insist(client.ata_frame(READ_EXT, 0, 17, tag=0x77))
    assert large.raw[36:] == pattern(0, 17)
    small = second.insist(second.ata_frame(READ_EXT, 0, 2, tag=0x77))
    assert small.raw[36:] == pattern(0, 2), "no more than what was asked for"
    data = pattern(200, 17, seed=2)
    assert client.insist(client.ata_frame(WRITE_EXT, 200, 17, data, tag=0x78)).registers == OK
    part = data[: 2 * SECTOR]
    assert second.insist(second.ata_frame(WRITE_EXT, 200, 2, part, tag=0x78)).registers == OK
    assert sectors_of(target.guest.disks[0].path, 200, 17) == data


def test_illumos_sets_its_features_and_flushes(target, client):
    """It warns of every command that fails, and goes by the extended bit for none of these."""
    client.identify()
    for feature in (0x02, 0x82):
        assert client.ata(SET_FEATURES, features=feature, count=0).registers == OK
    data = pattern(300, 16, seed=3)
    client.write(300, data)
    assert client.ata(FLUSH, count=0, aflags=0x40).registers == OK
    assert sectors_of(target.guest.disks[0].path, 300, 16) == data


def test_illumos_locks_a_disk_of_a_cluster(client):
    mine = client.neighbour.mac

    def held(request: bytes) -> bytes:
        reply = client.ask(request)
        assert reply.error is None
        return reply.raw[HEADER + 2 : HEADER + 2 + 6 * reply.raw[HEADER + 1]]

    for request in (reserve_frame(client, SET, mine), reserve_frame(client, READ)):
        assert held(request) == bytes.fromhex(mine.replace(":", ""))
    for request in (reserve_frame(client, SET, *RELEASE), reserve_frame(client, READ)):
        assert held(request) == b""


def test_nmap_discovers_if_the_wire_pads(client):
    """It sends the header of a query only, which a real card makes 60 bytes of."""
    header = client.frame(1, b"", **ALL)
    assert len(header) == HEADER
    reply = client.ask(header.ljust(MINIMUM, b"\0"))
    assert (reply.shelf, reply.slot, reply.config) == (SHELF, SLOT, b"")
    client.assert_silent(header)
    assert len(client.config_frame()) == CONFIG_FIXED


def test_who_identifies_everybody_at_once_is_answered(client):
    reply = client.ask(client.ata_frame(IDENTIFY, lba=0xA0 << 24, tag=0, **ALL))
    assert Identity(reply.data).capacity == SECTORS
