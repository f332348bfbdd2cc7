# SPDX-License-Identifier: GPL-2.0
"""Guests on virtual wires, for the demo and the tests.

`guest` boots the stock kernel in QEMU and runs commands in it, `wire` joins
guests with each other or with this process, `logscan` judges kernel logs.
"""

from lab.guest import SCATTER_GATHER, Disk, Guest, GuestError, Machine, Nic, Result, start_all
from lab.logscan import problems
from lab.wire import Neighbour, Wire

__all__ = [
    "SCATTER_GATHER",
    "Disk",
    "Guest",
    "GuestError",
    "Machine",
    "Neighbour",
    "Nic",
    "Result",
    "Wire",
    "problems",
    "start_all",
]
