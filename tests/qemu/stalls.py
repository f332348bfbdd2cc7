# SPDX-License-Identifier: GPL-2.0
"""How long a client stands still beside what has made it."""

import contextlib
import itertools
import json
import time
from collections.abc import Iterator

from aoeframes import ATA
from lab import Guest

SUSPEND = "dmsetup suspend --noflush --nolockfs {name}"
RESUME = "dmsetup resume {name}"

# Files that are written and synced one after the other, with the time at which each was.
FILES = """
n=0
while [ ! -e {folder}.enough ]; do
    n=$((n + 1))
    dd if=/dev/urandom of={folder}/file$((n % 16)) bs=16k count=1 conv=fsync 2>/dev/null || exit 1
    cut -d' ' -f1 /proc/uptime
done
"""
# So many requests a second at most leave the guest time for other clients.
FIO = (
    "fio --name=stall --filename={device} --direct=1 --ioengine=libaio --iodepth={depth}"
    " --rw={how} --bs=4k --size=24m --norandommap=1 --time_based --runtime={seconds}"
    " --rate_iops=200 --output-format=json"
)
# Seconds in which fio has started.
START = 5


@contextlib.contextmanager
def frozen(guest: Guest, *names: str) -> Iterator[None]:
    """Devices of the device mapper hold all that comes while the context lasts."""
    guest.run(SUSPEND.format(name=" ".join(names)))
    try:
        yield
    finally:
        guest.run(RESUME.format(name=" ".join(names)))


@contextlib.contextmanager
def cut(*guests: Guest) -> Iterator[None]:
    """The first card of each loses all that it is to send while the context lasts."""
    for guest in guests:
        guest.run("modprobe sch_netem; tc qdisc add dev eth0 root netem loss 100%")
    try:
        yield
    finally:
        for guest in guests:
            guest.run("tc qdisc del dev eth0 root")


def export(target: Guest, disks: list[str]) -> None:
    """Exports disks from slot 1 on, all at the same time."""
    adds = " ".join(f"kvadd 0 {slot} eth0 {disk} &" for slot, disk in enumerate(disks, 1))
    target.run(f"{adds} wait")


@contextlib.contextmanager
def unloaded(target: Guest) -> Iterator[None]:
    """The module is not there, and what `export` has made, while the context lasts."""
    disks = target.run("cat /sys/kvblade/0.[1-9]@eth0/bpath").stdout.split()
    target.run("modprobe -r kvblade_rs")
    yield
    target.run("modprobe kvblade_rs")
    export(target, disks)


class Files:
    """A client that writes files on ext4 and syncs each, while the context lasts."""

    name = "files"

    def __init__(self, client: Guest, device: str):
        self.client, self.device = client, device
        self._folder = f"/mnt/{device.rpartition('/')[2]}"
        self.outage = 0.0

    def __enter__(self) -> "Files":
        # Nothing is left for the kernel to write by itself later.
        self.client.run(
            f"mkfs.ext4 -q -N 64 -E lazy_itable_init=0 {self.device} && mkdir -p {self._folder}"
            f" && mount {self.device} {self._folder} && rm -f {self._folder}.enough"
        )
        self._job = self.client.spawn(FILES.format(folder=self._folder))
        self.go_on(60)
        return self

    def _done(self) -> int:
        return int(self.client.run(f"wc -l <{self._job.base}.out").stdout)

    def go_on(self, timeout: float) -> None:
        """Waits until some more files have been written."""
        before, deadline = self._done(), time.monotonic() + timeout
        while self._done() < before + 20:
            assert time.monotonic() < deadline, f"no file within {timeout} s"
            assert self._job.poll() is None, "a write has failed"
            time.sleep(0.2)

    def __exit__(self, *_exception: object) -> None:
        self.client.run(f"touch {self._folder}.enough")
        said = self._job.wait(timeout=600).stdout
        times = [float(line) for line in said.split()]
        self.outage = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
        self.client.run(f"umount {self._folder}", timeout=300)


class Requests:
    """A client with so many requests of its device in flight at a time. It starts with the context,
    which ends when so many seconds are over."""

    def __init__(self, client: Guest, device: str, how: str, depth: int, seconds: float):
        self.client, self.name = client, f"{how}-{depth}"
        self._how = FIO.format(device=device, how=how, depth=depth, seconds=int(seconds))
        self.outage, self.done = 0.0, 0

    def __enter__(self) -> "Requests":
        self._job = self.client.spawn(self._how)
        return self

    def go_on(self, timeout: float) -> None:
        """Nothing: the time tells whether requests are answered."""

    def __exit__(self, *_exception: object) -> None:
        said = self._job.wait(timeout=900).stdout
        job = json.loads(said[said.index("{") :])["jobs"][0]
        assert job["error"] == 0
        ways = [job[way] for way in ("read", "write")]
        self.outage = max(way["clat_ns"]["max"] for way in ways) / 1e9
        self.done = sum(way["total_ios"] for way in ways)


def client_of(client: Guest, device: str, what: str, seconds: float) -> Files | Requests:
    """`files`, or requests for so long: how, and how many at a time."""
    if what == Files.name:
        return Files(client, device)
    how, depth = what.split("-")
    return Requests(client, device, how, int(depth), seconds)


def stand_still(clients: list, seconds: float, stall) -> float:
    """Some clients at the same time while a stall lasts so long. Returns how long it was."""
    with contextlib.ExitStack() as stack:
        for client in clients:
            stack.enter_context(client)
        time.sleep(START)
        began = time.monotonic()
        with stall:
            time.sleep(seconds)
        lasted = time.monotonic() - began
        for client in clients:
            client.go_on(400)
    return lasted


class Hold:
    """While the context lasts the disk does nothing. `frames` are sent before anything else."""

    def __init__(self, target, client, *frames: bytes):
        self.target, self.client, self.frames = target, client, frames

    def __enter__(self) -> "Hold":
        self.target.guest.run(SUSPEND.format(name="held"))
        self.began = time.monotonic()
        self.send(*self.frames)
        return self

    def send(self, *frames: bytes) -> None:
        for frame in frames:
            self.client.neighbour.send(frame)

    def until(self, age: float) -> None:
        """Waits until what came first is so old."""
        time.sleep(max(0, self.began + age - time.monotonic()))

    def __exit__(self, *_exception: object) -> None:
        # What was sent last has come, and been looked at.
        time.sleep(0.3)
        self.before = executed(self.target)
        self.target.guest.run(RESUME.format(name="held"))


def executed(target) -> tuple[int, int]:
    """Reads and writes that the disk below has done."""
    fields = target.guest.run("cat /sys/block/sda/stat").stdout.split()
    return int(fields[0]), int(fields[4])


def answers(client, wait: float = 1.5) -> list[bytes]:
    """The tags of all answers that come."""
    tags = []
    while raw := client.receive(lambda frame: frame[19] == ATA, wait):
        assert (raw[15], raw[27]) == (0, 0x40)
        tags.append(raw[20:24])
    return tags


def tags(*frames: bytes) -> list[bytes]:
    return [frame[20:24] for frame in frames]
