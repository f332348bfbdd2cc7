# SPDX-License-Identifier: GPL-2.0
"""The host's side of the agent that runs commands in a guest."""

import base64
import socket
import time
from dataclasses import dataclass
from pathlib import Path

# What an answer may need on top of the command's own time: TCG on a busy machine is slow.
_GRACE = 30


@dataclass(frozen=True)
class Result:
    """Exit status and output (standard error included) of a command."""

    stdout: str
    status: int


class AgentError(Exception):
    """The guest is gone, or does not answer."""


class Agent:
    """A request line, an answer line, over a virtio serial port."""

    def __init__(self, path: Path):
        self._buffer = b""
        self._connection: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def wait_ready(self, timeout: float) -> None:
        self._listener.settimeout(timeout)
        try:
            self._connection, _ = self._listener.accept()
        except TimeoutError:
            raise AgentError("QEMU did not start") from None
        if self._line(timeout) != b"ready":
            raise AgentError("the agent did not start properly")

    def restart(self, command: str, timeout: float) -> None:
        """Runs a command that ends with the agent, and waits for the agent to start anew."""
        encoded = base64.b64encode(command.encode()).decode()
        self._connection.sendall(f"{timeout} {encoded}\n".encode())
        # Whether the command is answered before the end is by chance.
        while self._line(timeout) != b"ready":
            pass

    def run(self, command: str, timeout: float) -> Result:
        if self._connection is None:
            raise AgentError("the guest is not running")
        encoded = base64.b64encode(command.encode()).decode()
        try:
            self._connection.settimeout(_GRACE)
            self._connection.sendall(f"{timeout} {encoded}\n".encode())
        except OSError as error:
            raise AgentError(f"the guest is gone: {error}") from error
        status, _, output = self._line(timeout + _GRACE).partition(b" ")
        return Result(base64.b64decode(output).decode(errors="replace"), int(status))

    def _line(self, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                self.close()
                raise AgentError(f"no answer within {timeout:.0f} s")
            self._connection.settimeout(left)
            try:
                data = self._connection.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError as error:
                raise AgentError(f"the guest is gone: {error}") from error
            if not data:
                raise AgentError("the guest is gone")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def close(self) -> None:
        self._listener.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
