# SPDX-License-Identifier: GPL-2.0
"""The AoE header and Query Config, frame by frame. Names carry the ids of conformance cases."""

import pytest

from aoeframes import (
    ANY_SHELF,
    ANY_SLOT,
    BROADCAST,
    CONFIG,
    HEADER,
    OK,
    READ_EXT,
    RESPONSE,
    VERSION_1,
    WRITE_EXT,
    Reply,
    assert_padded,
    write_pcap,
)
from lab import Disk
from listframes import ADD, EDIT, FORCE, mask_frame, reserve_frame
from testbeds import bed, tshark

SHELF, SLOT = 0x0507, 9
WILDCARD = {"shelf": ANY_SHELF, "slot": ANY_SLOT}
EVERYWHERE = {"dst": BROADCAST, **WILDCARD}


@pytest.fixture(scope="module")
def target():
    with bed("protocol", [Disk(1 << 20), Disk(1 << 20)], nics=2) as target:
        yield target


@pytest.fixture(scope="module")
def export(target):
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        yield client


@pytest.fixture
def client(export):
    export.neighbour.drain()
    return export


def assert_config(reply: Reply, sectors: int = 2) -> None:
    assert reply.flags == VERSION_1 | RESPONSE
    assert reply.buffer_count >= 2, "Linux would never send anything"
    assert reply.sector_count == sectors
    assert reply.config_command == 0x10
    assert reply.config == b""


# Query Config and the header.


@pytest.mark.parametrize("size", [32, 60, 1514])
def test_a01_a02_discovery(client, size):
    assert_config(client.config_query(tag=0, pad=size, **EVERYWHERE))


@pytest.mark.parametrize("address", [{}, {"slot": ANY_SLOT}, {"shelf": ANY_SHELF}, WILDCARD])
@pytest.mark.parametrize("destination", ["unicast", "broadcast"])
def test_a03_addresses_that_match(client, address, destination):
    where = {"dst": BROADCAST} if destination == "broadcast" else {}
    assert_config(client.config_query(**where, **address))


def test_a04_other_addresses_are_silent(client):
    client.assert_silent(
        *(
            client.config_frame(dst=dst, **address)
            for dst in (client.mac, BROADCAST)
            for address in (
                {"shelf": SHELF + 1, "slot": ANY_SLOT},
                {"shelf": SHELF + 1},
                {"slot": SLOT + 1},
                {"shelf": ANY_SHELF, "slot": SLOT + 1},
                # The bytes of the shelf swapped.
                {"shelf": 0x0705},
            )
        )
    )


@pytest.mark.kernel_log(allow=["conflict: "])
def test_a07_responses_are_not_answered(target, client):
    client.assert_silent(
        client.config_frame(flags=VERSION_1 | RESPONSE, **EVERYWHERE),
        client.config_frame(flags=VERSION_1 | RESPONSE),
        client.ata_frame(READ_EXT, flags=VERSION_1 | RESPONSE),
    )
    conflict = f"{SHELF}.{SLOT}@eth0: conflict: {client.neighbour.mac}"
    target.guest.run(f"until dmesg | grep -q '{conflict}'; do sleep 0.1; done")


@pytest.mark.kernel_log(allow=["answers for the same address"])
def test_h11_a_response_does_nothing_whoever_has_forged_it(target, client):
    """An initiator would follow it to another target; ours does not do what it says."""
    guest, before = target.guest, client.read(0, 2)
    folder = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
    counted = f"cat {folder}/duplicates"
    state = f"cat {folder}/config {folder}/mask {folder}/reserve"
    was, lists = int(guest.run(counted).stdout), guest.run(state).stdout
    for source in (client.neighbour.mac, "02:00:00:00:66:66"):
        for where in ({}, {"dst": BROADCAST}, EVERYWHERE):
            forged = {"flags": VERSION_1 | RESPONSE, "src": source, **where}
            client.assert_silent(
                client.config_frame(ccmd=4, string=b"forged", **forged),
                client.ata_frame(WRITE_EXT, 0, 2, b"x" * 1024, **forged),
                mask_frame(client, EDIT, (ADD, "02:00:00:00:66:67"), **forged),
                reserve_frame(client, FORCE, "02:00:00:00:66:67", **forged),
            )
    assert client.read(0, 2) == before
    assert guest.run(state).stdout == lists
    # Responses to Query Config that carry the address: of another target, or of one who says so.
    assert int(guest.run(counted).stdout) == was + 4


@pytest.mark.parametrize("version", [0, 2, 15])
def test_a08_wrong_version(client, version):
    reply = client.ask(client.config_frame(flags=version << 4))
    assert reply.error == 5
    assert_padded(reply.raw, HEADER)


