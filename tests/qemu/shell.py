#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Guests for work by hand.

shell.py [initiator]    boots the target, and a second guest if asked, and attaches
shell.py attach SOCKET  attaches this terminal to a guest that runs already
"""

import os
import selectors
import socket
import sys
import termios
import tty
from pathlib import Path

from lab import SCATTER_GATHER, Disk, Guest, Nic, Wire, paths, start_all
from lab.layout import DISK_BYTES, partition

LEAVE = b"\x1d"


def attach(path: Path) -> None:
    """Joins this terminal with a guest's until the guest ends or Ctrl-] is typed."""
    with socket.socket(socket.AF_UNIX) as guest:
        guest.connect(str(path))
        terminal = sys.stdin.fileno()
        saved = termios.tcgetattr(terminal) if os.isatty(terminal) else None
        if saved:
            size = os.get_terminal_size(terminal)
            tty.setraw(terminal)
            guest.sendall(f" stty rows {size.lines} cols {size.columns}\n".encode())
        else:
            guest.sendall(b"\n")
        try:
            _relay(terminal, guest)
        finally:
            if saved:
                termios.tcsetattr(terminal, termios.TCSADRAIN, saved)
            print()


def _relay(terminal: int, guest: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(terminal, selectors.EVENT_READ)
        selector.register(guest, selectors.EVENT_READ)
        while True:
            for key, _events in selector.select():
                data = os.read(key.fd, 4096)
                if key.fileobj is guest:
                    if not data:
                        return
                    os.write(sys.stdout.fileno(), data)
                elif LEAVE in data:
                    return
                elif data:
                    guest.sendall(data)
                else:
                    selector.unregister(terminal)


def main() -> None:
    if sys.argv[1:2] == ["attach"]:
        attach(Path(sys.argv[2]))
        return
    wire = Wire()
    folder = paths.sockets()
    disk = Disk(DISK_BYTES)
    guests = [
        Guest("target", disks=[disk], nics=[Nic(wire.ends[0])], shell=folder / "target"),
    ]
    if "initiator" in sys.argv[1:]:
        nic = Nic(wire.ends[1], model=SCATTER_GATHER)
        guests.append(Guest("initiator", nics=[nic], shell=folder / "initiator"))
    print("booting ...", flush=True)
    try:
        start_all(guests)
        partition(guests[0], "/dev/sda")
        guests[0].run("modprobe kvblade_rs")
        if len(guests) > 1:
            guests[1].run("modprobe aoe")
            print("The initiator's prompt, from another terminal in this folder:")
            print(f"  dev/in-tools python3 tests/qemu/shell.py attach {folder}/initiator")
        print("Target: /dev/sda has 80 GB, /dev/sda5 3 GB. Ctrl-] ends it all.")
        attach(folder / "target")
    finally:
        for guest in guests:
            guest.stop()


if __name__ == "__main__":
    main()
