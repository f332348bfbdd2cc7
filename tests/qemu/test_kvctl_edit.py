# SPDX-License-Identifier: GPL-2.0
"""kvctl add, set and remove: what runs and what is configured, changed together."""

import pytest

from aoeframes import ABRT, WRITE_EXT, Identity
from configs import CONFIG, clean, export, ports, value
from lab import Disk
from testbeds import SECTOR, bed, pattern

SECTORS = 4096
FILE = f"{CONFIG}.d/kvctl.conf"
ADD = "--device /dev/sda --interface eth0 --shelf 3 --slot 4 force=true"


@pytest.fixture(scope="module")
def target():
    disks = [Disk(SECTORS * SECTOR) for _ in range(2)]
    with bed("kvctl-edit", disks, programs=["kvctl"]) as target:
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)


def text(guest) -> str:
    return guest.run(f"cat {FILE} 2>/dev/null || true").stdout


def test_an_export_comes_changes_and_goes_for_good(target, guest):
    assert guest.run(f"kvctl add disk {ADD}").stdout == "disk: add 3.4 on eth0: /dev/sda\n"
    client = target.client(3, 4)
    assert Identity(client.identify()).capacity == SECTORS
    guest.run("kvctl set disk read-only=true model=shop")
    assert Identity(client.identify()).text(27, 46).strip() == "shop"
    assert client.ata(WRITE_EXT, 0, 1, pattern(0)).registers == ABRT
    assert guest.run("stat -c %a " + FILE).stdout == "644\n"
    # As after the machine's next start.
    guest.run("kvctl stop && kvctl apply")
    assert value(guest, "ro") == "1"
    assert guest.run("kvctl remove disk").stdout == "disk: remove 3.4 from eth0\n"
    assert ports(guest) == [] and "[export" not in text(guest)


def test_what_fails_changes_neither(guest):
    guest.write_file(CONFIG, export(name="mine", device='"/dev/sdb"', slot="5"))
    guest.run(f"kvctl add disk {ADD}; kvctl apply")
    before = text(guest)
    for words, what in (
        ("add other --device /dev/sdz --interface eth0 --shelf 3", "/dev/sdz: not there"),
        ("add other --device /dev/sdb --interface eth0 --shelf 3", "has the device of mine"),
        ("add other --device /dev/sdb", "shelf is missing"),
        ("set disk colour=red", "colour: no such key"),
        ("set mine read-only=true", f"in a file that is yours: {CONFIG}:1"),
        ("remove mine", "say --runtime"),
    ):
        said = guest.run(f"kvctl {words} 2>&1", check=False)
        assert said.status == 1 and what in said.stdout, said.stdout
    assert text(guest) == before
    assert ports(guest) == ["3.4@eth0", "3.5@eth0"]


def test_what_is_for_now_only_is_left_alone_by_apply(guest):
    guest.write_file(CONFIG, export(name="mine", device='"/dev/sdb"', slot="5"))
    guest.run(f"kvctl apply; kvctl add disk {ADD} --runtime")
    assert guest.run("kvctl apply").stdout == ""
    assert ports(guest) == ["3.4@eth0", "3.5@eth0"] and text(guest) == ""
    guest.run("kvctl set disk --runtime buffer-count=7; kvctl remove mine --runtime")
    assert value(guest, "bufcnt") == "7"
    assert guest.run("kvctl apply").stdout == "mine: add 3.5 on eth0: /dev/sdb\n"
    guest.run("kvctl remove disk --runtime")
    assert ports(guest) == ["3.5@eth0"]


def test_many_at_a_time(guest):
    add = "kvctl add d$i --device /dev/sda --interface eth0 --shelf 6 shared=true"
    guest.run(f"for i in $(seq 30); do {add} & done; wait", timeout=300)
    assert ports(guest) == sorted(f"6.{slot}@eth0" for slot in range(30))
    assert text(guest).count("[export.") == 30
    guest.run("for i in $(seq 30); do kvctl remove d$i & done; wait", timeout=300)
    assert ports(guest) == [] and "[export." not in text(guest)
