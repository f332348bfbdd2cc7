# SPDX-License-Identifier: GPL-2.0
"""Capacity is that of the device exported, from one sector to more than 32 bits of them."""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from aoeframes import IDNF, READ, READ_EXT, WRITE28, WRITE_EXT, Identity
from lab import Disk
from testbeds import SECTOR, bed, sectors_of

PARTITIONED = 80 * 1000**3 // SECTOR
# Sectors of each whole disk, in the order of their names.
DISKS = [1, 12345, PARTITIONED, (1 << 28) + 5, (1 << 32) + 7]
LAYOUT = f"""label: gpt
start=2048, size=4001
start=8192, size={3 * 1000**3 // SECTOR}
"""


@dataclass(frozen=True)
class Case:
    """A device, its sectors, and where it lies on which disk."""

    path: str
    sectors: int
    disk: int
    start: int = 0


CASES = [
    Case("/dev/sda", DISKS[0], 0),
    Case("/dev/sdb", DISKS[1], 1),
    Case("/dev/sdc1", 4001, 2, 2048),
    Case("/dev/sdc2", 3 * 1000**3 // SECTOR, 2, 8192),
    Case("/dev/sdd", DISKS[3], 3),
    Case("/dev/sde", DISKS[4], 4),
]


@pytest.fixture(scope="module")
def target():
    with bed("sizes", [Disk(sectors * SECTOR) for sectors in DISKS]) as target:
        target.guest.run(f"sfdisk -q /dev/sdc <<'EOF'\n{LAYOUT}EOF")
        yield target


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case.path}-{case.sectors}")
def case(target, request):
    return request.param


@pytest.fixture(scope="module")
def client(target, case):
    with target.exported(1, 2, case.path) as client:
        yield client


@pytest.fixture
def file(target, case) -> Path:
    return target.guest.disks[case.disk].path


def test_the_size_is_told(target, client, case):
    identity = Identity(client.identify())
    assert identity.capacity == case.sectors
    assert identity.capacity28 == min(case.sectors, 0x0FFFFFFF)
    assert identity.word(1) == min(16383, case.sectors // 1008)
    shown = target.guest.run("cat /sys/kvblade/1.2@eth0/scnt; kvstat").stdout.splitlines()
    assert int(shown[0]) == case.sectors
    megabytes = case.sectors * SECTOR // 10**6
    assert shown[2].split()[2] == f"{megabytes // 1000}.{megabytes % 1000:03}GB"


def test_first_and_last_sector(client, case, file):
    for lba in (0, case.sectors - 1):
        data = random.randbytes(SECTOR)
        client.write(lba, data)
        assert sectors_of(file, case.start + lba) == data
        assert client.read(lba) == data
    if case.sectors >= 2:
        data = random.randbytes(2 * SECTOR)
        client.write(case.sectors - 2, data)
        assert sectors_of(file, case.start + case.sectors - 2, 2) == data
        assert client.read(case.sectors - 2, 2) == data


def test_past_the_end(client, case, file):
    behind = sectors_of(file, case.start + case.sectors, 2)
    for lba, count in ((case.sectors, 1), (case.sectors - 1, 2), (case.sectors + 1000, 1)):
        assert client.ata(READ_EXT, lba, count).registers == IDNF
        data = b"\xff" * (count * SECTOR)
        reply = client.ata(WRITE_EXT, lba, count, data)
        assert reply.registers == IDNF
        assert reply.lba == max(lba, case.sectors)
    # The end as 32 and as 28 bits of an LBA would have it is another sector or none.
    assert client.ata(READ_EXT, case.sectors + (1 << 32), 1).registers == IDNF
    assert sectors_of(file, case.start + case.sectors, 2) == behind


def test_28_bit_commands_reach_what_they_can(client, case, file):
    lba = min(case.sectors, 1 << 28) - 1
    data = random.randbytes(SECTOR)
    client.write(lba, data, WRITE28)
    assert sectors_of(file, case.start + lba) == data
    assert client.read(lba, 1, READ) == data
