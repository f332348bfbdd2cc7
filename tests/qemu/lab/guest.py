# SPDX-License-Identifier: GPL-2.0
"""Guests: the stock kernel in QEMU, with disks and network cards."""

import base64
import contextlib
import itertools
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from lab import paths, qemu
from lab.agent import Agent, AgentError, Result
from lab.monitor import Monitor
from lab.wire import End

_numbers = itertools.count(1)


class GuestError(Exception):
    """A guest did not start, died, or failed a command."""


@dataclass
class Disk:
    """A sparse raw disk on the host; the n-th one is /dev/sda, /dev/sdb ... in the guest.

    It is read and written in blocks of `block` bytes.
    """

    size: int
    path: Path | None = None
    serial: str | None = None
    block: int = 512

    def __post_init__(self) -> None:
        number = next(_numbers)
        self.path = self.path or paths.scratch() / f"disk{number}.img"
        self.serial = self.serial or f"lab{number}"
        with self.path.open("ab") as file:
            file.truncate(self.size)


# A card with scatter-gather. The kernel's AoE initiator needs one: it sends pages of
# ext4's journal that must not be copied into a frame ("WARNING ... get_page").
SCATTER_GATHER = "vmxnet3"

# Said by a kernel that goes on with the wrong one of two measurements.
WRONG_CLOCK = b"tsc: PIT calibration deviates from HPET"


@dataclass
class Nic:
    """A network card at one end of a wire: eth0, eth1 ... in the guest.

    virtio-net hands frames of any length to the guest as they are; the others pad
    short ones, as a real card's peer would have. Those that `boots` have QEMU's ROM for them,
    which is iPXE.
    """

    end: End
    mac: str = field(default_factory=lambda: f"52:54:00:00:00:{next(_numbers) & 255:02x}")
    pcap: Path | None = None
    model: str = "virtio-net-pci"
    boots: bool = False


@dataclass
class Machine:
    """What QEMU emulates, and further words for its command line."""

    accel: str = field(default_factory=lambda: os.environ.get("KVBLADE_ACCEL", "tcg,thread=multi"))
    # A debug kernel of five page levels may take for wild what it reads while it identifies its
    # first processor, and then switches its validators off.
    cpu: str = field(default_factory=lambda: "max,-la57" if paths.is_debug() else "max")
    options: Sequence[str] = ()


