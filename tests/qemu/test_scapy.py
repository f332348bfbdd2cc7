# SPDX-License-Identifier: GPL-2.0
"""Scapy's AoE layers read the replies: a second decoder that is not ours.

It knows the header, Query Config and the ATA registers. It takes the two counts of addresses for
16 bits wide, so of the lists it can only read those that are empty; and it names the flags in the
wrong order, so they are compared as a number.
"""

import pytest
from scapy.contrib import aoe
from scapy.layers.l2 import Ether
from scapy.packet import Padding

from aoeframes import EXTENDED, IDENTIFY, READ_EXT, WRITE_EXT
from lab import Disk
from listframes import EDIT, NOP, READ, mask_frame, reserve_frame
from testbeds import SECTOR, bed, pattern

SHELF, SLOT = 0x0507, 9
SECTORS = 2048
SET, FORCE = 3, 4


@pytest.fixture(scope="module")
def client():
    with (
        bed("scapy", [Disk(SECTORS * SECTOR)]) as target,
        target.exported(SHELF, SLOT, "/dev/sda") as client,
    ):
        yield client


def ask(client, request: bytes, error: int = 0) -> aoe.AOE:
    """What scapy makes of the reply, whose header it must read as we meant it."""
    client.neighbour.drain()
    raw = client.ask(request).raw
    packet = Ether(raw)
    assert (packet.dst, packet.src) == (client.neighbour.mac, client.mac)
    reply = packet[aoe.AOE]
    assert (reply.version, int(reply.flags)) == (1, 0xC if error else 0x8)
    assert (reply.error, reply.major, reply.minor) == (error, SHELF, SLOT)
    assert (reply.cmd, reply.tag) == (request[19], int.from_bytes(request[20:24]))
    # What it has understood is the whole frame.
    packet.clear_cache()
    assert bytes(packet) == raw
    return reply


def test_query_config(client):
    for ccmd, string, error, kept in (
        (FORCE, b"of scapy", 0, b"of scapy"),
        (SET, b"another", 4, b"of scapy"),
        (5, b"", 2, b"of scapy"),
        (FORCE, b"", 0, b""),
    ):
        info = ask(client, client.config_frame(ccmd, string), error).q_conf_info
        assert (info.aoe, info.ccmd, info.sector_count) == (1, ccmd, 2)
        assert info.buffer_count >= 2
        assert (info.config_length, info.config) == (len(kept), kept)


def registers(command: aoe.IssueATACommand) -> tuple[int, int, int]:
    return command.cmd_status, command.err_feature, command.sector_count


def lba(command: aoe.IssueATACommand) -> int:
    return int.from_bytes(bytes(getattr(command, f"lba{i}") for i in range(6)), "little")


def test_ata(client):
    write = ask(client, client.ata_frame(WRITE_EXT, 0x123, 2, pattern(0x123, 2))).i_ata_cmd
    assert (registers(write), lba(write)) == ((0x40, 0, 0), 0x123)
    reply = ask(client, client.ata_frame(READ_EXT, 0x123, 2))
    assert (registers(reply.i_ata_cmd), lba(reply.i_ata_cmd)) == ((0x40, 0, 0), 0x123)
    assert reply[Padding].load == pattern(0x123, 2)
    last = ask(client, client.ata_frame(READ_EXT, SECTORS - 1, 2)).i_ata_cmd
    assert (registers(last), lba(last)) == ((0x41, 0x10, 2), SECTORS)
    identify = ask(client, client.ata_frame(IDENTIFY))
    assert registers(identify.i_ata_cmd) == (0x40, 0, 0)
    assert len(identify[Padding].load) == 512
    refused = ask(client, client.ata_frame(0, aflags=EXTENDED)).i_ata_cmd
    assert registers(refused) == (0x41, 0x04, 1)


def test_empty_lists(client):
    listed = ask(client, mask_frame(client, READ)).mac_m_list
    assert (listed.mcmd, listed.merror, listed.dir_count) == (READ, 0, 0)
    failed = ask(client, mask_frame(client, EDIT, (7, client.neighbour.mac))).mac_m_list
    assert (failed.mcmd, failed.merror, failed.dir_count) == (EDIT, 2, 0)
    done = ask(client, mask_frame(client, EDIT, (NOP, client.neighbour.mac))).mac_m_list
    assert (done.mcmd, done.merror, done.dir_count) == (EDIT, 0, 0)
    held = ask(client, reserve_frame(client, READ)).res_rel
    assert (held.rcmd, held.nb_mac, held.mac_addrs) == (READ, 0, [])


def test_errors_of_the_header(client):
    ask(client, client.config_frame(flags=0x20), error=5)
    ask(client, client.frame(4, bytes(36)), error=1)
    ask(client, client.ata_frame(0, tag=0))
