# SPDX-License-Identifier: GPL-2.0
"""Ethernet wires made of two unix datagram sockets: one datagram is one frame."""

import collections
import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import paths

_numbers = itertools.count()


@dataclass(frozen=True)
class End:
    """One end of a wire: where it listens, and where it sends to."""

    local: Path
    remote: Path


class Wire:
    """A wire with two ends, for two guests or for a guest and this process."""

    def __init__(self, directory: Path | None = None):
        base = (directory or paths.sockets()) / f"wire{next(_numbers)}"
        a, b = base.with_name(base.name + "a"), base.with_name(base.name + "b")
        self.ends = (End(a, b), End(b, a))

    def host(self, mac: str = "02:00:00:00:00:fe") -> "Neighbour":
        """This process as the station at the second end."""
        return Neighbour(self.ends[1], mac)


class Neighbour:
    """A station on a wire that is this process.

    A thread takes frames off the wire at all times: a guest never waits for
    a test that does not read. As an initiator does, it hears no AoE requests, such as a target's
    questions for its own address, but for who asks for them.
    """

    def __init__(self, end: End, mac: str):
        self.mac = mac
        self._remote = str(end.remote)
        self._frames: collections.deque[bytes] = collections.deque()
        self._requests: collections.deque[bytes] = collections.deque()
        self._arrived = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._socket.bind(str(end.local))
        self._socket.settimeout(10)
        self._closed = False
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while not self._closed:
            try:
                frame = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                return
            is_request = frame[12:14] == b"\x88\xa2" and len(frame) > 14 and not frame[14] & 8
            with self._arrived:
                (self._requests if is_request else self._frames).append(frame)
                self._arrived.notify_all()

    def send(self, frame: bytes) -> None:
        """Puts one frame, Ethernet header included, on the wire."""
        self._socket.sendto(frame, self._remote)

    def recv(self, timeout: float = 1.0) -> bytes | None:
        """The next frame, or None when none comes in time."""
        return self.recv_if(lambda _frame: True, timeout)

    def recv_if(self, wanted: Callable[[bytes], bool], timeout: float = 1.0) -> bytes | None:
        """The next frame that is wanted; those before it are dropped."""
        return self._next(self._frames, wanted, timeout)

    def recv_request(self, timeout: float = 20) -> bytes | None:
        """The next AoE request, or None when none comes in time."""
        return self._next(self._requests, lambda _frame: True, timeout)

    def _next(
        self, frames: collections.deque[bytes], wanted: Callable[[bytes], bool], timeout: float
    ) -> bytes | None:
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                while frames:
                    frame = frames.popleft()
                    if wanted(frame):
                        return frame
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrived.wait(left):
                    return None

    def drain(self) -> list[bytes]:
        """Takes all frames that have arrived so far."""
        with self._arrived:
            frames = list(self._frames)
            self._frames.clear()
        return frames

    def drain_requests(self) -> list[bytes]:
        """Takes all AoE requests that have arrived so far."""
        with self._arrived:
            requests = list(self._requests)
            self._requests.clear()
        return requests

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
