# SPDX-License-Identifier: GPL-2.0
"""ATA commands over AoE, frame by frame, checked on the disk's file on the host."""

import random

import pytest

from aoeframes import (
    ABRT,
    ANY_SHELF,
    ANY_SLOT,
    ASYNC,
    BROADCAST,
    EXTENDED,
    IDNF,
    OK,
    READ,
    READ_DMA,
    READ_DMA_EXT,
    READ_EXT,
    WRITE,
    WRITE28,
    WRITE_DMA,
    WRITE_DMA_EXT,
    WRITE_EXT,
    WRITE_FUA_EXT,
    Identity,
)
from lab import Disk
from testbeds import SECTOR, bed, fill, pattern, sectors_of

SHELF, SLOT = 3, 4
# Odd, and beyond 24 bits of an LBA.
SECTORS = (1 << 25) + 3
HIGH = (1 << 24) + 5
WILDCARD = {"shelf": ANY_SHELF, "slot": ANY_SLOT}


@pytest.fixture(scope="module")
def target():
    disk = Disk(SECTORS * SECTOR)
    for lba in (0, HIGH, SECTORS - 20):
        fill(disk.path, lba, pattern(lba, 20))
    with bed("ata", [disk]) as target:
        yield target


@pytest.fixture(scope="module")
def export(target):
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        yield client


@pytest.fixture
def client(export):
    export.neighbour.drain()
    return export


@pytest.fixture
def disk(target):
    """The disk's file."""
    return target.guest.disks[0].path


@pytest.fixture
def jumbo(target, client):
    target.guest.run("ip link set eth0 mtu 9000")
    yield client
    target.guest.run("ip link set eth0 mtu 1500")


# IDENTIFY DEVICE.

# Words with one right value, and those that depend on the device or on settings.
FIXED = {
    **{0: 0x0040, 2: 0xC837, 3: 16, 6: 63, 47: 0x8000, 48: 0x4000, 49: 0x0B00, 50: 0x4000},
    **{53: 7, 55: 16, 56: 63, 63: 7, 64: 3, 65: 0x78, 66: 0x78, 67: 0x78, 68: 0x78},
    **{80: 0x03F0, 82: 0x4068, 83: 0x7400, 85: 0x4048, 86: 0x3400, 88: 0x203F, 93: 0x400B},
}
VARIABLE = {1, 54, 57, 58, 60, 61, *range(10, 20), *range(23, 47), 69, 84, 87, *range(100, 104)}
VARIABLE |= {105, 106, *range(108, 112), 169, 209, 217, 255}


@pytest.mark.parametrize("how", [{}, {"count": 0}, {"data": bytes(range(256)) * 4}])
def test_c01_c02_identify(client, how):
    identity = Identity(client.identify(**how))
    assert identity.capacity == SECTORS
    assert identity.capacity28 == SECTORS
    assert {word: identity.word(word) for word in FIXED} == FIXED
    assert identity.word(1) == identity.word(54) == 16383
    assert identity.word(57, 2) == 16383 * 16 * 63
    assert identity.word(84) & 0xC000 == 0x4000
    assert identity.word(87) == identity.word(84)
    assert identity.word(106) & 0xD000 == 0x4000
    others = set(range(256)) - VARIABLE - FIXED.keys()
    assert {word: value for word in others if (value := identity.word(word))} == {}


def test_c03_identify_in_a_large_frame(jumbo):
    assert jumbo.identify(data=bytes(8704)) == jumbo.identify()


@pytest.mark.parametrize("address", [{}, WILDCARD])
@pytest.mark.parametrize("lba", [0, 0xA0 << 24])
def test_c04_identify_by_broadcast(client, address, lba):
    assert client.identify(dst=BROADCAST, lba=lba, **address) == client.identify()


def test_c06_checksum_and_strings(client):
    block = client.identify()
    identity = Identity(block)
    assert block[510] == 0xA5
    assert sum(block) % 256 == 0
    for text in (identity.serial, identity.model, identity.firmware):
        assert text.isprintable() and text.strip()
        assert not text.startswith(" ")


def test_model_and_serial_can_be_set(target, client):
    folder = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
    target.guest.run(f"echo 'My Disk' >{folder}/model; echo AB12 >{folder}/sn")
    block = client.identify()
    assert Identity(block).model == "My Disk".ljust(40)
    assert Identity(block).serial == "AB12".ljust(20)
    assert block[20:24] == b"BA21", "the characters of a pair are swapped"
    assert sum(block) % 256 == 0


