# SPDX-License-Identifier: GPL-2.0
"""Two clients that write to one export."""

import pytest

from aoeframes import ABRT, ANY_SHELF, ANY_SLOT, BROADCAST, WRITE_EXT
from lab import Disk
from testbeds import SECTOR, bed, pattern

FOLDER = "/sys/kvblade/3.4@eth0"
OTHER = "02:00:00:00:00:0b"
EVERYWHERE = {"shelf": ANY_SHELF, "slot": ANY_SLOT}
TRIM = 0x06
# Initiators that an export remembers, and writers.
INITIATORS, WRITERS = 128, 4


@pytest.fixture(scope="module")
def target():
    with bed("writers", [Disk(1 << 20)]) as target:
        yield target


def write(client, seed: int, source: str | None = None) -> bool:
    """Whether a write succeeds."""
    more = {"src": source} if source else {}
    reply = client.ask(client.ata_frame(WRITE_EXT, 8, 1, pattern(8, 1, seed), **more))
    if reply.registers == ABRT:
        return False
    assert reply.error is None and not reply.registers[0] & 1
    return True


def initiator(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def writers(guest) -> list[str]:
    lines = guest.run(f"cat {FOLDER}/writers").stdout.splitlines()
    return [line.split()[0] for line in lines]


def seconds(guest) -> int:
    """Since the first of them was heard."""
    return int(guest.run(f"cat {FOLDER}/writers").stdout.split()[1])


def test_a_second_writer_is_told_once(target):
    guest, mark = target.guest, target.guest.mark()
    with target.exported(3, 4, "/dev/sda") as client:
        mac = client.neighbour.mac
        client.read(8)
        assert writers(guest) == []
        assert write(client, 1)
        assert writers(guest) == [mac]
        for seed in range(3):
            assert write(client, seed, OTHER) and write(client, seed)
        assert sorted(writers(guest)) == sorted([mac, OTHER])
    said = [line for line in guest.kernel_log(mark).splitlines() if "writes" in line]
    assert len(said) == 1
    assert said[0].endswith(f"3.4@eth0: {OTHER} writes, and so does {mac}")


def test_more_writers_than_are_remembered_do_not_fill_the_log(target):
    guest, mark = target.guest, target.guest.mark()
    with target.exported(3, 4, "/dev/sda") as client:
        for seed in range(5):
            for number in range(WRITERS + 1):
                assert write(client, seed, initiator(number))
        assert sorted(writers(guest)) == [initiator(number) for number in range(WRITERS)]
    said = [line for line in guest.kernel_log(mark).splitlines() if "writes" in line]
    assert len(said) == WRITERS - 1, said


def test_who_is_refused_for_another_reason_is_no_writer(target):
    guest = target.guest
    beyond = (1 << 40).to_bytes(6, "little") + (1).to_bytes(2, "little") + bytes(SECTOR - 8)
    with target.exported(3, 4, "/dev/sda", options="single_writer=1") as client:
        for frame in (
            client.ata_frame(WRITE_EXT, 8, 1, src=OTHER),
            client.ata_frame(WRITE_EXT, 1 << 40, 1, bytes(SECTOR), src=OTHER),
            client.ata_frame(TRIM, 0, 1, features=1, aflags=1, src=OTHER),
            client.ata_frame(TRIM, 0, 1, beyond, features=1, aflags=1, src=OTHER),
        ):
            assert client.ask(frame).registers[0] & 1
        assert writers(guest) == []
        assert write(client, 1) and writers(guest) == [client.neighbour.mac]


def test_a_writer_is_not_forgotten_for_many_others(target):
    """They only ask, but they are more than the export remembers."""
    guest = target.guest
    with target.exported(3, 4, "/dev/sda", options="single_writer=1") as client:
        assert write(client, 1)
        for number in range(8 * INITIATORS):
            assert client.config_query(src=initiator(number)).error is None
        assert not write(client, 2, OTHER)
        assert writers(guest) == [client.neighbour.mac]
        assert write(client, 3)


def test_a_single_writer(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/sda", options="single_writer=1") as client:
        mac = client.neighbour.mac
        assert write(client, 1)
        assert not write(client, 2, OTHER)
        assert client.read(8) == pattern(8, 1, 1)
        assert write(client, 3) and writers(guest) == [mac]
        # The first one is known to be gone.
        guest.run(f"echo >{FOLDER}/writers")
        assert write(client, 4, OTHER) and writers(guest) == [OTHER]
        assert not write(client, 5)
        guest.run(f"echo 0 >{FOLDER}/single_writer")
        assert write(client, 5) and write(client, 6, OTHER)


def test_one_that_is_not_heard_any_more_is_gone(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/sda", options="single_writer=1") as client:
        assert write(client, 1, OTHER)
        # As Linux does once a minute, who has nothing to write.
        guest.run("sleep 5")
        assert seconds(guest) >= 5
        client.neighbour.send(client.config_frame(src=OTHER, dst=BROADCAST, **EVERYWHERE))
        assert not write(client, 2)
        assert seconds(guest) < 5
        guest.run("sleep 155", timeout=200)
        assert writers(guest) == []
        assert write(client, 3) and writers(guest) == [client.neighbour.mac]