class Guest:
    """A virtual machine with our module and scripts in it. A context manager.

    With the image of a Debian `system` that has systemd and what was installed there instead, and
    `files` in /root.
    Further `programs` of ours are kvctl and those of tests/NAME; further `modules` are in a
    FOLDER/NAME of ours, or in the kernel's package under a NAME.
    One that is `diskless` boots what its network gives it; only if that is a system with our agent
    does it get ready and take commands.

    Its console log and the frames of its cards (NAME-ethN.pcap) are kept in
    the results folder. Not for use by several threads.
    """

    _running: ClassVar[list["Guest"]] = []

    def __init__(
        self,
        name: str,
        *,
        disks: Sequence[Disk] = (),
        nics: Sequence[Nic] = (),
        memory: str = "512M",
        cpus: int = 2,
        append: str = "",
        programs: Sequence[str] = (),
        modules: Sequence[str] = (),
        system: Path | None = None,
        files: Sequence[Path] = (),
        machine: Machine | None = None,
        shell: Path | None = None,
        diskless: bool = False,
    ):
        self.name = name
        self.disks = list(disks)
        self.nics = list(nics)
        self.memory = memory
        self.cpus = cpus
        self.append = append
        self.programs = programs
        self.modules = modules
        self.system = system
        self.files = files
        self.machine = machine or Machine()
        self.shell = shell
        self.diskless = diskless
        self.boot_mark = self.last_mark = ""
        folder = paths.results()
        unique = name if not (folder / f"{name}.console").exists() else f"{name}-{next(_numbers)}"
        self.console = folder / f"{unique}.console"
        for number, nic in enumerate(self.nics):
            nic.pcap = nic.pcap or folder / f"{unique}-eth{number}.pcap"
        self._process: subprocess.Popen[bytes] | None = None
        self._agent: Agent | None = None
        self._jobs = itertools.count()
        self._was_started_again = False
        self._console_start = 0

    def launch(self) -> None:
        """Starts QEMU and returns at once, so that several guests boot together."""
        number = next(_numbers)
        agent, monitor = (paths.sockets() / f"{name}{number}" for name in ("agent", "monitor"))
        self._agent = Agent(agent)
        self.monitor = Monitor(monitor)
        self._console_start = self.console.stat().st_size if self.console.exists() else 0
        self._process = qemu.start(self, agent, monitor)
        Guest._running.append(self)

    def wait_ready(self, timeout: float = 180) -> None:
        """Waits until the guest takes commands.

        A QEMU that aborts before that is started once more: with several processors it can fail
        an assertion of its own (iotlb_to_section) while the kernel sets up PCI devices. So is one
        that was not running while the kernel measured its clock, in which ten seconds go by in one.
        """
        try:
            self._agent.wait_ready(timeout * paths.patience())
        except AgentError as error:
            broken = self._broken("does not start", error)
            if self._process.poll() != -signal.SIGABRT or self._was_started_again:
                raise broken from None
            self._start_again("QEMU has aborted", timeout)
        else:
            is_wrong = WRONG_CLOCK in self.console.read_bytes()[self._console_start :]
            if is_wrong and not self._was_started_again:
                self._start_again("the clock is wrong", timeout)
            else:
                self.boot_mark = self.mark()

    def _start_again(self, reason: str, timeout: float) -> None:
        self.stop()
        self._was_started_again = True
        with self.console.open("a") as log:
            log.write(f"lab: {reason}: it is started again\n")
        self.launch()
        self.wait_ready(timeout)

    def start(self) -> "Guest":
        self.launch()
        self.wait_ready()
        return self

    def stop(self) -> None:
        """Switches the guest off, at once. What it wrote to its disks is in their files."""
        if self._agent:
            self._agent.close()
            self._agent = None
            self.monitor.close()
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
            Guest._running.remove(self)

    def __enter__(self) -> "Guest":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def reboot(self, timeout: float = 300) -> None:
        """Shuts a Debian system down and starts it again."""
        self.monitor.command("set-action", reboot="reset")
        try:
            self._agent.restart("systemctl reboot", timeout)
        except AgentError as error:
            raise self._broken("does not start again", error) from None
        self.boot_mark = self.mark()

    @staticmethod
    def running() -> list["Guest"]:
        """All guests that were started and not stopped."""
        return list(Guest._running)

    @property
    def started(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process of QEMU, once started."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def healthy(self) -> bool:
        """It runs and answers."""
        return self.alive and self._agent is not None and self._agent.connected

    def run(self, cmd: str, timeout: float = 60, check: bool = True) -> Result:
        """Runs a shell command. With `check`, a status that is not 0 raises GuestError.

        A command still running after `timeout` seconds (more on a slow kernel) is ended, with
        status 124.
        """
        if self._agent is None:
            raise GuestError(f"{self.name}: not running")
        try:
            result = self._agent.run(cmd, timeout * paths.patience())
        except AgentError as error:
            raise self._broken(f"lost during: {cmd}", error) from None
        if check and result.status:
            raise GuestError(
                f"{self.name}# {cmd}\nended with status {result.status}:\n{result.stdout}"
            )
        return result

    def spawn(self, cmd: str) -> "Job":
        """Starts a shell command that runs beside those of `run`."""
        job = Job(self, f"/run/lab/job{next(self._jobs)}", cmd)
        inner = f"( {cmd}\n) >{job.base}.out 2>&1; echo $? >{job.base}.tmp"
        whole = f"{inner}; mv {job.base}.tmp {job.base}.status"
        self.run(f"setsid sh -c {shlex.quote(whole)} >/dev/null 2>&1 & echo $! >{job.base}.pid")
        return job

    def write_file(self, path: str, data: bytes | str) -> None:
        """Makes a file in the guest."""
        raw = data.encode() if isinstance(data, str) else data
        text = base64.b64encode(raw).decode()
        self.run(f"base64 -d >{shlex.quote(path)} <<'EOF'\n{text}\nEOF")

    def mark(self, label: str = "boot") -> str:
        """Leaves a unique line in the kernel log and returns it."""
        mark = f"lab: mark {next(_numbers)}: {label}"
        self.run(f"echo {shlex.quote(mark)} >/dev/kmsg")
        self.last_mark = mark
        return mark

    def kernel_log(self, since_marker: str | None = None) -> str:
        """The kernel log as `dmesg -x` prints it, after a mark. Of a dead guest: its console."""
        if not self.alive:
            return self.console_tail(400)
        log = self.run("dmesg -x").stdout
        if since_marker and since_marker in log:
            return log.split(since_marker, 1)[1].partition("\n")[2]
        return log

    def console_tail(self, lines: int = 60) -> str:
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.console.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _broken(self, what: str, error: AgentError) -> GuestError:
        # A dying QEMU needs a moment to write its last words.
        time.sleep(0.5)
        return GuestError(
            f"{self.name}: {what}: {error}; the end of {self.console}:\n{self.console_tail()}"
        )


class Job:
    """A command that runs in a guest beside others."""

    def __init__(self, guest: Guest, base: str, cmd: str):
        self.guest = guest
        self.base = base
        self.cmd = cmd

    def poll(self) -> Result | None:
        """Its result, or None while it runs."""
        base = self.base
        result = self.guest.run(
            f"[ -e {base}.status ] && cat {base}.status {base}.out", check=False
        )
        if result.status:
            return None
        status, _, output = result.stdout.partition("\n")
        return Result(output, int(status))

    def wait(self, timeout: float = 60, check: bool = True) -> Result:
        deadline = time.monotonic() + timeout * paths.patience()
        while (result := self.poll()) is None:
            if time.monotonic() > deadline:
                raise GuestError(f"{self.guest.name}# {self.cmd}\nstill runs after {timeout} s")
            time.sleep(0.2)
        if check and result.status:
            raise GuestError(
                f"{self.guest.name}# {self.cmd}\nended with status {result.status}:\n"
                f"{result.stdout}"
            )
        return result

    def kill(self, name: str = "KILL") -> None:
        """Sends a signal to the command and all that it started, and waits until they have ended:
        what they hold open is free after it."""
        self.guest.run(
            f"session=$(cat {self.base}.pid); pkill -{name} -s $session;"
            " while pgrep -r D,R,S,T -s $session; do sleep 0.1; done"
        )


def start_all(guests: Iterable[Guest]) -> None:
    """Boots guests at the same time."""
    guests = list(guests)
    for guest in guests:
        guest.launch()
    for guest in guests:
        guest.wait_ready()
