# SPDX-License-Identifier: GPL-2.0
"""ATA commands beside IDENTIFY DEVICE, READ and WRITE."""

import struct

from aoeframes import BROADCAST, WRITE
from cases.steps import EVERYWHERE, SECTORS, WILDCARD, Case, ata, case, wide

TRIM, VERIFY, VERIFY_EXT, FLUSH, FLUSH_EXT = 0x06, 0x40, 0x42, 0xE7, 0xEA
POWER, POWER_OLD, FEATURES, DIAGNOSTIC, SMART = 0xE5, 0x98, 0xEF, 0x90, 0xB0
HEALTHY = 0xC24F00

REFUSED = (0x00, 0x10, 0x27, 0x45, 0x60, 0x70, 0x91, 0x92, 0xA1, 0xB1, 0xC4, 0xF1, 0xFF)


def trim(lba: int, sectors: int, count: int = 1, features: int = 1, aflags: int = WRITE) -> Case:
    data = struct.pack("<Q", lba | sectors << 48).ljust(512 * count, b"\0")
    return case(ata(TRIM, 0, count, data, features=features, aflags=aflags))


CASES = {
    "D10-verify-bad": case(wide(VERIFY_EXT, 60, 8), bad=True),
    "D12-flush": case(wide(FLUSH, count=0)),
    "D12-flush-count-1": case(ata(FLUSH)),
    "D12-flush-ext": case(wide(FLUSH_EXT, count=0)),
    "D12-flush-broadcast": case(ata(FLUSH, dst=BROADCAST)),
    "D12-flush-wildcards": case(ata(FLUSH, **WILDCARD)),
    "D13-verify": case(ata(VERIFY, 5, 200)),
    "D13-verify-count-0": case(ata(VERIFY, 5, 0)),
    "D13-verify-ext": case(wide(VERIFY_EXT, 5, 200)),
    "D13-verify-across-the-end": case(wide(VERIFY_EXT, SECTORS - 1, 2)),
    "D14-power": case(ata(POWER, count=0)),
    "D14-power-count-1": case(ata(POWER, count=1)),
    "D14-power-old": case(ata(POWER_OLD, count=0)),
    "D14-power-by-wildcards": case(ata(POWER, count=0, **EVERYWHERE)),
    "D15-features-02": case(ata(FEATURES, features=0x02)),
    "D15-features-03": case(ata(FEATURES, features=0x03)),
    "D15-features-82": case(ata(FEATURES, features=0x82)),
    "D15-features-05": case(ata(FEATURES, features=0x05)),
    "D15-features-by-broadcast": case(ata(FEATURES, features=0x02, dst=BROADCAST)),
    **{f"D17-power-{opcode:02x}": case(ata(opcode, count=0)) for opcode in
       (0xE0, 0xE1, 0xE2, 0xE3, 0xE6, 0x94, 0x99)},
    "D18-trim": trim(200, 8),
    "D19-trim-features-0": trim(200, 8, features=0),
    "D19-trim-count-0": trim(200, 8, count=0),
    "D19-trim-past-the-end": trim(SECTORS - 4, 8),
    "D19-trim-without-w-flag": trim(200, 8, aflags=0),
    "D19-trim-by-broadcast": case(
        ata(TRIM, 0, 1, bytes(512), features=1, aflags=WRITE, dst=BROADCAST)
    ),
    **{f"D20-opcode-{opcode:02x}": case(ata(opcode)) for opcode in REFUSED},
    "D20-opcode-by-broadcast": case(ata(0xFF, dst=BROADCAST)),
    "D20-opcode-by-wildcards": case(ata(0xFF, **WILDCARD)),
    "D21-smart": case(ata(SMART, HEALTHY, features=0xD0)),
    "D21-smart-status": case(ata(SMART, HEALTHY, 0, features=0xDA)),
    "D21-diagnostic": case(ata(DIAGNOSTIC)),
}  # fmt: skip
