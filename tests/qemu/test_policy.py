# SPDX-License-Identifier: GPL-2.0
"""What the administrator may say of how an export is served, and its effect."""

import re

import pytest

from aoeframes import IDNF, OK, READ_EXT, WRITE_EXT, Identity
from lab import Disk, paths
from testbeds import SECTOR, bed, pattern, sectors_of

SECTORS = 2048
FOLDER = "/sys/kvblade/3.4@eth0"
FLUSH, WRITE_FUA = 0xE7, 0x3D


@pytest.fixture(scope="module")
def target():
    with bed("policy", [Disk(SECTORS * SECTOR)], nics=2) as target:
        yield target


def value(guest, name: str) -> str:
    return guest.run(f"cat {FOLDER}/{name}").stdout.rstrip("\n")


def sentence(guest, command: str) -> str:
    """Why a command is refused."""
    return guest.run(f"({command}) 2>/dev/null || cat /sys/kvblade/error").stdout.strip()


def test_what_holds_unless_it_is_said(target):
    with target.exported(3, 4, "/dev/sda"):
        names = (
            "ro",
            "shared",
            "offset",
            "length",
            "bufcnt",
            "mtu_max",
            "cache",
            "announce",
            "announce_every",
            "log",
        )
        assert [value(target.guest, name) for name in names] == (
            ["0", "0", "0", "0", "64", "0", "through", "all", "0", "normal"]
        )


def test_all_files_are_documented(target):
    text = (paths.SOURCE / "docs/sysfs-abi.md").read_text()
    documented = set(re.findall(r"^/sys/kvblade/(\S+)$", text, re.MULTILINE))
    with target.exported(3, 4, "/dev/sda"):
        found = target.guest.run("cd /sys/kvblade && find . -type f").stdout.split()
    found = {name.removeprefix("./").replace("3.4@eth0", "SHELF.SLOT@INTERFACE") for name in found}
    assert found == documented


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ("", set()),
        ("config=two\\x20\\x0awords mask=02:00:00:00:00:01", set()),
        (f"mask=02:00:00:00:00:01,02:00:00:00:00:02 config={'x' * 300}", {"mask", "config"}),
    ],
    ids=["nothing set", "a line each", "more"],
)
def test_the_summary_is_what_the_files_say(target, options, left_out):
    with target.exported(3, 4, "/dev/sda", options=options):
        listed = target.guest.run(f"cd {FOLDER} && find . -type f -perm -0400").stdout.split()
        names = {name.removeprefix("./") for name in listed} - {"summary", "config_raw"}
        lines = value(target.guest, "summary").splitlines()
        said = dict(line.split(" ", 1) for line in lines)
        assert len(said) == len(lines)
        assert said.keys() == names - left_out
        assert said == {name: value(target.guest, name) for name in said}


def test_a_part_of_a_device(target):
    with target.exported(3, 4, "/dev/sda", options="offset=100 length=50") as client:
        assert value(target.guest, "scnt") == "50"
        assert (value(target.guest, "offset"), value(target.guest, "length")) == ("100", "50")
        assert Identity(client.identify()).capacity == 50
        client.write(0, pattern(100, 2, 5))
        client.write(49, pattern(149, 1, 5))
        assert client.read(49) == pattern(149, 1, 5)
        for opcode, data in ((READ_EXT, b""), (WRITE_EXT, pattern(0, 2))):
            assert client.ata(opcode, 49, 2, data).registers == IDNF
    disk = target.guest.disks[0].path
    assert sectors_of(disk, 100, 2) == pattern(100, 2, 5)
    assert sectors_of(disk, 99) == sectors_of(disk, 150) == bytes(SECTOR)
    assert sectors_of(disk, 149) == pattern(149, 1, 5)


def test_from_an_offset_to_the_end(target):
    with target.exported(3, 4, "/dev/sda", options=f"offset={SECTORS - 3}") as client:
        assert Identity(client.identify()).capacity == 3
        client.write(2, pattern(9))
        assert client.ata(READ_EXT, 3).registers == IDNF
    assert sectors_of(target.guest.disks[0].path, SECTORS - 1) == pattern(9)


@pytest.mark.parametrize(
    "options",
    [
        f"offset={SECTORS}",
        f"length={SECTORS + 1}",
        "offset=1999 length=50",
        f"offset={2**64 - 1} length=2",
    ],
)
def test_a_part_beyond_the_end(target, options):
    said = target.guest.run(f"kvadd 3 4 eth0 /dev/sda {options} 2>&1", check=False)
    assert said.status == 1
    assert said.stdout == f"kvadd: /dev/sda: offset and length lie beyond its {SECTORS} sectors\n"


