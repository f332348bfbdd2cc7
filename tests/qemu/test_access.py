# SPDX-License-Identifier: GPL-2.0
"""Access lists: which initiators may do what, by each command that they may send."""

import itertools

import pytest

from aoeframes import ABRT, BROADCAST, IDENTIFY, OK, READ_EXT, WRITE_EXT
from lab import Disk
from testbeds import bed, pattern

FOLDER = "/sys/kvblade/3.4@eth0"
KNOWN, OTHER = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
MASK, RESERVE, TRIM, FLUSH = 2, 3, 0x06, 0xE7
LISTS = ("discover", "config", "read", "write")


@pytest.fixture(scope="module")
def bed_():
    with bed("access", [Disk(1 << 20)]) as target:
        yield target


@pytest.fixture
def client(bed_):
    with bed_.exported(3, 4, "/dev/sda") as client:
        client.neighbour.drain()
        yield client


@pytest.fixture
def guest(bed_):
    return bed_.guest


def requests(client, right: str, source: str) -> list[bytes]:
    """Requests that need a right, each once."""
    whose = {"src": source}
    return {
        "discover": lambda: [
            client.config_frame(**whose),
            client.config_frame(dst=BROADCAST, shelf=0xFFFF, slot=0xFF, **whose),
            client.config_frame(2, b"", **whose),
            client.frame(MASK, bytes(4), **whose),
            client.frame(RESERVE, bytes(2), **whose),
            client.frame(77, b"", **whose),
        ],
        "config": lambda: [
            client.config_frame(4, b"x", **whose),
            client.config_frame(4, b"", **whose),
            client.config_frame(3, b"", **whose),
            client.frame(MASK, bytes((0, 1, 0, 0)), **whose),
            client.frame(RESERVE, bytes((1, 0)), **whose),
        ],
        "read": lambda: [
            client.ata_frame(READ_EXT, 8, **whose),
            client.ata_frame(IDENTIFY, **whose),
            client.ata_frame(FLUSH, **whose),
        ],
        "write": lambda: [
            client.ata_frame(WRITE_EXT, 8, 1, pattern(8), **whose),
            client.ata_frame(0xCA, 8, 1, pattern(8), aflags=1, **whose),
            client.ata_frame(TRIM, 0, 1, bytes(512), features=1, aflags=1, **whose),
        ],
    }[right]()


def put(guest, name: str, value: str) -> None:
    guest.run(f"echo '{value}' >{FOLDER}/access/{name}")


def dropped(guest) -> int:
    return int(guest.run(f"cat {FOLDER}/stats/dropped_access").stdout)


def assert_ignored(client, request: bytes) -> None:
    """A read by one who may, which goes a longer way, is the first that is answered."""
    client.neighbour.drain()
    client.neighbour.send(request)
    probe = client.ata_frame(READ_EXT, src=KNOWN)
    client.neighbour.send(probe)
    answer = client.receive(lambda frame: frame[14] & 8 != 0)
    assert answer and answer[20:24] == probe[20:24]
    assert client.receive(lambda frame: frame[14] & 8 != 0, 0.2) is None


def test_all_may_do_everything_unless_it_is_said(client, guest):
    for name in LISTS:
        assert guest.run(f"cat {FOLDER}/access/{name}").stdout == "all\n"
        for request in requests(client, name, OTHER):
            client.ask(request)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "value", [f"only {KNOWN}", f"all but {OTHER}", f"all but 02:00:00:00:00:0c {OTHER}"]
)
def test_a_list_of_one_right(client, guest, name, value):
    put(guest, name, value)
    assert guest.run(f"cat {FOLDER}/access/{name}").stdout == f"{value}\n"
    for right in LISTS:
        for request in requests(client, right, KNOWN):
            client.ask(request)
    before = dropped(guest)
    for right in LISTS:
        for request in requests(client, right, OTHER):
            if right != name:
                client.ask(request)
            elif name == "write":
                # It may read, so that it is told.
                assert client.ask(request).registers == ABRT
            else:
                assert_ignored(client, request)
    refused = 0 if name == "write" else len(requests(client, name, OTHER))
    assert dropped(guest) - before == refused


