# SPDX-License-Identifier: GPL-2.0
"""kvctl apply: what it makes of a configuration, and what it leaves alone."""

import json

import pytest

from aoeframes import Identity
from beds import SECTOR, bed
from lab import Disk

SECTORS = 2048
CONFIG = "/etc/kvblade.conf"


@pytest.fixture(scope="module")
def target():
    disks = [Disk(SECTORS * SECTOR) for _ in range(3)]
    with bed("kvctl", disks, nics=2, programs=["kvctl"]) as target:
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    target.guest.run(f"kvctl stop; rm -rf {CONFIG} {CONFIG}.d /var/lib/kvblade")


def apply(guest, text: str, words: str = "") -> str:
    """Makes this the configuration, applies it, and returns what was said."""
    guest.write_file(CONFIG, text)
    return guest.run(f"kvctl apply {words} 2>&1").stdout


def refused(guest, text: str, words: str = "") -> str:
    guest.write_file(CONFIG, text)
    result = guest.run(f"kvctl apply {words} 2>&1", check=False)
    assert result.status == 1, result.stdout
    return result.stdout


def export(text: str = "", name: str = "disk", disk: str = "sda", slot: int = 4) -> str:
    return f"""
[export.{name}]
shelf = 3
slot = {slot}
device = "/dev/{disk}"
interfaces = ["eth0"]
{text}
"""


def ports(guest) -> list[str]:
    return sorted(guest.run("cd /sys/kvblade && echo *@*").stdout.replace("*@*", "").split())


def value(guest, name: str, port: str = "3.4@eth0") -> str:
    return guest.run(f"cat /sys/kvblade/{port}/{name}").stdout.rstrip("\n")


def test_an_export_comes_stays_and_goes(target, guest):
    assert apply(guest, export(), "--dry-run") == "disk: add 3.4 on eth0: /dev/sda\n"
    assert ports(guest) == []
    apply(guest, export())
    assert ports(guest) == ["3.4@eth0"]
    assert Identity(target.client(3, 4).identify()).capacity == SECTORS
    assert apply(guest, export()) == "", "nothing is left to be done"
    shown = json.loads(guest.run("kvctl show --json").stdout)
    assert [(it["name"], it["address"], it["sectors"]) for it in shown] == [("disk", "3.4", SECTORS)]
    apply(guest, "")
    assert ports(guest) == []
