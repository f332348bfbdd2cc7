# SPDX-License-Identifier: GPL-2.0
"""A machine without a disk, the target that has it, and the DHCP server that says so."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from configs import CONFIG
from lab import Dhcp, Disk, Guest, GuestError, Hub, Machine, Nic, paths, payload
from lab.layout import wake

TARGET, MACHINE, SERVER = range(3)
# The keys of what are no letters, as QEMU calls them.
KEYS = {"\n": "ret", " ": "spc", "/": "slash", ";": "semicolon", "-": "minus"}
ROOT_PATH = "aoe:e0.1"
# It has scatter-gather, as vmxnet3. That of QEMU stays with the rings that iPXE has given it: Linux
# sends nothing by it.
CARD = "e1000"
# Firmware, GRUB and the initramfs are slow without KVM, and so is systemd.
BOOT = 1800
# The driver can forget a request when a virtual card is late.
WAKE = wake("/dev/etherd/e0.1")
EXPORT = '[export.diskless]\nshelf = 0\nslot = 1\ndevice = "/dev/sda"\ninterfaces = ["eth0"]\n'


@dataclass
class Diskless:
    target: Guest
    machine: Guest

    def screen(self, file: Path) -> None:
        """What is on the machine's screen, as a picture."""
        self.machine.monitor.command("screendump", filename=str(file), format="png")

    def type(self, text: str) -> None:
        """Types on the machine's keyboard, as fast as a person would."""
        for letter in text:
            key = {"type": "qcode", "data": KEYS.get(letter, letter)}
            self.machine.monitor.command("send-key", keys=[key])
            time.sleep(0.3)

    def said(self) -> str:
        return self.machine.console.read_text(errors="replace")

    def await_words(self, words: str, times: int = 1, timeout: float = BOOT) -> None:
        """Waits until the machine has said something so often on its serial line."""
        deadline = time.monotonic() + timeout * paths.patience()
        while self.said().count(words) < times:
            if time.monotonic() > deadline or not self.machine.alive:
                raise GuestError(f"never said: {words}; the end:\n{self.machine.console_tail()}")
            time.sleep(0.5)

    def await_end(self, timeout: float = 300) -> bool:
        """Waits until the machine has switched itself off."""
        deadline = time.monotonic() + timeout * paths.patience()
        while self.machine.alive and time.monotonic() < deadline:
            time.sleep(0.5)
        return not self.machine.alive


@contextlib.contextmanager
def diskless(name: str = "machine") -> Iterator[Diskless]:
    """The target is up, and the machine is off."""
    image = shutil.copy(payload.built("build-diskless"), paths.scratch() / f"{name}.img")
    disk = Disk(Path(image).stat().st_size, path=Path(image))
    hub = Hub(3)
    target = Guest(
        "target", disks=[disk], nics=[Nic(hub.ends[TARGET])], programs=["kvctl"], memory="384M"
    )
    machine = Guest(
        name,
        nics=[Nic(hub.ends[MACHINE], model=CARD, boots=True)],
        machine=Machine(options=("-device", "VGA,xres=800,yres=400")),
        memory="768M",
        diskless=True,
    )
    with hub, Dhcp(hub.ends[SERVER], ROOT_PATH), target:
        target.run("ip link set eth0 mtu 9000")
        target.write_file(CONFIG, EXPORT)
        try:
            yield Diskless(target, machine)
        finally:
            machine.stop()
