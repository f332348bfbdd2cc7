# SPDX-License-Identifier: GPL-2.0
"""Initiators that ask again when a disk goes on, and what is refused in that moment (H19)."""

import threading
import time

import pytest

from aoeframes import ATA, READ_EXT, WRITE_EXT
from lab import Disk
from stalls import RESUME, SUSPEND, Hold, answers, tags
from testbeds import SECTOR, bed, mapped

SHELF, SLOT = 7, 2
SECTORS = 2048
# Seconds after which only the newest of several repetitions is answered, and a bit more; and so
# many between two that are not taken for two readers.
OLD, APART = 1.3, 0.25
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"


@pytest.fixture(scope="module")
def target():
    with bed("stall-end", [Disk(SECTORS * SECTOR)]) as target:
        mapped(target.guest, "held", f"0 {SECTORS} linear /dev/sda 0")
        yield target


@pytest.fixture
def path(target):
    return (
        f"/dev/{target.guest.run('dmsetup info -c --noheadings -o blkdevname held').stdout.strip()}"
    )


def test_a_repetition_that_comes_when_the_disk_goes_on_is_answered(target, path):
    """What it repeats has its place until the answer is sent: it is not dropped for want of it."""
    guest = target.guest
    with target.exported(SHELF, SLOT, path, options="bufcnt=2") as client:
        client.neighbour.drain()
        # Two of each initiator, which may have no more in flight.
        sources = [f"02:00:00:00:79:{number // 2:02x}" for number in range(256)]

        def reads() -> list[bytes]:
            return [
                client.ata_frame(READ_EXT, number, 1, src=src) for number, src in enumerate(sources)
            ]

        guest.run(SUSPEND.format(name="held"))
        for frame in reads():
            client.neighbour.send(frame)
        time.sleep(OLD)
        again = reads()

        def repeat() -> None:
            for frame in again:
                client.neighbour.send(frame)
                time.sleep(0.001)

        sender = threading.Thread(target=repeat)
        sender.start()
        guest.run(RESUME.format(name="held"))
        sender.join()
        assert set(tags(*again)) - set(answers(client)) == set()


@pytest.mark.kernel_log(allow=["Trying to write to read-only block-device"])
@pytest.mark.parametrize("why", ["read-only", "offline"])
def test_what_is_refused_when_its_turn_has_come_is_so_under_the_newest_tag(target, path, why):
    """It has waited behind another, and was repeated before it was old."""
    guest, data = target.guest, bytes(2 * SECTOR)
    refuse, serve = f"blockdev --setro {path}", f"blockdev --setrw {path}"
    if why == "offline":
        # Who takes it out of use waits for what is in flight.
        refuse, serve = f"echo offline >{FOLDER}/state &", f"echo online force=1 >{FOLDER}/state"
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()
        before = client.ata_frame(WRITE_EXT, 101, 2, data)
        first, again = (client.ata_frame(WRITE_EXT, 100, 2, data) for _ in range(2))
        with Hold(target, client, before, first) as hold:
            hold.until(APART)
            hold.send(again)
            hold.until(OLD)
            guest.run(refuse)
        said = [client.receive(lambda raw: raw[19] == ATA, 1.5) for _ in range(3)]
        guest.run(serve)
        assert [raw and raw[20:24] for raw in said] == [*tags(before, again), None]
        assert (said[0][15], said[0][27]) == (0, 0x40)
        assert said[1][15] if why == "offline" else said[1][27] & 1
        counted = f"cat {FOLDER}/stats/repeated_joined {FOLDER}/stats/answers_superseded"
        assert guest.run(counted).stdout.split() == ["1", "1"]