def test_what_identify_tells_depends_on_the_address_and_not_on_the_path(target):
    """Two nodes of a cluster may know the same disk by different paths."""
    target.guest.run(f"kvdel {SHELF} {SLOT} eth0 && ln -s /dev/sda /root/replica")
    try:
        with target.exported(SHELF, SLOT, "/dev/sda") as one:
            here = one.identify()
        with target.exported(SHELF, SLOT, "/root/replica") as there:
            assert there.identify() == here
        with target.exported(SHELF, SLOT + 1, "/root/replica") as other:
            assert Identity(other.identify()).serial != Identity(here).serial
    finally:
        target.guest.run(f"kvadd {SHELF} {SLOT} eth0 /dev/sda force=1")


# Reading.


@pytest.mark.parametrize("opcode", [READ, READ_EXT, READ_DMA, READ_DMA_EXT])
@pytest.mark.parametrize("lba", [0, 3, HIGH, SECTORS - 2])
def test_c10_c13_c21_reads(client, opcode, lba):
    for count in (1, 2):
        assert client.read(lba, count, opcode) == pattern(lba, count)


def test_c11_more_than_the_mtu_holds(client):
    assert client.ata(READ_EXT, 0, 3).registers == ABRT


def test_c12_junk_payload(client):
    reply = client.ata(READ_EXT, 1, 2, data=b"\xed" * 1024)
    assert (reply.registers, reply.data) == (OK, pattern(1, 2))


def test_c13_device_bits_are_ignored(client):
    reply = client.ata(READ, (0x50 << 24) | HIGH)
    assert (reply.registers, reply.data) == (OK, pattern(HIGH))


@pytest.mark.parametrize("opcode", [READ, READ_EXT])
def test_c14_c16_the_end(client, opcode):
    assert client.read(SECTORS - 1, 1, opcode) == pattern(SECTORS - 1)
    device = 0xE0000000 if opcode == READ else 0
    for lba, count in ((SECTORS, 1), (SECTORS - 1, 2), (SECTORS + 7, 2)):
        reply = client.ata(opcode, lba, count)
        assert reply.registers == IDNF
        # The first sector that is not there.
        assert reply.lba == max(lba, SECTORS) | device


@pytest.mark.parametrize("lba", [(1 << 48) - 1, (1 << 48) - 2, (1 << 32) + 1, 1 << 47])
def test_c17_far_past_the_end(client, lba):
    assert client.ata(READ_EXT, lba, 2).registers == IDNF


def test_c18_count_0_and_wrong_direction(client):
    for opcode in (READ, READ_EXT):
        assert client.ata(opcode, 0, 0).registers == ABRT
    assert client.ata(READ_EXT, aflags=EXTENDED | WRITE).registers == ABRT
    assert client.ata(READ, aflags=WRITE).registers == ABRT


def test_c20_the_opcode_tells_the_width(client):
    assert client.ata(READ_EXT, HIGH, aflags=0).data == pattern(HIGH)
    assert client.ata(READ, HIGH, aflags=EXTENDED).data == pattern(HIGH)


def test_c22_reads_by_broadcast_and_wildcard(client):
    reply = client.ata(READ_EXT, 3, dst=BROADCAST)
    assert reply.data == pattern(3)
    client.assert_silent(
        client.ata_frame(READ_EXT, **WILDCARD), client.ata_frame(READ, slot=ANY_SLOT)
    )


def test_jumbo_reads(jumbo):
    for count in (1, 8, 16, 17):
        assert jumbo.read(HIGH, count) == pattern(HIGH, count)
    assert jumbo.ata(READ_EXT, 0, 18).registers == ABRT
    assert jumbo.ata(READ_EXT, 0, 255).registers == ABRT


def test_a_burst_of_all_buffers(client):
    burst = min(client.config_query().buffer_count, 64)
    requests = {}
    for lba in range(burst):
        frame = client.ata_frame(READ_EXT, lba % 18, 2)
        requests[frame[20:24]] = lba % 18
        client.neighbour.send(frame)
    while requests:
        raw = client.receive(lambda frame: frame[20:24] in requests)
        assert raw is not None, f"{len(requests)} of {burst} are not answered"
        assert raw[36:] == pattern(requests.pop(raw[20:24]), 2)


# Writing. Sector 100 and those after it are for writes.


@pytest.fixture
def fresh(disk, client):
    """Random data, which the disk does not hold yet."""
    return random.randbytes(2 * SECTOR)


@pytest.mark.parametrize("opcode", [WRITE_EXT, WRITE28, WRITE_DMA_EXT, WRITE_DMA, WRITE_FUA_EXT])
@pytest.mark.parametrize("lba", [100, HIGH + 100])
def test_d01_d02_writes(client, disk, fresh, opcode, lba):
    client.write(lba + 2, pattern(lba + 2))
    client.write(lba, fresh, opcode)
    assert sectors_of(disk, lba, 3) == fresh + pattern(lba + 2)
    assert client.read(lba, 2) == fresh


