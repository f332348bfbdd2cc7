# SPDX-License-Identifier: GPL-2.0
"""The header: addresses, flags, versions, commands, lengths."""

from aoeframes import ANY_SHELF, ANY_SLOT, BROADCAST, READ_EXT, RESPONSE, VERSION_1, Client
from cases.steps import EVERYWHERE, WILDCARD, ata, case, command, config, cut, mask, reserve
from listframes import READ


def from_itself(client: Client) -> bytes:
    return client.config_frame(src=client.mac)


CASES = {
    "A20-announcement": case(),
    "A01-query": case(config(tag=0, **EVERYWHERE)),
    "A02-query-60": case(config(tag=0, pad=60, **EVERYWHERE)),
    "A02-query-1514": case(config(pad=1514, **EVERYWHERE)),
    "A03-broadcast": case(config(dst=BROADCAST)),
    "A03-wildcards": case(config(**WILDCARD)),
    "A03-any-slot": case(config(dst=BROADCAST, slot=ANY_SLOT)),
    "A03-any-shelf": case(config(dst=BROADCAST, shelf=ANY_SHELF)),
    "A04-other-shelf": case(config(shelf=77)),
    "A04-other-slot": case(config(slot=77)),
    "A04-other-shelf-any-slot": case(config(shelf=77, slot=ANY_SLOT)),
    "A07-response": case(config(flags=VERSION_1 | RESPONSE, **EVERYWHERE)),
    "A07-response-ata": case(ata(READ_EXT, flags=VERSION_1 | RESPONSE)),
    "A08-version-0": case(config(flags=0)),
    "A08-version-2": case(config(flags=0x20)),
    "A08-version-2-ata": case(ata(READ_EXT, flags=0x20)),
    "A08-version-2-command-4": case(command(4, flags=0x20)),
    "A09-version-2-wildcards": case(config(flags=0x20, **EVERYWHERE)),
    "A10-reserved-flags": case(config(flags=VERSION_1 | 3)),
    "A10-reserved-flags-ata": case(ata(READ_EXT, flags=VERSION_1 | 3)),
    "A11-error-flag": case(config(flags=VERSION_1 | 4, error=9)),
    "A11-error-flag-ata": case(ata(READ_EXT, flags=VERSION_1 | 4, error=9)),
    "A11-error-code-alone": case(config(error=9)),
    "A12-command-4": case(command(4)),
    "A12-command-4-long": case(command(4, b"\xa5" * 100)),
    "A12-command-4-bare": case(command(4, b"")),
    "A12-command-240": case(command(0xF0)),
    "A14-command-4-wildcards": case(command(4, **EVERYWHERE)),
    "A15-no-header": case(cut(config(), 14)),
    "A15-short-header": case(cut(config(), 23)),
    "A15-header-alone": case(cut(config(), 24)),
    "A16-other-destination": case(config(dst="02:00:00:00:77:77")),
    "A16-group-destination": case(config(dst="01:00:5e:00:00:01")),
    "A17-group-source": case(config(src="03:00:00:00:00:01")),
    "A17-own-source": case(from_itself),
    "A18-tag-0": case(config(tag=0)),
    "A18-tag-ffffffff": case(config(tag=0xFFFFFFFF)),
    "A18-tag-0-ata": case(ata(READ_EXT, tag=0)),
    "B18-short-query": case(cut(config(), 31)),
    "C08-short-ata": case(cut(ata(READ_EXT), 35)),
    "E00-short-mask": case(cut(mask(READ), 27)),
    "F00-short-reserve": case(cut(reserve(READ), 25)),
}
