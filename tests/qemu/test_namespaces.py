# SPDX-License-Identifier: GPL-2.0
"""Network namespaces: an export is of one, asks and answers there alone, and ends with it."""

import contextlib
from collections.abc import Iterator

import pytest

from aoeframes import READ_EXT, WRITE_EXT
from configs import ports
from lab import Disk, Guest
from test_conflict import RIVAL, questions, rival, wait_for_state
from test_states import log_says, state, until
from testbeds import bed, mapped

FOLDER = "/sys/kvblade/3.4@eth1"


@pytest.fixture(scope="module")
def target():
    disks = [Disk(1 << 20), Disk(1 << 20)]
    with bed("namespaces", disks, nics=2) as target:
        target.guest.run("modprobe dm-mod")
        yield target


@pytest.fixture
def guest(target):
    return target.guest


@contextlib.contextmanager
def eth1_in_a_box(guest: Guest) -> Iterator[None]:
    """The second card is in a namespace of its own while the context lasts. It is the machine's
    again when the namespace has ended, and only then has the kernel got over that."""
    guest.run("ip netns add box; ip link set eth1 netns box; ip -n box link set eth1 up")
    try:
        yield
    finally:
        guest.run("ip netns del box; until ip link show eth1; do sleep 0.1; done", check=False)
        guest.run("ip link set eth1 up")


def test_an_export_is_of_its_namespace_and_ends_with_it(target, guest):
    here, there = target.client(3, 5), target.client(3, 4, port=1)
    guest.run("kvadd 3 5 eth0 /dev/sdb force=1")
    with eth1_in_a_box(guest):
        guest.run("ip netns exec box kvadd 3 4 eth1 /dev/sda force=1")
        until(guest, "up", FOLDER)
        for client, other in ((here, target.client(3, 4)), (there, target.client(3, 5, port=1))):
            assert len(client.read(0)) == 512
            client.assert_silent(other.ata_frame(READ_EXT), other.config_frame())
        # An interface that changes sides is another's there, or nobody's.
        guest.run("ip -n box link set eth1 netns 1; ip link set eth1 up")
        assert state(guest, FOLDER) == "down: no such interface"
        guest.run("kvadd 3 5 eth1 /dev/sdb force=1")
        beside = target.client(3, 5, port=1)
        beside.assert_silent(there.ata_frame(READ_EXT), there.config_frame())
        guest.run("kvdel 3 5 eth1; ip link set eth1 netns box; ip -n box link set eth1 up")
        until(guest, "up", FOLDER)
        assert len(there.read(0)) == 512
        mark = guest.mark()
    log_says(guest, mark, "3.4@eth1: the network namespace has ended")
    log_says(guest, mark, "3.4@eth1: removed")
    assert ports(guest) == ["3.5@eth0"]
    # Its disk is free, and the other serves.
    guest.run("kvadd 3 4 eth1 /dev/sda force=1; kvdel 3 4 eth1")
    assert len(here.read(0)) == 512
    guest.run("kvdel 3 5 eth0")


@RIVAL
def test_a_rival_is_seen_where_the_export_is(target, guest):
    """The segment of its interface is asked, and no other."""
    add = "ip netns exec box kvadd 3 4 eth1 /dev/sda"
    with eth1_in_a_box(guest):
        client, beside = target.client(3, 4, port=1), target.neighbours[0]
        beside.drain_requests()
        with rival(client):
            result = guest.run(f"{add} 2>&1", check=False)
            said = f"3.4@eth1: address in use by another target, at {client.neighbour.mac}"
            assert result.status == 1
            assert said in result.stdout
            assert ports(guest) == []
            guest.run(f"{add} force=1 conflict_check=1")
            wait_for_state(guest, f"conflict: {client.neighbour.mac}", FOLDER)
        wait_for_state(guest, "up", FOLDER)
        assert {question.source for question in questions(client, 3)} == {client.mac}
        # One that is heard in another namespace is none of it.
        with rival(target.client(3, 4)):
            beside.send(target.client(3, 4).config_frame(flags=0x18))
            assert len(client.read(0)) == 512
            assert state(guest, FOLDER) == "up"
        assert beside.drain_requests() == []
        guest.run("kvdel 3 4 eth1")


def test_a_namespace_ends_while_one_adds_there(guest):
    """The export is made, since the one who adds is still there, and ends with that."""
    with eth1_in_a_box(guest):
        job = guest.spawn(
            "exec ip netns exec box sh -c 'touch /run/in; exec kvadd 3 4 eth1 /dev/sda'"
        )
        guest.run("until [ -e /run/in ]; do sleep 0.1; done; ip netns del box")
        job.wait()
        guest.run(f"while [ -e {FOLDER} ] || ! ip link show eth1; do sleep 0.1; done")
        guest.run("kvadd 3 4 eth1 /dev/sda force=1; kvdel 3 4 eth1")


def test_a_disk_that_stands_still_keeps_no_namespace(target, guest):
    """Nor anyone who adds and removes, and the export goes when its requests have ended."""
    disk = mapped(guest, "still", "0 2048 linear /dev/sda 0")
    try:
        with eth1_in_a_box(guest):
            guest.run(f"ip netns exec box kvadd 3 4 eth1 {disk} force=1")
            client = target.client(3, 4, port=1)
            client.write(0, bytes(512))
            guest.run("dmsetup suspend --nolockfs --noflush still")
            client.neighbour.send(client.ata_frame(WRITE_EXT, 0, 1, b"A" * 512))
            guest.run(f"until [ $(cat {FOLDER}/busy) = 1 ]; do sleep 0.1; done")
        until(guest, "closing: waiting for requests to end", FOLDER)
        guest.run("kvadd 3 5 eth0 /dev/sdb force=1; kvdel 3 5 eth0")
        guest.run(f"dmsetup resume still; while [ -e {FOLDER} ]; do sleep 0.1; done")
        assert guest.run("head -c 512 /dev/sda | tr -d A | wc -c").stdout.strip() == "0"
    finally:
        guest.run("dmsetup resume still; dmsetup remove --retry still", check=False)