def test_a_write_to_the_last_sector(client, disk, fresh):
    before = sectors_of(disk, SECTORS - 2)
    client.write(SECTORS - 1, fresh[:SECTOR])
    assert sectors_of(disk, SECTORS - 2, 2) == before + fresh[:SECTOR]
    assert disk.stat().st_size == SECTORS * SECTOR


@pytest.mark.parametrize("size", [0, 1, 511, 512, 1023])
def test_d03_short_payload(client, disk, fresh, size):
    before = sectors_of(disk, 110, 2)
    assert client.ata(WRITE_EXT, 110, 2, fresh[:size]).registers == ABRT
    assert sectors_of(disk, 110, 2) == before


def test_d04_extra_payload(client, disk, fresh):
    before = sectors_of(disk, 113)
    assert client.ata(WRITE_EXT, 112, 1, fresh).registers == OK
    assert sectors_of(disk, 112, 2) == fresh[:SECTOR] + before


def test_d05_wrong_direction_and_count_0(client, disk, fresh):
    before = sectors_of(disk, 114, 2)
    assert client.ata(WRITE_EXT, 114, 2, fresh, aflags=EXTENDED).registers == ABRT
    assert client.ata(WRITE28, 114, 2, fresh, aflags=0).registers == ABRT
    assert client.ata(WRITE_EXT, 114, 0, fresh).registers == ABRT
    assert client.ata(WRITE28, 114, 0, fresh).registers == ABRT
    assert sectors_of(disk, 114, 2) == before


@pytest.mark.parametrize("opcode", [WRITE_EXT, WRITE28])
def test_d06_writes_past_the_end(client, disk, fresh, opcode):
    before = sectors_of(disk, SECTORS - 1)
    for lba, count in ((SECTORS - 1, 2), (SECTORS, 1)):
        reply = client.ata(opcode, lba, count, fresh[: count * SECTOR])
        assert reply.registers == IDNF
    assert sectors_of(disk, SECTORS - 1) == before
    assert disk.stat().st_size == SECTORS * SECTOR


def test_d08_writes_by_broadcast_and_wildcard(client, disk, fresh):
    before = sectors_of(disk, 118, 2)
    client.assert_silent(
        client.ata_frame(WRITE_EXT, 118, 2, fresh, **WILDCARD),
        client.ata_frame(WRITE_EXT, 118, 2, fresh, slot=ANY_SLOT),
        client.ata_frame(WRITE_EXT, 118, 2, fresh, dst=BROADCAST),
        client.ata_frame(WRITE28, 118, 2, fresh, dst=BROADCAST, **WILDCARD),
    )
    assert sectors_of(disk, 118, 2) == before


def test_asynchronous_writes_are_there_when_answered(client, disk, fresh):
    assert client.ata(WRITE_EXT, 120, 2, fresh, aflags=EXTENDED | WRITE | ASYNC).registers == OK
    assert sectors_of(disk, 120, 2) == fresh


def test_jumbo_writes(jumbo, disk):
    for count in (3, 8, 17):
        data = random.randbytes(count * SECTOR)
        jumbo.write(130, data)
        assert sectors_of(disk, 130, count) == data
        assert jumbo.read(130, count) == data


def test_the_last_of_many_writes_to_one_sector_stays(client, disk):
    """Sent without waiting for answers: they take effect in the order of arrival."""
    data = [random.randbytes(SECTOR) for _ in range(16)]
    tags = set()
    for sector in data:
        frame = client.ata_frame(WRITE_EXT, 150, 1, sector)
        tags.add(frame[20:24])
        client.neighbour.send(frame)
    while tags:
        raw = client.receive(lambda frame: frame[20:24] in tags)
        assert raw is not None, f"{len(tags)} writes are not answered"
        assert raw[27] == 0x40
        tags.remove(raw[20:24])
    assert sectors_of(disk, 150) == data[-1]


@pytest.mark.parametrize("opcode", [0x00, 0x45, 0xA1, 0xB1, 0xC4, 0xF1, 0x60, 0x92, 0xFF])
def test_d20_other_opcodes(client, opcode):
    assert client.ata(opcode).registers == ABRT
    client.assert_silent(client.ata_frame(opcode, dst=BROADCAST))


def test_d09_read_only_export(target, client, disk, fresh):
    # One device cannot be exported twice, so this goes last.
    target.guest.run(f"kvdel {SHELF} {SLOT} eth0")
    target.guest.run(f"kvadd {SHELF} {SLOT} eth0 /dev/sda ro=1")
    before = sectors_of(disk, 100)
    assert client.read(0) == pattern(0)
    assert client.ata(WRITE_EXT, 100, 1, fresh[:SECTOR]).registers == ABRT
    assert sectors_of(disk, 100) == before
