# SPDX-License-Identifier: GPL-2.0
"""A target, and the kernel's own AoE driver as the client in a second guest."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab import SCATTER_GATHER, Disk, Guest, Hub, Nic, Wire, problems, start_all
from lab.layout import wake, wake_flag
from testbeds import assert_decoded


@dataclass
class Pair:
    """A target with its module loaded, and an initiator with its driver, on two wires."""

    target: Guest
    initiator: Guest

    def both(self, command: str) -> None:
        self.target.run(command)
        self.initiator.run(command)

    @contextlib.contextmanager
    def exported(self, slot: int, path: str, *ports: int):
        """Exports a device as e0.SLOT and waits until the initiator has it."""
        for port in ports or (0,):
            self.target.run(f"kvadd 0 {slot} eth{port} {path}")
        device = f"/dev/etherd/e0.{slot}"
        try:
            self.initiator.run("aoe-discover")
            self.wait_up(slot)
            self.initiator.run(wake(device))
            # It is up before its partitions are read, and can be opened after that. A device
            # removed in between would stop the driver's work on all of them for minutes.
            self.initiator.run(f"blockdev --getsize64 {device}")
            yield device
        finally:
            self.rest(device)
            for port in ports or (0,):
                self.target.run(f"kvdel 0 {slot} eth{port}")
            # Forgotten with all its paths, so that the next test finds a new device.
            self.initiator.run(f"aoe-flush e0.{slot} && [ ! -e {device} ]")

    def cut_power(self, allowed: Sequence[str] = ()) -> None:
        """The target dies, and starts again without exports. Its log may have `allowed` in it."""
        dead = self.target
        assert problems(dead.kernel_log(dead.boot_mark), list(allowed)) == []
        dead.stop()
        nics = [Nic(nic.end, nic.mac) for nic in dead.nics]
        self.target = Guest(dead.name, disks=dead.disks, nics=nics)
        self.target.start()
        self.target.run("modprobe kvblade_rs")

    def rest(self, device: str) -> None:
        """Ends the reads that keep a device awake."""
        quiet = "sleep 0.2; while pgrep -x dd; do sleep 0.2; done"
        self.initiator.run(f"rm -f {wake_flag(device)}; {quiet}")

    def wait_up(self, slot: int) -> None:
        self.initiator.run(
            f"until aoe-stat | grep -q '^ *e0\\.{slot} .* up'; do sleep 0.1; done", timeout=30
        )


@contextlib.contextmanager
def pair_of(
    name: str, disks: Sequence[Disk], wires: Sequence[Wire | Hub] = (), **how
) -> Iterator[Pair]:
    """Boots both, with our module and the client's driver loaded. `how` is what else the target
    takes as a Guest."""
    wires = wires or [Wire(), Wire()]
    cards = [Nic(wire.ends[0]) for wire in wires]
    target = Guest(f"{name}-target", disks=disks, nics=cards, **how)
    cards = [Nic(wire.ends[1], model=SCATTER_GATHER) for wire in wires]
    initiator = Guest(f"{name}-initiator", nics=cards)
    result = Pair(target, initiator)
    try:
        start_all([target, initiator])
        target.run("modprobe kvblade_rs")
        initiator.run("modprobe aoe; mkdir -p /mnt")
        yield result
    finally:
        # A test may have put another in its place.
        result.target.stop()
        initiator.stop()
    assert_decoded(target)
