# SPDX-License-Identifier: GPL-2.0
"""Data arrives whole, wherever in a frame it lies and however the device wants it aligned."""

import base64
import random

import pytest

from lab import Disk
from testbeds import SECTOR, bed, pattern

SHELF, SLOT = 3, 9
SECTORS = 2048

# What each device asks of the address of data: to be a multiple of 2, 4 or 512.
DEVICES = {
    "null_blk": ("/dev/nullb0", 1),
    "SCSI": ("/dev/sda", 3),
    "device mapper": ("/dev/dm-0", 511),
}


@pytest.fixture(scope="module")
def target():
    with bed("alignment", [Disk(SECTORS * SECTOR) for _ in range(2)]) as target:
        run = target.guest.run
        run("modprobe null_blk memory_backed=1 gb=1 bs=512")
        run(f"echo '0 {SECTORS} linear /dev/sdb 0' | dmsetup create whole")
        yield target


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mtu", [1500, 9000])
def test_data_is_what_was_written(target, device, mtu):
    path, mask = DEVICES[device]
    run = target.guest.run
    assert int(run(f"cat /sys/block/{path[5:]}/queue/dma_alignment").stdout) == mask
    run(f"ip link set eth0 mtu {mtu}")
    chance = random.Random(mtu + mask)
    disk = bytearray(chance.randbytes(256 * SECTOR))
    most = (mtu - 22) // SECTOR
    with target.exported(SHELF, SLOT, path) as client:
        for first in range(0, 256, most):
            client.write(first, disk[first * SECTOR : (first + most) * SECTOR])
        for _ in range(20):
            count = chance.randint(1, most)
            first = chance.randint(0, 256 - count)
            data = chance.randbytes(count * SECTOR)
            client.write(first, data)
            disk[first * SECTOR : (first + count) * SECTOR] = data
            assert client.read(first, count) == data
        text = run(f"dd if={path} bs=512 count=256 iflag=direct status=none | base64 -w0").stdout
        assert text.strip() == base64.b64encode(disk).decode()


@pytest.mark.kernel_log(allow=["poll_queues", "Power-on or device reset occurred"])
@pytest.mark.parametrize(("mtu", "sectors"), [(9000, 16), (4131, 7), (1500, 2)])
def test_frames_carry_whole_physical_blocks(target, mtu, sectors):
    """A disk of 4 KiB blocks must read one before it writes a part of it."""
    run = target.guest.run
    run("modprobe scsi_debug dev_size_mb=8 physblk_exp=3 delay=0")
    name = run("ls /sys/bus/pseudo/devices/adapter0/host*/t*/*/block").stdout.strip()
    assert run(f"cat /sys/block/{name}/queue/physical_block_size").stdout == "4096\n"
    run(f"ip link set eth0 mtu {mtu}")
    with target.exported(SHELF, SLOT, f"/dev/{name}") as client:
        assert client.config_query().sector_count == sectors
    run("modprobe -r scsi_debug")


@pytest.mark.kernel_log(allow=["poll_queues", "Power-on or device reset occurred"])
@pytest.mark.parametrize(("block", "exponent", "sectors"), [(4096, 4, 120), (2048, 5, 124)])
def test_no_more_sectors_are_told_than_can_be_served(target, block, exponent, sectors):
    """Wherever they begin: the rest of their blocks is read with them."""
    run = target.guest.run
    run(f"modprobe scsi_debug dev_size_mb=8 sector_size={block} physblk_exp={exponent} delay=0")
    name = run("ls /sys/bus/pseudo/devices/adapter0/host*/t*/*/block").stdout.strip()
    run("ip link set eth0 mtu 65535")
    with target.exported(SHELF, SLOT, f"/dev/{name}") as client:
        assert client.config_query().sector_count == sectors
        for first in (0, 1, 7):
            data = pattern(first, sectors)
            client.write(first, data)
            assert client.read(first, sectors) == data
    run("ip link set eth0 mtu 1500; modprobe -r scsi_debug")
