# SPDX-License-Identifier: GPL-2.0
"""Each option of the configuration, by its effect on the wire or on the device."""

import itertools

import pytest

from aoeframes import ABRT, ATA, BROADCAST, CONFIG, IDNF, OK, READ_EXT, WRITE_EXT, Identity
from configs import FOLDER, KNOWN, OTHER, apply, clean, configured, export, ports, refused, value
from lab import Disk
from test_access import requests
from test_policy import flushes
from test_presence import answer_probe
from testbeds import SECTOR, bed, pattern, sectors_of

SECTORS = 2048
RESERVED = 6


@pytest.fixture(scope="module")
def target():
    disks = [Disk(SECTORS * SECTOR) for _ in range(2)]
    with bed("kvctl-options", disks, nics=2, programs=["kvctl"]) as target:
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)


def announcements(client, seconds: float = 3) -> list[str]:
    """To whom the export is announced."""
    to = []
    while raw := client.receive(lambda frame: frame[14] & 8 and frame[19] == CONFIG, seconds):
        to.append(raw[:6].hex(":"))
    return to


# What is exported.


@pytest.mark.parametrize(
    ("kind", "name", "link"),
    [
        ("UUID", "1234-ab", "by-uuid/1234-ab"),
        ("PARTUUID", "77-01", "by-partuuid/77-01"),
        ("LABEL", "my disk", r"by-label/my\\x20disk"),
        ("ID", "scsi-0QEMU_1:2", "by-id/scsi-0QEMU_1:2"),
    ],
    ids=["uuid", "partuuid", "label", "id"],
)
def test_devices_by_name(target, guest, kind, name, link):
    guest.run(f'mkdir -p /dev/disk/{link.split("/")[0]} && ln -s ../../sdb "/dev/disk/{link}"')
    with configured(target, export(device=f"'{kind}={name}'")) as client:
        client.write(3, pattern(3, 1, len(kind)))
        said = refused(guest, export(device=f"'{kind}=missing'"))
        assert "missing: not there" in said
    assert sectors_of(guest.disks[1].path, 3) == pattern(3, 1, len(kind))


def test_a_device_that_has_become_another_is_exported_anew(target, guest):
    guest.run("ln -sf sda /dev/link")
    with configured(target, export(device="'/dev/link'")) as client:
        client.write(9, pattern(9, 1, 1))
        guest.run("ln -sf sdb /dev/link")
        apply(guest, export(device="'/dev/link'"))
        client.write(9, pattern(9, 1, 2))
    disks = [sectors_of(disk.path, 9) for disk in guest.disks]
    assert disks == [pattern(9, 1, 1), pattern(9, 1, 2)]


def test_offset_and_length(target):
    with configured(target, export("offset = '50 KiB'", "length = 5120")) as client:
        assert Identity(client.identify()).capacity == 10
        client.write(9, pattern(109))
        assert client.ata(READ_EXT, 10).registers == IDNF
    assert sectors_of(target.guest.disks[0].path, 109) == pattern(109)


def test_read_only(target):
    with configured(target, export("read-only = true")) as client:
        assert client.ata(WRITE_EXT, 0, 1, pattern(0)).registers == ABRT
        assert client.read(0)


def test_shared(target, guest):
    shared = export("shared = true") + export("shared = true", name="again", slot="5")
    with configured(target, shared) as client:
        client.write(2, pattern(2, 1, 4))
        assert target.client(3, 5).read(2) == pattern(2, 1, 4)
        assert "has the device of disk" in refused(guest, shared.replace("shared = true", ""))


# Where it is found.


def test_slots_are_given_and_stay(target, guest):
    automatic = {"slot": ""}
    apply(guest, export(**automatic) + export(name="b", device='"/dev/sdb"', **automatic))
    assert ports(guest) == ["3.0@eth0", "3.1@eth0"]
    guest.run("kvctl stop")
    apply(guest, export(name="b", device='"/dev/sdb"', **automatic))
    assert ports(guest) == ["3.1@eth0"], "the address of a disk must not change"
    client = target.client(3, 1)
    client.write(0, pattern(1, 1, 8))
    assert sectors_of(guest.disks[1].path, 0) == pattern(1, 1, 8)


