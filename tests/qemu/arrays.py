# SPDX-License-Identifier: GPL-2.0
"""Arrays with superblocks, what is left of one that has lost too much, and snapshots of thin
volumes: `make test-disks`, with disks.py.
"""

import pytest

from aoeframes import OK, READ_EXT, WRITE_EXT, Identity
from stacks import (
    BLOCK,
    BLOCKS,
    FOLDER,
    LOG,
    SLOT,
    UNREADABLE,
    WRITE_FAULT,
    array,
    assemble,
    comes,
    device,
    end_array,
    end_thin,
    exported,
    extend,
    fixtures,
    logical_block,
    lose,
    mend,
    reads_right_or_not,
    state,
    there,
    thin,
    verified,
    waits,
    write_superblocks,
    written,
)
from testbeds import SECTOR, mapped, pattern

MODULES = ("dm-thin-pool", "raid1", "raid456")
# Where nothing else is; and what is said of legs that fail or have been away.
FREE = 8000
ARRAYS = (
    *("kicking non-fresh", "rescheduling sector", "redirecting sector"),
    *("read error not correctable", "raid5_end_read_request: "),
)

target, guest = fixtures("arrays", MODULES)

pytestmark = pytest.mark.kernel_log(allow=(*LOG, *ARRAYS))


# Arrays.


@pytest.mark.parametrize(("level", "legs"), [("raid5", 4), ("raid6", 5)])
def test_an_array_that_loses_more_legs_than_it_can(target, guest, level, legs):
    """All is answered: writes with an error, reads rightly or with an error. What was answered is
    there when the array is assembled again of all legs that were there then."""
    # It lacks one from the beginning.
    paths = [device(guest, f"leg{leg}") for leg in range(legs - 1)]
    lost = range(1 if level == "raid5" else 2)
    write_superblocks(guest, level, paths, legs)
    with exported(target, assemble(guest, paths)) as client:
        verified(client, 1)
        for leg in lost:
            lose(guest, leg)
        # The first ones are what tells the driver.
        first = [client.ata(WRITE_EXT, FREE + 8 * i, 8, pattern(0, 8, 7)).registers for i in (0, 1)]
        assert set(first) <= {OK, WRITE_FAULT}
        for lba in range(FREE + 64, FREE + 256, 8):
            assert client.ata(WRITE_EXT, lba, 8, pattern(lba, 8, 7)).registers == WRITE_FAULT
        reads_right_or_not(client, 1)
        # The legs that are there are still read.
        reads = {client.ata(READ_EXT, lba, 1).registers for lba in range(FREE + 512, FREE + 768, 8)}
        assert reads == {OK, UNREADABLE}
        assert state(guest).startswith("degraded: "), state(guest)
    end_array(guest)
    for leg in lost:
        mend(guest, leg)
    # What mdadm --assemble --force does.
    write_superblocks(guest, level, paths, legs)
    with exported(target, assemble(guest, paths)) as client:
        there(client, 1)
        verified(client, 2)
    end_array(guest)


def test_an_array_that_tries_again_and_again(target, guest):
    """Without superblocks the driver does not give up a leg that it cannot read and cannot do
    without: who needs it waits, which is told, until the administrator gives the leg up."""
    path = array(guest, "raid5", 4)
    with exported(target, path) as client:
        verified(client, 1)
        lose(guest, 0)
        # It belongs to the leg that is missing, so that all others have to be read.
        frame = client.ata_frame(WRITE_EXT, FREE + 8, 8, pattern(FREE + 8, 8))
        waits(client, frame)
        guest.run(f"until grep -q 'older than 5 s' {FOLDER}/state; do sleep 0.2; done", timeout=30)
        # It says that this is the end of the array.
        guest.run(f"echo faulty >/sys/block/md7/md/dev-{device(guest, 'leg0')[5:]}/state || true")
        raw = comes(client, frame)
        assert (raw[27], raw[25]) == WRITE_FAULT
        assert client.ata(WRITE_EXT, FREE + 64, 8, pattern(0, 8, 7)).registers == WRITE_FAULT
    end_array(guest)