def test_a09_a14_wildcards_get_no_errors(client):
    client.assert_silent(
        client.config_frame(flags=0x20, **EVERYWHERE),
        client.config_frame(flags=0x20, slot=ANY_SLOT),
        client.frame(4, bytes(36), **WILDCARD),
        client.frame(0xF0, bytes(36), **EVERYWHERE),
    )


def test_a10_a11_reserved_bits_are_ignored(client):
    assert_config(client.config_query(flags=VERSION_1 | 3))
    assert_config(client.config_query(flags=VERSION_1 | 4, error=9))


@pytest.mark.parametrize("command", [4, 0x7F, 0xEF, 0xF0, 0xFF])
def test_a12_unknown_command(client, command):
    reply = client.ask(client.frame(command, b"\xa5" * 100))
    assert reply.error == 1
    assert_padded(reply.raw, HEADER)


def test_a15_b18_c08_short_frames_are_silent(client):
    query, read = client.config_frame(), client.ata_frame(READ_EXT)
    client.assert_silent(query[:23], query[:24], query[:31], read[:24], read[:35])


def test_a16_a17_frames_of_others_are_silent(target, client):
    target.guest.run("ip link set eth0 promisc on")
    client.assert_silent(
        client.config_frame(dst="02:00:00:00:77:77"),
        client.config_frame(dst="01:00:5e:00:00:01"),
        client.config_frame(src="03:00:00:00:00:01"),
        client.config_frame(src=client.mac),
    )
    target.guest.run("ip link set eth0 promisc off")