def test_who_may_not_read_gets_no_answer_to_writes(client, guest):
    put(guest, "read", f"only {KNOWN}")
    put(guest, "write", f"only {KNOWN}")
    own = client.ata_frame(WRITE_EXT, 8, 1, pattern(8, 1, 7), src=KNOWN)
    assert client.ask(own).registers == OK
    refused = [client.ata_frame(WRITE_EXT, 8, 1, pattern(8, 1, 9), src=OTHER)]
    client.neighbour.send(refused[0])
    data = client.ask(client.ata_frame(READ_EXT, 8, src=KNOWN)).data
    assert data[:512] == pattern(8, 1, 7), "a refused write has changed the disk"


def test_none_shuts_everyone_out(client, guest):
    for name in LISTS:
        put(guest, name, "none")
    for right, source in itertools.product(LISTS, (KNOWN, OTHER)):
        for request in requests(client, right, source):
            client.neighbour.send(request)
    assert client.receive(lambda frame: frame[14] & 8 != 0, 2) is None
    for name in LISTS:
        put(guest, name, "all")
    assert client.read(8)


def test_longest_list(client, guest):
    macs = [f"02:00:00:00:07:{number:02x}" for number in range(127)]
    put(guest, "read", f"only {' '.join([*macs, KNOWN])}")
    assert guest.run(f"cat {FOLDER}/access/read").stdout.split() == ["only", *macs, KNOWN]
    client.ask(client.ata_frame(READ_EXT, src=KNOWN))
    refused = guest.run(
        f"echo 'only {' '.join([*macs, KNOWN, OTHER])}' >{FOLDER}/access/read", check=False
    )
    assert refused.status, "a list too long must be refused"
    client.ask(client.ata_frame(READ_EXT, src=KNOWN))


@pytest.mark.parametrize(
    "value", ["", "only", "only x", "all but", "nobody", "only all", "ALL", f"{KNOWN}"]
)
def test_what_is_no_list_changes_nothing(client, guest, value):
    put(guest, "read", f"all but {OTHER}")
    said = guest.run(
        f"(echo '{value}' >{FOLDER}/access/read) 2>/dev/null || cat /sys/kvblade/error"
    ).stdout
    assert "access list" in said
    assert guest.run(f"cat {FOLDER}/access/read").stdout == f"all but {OTHER}\n"


def test_announcements_to_those_who_may_discover(client, guest):
    def announced() -> list[str]:
        guest.run("sleep 1.1; echo >/sys/kvblade/announce")
        to = []
        while raw := client.receive(lambda frame: frame[14] & 8 and frame[19] == 1, 1):
            to.append(raw[:6].hex(":"))
        return to

    client.neighbour.drain()
    put(guest, "discover", f"only {KNOWN} {OTHER}")
    assert announced() == [BROADCAST]
    guest.run(f"echo accepted >{FOLDER}/announce")
    assert announced() == [KNOWN, OTHER]
    guest.run(f"echo {OTHER} >{FOLDER}/mask")
    assert announced() == [OTHER]
    guest.run(f"echo >{FOLDER}/mask; echo none >{FOLDER}/announce")
    assert announced() == []
    guest.run(f"echo accepted >{FOLDER}/announce")
    put(guest, "discover", f"all but {OTHER}")
    assert announced() == [BROADCAST]


def test_the_log_tells_what_is_refused_if_it_is_to(client, guest):
    put(guest, "read", f"only {KNOWN}")

    def logged(level: str) -> str:
        guest.run(f"echo {level} >{FOLDER}/log; dmesg -C")
        for _ in range(5):
            client.neighbour.send(client.ata_frame(READ_EXT, src=OTHER))
        client.ask(client.ata_frame(READ_EXT, src=KNOWN))
        return guest.run("dmesg -t").stdout

    assert logged("normal") == ""
    assert logged("access") == f"kvblade_rs: 3.4@eth0: a read by {OTHER} refused\n"
