# SPDX-License-Identifier: GPL-2.0
"""Network namespaces: an export is of one, asks and answers there alone, and ends with it."""

import contextlib
from collections.abc import Iterator

import pytest

from aoeframes import WRITE_EXT
from beds import bed, mapped
from configs import ports
from lab import Disk, Guest
from lab.layout import wake, wake_flag
from test_conflict import RIVAL, questions, rival, wait_for_state
from test_states import log_says, state, until

FOLDER = "/sys/kvblade/3.4@eth1"


@pytest.fixture(scope="module")
def target():
    disks = [Disk(1 << 20), Disk(1 << 20)]
    with bed("namespaces", disks, nics=2) as target:
        target.guest.run("modprobe -a veth aoe dm-mod")
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


BOX = (
    "ip netns add box{n}; ip link add v{n} type veth peer name c0 netns box{n}\n"
    "ip link set v{n} up; ip -n box{n} link set c0 up\n"
    "ip netns exec box{n} kvadd 3 {n} c0 /dev/sd{disk} force=1"
)


def test_an_export_is_of_its_namespace_and_ends_with_it(guest):
    guest.run(BOX.format(n=1, disk="a"))
    guest.run(BOX.format(n=2, disk="b"))
    found = "aoe-discover; sleep 0.5; aoe-stat | awk '/e3/ {print $1, $3}'"
    try:
        for _ in range(20):
            paths = guest.run(found).stdout.splitlines()
            if len(paths) == 2:
                break
        assert paths == ["e3.1 v1", "e3.2 v2"]
        # An interface that changes sides is another's there, or nobody's.
        guest.run("ip -n box1 link set c0 netns box2 name c1; ip -n box2 link set c1 up")
        assert state(guest, "/sys/kvblade/3.1@c0") == "down: no such interface"
        guest.run("aoe-flush -a; " + found)
        assert guest.run(found).stdout.splitlines() == ["e3.2 v2"]
        guest.run("ip -n box2 link set c1 netns box1 name c0; ip -n box1 link set c0 up")
        until(guest, "up", "/sys/kvblade/3.1@c0")
        mark = guest.mark()
        # The kernel's client would keep the other end of the cable, and with it the namespace.
        guest.run("aoe-flush e3.1; ip netns del box1")
        guest.run("while [ -e /sys/kvblade/3.1@c0 ]; do sleep 0.1; done")
        log_says(guest, mark, "3.1@c0: the network namespace has ended")
        log_says(guest, mark, "3.1@c0: removed")
        assert ports(guest) == ["3.2@c0"]
        # Its disk is free, and the other serves.
        guest.run("kvadd 3 1 eth0 /dev/sda force=1; kvdel 3 1 eth0")
        assert state(guest, "/sys/kvblade/3.2@c0") == "up"
        other = "/dev/etherd/e3.2"
        guest.run(f"{wake(other)}\ndd if={other} of=/dev/null bs=4k count=10 iflag=direct")
        guest.run(f"rm {wake_flag(other)}; sleep 0.2; while pgrep -x dd; do sleep 0.2; done")
    finally:
        guest.run("for it in 1 2; do aoe-flush e3.$it; ip netns del box$it; done; true")
        guest.run("while ls -d /sys/kvblade/*@c0 || ls -d /sys/class/net/v?; do sleep 0.1; done")


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
