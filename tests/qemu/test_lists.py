# SPDX-License-Identifier: GPL-2.0
"""MAC mask lists, reservations and offline exports. Names carry the ids of conformance cases."""

import random
import struct

import pytest

from aoeframes import (
    ANY_SHELF,
    ANY_SLOT,
    BROADCAST,
    IDENTIFY,
    OK,
    READ_EXT,
    RESPONSE,
    WRITE_EXT,
    Identity,
    Reply,
    assert_padded,
    mac_bytes,
)
from lab import Disk
from listframes import ADD, DELETE, EDIT, FORCE, NOP, READ, SET, mask_frame, number, reserve_frame
from testbeds import SECTOR, bed, sectors_of

SHELF, SLOT = 7, 2
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
UNAVAILABLE, BAD_ARGUMENT, RESERVED = 3, 2, 6
FLUSH = 0xE7
OTHER = "02:00:00:00:02:99"
WILDCARD = {"shelf": ANY_SHELF, "slot": ANY_SLOT}


@pytest.fixture(scope="module")
def disk():
    return Disk(1 << 20)


@pytest.fixture(scope="module")
def target(disk):
    with bed("lists", [disk]) as target:
        yield target


@pytest.fixture
def client(target):
    """A client of an export that has no lists yet."""
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        client.neighbour.drain()
        yield client


def mask(client, mcmd: int, *directives: tuple[int, str], count=None, **how) -> Reply:
    return client.ask(mask_frame(client, mcmd, *directives, count=count, **how))


def masked(reply: Reply) -> list[str]:
    """The addresses that a mask reply lists."""
    assert reply.error is None
    _, _, merror, count = reply.raw[24:28]
    assert merror == 0
    assert_padded(reply.raw, 28 + 8 * count)
    entries = list(struct.iter_unpack(">BB6s", reply.raw[28 : 28 + 8 * count]))
    assert all(reserved == 0 and dcmd == 0 for reserved, dcmd, _ in entries)
    return [mac.hex(":") for _, _, mac in entries]


def reserve(client, rcmd: int, *macs: str, **how) -> Reply:
    return client.ask(reserve_frame(client, rcmd, *macs, **how))


def holders(reply: Reply) -> list[str]:
    count = reply.raw[25]
    assert_padded(reply.raw, 26 + 6 * count)
    return [reply.raw[26 + 6 * i : 32 + 6 * i].hex(":") for i in range(count)]


def test_e01_e02_e03_e04_mask(client):
    me = client.neighbour.mac
    assert masked(mask(client, READ)) == []
    assert masked(mask(client, EDIT, (ADD, me), (ADD, number(1)))) == [me, number(1)]
    assert masked(mask(client, READ)) == [me, number(1)]
    client.assert_silent(
        client.config_frame(src=OTHER),
        client.ata_frame(READ_EXT, src=OTHER),
        client.ata_frame(IDENTIFY, src=OTHER),
        mask_frame(client, READ, src=OTHER),
        reserve_frame(client, READ, src=OTHER),
        client.frame(77, b"", src=OTHER),
        client.config_frame(src=OTHER, dst=BROADCAST, **WILDCARD),
    )
    assert masked(mask(client, EDIT, (NOP, OTHER), (DELETE, number(1)))) == [me]
    assert masked(mask(client, EDIT, (DELETE, me))) == []
    assert client.ask(client.config_frame(src=OTHER)).error is None


def test_e05_e06_directives_that_fail(client):
    me = client.neighbour.mac
    mask(client, EDIT, (ADD, me))
    reply = mask(client, EDIT, (ADD, number(1)), (7, number(2)), (ADD, number(3)))
    assert reply.error is None
    assert tuple(reply.raw[26:28]) == (2, 1)
    assert masked(mask(client, READ)) == [me, number(1)]
    for first in range(2, 128, 42):
        mask(client, EDIT, *((ADD, number(i)) for i in range(first, min(first + 42, 128))))
    assert len(masked(mask(client, READ))) == 128
    reply = mask(client, EDIT, (ADD, number(5)), (ADD, number(200)))
    assert tuple(reply.raw[26:28]) == (3, 1)
    assert len(masked(mask(client, READ))) == 128


