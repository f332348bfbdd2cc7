# SPDX-License-Identifier: GPL-2.0
"""No byte of memory leaves that neither the disk nor the protocol provides (H9).

The guest fills memory with bytes that no disk here holds and no request asks for, when it is freed
and before it is given out. After each test every frame that left the guest is searched for them.
"""

import random
import re
import struct

import pytest
from scapy.utils import RawPcapReader

from aoeframes import (
    ANY_SHELF,
    ANY_SLOT,
    ATA,
    BROADCAST,
    CONFIG,
    EXTENDED,
    IDENTIFY,
    OK,
    READ,
    READ_EXT,
    WRITE,
    WRITE_EXT,
    mac_bytes,
)
from lab import Disk
from testbeds import SECTOR, bed, fill

SHELF, SLOT = 5, 6
SECTORS = 2048
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
MASK, RESERVE = 2, 3
EDIT, FORCE = 1, 2
VERIFY_EXT, FLUSH, TRIM = 0x42, 0xE7, 0x06

POISONED = "init_on_alloc=0 init_on_free=0 slab_debug=P page_poison=1"
# What is in free pages, in free and new slab objects and at their ends; the last also follows our
# requests in their frames.
POISON = re.compile(rb"([\xaa\x6b\x5a\xa5])\1{3}")
JUNK = b"\xa5"


