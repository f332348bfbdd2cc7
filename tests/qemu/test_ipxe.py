# SPDX-License-Identifier: GPL-2.0
"""iPXE, as it is in QEMU's network cards, boots a machine without a disk from an export.

What it boots is a boot sector and a loader of ours (boot/sector.S), which use the disk by the
firmware and tell on the serial line what they have seen.
"""

import itertools
import re
import struct
import time
from pathlib import Path

import pytest

from lab import Dhcp, Disk, Guest, Hub, Nic, paths
from lab.build import once, output_of
from testbeds import SECTOR, fill, pattern, sectors_of, tshark

# iPXE boots no disk that is smaller than a cylinder of 255 heads and 63 sectors.
SECTORS = 65536
READS, WRITES = 64, 2000
MESSAGE = b"written by the loader"
FAILURES = ("boot: the firmware fails", "No bootable device")
TARGET, MACHINE, SERVER = range(3)


@once
def boot_sectors() -> bytes:
    folder = paths.new_folder(paths.scratch(), "boot-")
    source = Path(__file__).parent / "boot/sector.S"
    symbols = [f"--defsym={name}={value}" for name, value in (("READS", READS), ("WRITES", WRITES))]
    output_of(["as", "--32", *symbols, "-o", folder / "boot.o", source])
    link = ["ld", "-m", "elf_i386", "-Ttext=0x7c00", "--oformat=binary", "-o", folder / "boot"]
    output_of([*link, folder / "boot.o"])
    return (folder / "boot").read_bytes()


class Segment:
    """A target, a DHCP server, and room for a machine without a disk."""

    def __init__(self) -> None:
        self.loses = lambda _frame: False
        self.hub = Hub(3, lambda frame: self.loses(frame))
        self.disk = Disk(SECTORS * SECTOR)
        fill(self.disk.path, 0, boot_sectors())
        fill(self.disk.path, READS, pattern(READS, 64))
        self.guest = Guest("ipxe-target", disks=[self.disk], nics=[Nic(self.hub.ends[TARGET])])

    def boot(self, last: str) -> tuple[str, list[list[str]]]:
        """Boots a machine until it has said its last words; what it said, and what it asked."""
        nic = Nic(self.hub.ends[MACHINE], boots=True)
        machine = Guest("ipxe", nics=[nic], memory="256M", cpus=1, diskless=True)
        try:
            machine.launch()
            for _ in range(600):
                said = machine.console.read_text(errors="replace")
                if any(word in said for word in (last, *FAILURES)) or not machine.alive:
                    break
                time.sleep(0.5)
        finally:
            machine.stop()
        assert last in said, said
        return said, tshark(nic.pcap, f"aoe && eth.src == {nic.mac}", "cmd", "ata.cmd")


@pytest.fixture(scope="module")
def segment():
    segment = Segment()
    with segment.hub, Dhcp(segment.hub.ends[SERVER], "aoe:e0.1"), segment.guest:
        segment.guest.run("modprobe kvblade_rs")
        yield segment


def numbers(said: str) -> dict[str, int]:
    return {name: int(digits, 16) for name, digits in re.findall(r"loader: (\w+) (\w{8})", said)}


def expected() -> dict[str, int]:
    words = struct.unpack(f"<{64 * SECTOR // 4}I", pattern(READS, 64))
    return {"sectors": SECTORS, "sum": sum(words) & 0xFFFFFFFF}


def start_over(segment: Segment) -> None:
    fill(segment.disk.path, WRITES, bytes(2 * SECTOR))
    segment.guest.run("echo 3 >/proc/sys/vm/drop_caches")


def test_it_boots_reads_and_writes(segment):
    start_over(segment)
    segment.guest.run("kvadd 0 1 eth0 /dev/sda force=1")
    said, asked = segment.boot("loader: done")
    assert "boot sector: runs" in said
    assert numbers(said) == expected()
    assert sectors_of(segment.disk.path, WRITES, 2) == MESSAGE.ljust(2 * SECTOR, b"\0")
    assert asked[:2] == [["1", ""], ["0", "0xec"]], "it asks for the address, and what is there"


def test_lost_answers_are_asked_for_again(segment):
    start_over(segment)
    segment.guest.run("kvadd 0 1 eth0 /dev/sda force=1")
    number = itertools.count(1)

    def loses(frame: bytes) -> bool:
        is_answer = frame[12:14] == b"\x88\xa2" and len(frame) > 14 and frame[14] & 8
        return bool(is_answer) and next(number) % 5 == 0

    segment.loses = loses
    try:
        said, _ = segment.boot("loader: done")
    finally:
        segment.loses = lambda _frame: False
    assert next(number) > 40, "answers were lost"
    assert numbers(said) == expected()
    assert sectors_of(segment.disk.path, WRITES, 2) == MESSAGE.ljust(2 * SECTOR, b"\0")


def test_what_is_read_only_boots_and_refuses_the_write(segment):
    start_over(segment)
    segment.guest.run("kvadd 0 1 eth0 /dev/sda ro=1 force=1")
    said, _ = segment.boot("boot: the firmware fails with")
    assert numbers(said) == expected()
    assert not any(sectors_of(segment.disk.path, WRITES, 2))
