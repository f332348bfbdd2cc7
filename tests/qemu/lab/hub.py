# SPDX-License-Identifier: GPL-2.0
"""A segment of several stations: a hub that this process is, with plugs that can be pulled."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

from lab.wire import Wire


class Hub:
    """Passes each frame on to all other stations. A context manager.

    `ends[n]` is where the card of station n is plugged in. A frame that `loses` says yes to gets
    lost.
    """

    def __init__(self, stations: int, loses: Callable[[bytes], bool] = lambda _frame: False):
        self._loses = loses
        wires = [Wire() for _ in range(stations)]
        self.ends = [wire.ends[0] for wire in wires]
        self._cut: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._sockets = []
        for number, wire in enumerate(wires):
            end = wire.ends[1]
            plug = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            plug.bind(str(end.local))
            # A guest that is not there, or does not read, holds up nobody.
            plug.setblocking(False)
            self._sockets.append((plug, str(end.remote)))
            self._selector.register(plug, selectors.EVENT_READ, number)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def cut(self, station: int) -> None:
        """Cuts a station off beyond its switch: its card still has a carrier."""
        self._cut.add(station)

    def join(self, station: int) -> None:
        """Mends the cut."""
        self._cut.discard(station)

    def _run(self) -> None:
        while not self._end.is_set():
            for key, _ in self._selector.select(0.2):
                with contextlib.suppress(OSError):
                    self._pass_on(key.data, key.fileobj.recv(1 << 16))

    def _pass_on(self, sender: int, frame: bytes) -> None:
        if sender in self._cut or self._loses(frame):
            return
        for number, (plug, remote) in enumerate(self._sockets):
            if number != sender and number not in self._cut:
                with contextlib.suppress(OSError):
                    plug.sendto(frame, remote)

    def __enter__(self) -> "Hub":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._thread.join()
        for plug, _ in self._sockets:
            plug.close()
