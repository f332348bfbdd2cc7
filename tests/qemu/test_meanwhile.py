# SPDX-License-Identifier: GPL-2.0
"""What changes of the interface while a request is in flight: the answer fits what it is then. And
what time makes of the tag meanwhile."""

import time

import pytest

from aoeframes import ABRT, READ_EXT, WRITE_EXT, Reply
from lab import Disk
from listframes import SET, reserve_frame
from testbeds import SECTOR, bed, fill, mapped, pattern

FOLDER = "/sys/kvblade/3.4@eth0"
SECTORS = 2048
OTHER = "52:54:00:00:77:01"


@pytest.fixture(scope="module")
def target():
    disk = Disk(SECTORS * SECTOR)
    fill(disk.path, 0, pattern(0, SECTORS))
    with bed("meanwhile", [disk]) as target:
        mapped(target.guest, "held", f"0 {SECTORS} linear /dev/sda 0")
        yield target


@pytest.fixture
def client(target):
    run = target.guest.run
    run("ip link set eth0 mtu 9000")
    device = run("dmsetup info -c --noheadings -o blkdevname held").stdout.strip()
    with target.exported(3, 4, f"/dev/{device}") as client:
        client.neighbour.drain()
        yield client
    run("ip link set eth0 mtu 1500")


def read_meanwhile(target, client, count: int, command: str) -> tuple[bytes, Reply | None]:
    """Sends a READ, and runs a command while the disk has it. Returns it, and its answer."""
    read = client.ata_frame(READ_EXT, 0, count)
    target.guest.run("dmsetup suspend held")
    client.neighbour.send(read)
    # Goes the same way, and does not wait for the disk.
    client.config_query()
    target.guest.run(command)
    target.guest.run("dmsetup resume held")
    raw = client.receive(lambda raw: raw[20:24] == read[20:24], 2)
    return read, raw and Reply(raw)


def dropped(target) -> int:
    return int(target.guest.run(f"cat {FOLDER}/stats/dropped_mtu").stdout)


def test_the_mtu_falls(target, client):
    """The answer would be too long. Who repeats the request is told that it asks for too much."""
    read, answer = read_meanwhile(target, client, 17, "ip link set eth0 mtu 1500")
    assert answer is None
    assert dropped(target) == 1
    assert client.ask(read).registers == ABRT
    assert dropped(target) == 1


def test_the_mtu_falls_and_the_answer_fits_all_the_same(target, client):
    _, answer = read_meanwhile(target, client, 2, "ip link set eth0 mtu 1500")
    assert answer.data == pattern(0, 2)
    assert dropped(target) == 0


def test_the_address_changes(target, client):
    """Initiators take what an answer comes from for a way to the target."""
    try:
        _, answer = read_meanwhile(target, client, 1, f"ip link set eth0 address {OTHER}")
        assert (answer.source, answer.data) == (OTHER, pattern(0))
        query = client.config_frame(dst=OTHER)
        client.neighbour.send(query)
        raw = client.receive(lambda raw: raw[20:24] == query[20:24])
        assert raw and Reply(raw).source == OTHER
    finally:
        target.guest.run(f"ip link set eth0 address {client.mac}")
    assert client.read(0) == pattern(0)


def test_the_interface_is_switched_off_and_on(target, client):
    """Whether the answer goes out depends on when; the next one does."""
    read_meanwhile(target, client, 1, "ip link set eth0 down")
    target.guest.run("ip link set eth0 up")
    answer = client.insist(client.ata_frame(READ_EXT, 0, 17))
    assert answer.data == pattern(0, 17)


def test_h6_what_has_waited_for_longer_than_its_tag_lives_is_not_answered(target, client):
    """Its initiator may have given the tag to another request: also a refusal would be for that."""
    stats = f"cd {FOLDER}/stats; cat requests dropped_late aoe_errors"
    write = client.ata_frame(WRITE_EXT, 16, 1, pattern(16))
    change = reserve_frame(client, SET, OTHER, src=OTHER)
    refused = client.ata_frame(WRITE_EXT, 24, 1, pattern(24))
    target.guest.run("dmsetup suspend --noflush --nolockfs held")
    for frame in (write, change, refused):
        client.neighbour.send(frame)
    time.sleep(62)
    target.guest.run("dmsetup resume held")
    # What is told to all is no answer.
    assert client.receive(lambda frame: frame[:6] != bytes([255] * 6), 3) is None
    assert target.guest.run(stats).stdout.split() == ["3", "3", "0"]
    # The reservation holds all the same.
    assert client.ask(client.ata_frame(WRITE_EXT, 16, 1, pattern(16))).error is not None
