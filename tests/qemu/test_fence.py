# SPDX-License-Identifier: GPL-2.0
"""The files that exclude initiators are barriers (H3): when a write to one returns, nothing that
an excluded initiator has sent before reaches the disk any more. If the disk hangs the write fails
after ten seconds, and the exclusion holds all the same.
"""

import contextlib
import random
import time

import pytest

from aoeframes import ABRT, OK, WRITE_EXT
from configs import OTHER
from lab import Disk
from testbeds import SECTOR, bed, mapped, sectors_of

SHELF, SLOT = 3, 4
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
SECTORS = 2048
RESERVED, UNAVAILABLE = 6, 3
SAID = (
    f"{SHELF}.{SLOT}: the device has not ended 1 request of excluded initiators after 10 seconds;"
    " they are excluded from now on, but what they have sent may still reach the disk"
)
# A file, what is written to exclude all but OTHER, and what is read of it then.
FENCES = {
    "mask": (OTHER, OTHER),
    "reserve": (OTHER, OTHER),
    "state": ("offline", "offline"),
    "access/write": (f"only {OTHER}", f"only {OTHER}"),
}
OPEN = {"mask": "", "reserve": "", "state": "online force=1", "access/write": "all"}


@pytest.fixture(scope="module")
def disk():
    return Disk(SECTORS * SECTOR)


@pytest.fixture(scope="module")
def target(disk):
    with bed("fence", [disk], programs=["kvctl"]) as target:
        mapped(target.guest, "held", f"0 {SECTORS} linear /dev/sda 0")
        yield target


@pytest.fixture
def client(target):
    with target.exported(SHELF, SLOT, "/dev/dm-0") as client:
        client.read(0)
        client.neighbour.drain()
        yield client


@contextlib.contextmanager
def held(guest):
    """The disk ends nothing while the context lasts."""
    guest.run("dmsetup suspend --noflush --nolockfs held")
    try:
        yield
    finally:
        guest.run("dmsetup resume held")


def begin_write(guest, client, lba: int, *sources: str) -> list[bytes]:
    """Writes of one sector each, which are in flight when this returns. Returns their frames."""
    frames = [
        client.ata_frame(WRITE_EXT, lba + number, 1, random.randbytes(SECTOR), src=source)
        for number, source in enumerate(sources)
    ]
    for frame in frames:
        client.neighbour.send(frame)
    guest.run(f"until [ $(cat {FOLDER}/busy) = {len(frames)} ]; do sleep 0.05; done")
    return frames


def fence(guest, name: str):
    """Begins to exclude all but OTHER, which is in force when this returns."""
    value, shown = FENCES[name]
    job = guest.spawn(f"echo '{value}' >{FOLDER}/{name} || cat /sys/kvblade/error")
    guest.run(f"until [ \"$(cat {FOLDER}/{name})\" = '{shown}' ]; do sleep 0.05; done")
    return job


def assert_excluded(client, name: str) -> None:
    """A write of an excluded initiator, elsewhere, is refused as the file's kind does it."""
    frame = client.ata_frame(WRITE_EXT, 100, 1, bytes(SECTOR))
    if name == "mask":
        client.neighbour.send(frame)
        assert client.receive(lambda raw: raw[20:24] == frame[20:24], 1) is None
    elif name == "access/write":
        assert client.ask(frame).registers == ABRT
    else:
        assert client.ask(frame).error == {"reserve": RESERVED, "state": UNAVAILABLE}[name]


