# SPDX-License-Identifier: GPL-2.0
"""kvctl status and kvctl check --live: what is wrong, as people and programs see it."""

import pytest

from aoeframes import WRITE_EXT
from configs import CONFIG, apply, clean, export
from lab import Disk
from testbeds import SECTOR, bed, mapped

SECTORS = 2048


@pytest.fixture(scope="module")
def target():
    with bed(
        "kvctl-status", [Disk(SECTORS * SECTOR) for _ in range(2)], programs=["kvctl"]
    ) as target:
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)


def check(guest) -> tuple[int, str]:
    """The exit status of the plugin, and its first line without the numbers."""
    result = guest.run("kvctl check --live", check=False)
    said, _, numbers = result.stdout.splitlines()[0].partition(" | ")
    assert numbers.startswith("exports=") or result.status == 3
    return result.status, said


def status(guest, words: str = "") -> list[str]:
    return guest.run(f"kvctl status {words}").stdout.splitlines()


def test_all_is_well(target, guest):
    apply(guest, export())
    target.client(3, 4).read(0)
    assert check(guest) == (0, "KVBLADE OK - 1 export")
    lines = status(guest)
    assert lines[0] == "OK: 1 export"
    (running,) = [line.split() for line in lines if line.startswith("disk  e3.4")]
    assert running[2:4] == ["eth0", "/dev/sda"] and running[-2:] == ["up", "yes"]
    (client,) = [line for line in lines if target.neighbours[0].mac in line]
    assert client.startswith("disk ") and client.split()[-2:] == ["ago", "no"]


def test_what_is_configured_and_does_not_run(guest):
    apply(guest, export())
    guest.write_file(CONFIG, export() + export(name="late", slot="5", device="'/dev/nowhere'"))
    assert check(guest) == (
        2,
        "KVBLADE CRITICAL - late: configured, does not run: /dev/nowhere: not there",
    )
    assert "configured, does not run: /dev/nowhere: not there" in status(guest)[3]
    assert "configured, does not run: /dev/nowhere: not there" in status(guest, "late")[3]
    assert status(guest, "disk")[0] == "OK: 1 export"
    refused = guest.run("kvctl status nobody 2>&1", check=False)
    assert (refused.status, refused.stdout) == (
        1,
        "kvctl: nobody: neither configured nor exported\n",
    )


def test_what_runs_otherwise_than_configured(guest):
    apply(guest, export())
    guest.write_file(CONFIG, export("mtu = 1400"))
    assert check(guest) == (
        1,
        "KVBLADE WARNING - disk: not as configured: set mtu_max: 1400, was 0",
    )
    guest.write_file(CONFIG, "[export]\n")
    assert check(guest) == (1, "KVBLADE WARNING - disk: runs, and is not configured any more")
    guest.write_file(CONFIG, "nonsense")
    assert check(guest)[0] == 1
    guest.run("kvctl stop; kvadd 3 4 eth0 /dev/sda force=1; rm " + CONFIG)
    assert check(guest) == (0, "KVBLADE OK - 1 export")
    assert status(guest)[-1].split()[-5:] == ["up", "no:", "made", "by", "hand"]
    guest.run("kvdel 3 4 eth0")


@pytest.mark.kernel_log(allow=["interface is down"])
def test_an_interface_that_is_down(guest):
    apply(guest, export())
    guest.run("ip link set eth0 down")
    try:
        assert check(guest) == (2, "KVBLADE CRITICAL - disk on eth0: down: interface is down")
        line = status(guest)[3]
        assert line.startswith("CRITICAL  disk on eth0") and "ip link set" in line
    finally:
        guest.run("ip link set eth0 up")


@pytest.mark.kernel_log(allow=["I/O error", "write fault"])
def test_a_disk_that_fails(target, guest):
    apply(guest, export(device=f"'{mapped(guest, 'bad', '0 2048 error')}'"))
    client = target.client(3, 4)
    assert client.ata(WRITE_EXT, 0, 1, bytes(512)).registers[0] & 1
    level, said = check(guest)
    assert level == 2
    assert said == "KVBLADE CRITICAL - disk on eth0: degraded: 1 write fault in the last minute"
    (counted,) = [line for line in status(guest) if "write_faults" in line]
    assert counted.endswith("1  the disk could not write: data of clients may be lost")
    guest.run("kvctl stop; dmsetup remove bad")


def test_what_cannot_be_found_out(guest):
    guest.run("mkdir -p /run/kvblade; echo nonsense >/run/kvblade/exports.json")
    try:
        level, said = check(guest)
        assert level == 3 and said.startswith("KVBLADE UNKNOWN - /run/kvblade/exports.json: ")
    finally:
        guest.run("rm /run/kvblade/exports.json")
