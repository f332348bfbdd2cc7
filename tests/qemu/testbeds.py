# SPDX-License-Identifier: GPL-2.0
"""What several test files set up alike: a target with this process as its neighbour."""

import contextlib
import re
import struct
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aoeframes import IDENTIFY, READ_EXT, WRITE_EXT, Client
from lab import Disk, Guest, Neighbour, Nic, Wire, find_leaks, paths

SECTOR = 512


def pattern(lba: int, sectors: int = 1, seed: int = 0) -> bytes:
    """Data that tells which sector it belongs to."""
    return b"".join(struct.pack("<QQ", lba + i, seed) * (SECTOR // 16) for i in range(sectors))


def sectors_of(path: Path, lba: int, sectors: int = 1) -> bytes:
    """What a disk's file holds, zeroes where it is sparse."""
    with path.open("rb") as file:
        file.seek(lba * SECTOR)
        return file.read(sectors * SECTOR)


def fill(path: Path, lba: int, data: bytes) -> None:
    """Puts data on a disk's file, before the guest has read it."""
    with path.open("r+b") as file:
        file.seek(lba * SECTOR)
        file.write(data)


def memory_in_use(guest: Guest) -> int:
    """KiB that are neither free, nor kept at hand by a CPU, nor given up when they are needed."""
    text = guest.run("cat /proc/meminfo /proc/zoneinfo").stdout
    at_hand = sum(int(pages) * 4 for pages in re.findall(r"^ +count: +(\d+)", text, re.MULTILINE))
    of = {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
    given_up = of["Cached"] + of["Buffers"] + of["SReclaimable"]
    return of["MemTotal"] - of["MemFree"] - at_hand - given_up


@dataclass
class Bed:
    """A target guest with the module loaded, and this process at the end of each wire."""

    guest: Guest
    neighbours: list[Neighbour]

    def client(self, shelf: int, slot: int, port: int = 0) -> Client:
        return Client(self.neighbours[port], self.guest.nics[port].mac, shelf, slot)

    @contextlib.contextmanager
    def exported(
        self, shelf: int, slot: int, path: str, port: int = 0, options: str = ""
    ) -> Iterator[Client]:
        """An export while the context lasts, and a client of it."""
        self.guest.run(f"kvadd {shelf} {slot} eth{port} {path} force=1 {options}")
        try:
            yield self.client(shelf, slot, port)
        finally:
            self.guest.run(f"kvdel {shelf} {slot} eth{port}")


def mapped(guest: Guest, name: str, table: str) -> str:
    """Makes a device of the device mapper, and returns its path."""
    guest.run(f"echo '{table}' | dmsetup create {name}")
    device = guest.run(f"dmsetup info -c --noheadings -o blkdevname {name}").stdout.strip()
    return f"/dev/{device}"


def uneven(guest: Guest, path: str, sectors: int, fast: int, slow: int) -> str:
    """A disk that ends requests before earlier ones: of two that follow each other one takes
    `fast` milliseconds and the other `slow`. Returns its path.
    """
    guest.run("modprobe dm-delay && modprobe dm-multipath && modprobe dm-round-robin")
    ways = [
        mapped(guest, f"way{delay}", f"0 {sectors} delay {path} 0 {delay}")
        for delay in (fast, slow)
    ]
    paths = " ".join(f"{way} 1" for way in ways)
    table = f"0 {sectors} multipath 2 queue_mode bio 0 1 1 round-robin 0 2 1 {paths}"
    return mapped(guest, "uneven", table)


@contextlib.contextmanager
def bed(name: str, disks: Sequence[Disk], nics: int = 1, **how) -> Iterator[Bed]:
    """Boots a target for a test file. `how` is what else a Guest takes."""
    wires = [Wire() for _ in range(nics)]
    neighbours = [wire.host(f"02:00:00:00:01:{i:02x}") for i, wire in enumerate(wires)]
    guest = Guest(name, disks=disks, nics=[Nic(wire.ends[0]) for wire in wires], **how)
    try:
        with guest:
            guest.run("modprobe kvblade_rs")
            yield Bed(guest, neighbours)
            trouble = find_leaks(guest) if guest.healthy else []
            assert not trouble, "\n".join(trouble)
    finally:
        for neighbour in neighbours:
            neighbour.close()
    assert_decoded(guest)


def tshark(capture: Path, where: str, *fields: str) -> list[list[str]]:
    """The AoE fields of those frames of a capture that a display filter takes."""
    words = ["-T", "fields", "-e", "frame.number"]
    for field in fields:
        words += ["-e", f"aoe.{field}"]
    return [line.split("\t")[1:] for line in _tshark(capture, where, *words)]


def assert_decoded(guest: Guest) -> None:
    """Asserts that tshark has nothing against any frame that a guest, stopped now, has sent."""
    for nic in guest.nics:
        fault = "(_ws.malformed || _ws.expert.severity >= warning)"
        found = _tshark(nic.pcap, f"eth.src == {nic.mac} && {fault}")
        assert not found, "\n".join([f"{nic.pcap} has frames that tshark objects to:", *found[:9]])


def _tshark(capture: Path, where: str, *words: str) -> list[str]:
    command = ["tshark", "-r", capture, "-Y", where, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    # QEMU was switched off, perhaps within its last frame.
    assert done.returncode == 0 or "cut short" in done.stderr, done.stderr
    return done.stdout.splitlines()


class Flood:
    """Requests at full speed, from the wire's other end, while the context lasts.

    Reads, writes of the sectors 64 and 65, queries and IDENTIFY are mixed. When
    answers stop coming, as many as fit the window are sent again and again, at a pace that
    leaves a slow kernel time for other things.
    """

    def __init__(self, client: Client, window: int | None = None):
        self.client = client
        self.answers = 0
        self._window = window or 32 // paths.patience()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _requests(self) -> Iterator[bytes]:
        client, data = self.client, pattern(64, 2)
        while True:
            yield client.ata_frame(READ_EXT, 0, 2)
            yield client.ata_frame(WRITE_EXT, 64, 2, data)
            yield client.ata_frame(IDENTIFY)
            yield client.config_frame()

    def _run(self) -> None:
        requests, pending = self._requests(), 0
        while not self._end.is_set():
            if pending < self._window:
                # A guest without a card to receive with leaves the socket full.
                with contextlib.suppress(TimeoutError):
                    self.client.neighbour.send(next(requests))
                pending += 1
            elif self.client.receive(lambda _frame: True, 0.05 * paths.patience()):
                self.answers += 1
                pending -= 1
            else:
                pending = 0

    def __enter__(self) -> "Flood":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._thread.join()