@pytest.mark.parametrize("tag", [0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a18_tags(client, tag):
    assert_config(client.config_query(tag=tag))
    assert client.ask(client.ata_frame(READ_EXT, tag=tag)).registers == OK


def test_a19_an_interface_answers_for_itself(target, client):
    second = target.client(SHELF, SLOT, port=1)
    second.neighbour.drain()
    client.config_query(**EVERYWHERE)
    assert second.receive(lambda _frame: True, timeout=0.5) is None

    second.neighbour.send(second.config_frame(**EVERYWHERE))
    assert second.receive(lambda _frame: True, timeout=1) is None, "not exported there"
    with target.exported(SHELF, SLOT, "/dev/sda", port=1):
        # `Client` checks that the address is that of the interface.
        assert_config(second.config_query(**EVERYWHERE))
        assert second.read(0) == client.read(0)
        assert second.identify() == client.identify()
        client.neighbour.drain()
        second.config_query(**EVERYWHERE)
        assert client.receive(lambda _frame: True, timeout=0.5) is None


def announcement(client) -> Reply | None:
    raw = client.receive(lambda frame: frame[:6] == b"\xff" * 6 and frame[19] == CONFIG, 10)
    return Reply(raw) if raw else None


def test_a20_an_export_is_announced(target):
    client = target.client(1, 2, port=1)
    client.neighbour.drain()
    with target.exported(1, 2, "/dev/sdb", port=1):
        reply = announcement(client)
        assert reply, "no announcement"
        assert_config(reply)
        assert (reply.shelf, reply.slot, reply.tag) == (1, 2, 0)
        assert reply.source == client.mac
        assert_padded(reply.raw, 32)

        client.neighbour.drain()
        target.guest.run("echo 1 >/sys/kvblade/announce")
        assert announcement(client), "no announcement on demand"


def test_an_export_is_announced_again_and_again(target):
    client = target.client(1, 2, port=1)
    with target.exported(1, 2, "/dev/sdb", port=1):
        while client.receive(lambda frame: frame[19] == CONFIG, 3):
            pass
        target.guest.run("echo 2 >/sys/kvblade/1.2@eth1/announce_every")
        for _ in range(3):
            reply = announcement(client)
            assert reply and (reply.shelf, reply.slot) == (1, 2)
        # Whom nobody is to tell, nobody is told again.
        target.guest.run("echo none >/sys/kvblade/1.2@eth1/announce; sleep 1.5")
        client.neighbour.drain()
        assert client.receive(lambda frame: frame[19] == CONFIG, 5) is None


def test_b01_b02_b17_what_a_read_ignores(client):
    assert_config(client.config_query(string=b"\xed" * 1024))
    assert_config(client.config_query(length=0xFFFF))
    assert_config(client.config_query(length=1))
    for nibble in (0x00, 0x10, 0x70):
        assert_config(client.config_query(ccmd=nibble))


# The MTU.


@pytest.mark.parametrize(("mtu", "sectors"), [(9000, 17), (4200, 8), (1060, 2), (1500, 2)])
def test_b19_sector_count_follows_the_mtu(target, client, mtu, sectors):
    target.guest.run("ip link set eth0 mtu 1400")
    client.neighbour.drain()
    target.guest.run(f"ip link set eth0 mtu {mtu}")
    reply = announcement(client)
    if reply and reply.sector_count != sectors:
        # That of the MTU before, which had to wait for the pace of announcements.
        reply = announcement(client)
    assert reply, "no announcement after a change"
    assert_config(reply, sectors)
    assert_config(client.config_query(), sectors)
    attribute = target.guest.run(f"cat /sys/kvblade/{SHELF}.{SLOT}@eth0/mtu").stdout
    assert attribute.strip() == str(mtu)
    target.guest.run("ip link set eth0 mtu 1500")


def test_g10_an_mtu_below_1060_is_silent_until_it_grows(target, client):
    target.guest.run("ip link set eth0 mtu 1059")
    client.neighbour.drain()
    for request in (client.config_frame(**EVERYWHERE), client.ata_frame(READ_EXT)):
        client.neighbour.send(request)
    assert client.receive(lambda _frame: True, timeout=1) is None
    assert "down: MTU" in target.guest.run("kvstat").stdout
    target.guest.run("ip link set eth0 mtu 1500")
    assert announcement(client), "no announcement after the MTU grew"
    assert_config(client.config_query())


def test_interface_with_small_mtu_is_refused(target):
    target.guest.run("ip link set eth1 mtu 1000")
    # Past the script, which would refuse it first.
    refused = target.guest.run("echo 1 2 eth1 /dev/sdb >/sys/kvblade/add", check=False)
    target.guest.run("ip link set eth1 mtu 1500")
    assert refused.status != 0
    assert "e1.2" not in target.guest.run("kvstat").stdout


# An independent decoder.


def test_tshark_decodes_all_replies(client, tmp_path):
    data = bytes(range(256)) * 2
    asked = [
        client.config_frame(),
        client.config_frame(flags=0x20),
        client.frame(4, bytes(36)),
        client.ata_frame(READ_EXT, 1, 2),
        client.ata_frame(WRITE_EXT, 5, 1, data),
        client.ata_frame(READ_EXT, 1 << 40, 1),
        client.ata_frame(0x00),
    ]
    frames = [frame for request in asked for frame in (request, client.ask(request).raw)]
    capture = tmp_path / "replies.pcap"
    write_pcap(capture, frames)
    assert tshark(capture, "_ws.expert") == [], "tshark finds fault with a frame"
    fields = ("version", "major", "minor", "cmd", "flags_error", "error", "tag")
    rows = tshark(capture, "aoe.response == 1", *fields)
    address = ["1", f"0x{SHELF:04x}", f"0x{SLOT:02x}"]
    assert [row[:6] for row in rows] == [
        [*address, str(frame[19]), str(bool(error)), error]
        for frame, error in zip(asked, ("", "5", "1", "", "", "", ""), strict=True)
    ]
    assert [int(row[6], 16) for row in rows] == [Reply(frame).tag for frame in asked]
    statuses = tshark(capture, "aoe.response == 1 && aoe.cmd == 0", "ata.status", "response_to")
    assert statuses == [["0x40", "7"], ["0x40", "9"], ["0x41", "11"], ["0x41", "13"]]


@pytest.mark.kernel_log(allow=["conflict: "])
def test_g08_another_target_with_the_same_address(target):
    guest, path = target.guest, "/dev/sdb"
    counter = f"cat /sys/kvblade/{SHELF}.77@eth0/duplicates"
    response = {"flags": VERSION_1 | RESPONSE, "tag": 0, "dst": BROADCAST}
    with target.exported(SHELF, 77, path) as client, target.exported(SHELF, 77, path, port=1):
        # What one card of the target sends is heard by the other where both are on one segment.
        own = client.config_frame(src=guest.nics[1].mac, **response)
        client.assert_silent(own, client.config_frame(slot=76, **response))
        assert guest.run(counter).stdout == "0\n"
        mark = guest.mark()
        client.assert_silent(*[client.config_frame(**response)] * 3)
        assert guest.run(counter).stdout == "3\n"
        conflict = f"conflict: {client.neighbour.mac}"
        guest.run(f"until dmesg | sed '1,/{mark}/d' | grep -q '{conflict}'; do sleep 0.1; done")
        client.assert_silent(*[client.config_frame(**response)] * 3, grace=2)
        assert guest.kernel_log(mark).count(conflict) == 1
        assert guest.run(f"cat /sys/kvblade/{SHELF}.77@eth0/state").stdout == f"{conflict}\n"