def content(lba: int, sectors: int = 1) -> bytes:
    """What the disk holds: digits."""
    return b"".join(b"%08d" % sector * (SECTOR // 8) for sector in range(lba, lba + sectors))


@pytest.fixture(scope="module")
def target():
    disks = [Disk(SECTORS * SECTOR) for _ in range(2)]
    for disk in disks:
        fill(disk.path, 0, content(0, SECTORS))
    with bed("leak", disks, append=POISONED) as target:
        yield target


@pytest.fixture(scope="module")
def export(target):
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        yield client


def frames_sent(guest) -> list[bytes]:
    """All that has left the guest's card so far."""
    frames = [frame for frame, _ in RawPcapReader(str(guest.nics[0].pcap))]
    return [frame for frame in frames if frame[6:12] == mac_bytes(guest.nics[0].mac)]


@pytest.fixture
def search(target):
    """Searches what the guest has sent during the test."""
    before = len(frames_sent(target.guest))
    yield
    sent = frames_sent(target.guest)[before:]
    print(f"{len(sent)} frames with {sum(map(len, sent))} bytes")
    assert sent
    for frame in sent:
        found = POISON.search(frame)
        assert not found, f"memory leaves at byte {found.start()}: {frame.hex()}"


@pytest.fixture
def client(export, search):
    export.neighbour.drain()
    return export


@pytest.fixture(params=[1500, 9000])
def most(target, request):
    """The most sectors of a frame."""
    target.guest.run(f"ip link set eth0 mtu {request.param}")
    yield (request.param - 22) // SECTOR
    target.guest.run("ip link set eth0 mtu 1500")


def ask(client, request: bytes, fill: int = 1400):
    """Sends a request that ends before its frame does."""
    return client.ask(request + JUNK * max(fill - len(request), 0))


def read_in_the_end(client, lba: int) -> bytes:
    """Reads a sector after more requests than the client may have in flight: some are dropped."""
    request = client.ata_frame(READ_EXT, lba)
    for _ in range(20):
        client.neighbour.send(request)
        answer = client.receive(lambda frame: frame[20:24] == request[20:24], 1)
        if answer:
            return answer[36:]
    pytest.fail("a client that asks again is not served")


@pytest.mark.kernel_log(allow=["poll_queues", "Power-on or device reset occurred"])
def test_memory_is_poisoned_and_the_search_finds_it(target):
    """A disk that only says that it has read: what is sent is what was in memory."""
    guest = target.guest
    for slab in ("kmalloc-512", "kmalloc-1k", "skbuff_small_head"):
        assert guest.run(f"cat /sys/kernel/slab/{slab}/poison").stdout.strip() == "1"
    guest.run("modprobe scsi_debug fake_rw=1")
    name = guest.run("ls /sys/bus/pseudo/devices/adapter0/host*/t*/*/block").stdout.strip()
    with target.exported(SHELF, SLOT + 1, f"/dev/{name}") as client:
        assert POISON.search(client.read(100, 2))
    guest.run("modprobe -r scsi_debug")


def test_reads(client, most):
    for count in range(1, most + 1):
        for lba in (0, 100 + count, SECTORS - count):
            assert client.read(lba, count) == content(lba, count)
            assert ask(client, client.ata_frame(READ, lba, count)).data == content(lba, count)


def test_what_no_read_returns(client, most):
    for opcode in (READ, READ_EXT, VERIFY_EXT):
        for lba, count in ((SECTORS - 1, 2), (SECTORS, 1), (0, most + 1), (0, 0), (0, 255)):
            aflags = EXTENDED if opcode != READ else 0
            reply = ask(client, client.ata_frame(opcode, lba, count, aflags=aflags))
            assert len(reply.raw) == 60
            assert reply.registers != OK or opcode == VERIFY_EXT
    assert client.ata(READ_EXT, 0, 1, aflags=EXTENDED | WRITE).registers != OK


def test_writes_that_lie_about_their_length(client, most):
    """Nothing gets to the disk that was not in the frame."""
    for count in range(1, most + 1):
        for short in (1, 511, 512, 512 * count):
            data = JUNK * (512 * count - short)
            assert client.ata(WRITE_EXT, 8, count, data).registers != OK
        client.write(8, content(8, count))
    for lba in range(0, 64, most):
        assert client.read(lba, most) == content(lba, most)


def test_every_opcode(client):
    for opcode in set(range(256)) - {IDENTIFY, READ, READ_EXT, 0xC8, 0x25}:
        for aflags in (0, WRITE, EXTENDED):
            reply = client.ask(client.ata_frame(opcode, 0, 1, aflags=aflags, features=2))
            assert len(reply.raw) == 60


def test_identify(client):
    for how in ({}, {"dst": BROADCAST, "shelf": ANY_SHELF, "slot": ANY_SLOT}):
        reply = ask(client, client.ata_frame(IDENTIFY, **how))
        assert reply.data == client.identify()


def test_trim_and_flush(client):
    ranges = struct.pack("<Q", 16 | 8 << 48) + bytes(504)
    ask(client, client.ata_frame(TRIM, 0, 1, ranges, features=1, aflags=WRITE))
    ask(client, client.ata_frame(TRIM, 0, 2, ranges, features=1, aflags=WRITE), 1000)
    assert ask(client, client.ata_frame(FLUSH)).registers == OK
    client.write(16, content(16, 2))


def test_config_strings_of_all_sizes(client):
    for length in range(1025):
        string = content(length, 3)[:length]
        assert ask(client, client.config_frame(4, string)).config == string
        assert ask(client, client.config_frame()).config == string
    # Refused, and ignored: lengths that lie.
    for length in (1025, 1369, 0xFFFF):
        for command in range(16):
            client.neighbour.send(client.config_frame(command, JUNK * 10, length=length))
    assert ask(client, client.config_frame(3, b"other")).config == string
    client.config_query(ccmd=4)


def test_lists_of_all_sizes(target, client):
    own = mac_bytes(client.neighbour.mac)
    for count in range(1, 129):
        mac = own if count == 1 else bytes((2, 0, 0, 0, 7, count))
        reply = ask(client, client.frame(MASK, bytes((0, EDIT, 0, 1, 0, 1)) + mac))
        assert reply.raw[27] == count
        assert ask(client, client.frame(MASK, bytes(4))).raw[27] == count
        macs = own + b"".join(bytes((2, 0, 0, 0, 8, n)) for n in range(1, count))
        reply = ask(client, client.frame(RESERVE, bytes((FORCE, count)) + macs))
        assert reply.raw[25] == count
        assert ask(client, client.frame(RESERVE, bytes(2))).raw[25] == count
    target.guest.run(f"echo >{FOLDER}/mask")
    # Counts that lie, unknown subcommands and directives.
    for count in range(1, 256):
        assert client.ask(client.frame(MASK, bytes((0, EDIT, 0, count)) + own)).error == 2
        assert ask(client, client.frame(MASK, bytes((0, count | 2, 0, 1)))).error == 2
        assert client.ask(client.frame(RESERVE, bytes((FORCE, count)) + own[:5])).error == 2
    # Those whom the reservation keeps out.
    other = "02:00:00:00:09:01"
    for opcode in (READ_EXT, WRITE_EXT, FLUSH):
        assert ask(client, client.ata_frame(opcode, src=other)).error == 6
    assert ask(client, client.frame(RESERVE, bytes((1, 0)), src=other)).error == 6
    target.guest.run(f"echo >{FOLDER}/reserve")


def test_refusals(client):
    for command in range(4, 256):
        assert ask(client, client.frame(command, b"")).error == 1
    for version in (0x00, 0x20, 0xF0):
        for command in range(6):
            assert ask(client, client.frame(command, b"", flags=version)).error == 5


def test_frames_that_are_cut_short(client):
    """Answered or not: of each kind of request any number of bytes."""
    for request in (
        client.ata_frame(READ_EXT),
        client.ata_frame(IDENTIFY),
        client.ata_frame(WRITE_EXT, 8, 1, content(8)[:100]),
        client.config_frame(4, b"abc" * 20),
        client.frame(MASK, bytes((0, EDIT, 0, 9))),
        client.frame(RESERVE, bytes((FORCE, 9))),
        client.frame(9, bytes(20)),
    ):
        for length in range(14, len(request)):
            client.neighbour.send(request[:length])
    assert read_in_the_end(client, 8) == content(8)
    client.config_query(ccmd=4)


def test_random_frames(client, seed):
    """Arguments with anything in them but the poison."""
    chance = random.Random(seed)
    for _ in range(2000):
        command = chance.choice((ATA, ATA, ATA, CONFIG))
        argument = bytearray(chance.choices(range(48), k=chance.choice((8, 12, 20, 524))))
        if command == ATA and len(argument) > 8:
            argument[3] = chance.choice((READ, READ_EXT, VERIFY_EXT, IDENTIFY))
        client.neighbour.send(client.frame(command, bytes(argument)))
    assert len(read_in_the_end(client, 0)) == SECTOR


def test_d10_errors_of_the_medium(target, search):
    """A disk of which the sectors 64 to 71 cannot be read."""
    target.guest.run(
        "printf '0 64 linear /dev/sdb 0\\n64 8 error\\n72 128 linear /dev/sdb 72\\n' |"
        " dmsetup create bad"
    )
    device = target.guest.run("dmsetup info -c --noheadings -o blkdevname bad").stdout.strip()
    with target.exported(SHELF, SLOT + 1, f"/dev/{device}") as client:
        for lba in range(60, 74):
            for count in (1, 2):
                reply = client.ata(READ_EXT, lba, count)
                if 64 - count < lba < 72:
                    assert reply.registers != OK
                else:
                    assert reply.data == content(lba, count)
        assert client.ata(VERIFY_EXT, 0, 100, aflags=EXTENDED).registers != OK
    target.guest.run("dmsetup remove bad")


def test_announcements(target, client):
    target.guest.run("echo now >/sys/kvblade/announce")
    client.config_query()
