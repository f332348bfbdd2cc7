# SPDX-License-Identifier: GPL-2.0
"""kvadd with more than one line of the module can have: it is all exported, or nothing is."""

import base64

import pytest

from aoeframes import READ_EXT
from lab import Disk
from testbeds import bed

FOLDER = "/sys/kvblade/0.1@eth0"
MASK = ",".join(f"02:00:00:00:01:{number:02x}" for number in range(128))
RESERVE = ",".join(f"02:00:00:00:02:{number:02x}" for number in range(128))
LISTS = f"mask={MASK} reserve={RESERVE}"
ADD = "kvadd 0 1 eth0"


@pytest.fixture(scope="module")
def target():
    with bed("kvadd-long", [Disk(1 << 20)], nics=2) as target:
        yield target


@pytest.fixture
def guest(target):
    return target.guest


def link(guest, length: int) -> str:
    """A path of the disk that is so long."""
    path = "/root"
    while length - len(path) > 257:
        path += "/" + "d" * 200
    path += "/" + "d" * (length - len(path) - 1)
    guest.run(f"p={path}; mkdir -p ${{p%/*}} && ln -sf /dev/sda $p")
    return path


def exports(guest) -> list[str]:
    return guest.run("cd /sys/kvblade; ls -d *@* 2>/dev/null || true").stdout.split()


def refused(guest, command: str) -> str:
    result = guest.run(f"{command} 2>&1", check=False)
    assert result.status == 1, result.stdout
    assert exports(guest) == []
    return result.stdout


def macs(guest, name: str) -> str:
    return ",".join(guest.run(f"cat {FOLDER}/{name}").stdout.split())


@pytest.mark.parametrize("length", [10, 1000, 1700, 1790, 3000, 4000])
def test_lists_of_128_each_fit_with_any_path(guest, length):
    path = "/dev/sda" if length == 10 else link(guest, length)
    string = r"\x80" * 1000
    guest.run(f"{ADD} {path} force=1 {LISTS} bufcnt=9 'config={string}'")
    assert (macs(guest, "mask"), macs(guest, "reserve")) == (MASK, RESERVE)
    shown = guest.run(f"cd {FOLDER}; cat bpath config bufcnt state").stdout.split("\n")
    assert shown == [path, string, "9", "up", ""]
    guest.run("kvdel 0 1 eth0")


def test_by_an_alternative_name_of_the_interface(guest):
    guest.run("ip link property add dev eth0 altname san0")
    guest.run(f"kvadd 0 1 san0 /dev/sda force=1 {LISTS} && cat {FOLDER}/state")
    assert exports(guest) == ["0.1@eth0"]
    assert (macs(guest, "mask"), macs(guest, "reserve")) == (MASK, RESERVE)
    guest.run("kvdel 0 1 san0 && ip link property del dev eth0 altname san0")


def test_the_lists_hold_from_the_first_frame(target, guest):
    """Nobody may use the disk while they are given."""
    client = target.client(0, 1)
    client.neighbour.drain()
    job = guest.spawn(f"{ADD} /dev/sda force=1 {LISTS}")
    answers = []
    while job.poll() is None:
        frame = client.ata_frame(READ_EXT)
        client.neighbour.send(frame)
        raw = client.receive(lambda it, tag=frame[20:24]: it[20:24] == tag, 0.1)
        answers += [raw] if raw else []
    job.wait()
    assert all(raw[15] != 0 for raw in answers), "a read was served"
    guest.run("kvdel 0 1 eth0")


def test_a_config_string_of_which_nothing_is_printable(guest):
    string = bytes(range(128, 256)) * 7 + bytes(31) + b"\x7f" + bytes(range(128, 224))
    assert len(string) == 1024
    text = "".join(rf"\x{byte:02X}" for byte in string)
    guest.run(f"{ADD} /dev/sda force=1 'config={text}' {LISTS}")
    shown = base64.b64decode(guest.run(f"base64 -w0 {FOLDER}/config_raw").stdout)
    assert shown == string
    assert macs(guest, "mask") == MASK
    guest.run("kvdel 0 1 eth0")


def test_offline_stays_offline(guest):
    guest.run(f"{ADD} /dev/sda force=1 offline=1 {LISTS}")
    assert guest.run(f"cat {FOLDER}/state").stdout == "offline\n"
    guest.run("kvdel 0 1 eth0")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (f"{LISTS},02:00:00:00:03:00", "reserve: there is room for 128 addresses"),
        (f"{LISTS},me", "reserve me: not the address of a card"),
        (f"{LISTS} ro=2", "ro=2: the value must be 0 or 1"),
        (f"{LISTS} config=" + "x" * 1025, "config: longer than 1024 bytes, or with an escape"),
        ("config=" + "x" * 4061 + " mask=02:00:00:00:00:01 reserve=02:00:00:00:00:01", "config: "),
        (r"'config=" + r"\x80" * 1024 + r"\x80'", "config: longer than 1024 bytes"),
        (r"'config=" + r"\x80" * 1023 + r"\xzz'", "config: longer than 1024 bytes"),
        (f"{LISTS} colour={'x' * 4070}", "path and options have 4113 bytes, the module takes 4094"),
    ],
    ids=["129", "address", "option", "config", "pieces", "longer", "escape", "option-too-long"],
)
def test_nothing_is_left_of_what_is_refused(guest, options, why):
    assert f"kvadd: {why}" in refused(guest, f"{ADD} /dev/sda force=1 {options}")
    guest.run("blockdev --rereadpt /dev/sda")


def test_a_path_that_is_too_long(guest):
    path = link(guest, 4080)
    said = refused(guest, f"cd /; {ADD} {path} force=1 {LISTS}")
    assert said == "kvadd: path and options have 4107 bytes, the module takes 4094 at most\n"
    guest.run(f"{ADD} {path} && kvdel 0 1 eth0")


def test_another_interface_gets_no_settings(guest):
    guest.run(f"{ADD} /dev/sda force=1")
    result = guest.run(f"kvadd 0 1 eth1 /dev/sda force=1 {LISTS} 2>&1", check=False)
    assert result.status == 1 and "0.1: exported on eth0 already" in result.stdout
    assert exports(guest) == ["0.1@eth0"]
    guest.run("kvdel 0 1 eth0")


def test_whenever_it_is_interrupted_its_status_says_what_there_is(guest):
    """It asks on the segment for most of a second, so that some signals come meanwhile."""
    for delay in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3):
        status = guest.run(
            f"{ADD} /dev/sda {LISTS} 2>/dev/null & sleep {delay}; kill -TERM $! 2>/dev/null;"
            " wait $!; echo $?"
        ).stdout
        print(f"after {delay} s: status {status}")
        assert exports(guest) == (["0.1@eth0"] if status == "0\n" else [])
        if status == "0\n":
            assert macs(guest, "reserve") == RESERVE
            assert guest.run(f"cat {FOLDER}/state; kvdel 0 1 eth0").stdout == "up\n"
