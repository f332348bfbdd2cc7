# SPDX-License-Identifier: GPL-2.0
"""The kernel's client, which knows sectors of 512 bytes only, on disks with blocks of 4 KiB."""

import pytest

from lab import Disk
from pairs import pair_of
from testbeds import mapped

SIZE = 128 << 20
KEY = "3c" * 64


@pytest.fixture(scope="module")
def pair():
    with pair_of("blocks", [Disk(SIZE, block=4096), Disk(SIZE)]) as pair:
        yield pair


def crypt(guest) -> str:
    """What LUKS2 makes on a disk with blocks of 512 bytes in physical ones of 4 KiB."""
    guest.run("modprobe dm-crypt")
    table = f"0 {SIZE // 512} crypt aes-xts-plain64 {KEY} 0 /dev/sdb 0 1 sector_size:4096"
    return mapped(guest, "crypt", table)


@pytest.mark.parametrize("mtu", [9000, 1500])
@pytest.mark.parametrize("kind", ["disk", "crypt"])
def test_a_file_system_and_verified_data(pair, mtu, kind):
    run = pair.initiator.run
    path = crypt(pair.target) if kind == "crypt" else "/dev/sda"
    pair.both(f"ip link set eth0 mtu {mtu}")
    try:
        with pair.exported(1, path) as device:
            # Of the file system's own blocks, and smaller than a block of the disk.
            run(f"mkfs.ext4 -q -b 1024 {device} && mount {device} /mnt", timeout=120)
            fio = (
                "fio --name=small --filename=/mnt/data --size=4m --rw=randrw --bsrange=1k-16k"
                " --bs_unaligned=0 --direct=1 --ioengine=libaio --iodepth=16 --verify=crc32c"
                " --verify_state_save=0 --minimal"
            )
            run(fio, timeout=240)
            run("umount /mnt", timeout=60)
            assert run(f"fsck.ext4 -f -n {device}", timeout=120).status == 0
            # Sector by sector, beside each other.
            fio = (
                f"fio --name=sectors --filename={device} --offset=64m --size=1m --rw=randwrite"
                " --bs=512 --direct=1 --ioengine=libaio --iodepth=32 --verify=crc32c"
                " --verify_state_save=0 --minimal"
            )
            run(fio, timeout=240)
            run("dd if=/dev/urandom of=/run/data bs=1M count=2 status=none")
            run(f"dd if=/run/data of={device} bs=1M oflag=direct seek=32 status=none", timeout=120)
            read = f"dd if={device} bs=1M iflag=direct skip=32 count=2 status=none"
            run(f"{read} | cmp - /run/data", timeout=120)
    finally:
        pair.both("ip link set eth0 mtu 1500")
        if kind == "crypt":
            pair.target.run("dmsetup remove crypt")
