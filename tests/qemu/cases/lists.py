# SPDX-License-Identifier: GPL-2.0
"""The MAC mask list and Reserve/Release."""

from aoeframes import BROADCAST, IDENTIFY, READ_EXT, WRITE_EXT
from cases.commands import FLUSH, POWER
from cases.steps import ME, OTHER, WILDCARD, ata, case, config, mask, reserve
from cases.writes import new
from listframes import ADD, DELETE, EDIT, FORCE, NOP, READ, SET, number

A, B, C = number(1), number(2), number(3)
LET_ME = mask(EDIT, (ADD, ME))
TAKE = reserve(SET, ME)
LISTED = mask(READ)
HELD = reserve(READ)

CASES = {
    "E01-mask-read": case(LISTED),
    "E01-mask-read-by-wildcards": case(mask(READ, **WILDCARD)),
    "E01-mask-read-count-9": case(mask(READ, count=9)),
    "E02-mask-add-1": case(LET_ME, LISTED),
    "E02-mask-add-2": case(mask(EDIT, (ADD, ME), (ADD, A)), LISTED),
    "E02-mask-add-3": case(mask(EDIT, (ADD, ME), (ADD, A), (ADD, B)), LISTED),
    "E02-mask-add-twice": case(LET_ME, LET_ME),
    "E02-mask-second-twice": case(mask(EDIT, (ADD, ME), (ADD, A), (ADD, A))),
    "E02-mask-by-broadcast": case(mask(EDIT, (ADD, ME), dst=BROADCAST), LISTED),
    "E02-mask-without-sender": case(mask(EDIT, (ADD, OTHER)), config(), asker=OTHER),
    "E03-masked-query": case(LET_ME, config(src=OTHER)),
    "E03-masked-read": case(LET_ME, ata(READ_EXT, src=OTHER)),
    "E03-masked-identify": case(LET_ME, ata(IDENTIFY, src=OTHER)),
    "E03-masked-mask-read": case(LET_ME, mask(READ, src=OTHER)),
    "E03-masked-reserve-read": case(LET_ME, reserve(READ, src=OTHER)),
    "E03-second-is-served": case(mask(EDIT, (ADD, ME), (ADD, A)), config(src=A)),
    "E03-third-is-served": case(mask(EDIT, (ADD, ME), (ADD, A), (ADD, B)), config(src=A)),
    "E04-mask-nop": case(mask(EDIT, (NOP, A), (ADD, ME))),
    "E04-mask-delete-only": case(LET_ME, mask(EDIT, (DELETE, ME))),
    "E04-mask-delete-second": case(
        mask(EDIT, (ADD, ME), (ADD, A)), mask(EDIT, (DELETE, A)), LISTED
    ),
    "E04-mask-delete-absent": case(LET_ME, mask(EDIT, (DELETE, A))),
    "E05-mask-bad-directive": case(
        LET_ME, mask(EDIT, (ADD, A), (7, B), (ADD, C)), LISTED
    ),
    "E06-mask-32": case(mask(EDIT, (ADD, ME), *((ADD, number(i)) for i in range(31)))),
    "E06-mask-33": case(mask(EDIT, (ADD, ME), *((ADD, number(i)) for i in range(32)))),
    "E06-mask-128": case(mask(EDIT, (ADD, ME), *((ADD, number(i)) for i in range(127)))),
    "E06-mask-129": case(
        mask(EDIT, (ADD, ME), *((ADD, number(i)) for i in range(127))),
        mask(EDIT, (ADD, number(200))),
    ),
    "E06-mask-129-directives": case(
        mask(EDIT, (ADD, ME), *((NOP, number(i)) for i in range(128)))
    ),
    "E07-mask-past-the-frame": case(mask(EDIT, (ADD, ME), (ADD, A), count=4), LISTED),
    "E07-mask-far-past-the-frame": case(mask(EDIT, (ADD, ME), count=255), LISTED),
    "E08-mask-subcommand-2": case(mask(2)),
    "E08-mask-edit-by-wildcards": case(mask(EDIT, (ADD, ME), **WILDCARD), LISTED),
    "E08-mask-subcommand-2-by-wildcards": case(mask(2, **WILDCARD)),
    "F01-reserve-read": case(HELD),
    "F01-reserve-read-by-wildcards": case(reserve(READ, **WILDCARD)),
    "F01-reserve-read-count-9": case(reserve(READ, count=9)),
    "F02-reserve": case(TAKE, HELD),
    "F02-reserve-twice-listed": case(reserve(SET, ME, ME), HELD),
    "F02-reserve-by-broadcast": case(reserve(SET, ME, dst=BROADCAST), HELD),
    "F02-reserve-for-other": case(reserve(SET, OTHER), HELD),
    "F03-reserved-read": case(TAKE, ata(READ_EXT, src=OTHER)),
    "F03-reserved-write": case(
        TAKE, ata(WRITE_EXT, 170, 2, new(170), src=OTHER), ata(READ_EXT, 170, 2)
    ),
    "F03-reserved-flush": case(TAKE, ata(FLUSH, src=OTHER)),
    "F03-reserved-power": case(TAKE, ata(POWER, src=OTHER)),
    "F03-reserved-opcode": case(TAKE, ata(0xFF, src=OTHER)),
    "F03-reserved-read-by-holder": case(TAKE, ata(READ_EXT)),
    "F04-reserved-identify": case(TAKE, ata(IDENTIFY, src=OTHER)),
    "F04-reserved-query": case(TAKE, config(src=OTHER)),
    "F04-reserved-set": case(TAKE, config(3, b"abc", src=OTHER)),
    "F04-reserved-reserve-read": case(TAKE, reserve(READ, src=OTHER)),
    "F04-reserved-mask-edit": case(TAKE, mask(EDIT, (ADD, ME), src=OTHER)),
    "F05-reserve-by-other": case(TAKE, reserve(SET, OTHER, src=OTHER), HELD),
    "F05-reserve-nothing-by-other": case(TAKE, reserve(SET, src=OTHER), HELD),
    "F05-reserve-past-the-frame-by-other": case(TAKE, reserve(SET, OTHER, count=5, src=OTHER)),
    "F06-force": case(TAKE, reserve(FORCE, OTHER, src=OTHER), ata(READ_EXT)),
    "F07-release": case(TAKE, reserve(SET), ata(READ_EXT, src=OTHER)),
    "F07-release-by-force": case(TAKE, reserve(FORCE, src=OTHER), ata(READ_EXT, src=OTHER)),
    "F08-reserve-past-the-frame": case(reserve(SET, OTHER, OTHER, count=5), HELD),
    "F08-reserve-subcommand-3": case(reserve(3)),
    "F08-force-by-wildcards": case(reserve(FORCE, OTHER, **WILDCARD), HELD),
    "F08-force-by-broadcast": case(reserve(FORCE, OTHER, dst=BROADCAST), HELD),
    "F08-reserve-128": case(reserve(SET, *(number(i) for i in range(128))), HELD),
    "F08-reserve-129": case(reserve(SET, *(number(i) for i in range(129))), HELD),
    "F08-reserve-129-by-force": case(reserve(FORCE, *(number(i) for i in range(129))), HELD),
}  # fmt: skip
