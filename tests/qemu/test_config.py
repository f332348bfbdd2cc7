# SPDX-License-Identifier: GPL-2.0
"""Config strings: what clients store and ask for. Names carry the ids of conformance cases."""

import pytest

from aoeframes import BROADCAST, Reply
from lab import Disk
from testbeds import bed

SHELF, SLOT = 7, 1
READ, TEST, PREFIX, SET, FORCE = range(5)
BAD_ARGUMENT, STRING_PRESENT = 2, 4
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"


@pytest.fixture(scope="module")
def target():
    with bed("config", [Disk(1 << 20)]) as target:
        yield target


@pytest.fixture
def client(target):
    """A client of an export that has no config string yet."""
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        client.neighbour.drain()
        yield client


def ask(client, ccmd: int, string: bytes = b"", **how) -> Reply:
    return client.ask(client.config_frame(ccmd, string, **how))


def test_b03_b04_b05_set(client):
    reply = ask(client, SET, b"abc")
    assert (reply.error, reply.config, reply.config_command) == (None, b"abc", 0x13)
    reply = ask(client, SET, b"abc")
    assert (reply.error, reply.config) == (None, b"abc"), "a retransmission is no error"
    reply = ask(client, SET, b"abd")
    assert (reply.error, reply.config) == (STRING_PRESENT, b"abc")
    assert ask(client, READ).config == b"abc"


def test_b06_b07_test(client):
    ask(client, SET, b"abc")
    reply = ask(client, TEST, b"abc")
    assert (reply.config, reply.config_command) == (b"abc", 0x11)
    client.assert_silent(*(client.config_frame(TEST, it) for it in (b"ab", b"abcd", b"abd", b"")))


def test_b08_b09_prefix(client):
    ask(client, SET, b"abc")
    for prefix in (b"", b"ab", b"abc"):
        assert ask(client, PREFIX, prefix).config == b"abc"
    client.assert_silent(*(client.config_frame(PREFIX, it) for it in (b"abcd", b"b")))


def test_b10_b11_b12_force_set(client):
    ask(client, SET, b"abc")
    assert ask(client, FORCE, b"xyz").config == b"xyz"
    assert ask(client, READ).config == b"xyz"
    assert ask(client, FORCE).config == b""
    assert ask(client, TEST).config == b""
    longest = bytes(i & 255 for i in range(1024))
    assert ask(client, FORCE, longest).config == longest
    assert len(ask(client, READ).raw) == 1056


def test_b13_b15_lengths_that_lie(client):
    ask(client, SET, b"abc")
    for ccmd in (SET, FORCE):
        reply = ask(client, ccmd, bytes(1025))
        assert (reply.error, reply.config) == (BAD_ARGUMENT, b"abc")
        assert ask(client, ccmd, b"abcd", length=10).error == BAD_ARGUMENT
    client.assert_silent(
        client.config_frame(TEST, b"abcd", length=10),
        client.config_frame(PREFIX, bytes(1025)),
    )
    assert ask(client, READ).config == b"abc"


@pytest.mark.parametrize("ccmd", [5, 15])
def test_b16_unknown_subcommands(client, ccmd):
    assert ask(client, ccmd).error == BAD_ARGUMENT


def test_b20_set_by_broadcast(client):
    assert ask(client, SET, b"abc", dst=BROADCAST).config == b"abc"
    assert ask(client, READ).config == b"abc"


def test_one_string_on_all_interfaces_and_in_sysfs(target, client):
    ask(client, SET, b'a "b"\\\n\x80\0')
    shown = target.guest.run(f"cat {FOLDER}/config").stdout.rstrip("\n")
    assert shown == r"a \"b\"\\\n\x80\x00"
    target.guest.run(f"printf '%s\\n' 'of the \\x41dministrator' >{FOLDER}/config")
    assert ask(client, READ).config == b"of the Administrator"
    assert target.guest.run(f"echo '\\q' >{FOLDER}/config", check=False).status != 0
    assert target.guest.run(f"head -c 1025 /dev/zero >{FOLDER}/config", check=False).status != 0
    assert ask(client, READ).config == b"of the Administrator"