def test_a_cap_on_the_length_of_frames(target):
    guest = target.guest
    guest.run("ip link set eth0 mtu 9000")
    with target.exported(3, 4, "/dev/sda", options="mtu=4200") as client:
        assert client.config_query().sector_count == 8
        assert len(client.read(0, 8)) == 8 * SECTOR
        assert client.ata(READ_EXT, 0, 9).registers != OK
        guest.run(f"echo 0 >{FOLDER}/mtu_max")
        assert client.config_query().sector_count == 17
        assert len(client.read(0, 17)) == 17 * SECTOR
        guest.run(f"echo 1500 >{FOLDER}/mtu_max")
        assert client.config_query().sector_count == 2
    guest.run("ip link set eth0 mtu 1500")


def test_the_buffer_count_can_be_changed(target):
    with target.exported(3, 4, "/dev/sda") as client:
        client.neighbour.drain()
        target.guest.run(f"echo 7 >{FOLDER}/bufcnt")
        assert client.config_query().buffer_count == 7
        for bad in ("1", "513", "x", ""):
            assert "bufcnt" in sentence(target.guest, f"echo '{bad}' >{FOLDER}/bufcnt")
        assert value(target.guest, "bufcnt") == "7"


@pytest.mark.parametrize("query", [False, True])
def test_whoever_has_an_answer_may_send_the_next_request(target, query):
    """An initiator that always has as many in flight as it may: none of them is too many."""
    with target.exported(3, 4, "/dev/sda", options="bufcnt=2") as client:
        neighbour = client.neighbour
        neighbour.drain()
        under_way = set()
        for _ in range(10_000 // paths.patience()):
            if len(under_way) == 2:
                raw = neighbour.recv_if(lambda raw: raw[20:24] in under_way, 20)
                assert raw is not None, "no answer"
                under_way.remove(raw[20:24])
            frame = client.config_frame() if query else client.ata_frame(READ_EXT)
            neighbour.send(frame)
            under_way.add(frame[20:24])
        assert value(target.guest, "stats/dropped_window") == "0"


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("cache", "on"),
        ("announce", "some"),
        ("announce_every", "3601"),
        ("log", "loud"),
        ("mtu_max", "1059"),
    ],
)
def test_words_that_are_none(target, name, bad):
    with target.exported(3, 4, "/dev/sda"):
        before = value(target.guest, name)
        said = sentence(target.guest, f"echo {bad} >{FOLDER}/{name}")
        assert bad in said and name.split("_")[0] in said
        assert value(target.guest, name) == before
    option = name.removesuffix("_max")
    assert bad in sentence(target.guest, f"echo 3 4 eth0 /dev/sda {option}={bad} >/sys/kvblade/add")


def flushes(guest) -> int:
    """How often the disk has been told to flush its cache, which is how it is given REQ_FUA."""
    return int(guest.run("cat /sys/block/sda/stat").stdout.split()[15])


def test_a_write_back_cache(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/sda") as client:
        assert not Identity(client.identify()).word(85) & 0x20
        before = flushes(guest)
        client.write(0, pattern(0))
        assert flushes(guest) > before, "a write is on the medium when it is answered"

        guest.run(f"echo back >{FOLDER}/cache")
        assert Identity(client.identify()).word(85) & 0x20
        before = flushes(guest)
        client.write(0, pattern(0, 1, 1))
        assert flushes(guest) == before
        client.write(0, pattern(0, 1, 2), opcode=WRITE_FUA)
        assert flushes(guest) > before
        before = flushes(guest)
        assert client.ata(FLUSH).registers == OK
        assert flushes(guest) > before


def test_a_quiet_log(target):
    guest = target.guest
    guest.run("dmesg -C")
    with target.exported(3, 4, "/dev/sda", options="log=quiet"):
        guest.run(f"echo offline >{FOLDER}/state")
    assert guest.run("dmesg -t").stdout == ""


def test_a_second_path_has_the_same_policy(target):
    with target.exported(3, 4, "/dev/sda", options="bufcnt=9 log=quiet"):
        said = target.guest.run("kvadd 3 4 eth1 /dev/sda bufcnt=9 2>&1", check=False)
        assert said.status == 1 and "the same options" in said.stdout
        target.guest.run("kvadd 3 4 eth1 /dev/sda bufcnt=9 log=quiet && kvdel 3 4 eth1")