def test_e07_e08_masks_that_are_refused(client):
    assert mask(client, EDIT, (ADD, OTHER), (ADD, OTHER), count=4).error == BAD_ARGUMENT
    assert mask(client, 2).error == BAD_ARGUMENT
    client.assert_silent(mask_frame(client, EDIT, (ADD, OTHER), **WILDCARD))
    assert masked(mask(client, READ)) == []


def test_who_is_masked_out_by_an_edit_is_still_answered(client):
    assert masked(mask(client, EDIT, (ADD, OTHER))) == [OTHER]
    assert client.receive(lambda _frame: True, 1) is None
    assert masked(mask(client, EDIT, (DELETE, OTHER), src=OTHER)) == []


def test_f01_f02_f03_f04_f05_f07_reserve(client, disk):
    me = client.neighbour.mac
    assert holders(reserve(client, READ)) == []
    assert holders(reserve(client, SET, me)) == [me]
    before = sectors_of(disk.path, 4)
    for frame in (
        client.ata_frame(READ_EXT, src=OTHER),
        client.ata_frame(WRITE_EXT, 4, 1, random.randbytes(SECTOR), src=OTHER),
        client.ata_frame(FLUSH, src=OTHER),
    ):
        assert client.ask(frame).error == RESERVED
    assert sectors_of(disk.path, 4) == before
    for frame in (
        client.ata_frame(IDENTIFY, src=OTHER),
        client.config_frame(src=OTHER),
        reserve_frame(client, READ, src=OTHER),
    ):
        assert client.ask(frame).error is None
    reply = reserve(client, SET, OTHER, src=OTHER)
    assert (reply.error, holders(reply)) == (RESERVED, [me])
    assert client.ata(READ_EXT).registers == OK
    assert holders(reserve(client, SET)) == []
    assert client.ask(client.ata_frame(READ_EXT, src=OTHER)).error is None


def test_f06_force_set_fences(client, disk):
    """When it is answered, no write of the old holder reaches the disk any more."""
    me = client.neighbour.mac
    reserve(client, SET, me)
    data = [random.randbytes(SECTOR) for _ in range(32)]
    writes = [client.ata_frame(WRITE_EXT, 300 + i % 2, 1, it) for i, it in enumerate(data)]
    for frame in writes:
        client.neighbour.send(frame)
    tags = {frame[20:24] for frame in writes}
    fence = reserve_frame(client, FORCE, OTHER, src=OTHER)
    client.neighbour.send(fence)
    late = client.ata_frame(WRITE_EXT, 300, 2, random.randbytes(2 * SECTOR))
    client.neighbour.send(late)
    answered = set()
    while fence[20:24] not in answered:
        raw = client.receive(lambda _frame: True)
        assert raw is not None, "the fence is not answered"
        answered.add(raw[20:24])
    assert tags <= answered, "a write is answered after the fence"
    assert sectors_of(disk.path, 300, 2) == data[30] + data[31]
    raw = client.receive(lambda frame: frame[20:24] == late[20:24])
    assert raw[15] == RESERVED
    assert client.ask(client.ata_frame(READ_EXT, src=OTHER)).error is None


def test_f08_reservations_that_are_refused(client):
    assert reserve(client, SET, OTHER, OTHER, count=5).error == BAD_ARGUMENT
    assert reserve(client, 3).error == BAD_ARGUMENT
    client.assert_silent(reserve_frame(client, FORCE, OTHER, **WILDCARD))
    assert holders(reserve(client, READ)) == []