def test_interfaces_by_pattern(target, guest):
    with configured(target, export(interfaces="['eth[0-9]']")) as client:
        client.write(1, pattern(1, 1, 3))
        assert target.client(3, 4, port=1).read(1) == pattern(1, 1, 3)
        apply(guest, export(interfaces="['eth1']"))
        assert ports(guest) == ["3.4@eth1"]
        assert target.client(3, 4, port=1).read(1) == pattern(1, 1, 3)


def test_a_pattern_takes_ethernet_only(guest):
    guest.run("ip link set lo up")
    apply(guest, export(interfaces="['*']"))
    assert ports(guest) == ["3.4@eth0", "3.4@eth1"]


@pytest.mark.parametrize("where", ["export", "interface", "glob"])
def test_mtu(target, guest, where):
    table = {
        "export": export("mtu = 4200"),
        "interface": export("mtu = 8000") + "[interface.eth0]\nmtu = 4200\n",
        "glob": export() + "[interface.'e*']\nmtu = 4200\n",
    }
    guest.run("ip link set eth0 mtu 9000")
    with configured(target, table[where]) as client:
        assert client.config_query().sector_count == 8
    guest.run("ip link set eth0 mtu 1500")


def test_force(target, guest):
    client = target.client(3, 4)
    client.neighbour.drain_requests()
    guest.write_file("/etc/kvblade.conf", export(force="false"))
    applying = guest.spawn("kvctl apply")
    answer_probe(client)
    said = applying.wait(check=False)
    assert said.status == 1
    assert "kvctl: disk: 3.4@eth0: address in use by another target" in said.stdout
    assert ports(guest) == []
    apply(guest, export())
    assert ports(guest) == ["3.4@eth0"]


# How it is served.


def test_buffer_count(target):
    with configured(target, export("buffer-count = 7")) as client:
        assert client.config_query().buffer_count == 7


@pytest.mark.parametrize("cache", [False, True])
def test_write_cache(target, guest, cache):
    with configured(target, export(f"write-cache = {str(cache).lower()}")) as client:
        assert bool(Identity(client.identify()).word(85) & 0x20) == cache
        before = flushes(guest)
        client.write(0, pattern(0))
        assert (flushes(guest) == before) == cache


def test_identity(target, guest):
    words = ("model = 'A model'", "serial = 'S 1'", "wwn = '50000000000000af'")
    with configured(target, export(*words)) as client:
        identity = Identity(client.identify())
        assert identity.text(27, 46).strip() == "A model"
        assert identity.text(10, 19).strip() == "S 1"
        assert identity.word(111) == 0xAF
        apply(guest, export())
        identity = Identity(client.identify())
        assert identity.text(27, 46).strip() == "kvblade_rs", "what is not said any more"
        assert identity.text(10, 19).strip() == "kvblade-3.4"


@pytest.mark.parametrize(
    ("announce", "to"), [("all", [BROADCAST]), ("accepted", [KNOWN, OTHER]), ("none", [])]
)
def test_announce(target, announce, to):
    lists = f"[access.list]\naccept = ['{KNOWN}', '{OTHER}']\n"
    table = export(f"announce = '{announce}'", "access = { discover = 'list' }")
    with configured(target, lists + table) as client:
        assert announcements(client) == to


def test_announce_every(target):
    with configured(target, export("announce-every = 1")) as client:
        for _ in range(3):
            assert client.receive(lambda frame: frame[:6].hex(":") == BROADCAST, 5)
        assert apply(target.guest, export()) == "disk: set announce_every: 0, was 1\n"


