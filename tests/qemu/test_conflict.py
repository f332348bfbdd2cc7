# SPDX-License-Identifier: GPL-2.0
"""Split brain: another target on the segment that has the address of an export (H20)."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from aoeframes import ANY_SLOT, BROADCAST, CONFIG, IDENTIFY, READ_EXT, RESPONSE, VERSION_1, Reply
from lab import Disk, Guest, Hub, Nic, problems, start_all
from testbeds import bed

SHELF, SLOT = 9, 1
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
OPTIONS = "conflict_check=1"
RIVAL = pytest.mark.kernel_log(allow=["answers for the same address", "conflict: "])
# The AoE error that says that a device is unavailable.
UNAVAILABLE = 3


@pytest.fixture(scope="module")
def target():
    with bed("conflict", [Disk(1 << 20)]) as target:
        yield target


def is_question(raw: bytes) -> bool:
    return (raw[:6].hex(":"), raw[14], raw[19]) == (BROADCAST, VERSION_1, CONFIG)


def questions(client, seconds: float) -> list[Reply]:
    """What the target asks of the segment in that time."""
    client.neighbour.drain_requests()
    time.sleep(seconds)
    return [Reply(raw) for raw in client.neighbour.drain_requests() if is_question(raw)]


@contextlib.contextmanager
def rival(client) -> Iterator[None]:
    """Answers all questions while the context lasts, as another target with the address would."""
    end = threading.Event()

    def run() -> None:
        while not end.is_set():
            if raw := client.neighbour.recv_request(0.2):
                tag = int.from_bytes(raw[20:24])
                client.neighbour.send(client.config_frame(flags=VERSION_1 | RESPONSE, tag=tag))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def wait_for_state(guest: Guest, state: str, folder: str = FOLDER, timeout: float = 60) -> None:
    guest.run(f"until grep -qx '{state}' {folder}/state; do sleep 0.2; done", timeout=timeout)


# What is asked.


def test_an_export_asks_for_its_address_now_and_then(target):
    with target.exported(SHELF, SLOT, "/dev/sda", options=OPTIONS) as client:
        asked = questions(client, 5)
        assert len(asked) in range(3, 8)
        for question in asked:
            assert (question.shelf, question.slot) == (SHELF, SLOT)
            assert question.source == target.guest.nics[0].mac
        target.guest.run(f"echo 0 >{FOLDER}/conflict_check; sleep 1")
        assert questions(client, 3) == []


def test_exports_of_a_shelf_ask_with_one_frame(target):
    guest = target.guest
    guest.run("modprobe loop max_loop=300 && truncate -s 64K /root/many")
    add = f"for n in $(seq 0 63); do kvadd {SHELF} $n eth0 /dev/sda shared=1 ro=1 force=1"
    guest.run(f"{add} {OPTIONS} || exit 1; done", timeout=120)
    try:
        client = target.client(SHELF, 0)
        asked = questions(client, 5)
        # One a second, however many exports there are.
        assert len(asked) in range(3, 8)
        assert {(question.shelf, question.slot) for question in asked} == {(SHELF, ANY_SLOT)}
    finally:
        guest.run(f"for n in $(seq 0 63); do kvdel {SHELF} $n eth0; done", timeout=120)


def test_a_link_that_comes_back_is_asked_at_once(target):
    guest = target.guest
    with target.exported(SHELF, SLOT, "/dev/sda", options="conflict_check=3600") as client:
        assert questions(client, 3) == []
        guest.run("ip link set eth0 down; sleep 1; ip link set eth0 up")
        asked = questions(client, 8)
        assert len(asked) >= 2, "a switch may not forward the first"
        assert {(question.shelf, question.slot) for question in asked} == {(SHELF, SLOT)}


# What follows.


@RIVAL
def test_a_rival_is_seen_and_forgotten(target):
    guest = target.guest
    with target.exported(SHELF, SLOT, "/dev/sda", options=OPTIONS) as client:
        mark = guest.mark()
        with rival(client):
            wait_for_state(guest, f"conflict: {client.neighbour.mac}")
            guest.run(f"until [ $(cat {FOLDER}/duplicates) -ge 2 ]; do sleep 0.2; done")
            # To tell is all that is done unless something else is wanted.
            assert client.read(0, 1) == bytes(512)
        wait_for_state(guest, "up")
        log = guest.kernel_log(mark)
        assert log.count(f"conflict: {client.neighbour.mac}") == 1, log


@RIVAL
def test_one_frame_switches_nothing_off(target):
    """Who can send a frame once does not stop a disk."""
    options = f"{OPTIONS} on_conflict=offline"
    with target.exported(SHELF, SLOT, "/dev/sda", options=options) as client:
        client.neighbour.send(client.config_frame(flags=VERSION_1 | RESPONSE))
        wait_for_state(target.guest, f"conflict: {client.neighbour.mac}")
        for _ in range(6):
            assert client.read(0, 1) == bytes(512)
            time.sleep(0.5)
        wait_for_state(target.guest, "up")


@RIVAL
def test_offline_refuses_io_while_there_is_a_rival(target):
    options = f"{OPTIONS} on_conflict=offline"
    with target.exported(SHELF, SLOT, "/dev/sda", options=options) as client:
        assert client.read(0, 1) == bytes(512)
        read, identify = client.ata_frame(READ_EXT, 0), client.ata_frame(IDENTIFY)
        with rival(client):
            deadline = time.monotonic() + 30
            while (reply := client.ask(read)).error is None and time.monotonic() < deadline:
                time.sleep(0.2)
            assert reply.error == UNAVAILABLE
            assert client.ask(identify).error == UNAVAILABLE
            assert client.ask(client.config_frame()).error is None, "it can still be found"
        wait_for_state(target.guest, "up")
        assert client.read(0, 1) == bytes(512)


@RIVAL
def test_offline_shows_on_all_interfaces_of_the_export(target):
    """The disk is refused by all of them, whichever has heard the other target."""
    guest = target.guest
    guest.run("ip link add v0 up type veth peer name v1 && ip link set v1 up")
    options = f"{OPTIONS} on_conflict=offline"
    with target.exported(SHELF, SLOT, "/dev/sda", options=options) as client:
        guest.run(f"kvadd {SHELF} {SLOT} v0 /dev/sda {options} force=1")
        other = FOLDER.replace("eth0", "v0")
        wait_for_state(guest, "up", other)
        with rival(client):
            wait_for_state(guest, f"conflict: {client.neighbour.mac}", other)
        wait_for_state(guest, "up", other)
        guest.run(f"kvdel {SHELF} {SLOT} v0; ip link del v0")


@RIVAL
def test_silent_leaves_io_without_an_answer(target):
    options = f"{OPTIONS} on_conflict=silent"
    guest = target.guest
    with target.exported(SHELF, SLOT, "/dev/sda", options=options) as client, rival(client):
        dropped = f"{FOLDER}/stats/dropped_conflict"
        deadline = time.monotonic() + 30
        while guest.run(f"cat {dropped}").stdout == "0\n" and time.monotonic() < deadline:
            client.neighbour.send(client.ata_frame(READ_EXT, 0))
            time.sleep(0.2)
        client.neighbour.drain()
        client.neighbour.send(client.ata_frame(READ_EXT, 0))
        assert client.receive(lambda frame: frame[19] != CONFIG, 1) is None
        assert client.ask(client.config_frame()).error is None, "the rival hears it"
        # What is wanted can change at any time.
        guest.run(f"echo report >{FOLDER}/on_conflict")
        assert client.read(0, 1) == bytes(512)


def test_what_cannot_be_set(target):
    guest = target.guest
    for options, said in (
        ("on_conflict=fight", "on_conflict fight: not one of: report offline silent"),
        ("conflict_check=-1", "conflict_check -1: not a number of seconds up to 3600"),
        ("conflict_check=3601", "conflict_check 3601: not a number of seconds up to 3600"),
    ):
        refused = guest.run(f"kvadd {SHELF} {SLOT} eth0 /dev/sda force=1 {options}", check=False)
        assert refused.status == 1 and said in refused.stdout


# Three machines on one segment.


@RIVAL
def test_h20_two_targets_that_could_not_hear_each_other():
    """One is cut off beyond its switch, the other takes its address over, the first is back."""
    with Hub(3) as hub:
        cards = [Nic(end) for end in hub.ends]
        targets = [
            Guest(f"rival{n}", disks=[Disk(1 << 20)], nics=[cards[n]], memory="384M")
            for n in (0, 1)
        ]
        client = Guest("rivals-client", nics=[cards[2]], memory="384M")
        guests = [*targets, client]
        try:
            start_all(guests)
            for target in targets:
                target.run("modprobe kvblade_rs")
            targets[0].run(f"kvadd {SHELF} {SLOT} eth0 /dev/sda")
            hub.cut(0)
            targets[1].run(f"kvadd {SHELF} {SLOT} eth0 /dev/sda")
            client.run("modprobe aoe && aoe-discover && sleep 2 && aoe-stat")
            for target in targets:
                assert target.run(f"cat {FOLDER}/state").stdout == "up\n"
            hub.join(0)
            for target, other in ((targets[0], cards[1]), (targets[1], cards[0])):
                wait_for_state(target, f"conflict: {other.mac}")
            # The state of both, with the usual ten seconds between questions.
            for target in targets:
                target.run("until dmesg | grep -q 'conflict: '; do sleep 0.2; done")
            hub.cut(1)
            for target in targets:
                wait_for_state(target, "up", timeout=90)
            for guest in guests:
                found = problems(guest.kernel_log(guest.boot_mark), ["conflict: ", "same address"])
                assert found == []
        finally:
            for guest in guests:
                guest.stop()