@pytest.mark.parametrize(("level", "legs"), [("raid1", 2), ("raid5", 3), ("raid6", 4)])
def test_an_array_with_superblocks(target, guest, level, legs):
    """It loses a leg while it is exported, and is assembled again without it, though it is back."""
    paths = [device(guest, f"leg{leg}") for leg in range(legs)]
    write_superblocks(guest, level, paths, legs)
    with exported(target, assemble(guest, paths)) as client:
        verified(client, 1)
        lose(guest, 0)
        verified(client, 2)
        written(client, 3)
    end_array(guest)
    mend(guest, 0)
    with exported(target, assemble(guest, paths[1:])) as client:
        there(client, 3)
        verified(client, 4)
    end_array(guest)


@pytest.mark.parametrize("level", ["raid1", "raid5"])
def test_an_array_with_one_leg_of_large_blocks(target, guest, level):
    """All of it has blocks as large then, and goes on with the others."""
    others = 1 if level == "raid1" else 2
    # What is assembled has never been made to agree.
    guest.run("dd if=/dev/zero of=/dev/sda bs=1M count=8 oflag=direct status=none")
    paths = [*(device(guest, f"leg{leg}") for leg in range(others)), "/dev/sda"]
    write_superblocks(guest, level, paths, len(paths))
    path = assemble(guest, paths)
    assert logical_block(guest, path) == 4096
    with exported(target, path) as client:
        assert Identity(client.identify()).word(106) == 0x6003
        verified(client, 1)
        client.write(FREE + 3, pattern(FREE + 3))
        assert client.read(FREE + 2, 3)[SECTOR : 2 * SECTOR] == pattern(FREE + 3)
        lose(guest, 0)
        verified(client, 2)
    end_array(guest)
    guest.run("dd if=/dev/zero of=/dev/sda bs=4k count=2 oflag=direct status=none")


# Snapshots.


@pytest.mark.parametrize("how", ["0", "1 error_if_no_space"])
def test_a_snapshot_of_a_thin_volume(target, guest, how):
    """Volume and snapshot are exported both, and share what neither has changed since. What either
    changes needs room, and when there is none both keep what they had."""
    fails = "error" in how
    with exported(target, thin(guest, how)) as client:
        verified(client, 1)
        client.write(16 * BLOCK, pattern(16 * BLOCK, 1, 1))
        guest.run(
            "dmsetup suspend thin; dmsetup message pool 0 'create_snap 1 0'; dmsetup resume thin"
        )
        snapshot = mapped(guest, "snapshot", f"0 {2 * BLOCK * BLOCKS} thin /dev/mapper/pool 1")
        with exported(target, snapshot, SLOT + 1) as second:
            there(second, 1)
            verified(client, 2)
            there(second, 1)
            second.write(4, pattern(4, 1, 9))
            assert second.read(4) == pattern(4, 1, 9)
            there(client, 2)
            # The rest of the pool, as far as it goes.
            used = guest.run("dmsetup status pool").stdout.split()[5]
            taken, whole = map(int, used.split("/"))
            for block in range(whole - taken):
                client.write((20 + block) * BLOCK, pattern(0, 1, 3))
            lba = 16 * BLOCK
            # A block that both have is copied before one of them writes there.
            frame = second.ata_frame(WRITE_EXT, lba, 1, pattern(lba, 1, 5))
            if fails:
                assert second.ask(frame).registers == WRITE_FAULT
            else:
                waits(second, frame)
            assert client.read(lba) == pattern(lba, 1, 1)
            there(client, 2)
            extend(guest, how)
            if fails:
                second.write(lba, pattern(lba, 1, 5))
            else:
                assert comes(second, frame)[27] == OK[0]
            assert second.read(lba) == pattern(lba, 1, 5)
            assert client.read(lba) == pattern(lba, 1, 1)
        guest.run("dmsetup remove snapshot; dmsetup message pool 0 'delete 1'")
        there(client, 2)
    end_thin(guest)