@pytest.mark.parametrize(("log", "lines"), [("normal", 3), ("quiet", 0), ("access", 4)])
def test_log(target, guest, log, lines):
    guest.run("dmesg -C")
    with configured(target, export(f"log = '{log}'", "access = { read = 'none' }")) as client:
        client.neighbour.send(client.ata_frame(READ_EXT))
        client.config_query()
        guest.run("sleep 0.2")
    assert len(guest.run("dmesg -t").stdout.splitlines()) == lines


# What clients find, and may change.


def test_config_string(target, guest):
    with configured(target, export(r"config-string = 'a\x00b'")) as client:
        assert client.config_query().config == b"a\0b"
        client.ask(client.config_frame(4, b"mine"))
        apply(guest, export(r"config-string = 'a\x00b'", "buffer-count = 5"))
        assert client.config_query().config == b"mine", "it is only what there is at first"
        apply(guest, export("config-string = 'new'"))
        assert client.config_query().config == b"new"


def test_mask(target):
    with configured(target, export(f"mask = ['{KNOWN}']")) as client:
        client.ask(client.ata_frame(READ_EXT, src=KNOWN))
        client.neighbour.send(client.ata_frame(READ_EXT, src=OTHER))
        assert client.receive(lambda frame: frame[14] & 8 and frame[19] == ATA, 1) is None


def test_reserve(target):
    with configured(target, export(f"reserve = ['{KNOWN}']")) as client:
        assert client.ask(client.ata_frame(READ_EXT, src=KNOWN)).registers == OK
        assert client.ask(client.ata_frame(READ_EXT, src=OTHER)).error == RESERVED


def test_online(target, guest):
    with configured(target, export("online = false")) as client:
        assert client.ask(client.ata_frame(READ_EXT)).error is not None
        apply(guest, export("online = true"))
        assert client.read(0)
        apply(guest, export("online = false"))
        assert client.ask(client.ata_frame(READ_EXT)).error is not None


RIGHTS = ("discover", "config", "read", "write")


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize(
    "table",
    [
        f"accept = ['{KNOWN}']",
        f"deny = ['{OTHER}']",
        "accept = ['client7']",
        "accept = ['inner']",
        f"rules = [{{ deny = '{OTHER}' }}, {{ accept = 'all' }}]",
        f"accept = ['{KNOWN}', '{OTHER}']\ndeny = ['{OTHER}']",
    ],
    ids=["accept", "deny", "ethers", "nested", "rules", "both"],
)
def test_access(target, guest, right, table):
    guest.write_file("/etc/ethers", "# names\n2:0:0:0:0:A client7 # by name\n")
    lists = f"[access.list]\n{table}\n[access.inner]\naccept = ['{KNOWN}']\n"
    with configured(target, lists + export(f"access = {{ {right} = 'list' }}")) as client:
        for each in RIGHTS:
            for request in requests(client, each, KNOWN):
                client.ask(request)
        for each, request in itertools.chain(
            *[[(each, frame) for frame in requests(client, each, OTHER)] for each in RIGHTS]
        ):
            if each != right:
                client.ask(request)
            elif right == "write":
                assert client.ask(request).registers == ABRT
            else:
                client.neighbour.send(request)
        sent = 0 if right == "write" else len(requests(client, right, OTHER))
        assert int(value(guest, "stats/dropped_access", FOLDER)) == sent


def test_the_seed_of_this_project(target, guest):
    """/dev/sda2 at 0.0, read-only, broadcast: the example of the manual page."""
    guest.run("sfdisk -q /dev/sda <<'EOF'\nstart=8, size=64\nstart=72, size=129\nEOF")
    text = '[export.sda2]\nshelf = 0\nslot = 0\ndevice = "/dev/sda2"\ninterfaces = ["eth0"]\n'
    client = target.client(0, 0)
    client.neighbour.drain()
    apply(guest, text + "read-only = true\nannounce = 'all'\n")
    assert announcements(client) == [BROADCAST]
    assert Identity(client.identify()).capacity == 129
    assert client.ata(WRITE_EXT, 0, 1, pattern(0)).registers == ABRT
    guest.run("kvctl stop; wipefs -qa /dev/sda")
