# SPDX-License-Identifier: GPL-2.0
"""ATA over Ethernet as a client sees it: builds requests, takes replies apart.

Written from the specification, independently of the module: this is the other
side of the test. `Client` judges every reply by the rules that hold for all of
them; what a reply says is left to the caller.
"""

import itertools
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

ETHERTYPE = 0x88A2
BROADCAST = "ff:ff:ff:ff:ff:ff"
ANY_SHELF, ANY_SLOT = 0xFFFF, 0xFF
ATA, CONFIG = 0, 1

VERSION_1 = 0x10
RESPONSE, ERROR = 0x08, 0x04
HEADER, ATA_FIXED, CONFIG_FIXED, MINIMUM = 24, 36, 32, 60

# Bits of AFlags.
EXTENDED, ASYNC, WRITE = 0x40, 0x02, 0x01

READ, READ_EXT, READ_DMA, READ_DMA_EXT = 0x20, 0x24, 0xC8, 0x25
WRITE28, WRITE_EXT, WRITE_DMA, WRITE_DMA_EXT, WRITE_FUA_EXT = 0x30, 0x34, 0xCA, 0x35, 0x3D
IDENTIFY = 0xEC
READS28, READS48 = (READ, READ_DMA), (READ_EXT, READ_DMA_EXT)
WRITES28, WRITES48 = (WRITE28, WRITE_DMA), (WRITE_EXT, WRITE_DMA_EXT, WRITE_FUA_EXT)

# Status and error registers: all is well, aborted, sector not found.
OK, ABRT, IDNF = (0x40, 0x00), (0x41, 0x04), (0x41, 0x10)


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def is_aoe(frame: bytes) -> bool:
    return frame[12:14] == ETHERTYPE.to_bytes(2)


@dataclass(frozen=True)
class Reply:
    """A response frame."""

    raw: bytes

    @property
    def flags(self) -> int:
        return self.raw[14]

    @property
    def error(self) -> int | None:
        """The AoE error code, None without the error flag."""
        return self.raw[15] if self.flags & ERROR else None

    @property
    def source(self) -> str:
        return self.raw[6:12].hex(":")

    @property
    def destination(self) -> str:
        return self.raw[:6].hex(":")

    @property
    def shelf(self) -> int:
        return int.from_bytes(self.raw[16:18])

    @property
    def slot(self) -> int:
        return self.raw[18]

    @property
    def tag(self) -> int:
        return int.from_bytes(self.raw[20:24])

    # Query Config.

    @property
    def buffer_count(self) -> int:
        return int.from_bytes(self.raw[24:26])

    @property
    def sector_count(self) -> int:
        return self.raw[28]

    @property
    def config_command(self) -> int:
        return self.raw[29]

    @property
    def config(self) -> bytes:
        length = int.from_bytes(self.raw[30:32])
        assert CONFIG_FIXED + length <= len(self.raw), "the string ends after the frame"
        return self.raw[32 : 32 + length]

    # ATA.

    @property
    def registers(self) -> tuple[int, int]:
        """Status and error register."""
        return self.raw[27], self.raw[25]

    @property
    def count(self) -> int:
        return self.raw[26]

    @property
    def lba(self) -> int:
        return int.from_bytes(self.raw[28:34], "little")

    @property
    def data(self) -> bytes:
        return self.raw[ATA_FIXED:]


def assert_padded(frame: bytes, used: int) -> None:
    """After its fields a frame has nothing but zeroes up to the least size."""
    assert len(frame) == max(used, MINIMUM), f"{len(frame)} bytes, expected {max(used, MINIMUM)}"
    assert not any(frame[used:]), f"padding is not zero: {frame[used:].hex()}"


