# SPDX-License-Identifier: GPL-2.0
"""A target whose memory runs out, again and again, slows down and recovers."""

import itertools

import pytest

from aoeframes import OK, WRITE_EXT
from lab import Disk
from testbeds import Flood, bed, memory_in_use, pattern, sectors_of

ROUNDS = 5
SEEDS = itertools.count(1)
# Takes memory until the kernel kills it, so that there is none for a while before.
HOG = """
for round in {rounds}; do
    (echo 1000 >/proc/self/oom_score_adj; exec tail /dev/zero)
done; true
"""
# What may be in use in the end beyond what was before, in KiB.
TOLERANCE = 4096

# The kernel tells a lot of its memory then; what it says of faults still counts.
FAULTS = r"\bBUG\b|Oops|panic|KASAN|WARNING|blocked|stall|lockup|refcount_t|kvblade"


@pytest.fixture(scope="module")
def target():
    with bed("pressure", [Disk(1 << 20), Disk(1 << 20)], nics=2, memory="256M") as target:
        yield target


@pytest.mark.kernel_log(allow=[f"^(?!.*({FAULTS}))"])
def test_memory_runs_out_and_nothing_is_lost(target):
    guest = target.guest
    with (
        target.exported(1, 1, "/dev/sda") as client,
        target.exported(1, 2, "/dev/sdb", port=1) as other,
    ):
        with Flood(other) as flood:
            told = write_while(client, guest.spawn("sleep 3"))
        before = memory_in_use(guest)
        with Flood(other) as flood:
            job = guest.spawn(HOG.format(rounds=" ".join(map(str, range(ROUNDS)))))
            told |= write_while(client, job)
        assert job.wait().stdout.split() == ["Killed"] * ROUNDS
        assert told and flood.answers, "there was no load"
        client.neighbour.drain()
        # Answered at once again, without a repetition.
        for lba, data in told.items():
            assert client.read(lba, 2) == data, f"sector {lba}"
            assert sectors_of(guest.disks[0].path, lba, 2) == data
        assert memory_in_use(guest) - before < TOLERANCE
        drops = guest.run("cat /sys/kvblade/1.[12]@*/stats/dropped_memory").stdout.split()
        print(f"{flood.answers} answers to the flood, dropped for memory: {drops}")


def write_while(client, job) -> dict[int, bytes]:
    """Writes while a job runs, until each is answered. Returns what is on the disk, by LBA."""
    told, places = {}, itertools.cycle(range(256, 512, 2))
    while job.poll() is None:
        lba = next(places)
        told[lba] = pattern(lba, 2, next(SEEDS))
        reply = client.insist(client.ata_frame(WRITE_EXT, lba, 2, told[lba]))
        assert reply.registers == OK
    return told
