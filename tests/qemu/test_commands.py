# SPDX-License-Identifier: GPL-2.0
"""ATA commands beside READ and WRITE. Names carry the ids of conformance cases."""

import struct

import pytest

from aoeframes import ABRT, BROADCAST, EXTENDED, IDNF, OK, WRITE, Identity
from lab import Disk
from testbeds import SECTOR, bed, pattern

SHELF, SLOT = 4, 4
SECTORS = 2 << 17
TRIM, VERIFY, VERIFY_EXT, FLUSH, FLUSH_EXT = 0x06, 0x40, 0x42, 0xE7, 0xEA
CHECK_POWER, SET_FEATURES, DIAGNOSTIC, SMART = 0xE5, 0xEF, 0x90, 0xB0
UNC, FAULT = (0x41, 0x40), (0x61, 0x04)


@pytest.fixture(scope="module")
def target():
    with bed("commands", [Disk(SECTORS * SECTOR)]) as target:
        # A device that reads zeroes where it has discarded.
        target.guest.run(
            "modprobe -a loop dm-mod &&"
            f" truncate -s {SECTORS * SECTOR} /root/trim && losetup /dev/loop0 /root/trim"
        )
        yield target


@pytest.fixture(scope="module")
def export(target):
    with target.exported(SHELF, SLOT, "/dev/loop0") as client:
        yield client


@pytest.fixture
def client(export):
    export.neighbour.drain()
    return export


def trim(client, *ranges: tuple[int, int], count=1, features=1, aflags=WRITE, short=0):
    """TRIM of ranges, each a sector and a number of sectors; `short` bytes are left out."""
    data = b"".join(struct.pack("<Q", lba | sectors << 48) for lba, sectors in ranges)
    data = data.ljust(512 * count - short, b"\0")
    return client.ata(TRIM, 0, count, data, features=features, aflags=aflags)


def test_d12_flush_and_d17_power(client):
    for opcode in (FLUSH, FLUSH_EXT, 0xE0, 0xE1, 0xE2, 0xE3):
        reply = client.ata(opcode, count=0, aflags=EXTENDED)
        assert (reply.registers, reply.count) == (OK, 0)


def test_d14_check_power_mode(client):
    for how in ({}, {"dst": BROADCAST}):
        reply = client.ata(CHECK_POWER, count=0, **how)
        assert (reply.registers, reply.count) == (OK, 0xFF)


def test_d15_set_features(client):
    for feature in (0x02, 0x82, 0x03, 0x55, 0xAA, 0x66, 0xCC):
        assert client.ata(SET_FEATURES, features=feature).registers == OK
    for feature in (0x00, 0x05, 0xFF):
        assert client.ata(SET_FEATURES, features=feature).registers == ABRT


def test_d13_verify(client):
    for count in (1, 255, 0):
        reply = client.ata(VERIFY_EXT, 0, count, aflags=EXTENDED)
        assert (reply.registers, reply.count, len(reply.raw)) == (OK, 0, 60)
    assert client.ata(VERIFY, SECTORS - 256 | 0xE0000000, 0).registers == OK
    reply = client.ata(VERIFY_EXT, SECTORS - 100, 0, aflags=EXTENDED)
    assert (reply.registers, reply.lba) == (IDNF, SECTORS)


def test_d18_trim(client):
    client.write(8, pattern(8, 2))
    client.write(16, pattern(16, 2))
    client.write(22, pattern(22, 2))
    client.write(24, pattern(24, 2))
    identity = Identity(client.identify())
    assert (identity.word(169), identity.word(105)) == (1, 1)
    reply = trim(client, (16, 8), (0, 0), (64, 65535))
    assert (reply.registers, reply.count) == (OK, 0)
    assert client.read(16, 2) == client.read(22, 2) == bytes(2 * SECTOR)
    assert client.read(8, 2) == pattern(8, 2)
    assert client.read(24, 2) == pattern(24, 2)


def test_d19_trims_that_are_refused(client):
    client.write(32, pattern(32, 2))
    for reply in (
        trim(client, (32, 8), features=0),
        trim(client, (32, 8), count=0),
        trim(client, (32, 8), (SECTORS - 7, 8)),
        trim(client, (32, 8), aflags=0),
        trim(client, (32, 8), count=2, short=512),
    ):
        assert reply.registers == ABRT
    client.assert_silent(client.ata_frame(TRIM, 0, 1, bytes(512), features=1, dst=BROADCAST))
    assert client.read(32, 2) == pattern(32, 2)


def test_d21_smart_and_diagnostic(client):
    assert client.ata(SMART, 0xC24F00, 1, features=0xD0).registers == ABRT
    assert client.ask(client.ata_frame(DIAGNOSTIC)).registers == (0x40, 0x01)


def test_d10_d11_d13_errors_of_the_medium(target):
    """A disk of which the sectors 64 to 71 cannot be read or written."""
    target.guest.run(
        "printf '0 64 linear /dev/sda 0\\n64 8 error\\n72 128 linear /dev/sda 72\\n' |"
        " dmsetup create bad"
    )
    device = target.guest.run("dmsetup info -c --noheadings -o blkdevname bad").stdout.strip()
    with target.exported(SHELF, SLOT + 1, f"/dev/{device}") as client:
        reply = client.ata(0x24, 63, 2, aflags=EXTENDED)
        assert (reply.registers, len(reply.raw)) == (UNC, 60)
        assert client.ata(VERIFY_EXT, 0, 100, aflags=EXTENDED).registers == UNC
        reply = client.ata(0x34, 64, 1, bytes(512), aflags=EXTENDED | WRITE)
        assert reply.registers == FAULT
        assert client.read(62, 2) == bytes(2 * SECTOR)
    target.guest.run("dmsetup remove bad")
