# SPDX-License-Identifier: GPL-2.0
"""Query Config."""

from aoeframes import BROADCAST
from cases.steps import EVERYWHERE, WILDCARD, case, config, cut

READ, TEST, PREFIX, SET, FORCE = range(5)
ABC = config(SET, b"abc")

CASES = {
    "B01-read-junk": case(ABC, config(READ, b"\xed" * 1024)),
    "B02-read-length-ffff": case(config(READ, length=0xFFFF)),
    "B03-set": case(ABC, config()),
    "B04-set-again": case(ABC, ABC),
    "B05-set-other": case(ABC, config(SET, b"abd"), config()),
    "B05-set-empty": case(ABC, config(SET), config()),
    "B06-test": case(ABC, config(TEST, b"abc")),
    "B07-test-shorter": case(ABC, config(TEST, b"ab")),
    "B07-test-longer": case(ABC, config(TEST, b"abcd")),
    "B07-test-other": case(ABC, config(TEST, b"abd")),
    "B07-test-empty": case(config(TEST)),
    "B08-prefix": case(ABC, config(PREFIX, b"ab")),
    "B08-prefix-empty": case(ABC, config(PREFIX)),
    "B08-prefix-whole": case(ABC, config(PREFIX, b"abc")),
    "B09-prefix-longer": case(ABC, config(PREFIX, b"abcd")),
    "B09-prefix-other": case(ABC, config(PREFIX, b"b")),
    "B10-force-set": case(ABC, config(FORCE, b"xyz"), config()),
    "B11-clear": case(ABC, config(FORCE), config(TEST)),
    "B12-force-set-1024": case(config(FORCE, bytes(range(256)) * 4), config()),
    "B13-set-1025": case(config(SET, bytes(1025)), config()),
    "B13-force-set-1025": case(config(FORCE, bytes(1025)), config()),
    "B13-set-past-the-frame": case(config(SET, b"abcd", length=10), config()),
    "B13-force-set-past-the-frame": case(config(FORCE, b"abcd", length=10), config()),
    "B13-set-far-past-the-frame": case(config(SET, b"abcd", length=600), config()),
    "B15-test-past-the-frame": case(
        config(SET, b"abcd\0\0\0\0\0\0"), cut(config(TEST, b"abcd", length=10), 36)
    ),
    "B15-prefix-1025": case(config(PREFIX, bytes(1025))),
    "B16-subcommand-5": case(ABC, config(5)),
    "B16-subcommand-15": case(config(15, b"x")),
    "B17-version-nibble-0": case(config(0x00)),
    "B17-version-nibble-1": case(config(0x10)),
    "B17-version-nibble-7": case(config(0x70)),
    "B17-version-nibble-7-set": case(config(0x73, b"abc")),
    "B19-mtu-1060": case(config(), mtu=1060),
    "B19-mtu-4200": case(config(), mtu=4200),
    "B19-mtu-9000": case(config(), mtu=9000),
    "B20-set-by-broadcast": case(config(SET, b"abc", dst=BROADCAST), config()),
    "B20-set-by-wildcards": case(config(SET, b"abc", **WILDCARD), config()),
    "B20-test-by-wildcards": case(ABC, config(TEST, b"abc", **EVERYWHERE)),
    "B20-subcommand-5-by-wildcards": case(config(5, **EVERYWHERE)),
}
