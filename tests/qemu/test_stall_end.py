# SPDX-License-Identifier: GPL-2.0
"""Initiators that ask again in the moment in which a disk goes on (H19)."""

import threading
import time

from aoeframes import READ_EXT
from beds import SECTOR, bed, mapped
from lab import Disk
from stalls import RESUME, SUSPEND, answers, tags

SHELF, SLOT = 7, 2
SECTORS = 2048
# Seconds after which only the newest of several repetitions is answered, and a bit more.
OLD = 1.3


def test_a_repetition_that_comes_when_the_disk_goes_on_is_answered():
    """What it repeats has its place until the answer is sent: it is not dropped for want of it."""
    with bed("stall-end", [Disk(SECTORS * SECTOR)]) as target:
        guest = target.guest
        path = mapped(guest, "held", f"0 {SECTORS} linear /dev/sda 0")
        with target.exported(SHELF, SLOT, path, options="bufcnt=2") as client:
            client.neighbour.drain()
            # Two of each initiator, which may have no more under way.
            sources = [f"02:00:00:00:79:{number // 2:02x}" for number in range(256)]

            def reads() -> list[bytes]:
                return [
                    client.ata_frame(READ_EXT, number, 1, src=src)
                    for number, src in enumerate(sources)
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