def test_lists_of_the_administrator(target, client):
    me = client.neighbour.mac
    run = target.guest.run
    run(f"printf '{me}\\n{OTHER}\\n' >{FOLDER}/mask; echo {OTHER} >{FOLDER}/reserve")
    assert masked(mask(client, READ)) == [me, OTHER]
    assert holders(reserve(client, READ)) == [OTHER]
    assert client.ask(client.ata_frame(READ_EXT)).error == RESERVED
    assert run(f"cat {FOLDER}/mask").stdout.split() == [me, OTHER]
    for bad in ("02:00:00:00:00", "02:00:00:00:00:zz", "ff:ff:ff:ff:ff:ff", "02-00-00-00-00-01"):
        assert run(f"echo {bad} >{FOLDER}/mask", check=False).status != 0
    assert run(f"cat {FOLDER}/mask").stdout.split() == [me, OTHER]
    run(f"echo >{FOLDER}/mask; echo >{FOLDER}/reserve")
    assert client.ata(READ_EXT).registers == OK


def test_offline_first(target, client):
    """An export can be prepared before anyone uses it."""
    run = target.guest.run
    run(f"kvdel {SHELF} {SLOT} eth0 && kvadd {SHELF} {SLOT} eth0 /dev/sda offline=1 force=1")
    assert client.receive(lambda _frame: True, 1) is None, "announced while offline"
    assert run(f"cat {FOLDER}/state").stdout == "offline\n"
    assert client.ask(client.ata_frame(READ_EXT)).error == UNAVAILABLE
    assert client.ask(client.ata_frame(IDENTIFY)).error == UNAVAILABLE
    run(f"echo {client.neighbour.mac} >{FOLDER}/mask && echo online >{FOLDER}/state")
    announcement = client.receive(lambda frame: frame[14] & RESPONSE)
    assert announcement[:6] == mac_bytes(client.neighbour.mac), "to those of the mask only"
    assert client.ata(READ_EXT).registers == OK
    client.assert_silent(client.ata_frame(READ_EXT, src=OTHER))
    run(f"echo offline >{FOLDER}/state")
    assert client.ask(client.ata_frame(READ_EXT)).error == UNAVAILABLE
    assert run(f"echo maybe >{FOLDER}/state", check=False).status != 0


def test_settings_given_with_the_export_and_restored(target, client):
    """They hold from the first frame on, and what sysfs shows makes the same export again."""
    run, me = target.guest.run, client.neighbour.mac
    words = (
        rf"model=Pool sn=S-1 wwn=5000c500a1b2c3d4 config=a\\x20\\x00b"
        f" mask={me},{OTHER} reserve={OTHER}"
    )
    run(f"kvdel {SHELF} {SLOT} eth0 && kvadd {SHELF} {SLOT} eth0 /dev/sda force=1 {words}")
    for _ in range(2):
        assert client.config_query().config == b"a \0b"
        assert masked(mask(client, READ)) == [me, OTHER]
        assert holders(reserve(client, READ)) == [OTHER]
        assert client.ask(client.ata_frame(READ_EXT)).error == RESERVED
        identity = Identity(client.identify())
        assert (identity.model.strip(), identity.serial.strip()) == ("Pool", "S-1")
        assert [identity.word(108 + i) for i in range(4)] == [0x5000, 0xC500, 0xA1B2, 0xC3D4]
        assert identity.word(84) & identity.word(87) & 0x100, "the name is said to be there"
        # As an administrator's script would.
        run(
            f"cd {FOLDER} && saved=\n"
            'for key in model sn wwn; do saved="$saved $key=$(cat $key)"; done\n'
            'for key in mask reserve; do saved="$saved $key=$(paste -sd, $key)"; done\n'
            "saved=\"$saved config=$(sed 's/ /\\\\x20/g' config)\"; cd /\n"
            f"kvdel {SHELF} {SLOT} eth0 && kvadd {SHELF} {SLOT} eth0 /dev/sda force=1 $saved"
        )


def test_settings_belong_to_the_first_interface(target, client):
    run = target.guest.run
    run("ip link add veth0 type veth peer name veth1")
    refused = run(f"kvadd {SHELF} {SLOT} veth0 /dev/sda model=other", check=False)
    run("ip link del veth0")
    assert refused.status == 1
    assert "exported on eth0 already" in refused.stdout
