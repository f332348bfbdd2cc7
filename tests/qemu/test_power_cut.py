# SPDX-License-Identifier: GPL-2.0
"""What a client's file system has been told is safe is there after a power cut of the target."""

import pytest

import logwrites
from lab import Disk, Guest, problems
from pairs import pair_of

# Enough for XFS.
SIZE = 320 << 20
CUTS = 4
CHECKS = {"ext4": "fsck.ext4 -f -n", "xfs": "xfs_repair -n"}

# Files, each of which is safe when its line is printed: its name and the checksum of its data.
WRITE = """
cd /mnt
for n in $(seq {first} {last}); do
    dd if=/dev/urandom of=file$n bs=$((RANDOM % 40000 + 1)) count=1 conv=fsync status=none
    sync .
    sha256sum file$n
done
"""


@pytest.fixture
def log():
    return Disk(2 * SIZE)


@pytest.fixture
def pair(log):
    with pair_of("power", [Disk(SIZE), log]) as pair:
        yield pair


def write_and_cut(pair, filesystem: str) -> list[str]:
    """Writes files to a disk that logs what is durable, with cuts in between. Returns the lines of
    what was safe before each."""
    run, safe, told = pair.initiator.run, "", []
    pair.target.run(
        "modprobe dm-log-writes && grep -q back /sys/block/sda/queue/write_cache &&"
        f" echo '0 {SIZE // 512} log-writes /dev/sda /dev/sdb' | dmsetup create cached"
    )
    device = pair.target.run("dmsetup info -c --noheadings -o blkdevname cached").stdout.strip()
    with pair.exported(1, f"/dev/{device}") as disk:
        run(f"mkfs.{filesystem} -q {disk} && mount {disk} /mnt", timeout=120)
        for cut in range(CUTS):
            # The client goes on writing what nobody waits for while the power goes.
            noise = "while :; do dd if=/dev/urandom of=/mnt/noise bs=8k count=20 status=none; done"
            job = pair.initiator.spawn(f"exec timeout 20 sh -c '{noise}'")
            script = WRITE.format(first=10 * cut, last=10 * cut + 9)
            safe += run(f"bash -c '{script}'", timeout=120).stdout
            pair.target.run(f"dmsetup message cached 0 mark cut{cut}")
            told.append(safe)
            job.kill()
        run("umount /mnt", timeout=120)
    pair.target.run("dmsetup remove cached && sync")
    return told


@pytest.mark.parametrize("filesystem", CHECKS)
def test_synced_files_survive_a_power_cut(pair, log, filesystem):
    told = write_and_cut(pair, filesystem)
    images = [Disk(SIZE) for _ in told]
    for cut, image in enumerate(images):
        logwrites.replay(log.path, image.path, f"cut{cut}")
    with Guest("power-after", disks=images) as guest:
        for name, safe in zip("abcdef", told, strict=False):
            guest.run(f"mkdir -p /mnt && mount /dev/sd{name} /mnt")
            guest.write_file("/run/safe", safe)
            guest.run("cd /mnt && sha256sum --check --quiet --strict /run/safe")
            guest.run(f"umount /mnt && {CHECKS[filesystem]} /dev/sd{name}")
        assert problems(guest.kernel_log(guest.boot_mark)) == []


def test_the_client_goes_on_when_the_target_is_there_again(pair):
    with pair.exported(1, "/dev/sda") as disk:
        job = pair.initiator.spawn(
            f"fio --name=verify --filename={disk} --direct=1 --rw=randwrite --bs=4k --size=4m"
            " --ioengine=libaio --iodepth=8 --verify=crc32c --verify_state_save=0 --minimal"
            " --time_based --runtime=40"
        )
        pair.initiator.run(f"until [ -s {job.base}.pid ]; do sleep 0.1; done; sleep 5")
        pair.cut_power()
        pair.target.run("kvadd 0 1 eth0 /dev/sda")
        assert job.poll() is None, "the I/O ended before the target was there again"
        job.wait(timeout=240)
