# SPDX-License-Identifier: GPL-2.0
"""How long a client stands still beside what has made it."""

import contextlib
import itertools
import json
import time
from collections.abc import Iterator

from lab import Guest

SUSPEND = "dmsetup suspend --noflush --nolockfs {name}"
RESUME = "dmsetup resume {name}"

# Files that are written and synced one after the other, with the time at which each was.
FILES = """
n=0
while [ ! -e /run/enough ]; do
    n=$((n + 1))
    dd if=/dev/urandom of=/mnt/file$((n % 16)) bs=16k count=1 conv=fsync 2>/dev/null || exit 1
    cut -d' ' -f1 /proc/uptime
done
"""
FIO = (
    "fio --name=stall --filename={device} --direct=1 --ioengine=libaio --iodepth={depth}"
    " --rw={how} --bs=4k --size=24m --norandommap=1 --time_based --runtime={seconds}"
    " --output-format=json"
)


@contextlib.contextmanager
def frozen(guest: Guest, name: str) -> Iterator[None]:
    """A device of the device mapper holds all that comes while the context lasts."""
    guest.run(SUSPEND.format(name=name))
    try:
        yield
    finally:
        guest.run(RESUME.format(name=name))


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


class Files:
    """A client that writes files on ext4 and syncs each, while the context lasts."""

    def __init__(self, client: Guest, device: str):
        self.client, self.device = client, device
        self.outage = 0.0

    def __enter__(self) -> "Files":
        run = self.client.run
        run(f"mkfs.ext4 -q {self.device} && mount {self.device} /mnt && rm -f /run/enough")
        self._job = self.client.spawn(FILES)
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
        self.client.run("touch /run/enough")
        said = self._job.wait(timeout=600).stdout
        times = [float(line) for line in said.split()]
        self.outage = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
        self.client.run("umount /mnt", timeout=300)


class Requests:
    """A client with so many requests of its device under way at a time, while the context lasts."""

    def __init__(self, client: Guest, device: str, how: str, depth: int, seconds: float):
        self.client = client
        self._how = FIO.format(device=device, how=how, depth=depth, seconds=int(seconds))
        self.outage, self.done = 0.0, 0

    def __enter__(self) -> "Requests":
        self._job = self.client.spawn(self._how)
        # It needs a while to start.
        time.sleep(5)
        return self

    def go_on(self, timeout: float) -> None:
        """Nothing: the time tells whether requests are answered."""

    def __exit__(self, *_exception: object) -> None:
        said = self._job.wait(timeout=600).stdout
        job = json.loads(said[said.index("{") :])["jobs"][0]
        assert job["error"] == 0
        ways = [job[way] for way in ("read", "write")]
        self.outage = max(way["clat_ns"]["max"] for way in ways) / 1e9
        self.done = sum(way["total_ios"] for way in ways)