@pytest.mark.parametrize("name", FENCES, ids=lambda name: name.replace("/", "-"))
def test_h3_a_file_that_excludes_waits_for_what_is_under_way(target, client, disk, name):
    guest = target.guest
    with held(guest):
        (frame,) = begin_write(guest, client, 8, client.neighbour.mac)
        # Behind it, so that it has not had its turn: it is excluded when it has.
        late = client.ata_frame(WRITE_EXT, 8, 1, random.randbytes(SECTOR))
        client.neighbour.send(late)
        guest.run(f"until [ $(cat {FOLDER}/busy) = 2 ]; do sleep 0.05; done")
        job = fence(guest, name)
        assert_excluded(client, name)
        assert job.poll() is None, "it has returned with a write in flight"
    assert job.wait().stdout == ""
    # From here on nothing of the excluded may change the disk: it has the first write, for ever.
    assert sectors_of(disk.path, 8) == frame[36:]
    answers = {}
    while raw := client.receive(lambda _frame: True, 1):
        answers[raw[20:24]] = raw
    assert (answers[frame[20:24]][27], answers[frame[20:24]][25]) == OK
    assert sectors_of(disk.path, 8) == frame[36:]
    refused = answers.get(late[20:24])
    if name == "mask":
        assert refused is None
    elif name == "access/write":
        assert (refused[27], refused[25]) == ABRT
    else:
        assert refused[15] == {"reserve": RESERVED, "state": UNAVAILABLE}[name]


@pytest.mark.parametrize("name", FENCES, ids=lambda name: name.replace("/", "-"))
def test_a_disk_that_hangs_is_told_and_the_exclusion_holds(target, client, name):
    guest = target.guest
    with held(guest):
        begin_write(guest, client, 16, client.neighbour.mac)
        began = time.monotonic()
        job = fence(guest, name)
        assert job.wait(timeout=60).stdout.splitlines()[-1] == SAID
        assert time.monotonic() - began > 9
        assert guest.run(f"cat {FOLDER}/{name}").stdout.strip() == FENCES[name][1]
        assert_excluded(client, name)
        # Who opens the door again waits for nobody.
        guest.run(f"echo '{OPEN[name]}' >{FOLDER}/{name}")
    assert client.read(0) == bytes(SECTOR)


def test_who_stays_is_not_waited_for(target, client):
    """Nor is a read, when writes are excluded."""
    guest, me = target.guest, client.neighbour.mac
    with held(guest):
        begin_write(guest, client, 24, me, me)
        for name, value in [
            ("mask", me),
            ("reserve", f"{OTHER} {me}"),
            ("access/write", f"all but {OTHER}"),
            ("access/read", f"only {OTHER}"),
            ("access/config", "none"),
            ("access/discover", f"only {me}"),
        ]:
            guest.run(f"echo '{value}' >{FOLDER}/{name}")


def test_each_of_many_under_way_is_waited_for(target, client):
    """Also among those of another, which keep the disk at work all the time."""
    guest, me = target.guest, client.neighbour.mac
    with held(guest):
        frames = begin_write(guest, client, 32, me, OTHER, me, OTHER, me)
        job = fence(guest, "reserve")
        assert job.poll() is None
    job.wait()
    answered = {raw[20:24] for raw in client.neighbour.drain() if raw[15] == 0}
    assert {frame[20:24] for frame in frames if frame[6:12].hex(":") == me} <= answered


def test_kvctl_offline_says_that_the_disk_hangs(target, client):
    guest = target.guest
    with held(guest):
        begin_write(guest, client, 40, client.neighbour.mac)
        result = guest.run("kvctl offline 3.4 2>&1", check=False)
        assert (result.status, result.stdout) == (1, f"kvctl: 3.4: {SAID}\n")
        assert guest.run(f"cat {FOLDER}/state").stdout == "offline\n"


def test_an_export_is_removed_while_a_fence_waits(target):
    guest = target.guest
    guest.run(f"kvadd {SHELF} {SLOT} eth0 /dev/dm-0 force=1")
    client = target.client(SHELF, SLOT)
    client.read(0)
    with held(guest):
        begin_write(guest, client, 48, client.neighbour.mac)
        fences = [fence(guest, name) for name in ("state", "mask")]
        removal = guest.spawn(f"kvdel {SHELF} {SLOT} eth0")
        guest.run(f"until grep -q '^closing' {FOLDER}/state; do sleep 0.05; done")
    for job in (removal, *fences):
        assert job.wait().stdout == ""
    assert guest.run("ls -d /sys/kvblade/*@* 2>/dev/null || true").stdout == ""
