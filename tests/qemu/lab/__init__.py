# SPDX-License-Identifier: GPL-2.0
"""Guests on virtual wires, for the demo and the tests.

`guest` boots the stock kernel in QEMU and runs commands in it, `wire` joins
guests with each other or with this process, `logscan` judges kernel logs, and
`leaks` what a guest is left with.
"""

from lab.dhcp import Dhcp
from lab.guest import SCATTER_GATHER, Disk, Guest, GuestError, Machine, Nic, Result, start_all
from lab.hub import Hub
from lab.leaks import find_leaks
from lab.logscan import problems
from lab.monitor import plug_disk, plug_nic
from lab.wire import Neighbour, Wire

__all__ = [
    "SCATTER_GATHER",
    "Dhcp",
    "Disk",
    "Guest",
    "GuestError",
    "Hub",
    "Machine",
    "Neighbour",
    "Nic",
    "Result",
    "Wire",
    "find_leaks",
    "plug_disk",
    "plug_nic",
    "problems",
    "start_all",
]