class Client:
    """A client of one blade: requests of it, and replies that are checked."""

    def __init__(self, neighbour, mac: str, shelf: int, slot: int):
        self.neighbour = neighbour
        self.mac = mac
        self.shelf = shelf
        self.slot = slot
        self.frames: list[bytes] = []
        self._tags = itertools.count(0x80000001)

    # Requests.

    def frame(self, command: int, arg: bytes, **how) -> bytes:
        """A request. `how`: dst, src, shelf, slot, flags, error, tag, pad (to that length)."""
        flags = how.get("flags", VERSION_1)
        tag = how.get("tag")
        head = mac_bytes(how.get("dst", self.mac)) + mac_bytes(how.get("src", self.neighbour.mac))
        raw = head + struct.pack(
            ">HBBHBBI",
            ETHERTYPE,
            flags,
            how.get("error", 0),
            how.get("shelf", self.shelf),
            how.get("slot", self.slot),
            command,
            next(self._tags) if tag is None else tag,
        )
        return (raw + arg).ljust(how.get("pad", 0), b"\0")

    def config_frame(self, ccmd: int = 0, string: bytes = b"", length=None, **how) -> bytes:
        length = len(string) if length is None else length
        return self.frame(CONFIG, struct.pack(">HHBBH", 0, 0, 0, ccmd, length) + string, **how)

    def ata_frame(self, opcode: int, lba: int = 0, count: int = 1, data: bytes = b"", **how):
        """An ATA request; `aflags` fit the opcode unless given."""
        extended = opcode in READS48 + WRITES48
        aflags = EXTENDED if extended else 0
        if opcode in WRITES28 + WRITES48:
            aflags |= WRITE
        aflags = how.pop("aflags", aflags)
        if opcode in READS28 + WRITES28:
            lba |= 0xE0000000
        fixed = struct.pack("BBBB", aflags, how.pop("features", 0), count, opcode)
        return self.frame(ATA, fixed + lba.to_bytes(6, "little") + b"\0\0" + data, **how)

    # Exchanges.

    def receive(self, wanted: Callable[[bytes], bool], timeout: float = 20) -> bytes | None:
        return self.neighbour.recv_if(lambda frame: is_aoe(frame) and wanted(frame), timeout)

    def ask(self, request: bytes, timeout: float = 20) -> Reply:
        """Sends a request and returns its reply, checked by what holds for all replies."""
        tag = request[20:24]
        self.frames.append(request)
        self.neighbour.send(request)
        raw = self.receive(
            lambda frame: frame[20:24] == tag and frame[:6] != mac_bytes(BROADCAST), timeout
        )
        assert raw is not None, f"no answer to {request[:64].hex()}"
        self.frames.append(raw)
        reply = Reply(raw)
        assert reply.destination == request[6:12].hex(":")
        assert reply.source == self.mac
        assert reply.flags & ~ERROR == VERSION_1 | RESPONSE, f"flags {reply.flags:#x}"
        assert reply.flags & ERROR or raw[15] == 0, "an error code without the error flag"
        assert (reply.shelf, reply.slot) == (self.shelf, self.slot)
        assert raw[19] == request[19], "another command than that of the request"
        assert len(raw) >= MINIMUM
        return reply

    def insist(self, request: bytes, every: float = 0.2) -> Reply:
        """Sends a request until it is answered, as an initiator does, for a minute at least."""
        tag = request[20:24]
        for _ in range(300):
            self.neighbour.send(request)
            raw = self.receive(lambda frame: frame[20:24] == tag, every)
            if raw is not None:
                return Reply(raw)
        raise AssertionError(f"never answered: {request[:64].hex()}")

    def assert_silent(self, *requests: bytes, grace: float = 0.5) -> None:
        """Sends requests that must not be answered.

        A read that comes after them and goes the longest way through the
        target tells when they must have been dealt with.
        """
        self.neighbour.drain()
        for request in requests:
            self.frames.append(request)
            self.neighbour.send(request)
        sentinel = self.ata_frame(READ_EXT)
        self.neighbour.send(sentinel)
        deadline, seen = time.monotonic() + 20, False
        while True:
            raw = self.receive(lambda _frame: True, max(deadline - time.monotonic(), 0))
            if raw is None:
                break
            if raw[:6] == mac_bytes(BROADCAST):
                # An announcement, which nobody has asked for.
                continue
            assert raw[20:24] == sentinel[20:24], f"an answer: {raw[:64].hex()}"
            deadline, seen = time.monotonic() + grace, True
        assert seen, "the target does not answer at all"

    def config_query(self, **how) -> Reply:
        reply = self.ask(self.config_frame(**how))
        if reply.error is None:
            assert_padded(reply.raw, CONFIG_FIXED + len(reply.config))
        return reply

    def identify(self, **how) -> bytes:
        """The 512 bytes of IDENTIFY DEVICE."""
        reply = self.ask(self.ata_frame(IDENTIFY, **how))
        assert reply.error is None and reply.registers == OK
        assert len(reply.data) == 512
        return reply.data

    def ata(self, opcode: int, lba: int = 0, count: int = 1, data: bytes = b"", **how) -> Reply:
        """An ATA command. A failed one carries no data, and tells what was not transferred."""
        request = self.ata_frame(opcode, lba, count, data, **how)
        reply = self.ask(request)
        assert reply.error is None, f"AoE error {reply.error} for an ATA command"
        assert reply.raw[24] == request[24], "AFlags are not echoed"
        if reply.registers != OK:
            assert_padded(reply.raw, ATA_FIXED)
            assert reply.count == count
        elif opcode in READS28 + READS48:
            assert_padded(reply.raw, ATA_FIXED + 512 * count)
            assert (reply.count, reply.raw[28:34]) == (0, request[28:34])
        elif opcode in WRITES28 + WRITES48:
            assert_padded(reply.raw, ATA_FIXED)
            assert (reply.count, reply.raw[28:34]) == (0, request[28:34])
        return reply

    def read(self, lba: int, count: int = 1, opcode: int = READ_EXT) -> bytes:
        reply = self.ata(opcode, lba, count)
        assert reply.registers == OK, f"status and error {reply.registers}"
        return reply.data[: 512 * count]

    def write(self, lba: int, data: bytes, opcode: int = WRITE_EXT) -> None:
        reply = self.ata(opcode, lba, len(data) // 512, data)
        assert reply.registers == OK, f"status and error {reply.registers}"


@dataclass(frozen=True)
class Identity:
    """The fields of an IDENTIFY DEVICE block."""

    block: bytes

    def word(self, index: int, words: int = 1) -> int:
        return int.from_bytes(self.block[2 * index : 2 * (index + words)], "little")

    def text(self, first: int, last: int) -> str:
        """A string: the first character of each pair is the high byte of its word."""
        raw = self.block[2 * first : 2 * last + 2]
        return b"".join(raw[i : i + 2][::-1] for i in range(0, len(raw), 2)).decode("ascii")

    @property
    def capacity(self) -> int:
        return self.word(100, 4)

    @property
    def capacity28(self) -> int:
        return self.word(60, 2)

    @property
    def serial(self) -> str:
        return self.text(10, 19)

    @property
    def firmware(self) -> str:
        return self.text(23, 26)

    @property
    def model(self) -> str:
        return self.text(27, 46)


def write_pcap(path, frames) -> None:
    """Frames as a capture file that tshark reads."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1))
        for number, frame in enumerate(frames):
            file.write(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)
