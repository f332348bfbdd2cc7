# SPDX-License-Identifier: GPL-2.0
"""Requests of the MAC mask list and of Reserve/Release."""

from aoeframes import Client, mac_bytes

MASK, RESERVE = 2, 3
READ, EDIT, SET, FORCE = 0, 1, 1, 2
NOP, ADD, DELETE = range(3)


def number(last: int) -> str:
    """One of many addresses that are not in use."""
    return f"02:00:00:00:03:{last:02x}"


def mask_frame(client: Client, mcmd: int, *directives: tuple[int, str], count=None, **how) -> bytes:
    count = len(directives) if count is None else count
    listed = b"".join(bytes((0, dcmd)) + mac_bytes(mac) for dcmd, mac in directives)
    return client.frame(MASK, bytes((0, mcmd, 0, count)) + listed, **how)


def reserve_frame(client: Client, rcmd: int, *macs: str, count=None, **how) -> bytes:
    count = len(macs) if count is None else count
    listed = b"".join(mac_bytes(mac) for mac in macs)
    return client.frame(RESERVE, bytes((rcmd, count)) + listed, **how)
