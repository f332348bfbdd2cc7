# SPDX-License-Identifier: GPL-2.0
"""What a reply says, field by field and in words, so that replies of two targets can be compared.

What repeats the request, and what is the same in every good reply, is not named.
"""

import itertools
import struct

from aoeframes import (
    ATA,
    ATA_FIXED,
    CONFIG,
    CONFIG_FIXED,
    ERROR,
    HEADER,
    IDENTIFY,
    MINIMUM,
    RESPONSE,
    VERSION_1,
    mac_bytes,
)
from cases.steps import ME, NEW, NEWER, OLD, OTHER
from listframes import MASK, RESERVE
from testbeds import SECTOR

Fields = dict[str, str]

ANSWERED = "answered"
SILENCE: Fields = {"answer": "silence"}
DEATH: Fields = {"answer": "dies"}

# Status and error register.
OUTCOMES = {
    (0x40, 0x00): "OK",
    (0x41, 0x04): "ABRT",
    (0x41, 0x10): "IDNF",
    (0x41, 0x40): "UNC",
    (0x61, 0x04): "write fault",
}
AGES = {OLD: "old", NEW: "new", NEWER: "newer"}


def fields_of(raw: bytes, request: bytes) -> Fields:
    """The fields of a reply."""
    flags, error, command = raw[14], raw[15], raw[19]
    refused = bool(flags & ERROR)
    fields = {"answer": f"error {error}" if refused else ANSWERED}
    if error and not refused:
        fields["error code"] = str(error)
    if flags & ~ERROR != VERSION_1 | RESPONSE:
        fields["flags"] = f"{flags:02x}h"
    for name, mine, its in (
        ("destination", slice(6, 12), slice(0, 6)),
        ("command", slice(19, 20), slice(19, 20)),
        ("tag", slice(20, 24), slice(20, 24)),
    ):
        if raw[its] != request[mine]:
            fields[name] = raw[its].hex()
    parse = {ATA: _ata, CONFIG: _config, MASK: _mask, RESERVE: _reserve}.get(command, _nothing)
    if refused and (command == ATA or error in (1, 5)):
        parse = _nothing
    used, more = parse(raw, request)
    fields |= more
    if used < MINIMUM:
        fields["padding"] = _padding(raw[used:])
    elif len(raw) != used:
        fields["length"] = str(len(raw))
    return fields


def _padding(rest: bytes) -> str:
    if not rest:
        return "none"
    return "left-overs" if any(rest) else "zeroes"


def _nothing(raw: bytes, request: bytes) -> tuple[int, Fields]:
    """A header, and no argument unless that of the request is sent back."""
    argument = request[HEADER:]
    if any(argument) and raw[HEADER:].startswith(argument[: len(raw) - HEADER]):
        return len(raw), {"argument": "that of the request"}
    return HEADER, {}


def _ata(raw: bytes, request: bytes) -> tuple[int, Fields]:
    aflags, error, count, status = raw[HEADER : HEADER + 4]
    if status == 0:
        # Not ready, and no error: no register means anything.
        return ATA_FIXED, {"result": "status 00h"}
    unnamed = f"status {status:02x}h, error register {error:02x}h"
    fields = {"result": OUTCOMES.get((status, error), unnamed)}
    # Sectors that were not transferred.
    if count != (request[26] if status & 1 else 0):
        fields["count"] = str(count)
    if aflags != request[24]:
        fields["AFlags"] = f"{aflags:02x}h"
    first, asked = (int.from_bytes(frame[28:34], "little") for frame in (raw, request))
    if first != asked:
        fields["LBA"] = f"{first - asked:+}"
    if raw[34:36] != request[34:36]:
        fields["reserved"] = raw[34:36].hex()
    if len(raw) <= MINIMUM:
        return ATA_FIXED, fields
    data = raw[ATA_FIXED:]
    identity = request[27] == IDENTIFY and len(data) == SECTOR
    fields["data"] = "identity" if identity else _ages(data, asked & 0xFFFFFFF)
    return len(raw), fields


def _ages(data: bytes, lba: int) -> str:
    """Whether each sector is as it was at first or as it was written, if it is the right one."""
    words = []
    for number, sector in enumerate(itertools.batched(data, SECTOR, strict=False)):
        found, seed = struct.unpack_from("<QQ", bytes(sector))
        right = found == lba + number and bytes(sector) == bytes(sector[:16]) * (SECTOR // 16)
        words.append(AGES.get(seed, "others") if right else "others")
    return " and ".join(f"{len(list(run))} {age}" for age, run in itertools.groupby(words))


def _config(raw: bytes, request: bytes) -> tuple[int, Fields]:
    buffers, firmware, sectors, command, length = struct.unpack(">HHBBH", raw[HEADER:CONFIG_FIXED])
    string = raw[CONFIG_FIXED : CONFIG_FIXED + length]
    fields = {
        "buffer count": str(buffers),
        "firmware version": f"{firmware:04x}h",
        "sector count": str(sectors),
        "subcommand": f"{command:02x}h",
        "string": ascii(string)[1:] if length <= 12 else string.hex(),
    }
    return CONFIG_FIXED + length, fields


def _mask(raw: bytes, request: bytes) -> tuple[int, Fields]:
    subcommand, failure, count = raw[25:28]
    fields = {"subcommand": str(subcommand), "MError": str(failure), "Dir Count": str(count)}
    if failure or raw[14] & ERROR:
        return HEADER + 4, fields
    end = HEADER + 4 + 8 * count
    return end, fields | {"list": _macs(raw[at + 2 : at + 8] for at in range(HEADER + 4, end, 8))}


def _reserve(raw: bytes, request: bytes) -> tuple[int, Fields]:
    subcommand, count = raw[24:26]
    end = HEADER + 2 + 6 * count
    listed = _macs(raw[at : at + 6] for at in range(HEADER + 2, end, 6))
    return end, {"subcommand": str(subcommand), "NMacs": str(count), "list": listed}


def _macs(macs) -> str:
    """Addresses by their names, or by their last bytes: those of `number`."""
    names = {mac_bytes(ME): "me", mac_bytes(OTHER): "other", bytes(6): "zeroes"}
    return " ".join(names.get(mac, str(mac[-1])) for mac in macs) or "empty"
