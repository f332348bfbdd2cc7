# SPDX-License-Identifier: GPL-2.0
"""Writes of more than one sector, and of less than the disk writes at once: none is torn (H8)."""

import contextlib
import itertools
from collections.abc import Iterator

import pytest

from aoeframes import OK, WRITE_EXT, Client
from lab import Disk
from testbeds import SECTOR, bed, mapped, pattern, sectors_of

SHELF, SLOT = 8, 8
SECTORS = 2048
# A write of two sectors from here ends on the other half of the disk.
BORDER = SECTORS // 2
WRITE_FAULT = (0x61, 0x04)
BLOCK = 8
# What the device mapper makes of a half.
QUICK, BAD = "linear /dev/sda {0}", "error"
SLOW = "delay /dev/sda {0} 0 /dev/sda {0} 500"

pytestmark = pytest.mark.kernel_log(allow=["poll_queues", "Power-on or device reset occurred"])


@pytest.fixture(scope="module")
def target():
    with bed("torn", [Disk(SECTORS * SECTOR)], nics=2) as target:
        target.guest.run("modprobe dm-delay; ip link set eth0 mtu 9000")
        yield target


@pytest.fixture
def simulated(target):
    """Makes the kernel's simulated disk with these options, and tells its name."""
    run = target.guest.run

    def make(options: str) -> str:
        run(f"modprobe scsi_debug dev_size_mb=8 delay=0 {options}")
        return run("ls /sys/bus/pseudo/devices/adapter0/host*/t*/*/block").stdout.strip()

    yield make
    run("modprobe -r scsi_debug")


@contextlib.contextmanager
def halves(target, first: str, second: str) -> Iterator[Client]:
    """An export of a disk of two halves, each as its table says."""
    table = f"0 {BORDER} {first.format(0)}\n{BORDER} {BORDER} {second.format(BORDER)}"
    try:
        with target.exported(SHELF, SLOT, mapped(target.guest, "halves", table)) as client:
            yield client
    finally:
        target.guest.run("dmsetup remove halves")


@pytest.mark.parametrize(("first", "second"), [(QUICK, SLOW), (SLOW, QUICK)])
def test_h8_a_write_is_answered_when_all_of_it_is_on_the_disk(target, first, second):
    with halves(target, first, second) as client:
        for seed in range(1, 4):
            data = pattern(BORDER - 1, 2, seed)
            client.write(BORDER - 1, data)
            assert sectors_of(target.guest.disks[0].path, BORDER - 1, 2) == data


@pytest.mark.kernel_log(allow=["I/O error, dev dm-"])
@pytest.mark.parametrize(("first", "second", "good"), [(QUICK, BAD, -1), (BAD, QUICK, 1)])
def test_h8_a_write_of_which_a_part_fails_has_failed(target, first, second, good):
    with halves(target, first, second) as client:
        reply = client.ata(WRITE_EXT, BORDER - 1, 2, pattern(BORDER - 1, 2))
        assert reply.registers == WRITE_FAULT
        client.write(BORDER + good, pattern(BORDER + good))


def test_h8_sectors_of_one_block_of_the_disk(target, simulated):
    """A disk that writes 4 KiB at once: two clients on two cards, who write at the same time, each
    some sectors of every block, undo nothing of each other."""
    path = f"/dev/{simulated('physblk_exp=3')}"
    with (
        target.exported(SHELF, SLOT, path) as first,
        target.exported(SHELF, SLOT, path, port=1) as second,
    ):
        for seed in range(1, 5):
            expected = {}
            for block in range(16):
                frames = []
                for client, offset in itertools.product((first, second), range(BLOCK)):
                    if offset % 2 == (client is second):
                        lba = block * BLOCK + offset
                        expected[lba] = pattern(lba, seed=seed)
                        frames.append((client, client.ata_frame(WRITE_EXT, lba, 1, expected[lba])))
                send_all(frames)
            for lba, data in expected.items():
                assert second.read(lba) == data


def send_all(frames: list[tuple[Client, bytes]]) -> None:
    """Sends requests without waiting, and then takes all answers."""
    for client, frame in frames:
        client.neighbour.send(frame)
    for client in {id(client): client for client, _ in frames}.values():
        open_ = {frame[20:24] for sender, frame in frames if sender is client}
        while open_:
            raw = client.receive(lambda raw, tags=open_: raw[20:24] in tags, 20)
            assert raw is not None, "a write is not answered"
            assert (raw[27], raw[25]) == OK
            open_.remove(raw[20:24])
