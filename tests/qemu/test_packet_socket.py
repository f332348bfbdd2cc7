# SPDX-License-Identifier: GPL-2.0
"""Another receiver of AoE frames on the same machine: vblade, with a packet socket."""

import pytest

from aoeframes import WRITE_EXT
from lab import Disk
from testbeds import bed, pattern, sectors_of


@pytest.fixture(scope="module")
def target():
    with bed("packet-socket", [Disk(1 << 20)]) as target:
        yield target


def test_frames_that_another_receives_too(target):
    """The kernel moves the data pointer of a frame while it hands it to a packet socket."""
    guest = target.guest
    disk = guest.disks[0].path
    with target.exported(6, 1, "/dev/sda") as client:
        vblade = guest.spawn("exec vblade -r 6 2 eth0 /dev/sda")
        guest.run(f"until grep -q sectors {vblade.base}.out; do sleep 0.1; done")
        client.neighbour.drain()
        for seed in range(10_000):
            # Two at once: our worker is busy with the first when the second comes in.
            data = {lba: pattern(lba, 1, seed) for lba in (8, 16)}
            writes = [client.ata_frame(WRITE_EXT, lba, 1, data[lba]) for lba in data]
            for write in writes:
                client.neighbour.send(write)
            # In any order, and amid what targets tell all.
            tags = {write[20:24] for write in writes}
            while tags:
                raw = client.receive(lambda raw, tags=tags: raw[20:24] in tags)
                assert raw is not None
                tags.remove(raw[20:24])
            for lba, sector in data.items():
                assert sectors_of(disk, lba) == sector, f"pair {seed}: not what was sent"
        vblade.kill()
