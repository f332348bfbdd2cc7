# SPDX-License-Identifier: GPL-2.0
"""Split brain, and what it costs a client: `make test-split`, ten minutes on two cores.

Two targets that have copies of one disk were cut off from each other, and come to meet while a
client writes files. Linux asks once a minute who is there: the worst is that it does so at once,
before the targets have found each other. Each export prints a line for the table of
docs/reliability.md.
"""

import time
from dataclasses import dataclass

import pytest

from lab import SCATTER_GATHER, Disk, Guest, Hub, Nic, start_all
from lab.guest import Job
from testbeds import mapped

SHELF = 9
# An export for each, of a piece of the disk. vblade never knows, so that nothing is asserted of it.
CONDUCTS = ("report", "offline", "silent", "vblade")
PIECE = 48_000
VBLADE = "vblade -d -s {shelf} {slot} eth0 {disk} >/dev/null 2>&1 </dev/null &"
# How long both are there, and when the client asks: at once, or after the targets have asked.
TOGETHER = 60
ASKS = (0, 20)

# Files of known contents, each of which is named once it is synced.
WRITE = """
n=0
while [ ! -e {folder}.enough ]; do
    n=$((n + 1))
    yes $n | head -c 16k | dd of={folder}/$n bs=16k iflag=fullblock conv=fsync 2>/dev/null || exit 1
    echo $n
    sleep 0.1
done
"""
# Says which of those files are wrong, or are not there.
JUDGE = """
for n in $(cat /root/written{slot}); do
    yes $n | head -c 16k | cmp -s - {folder}/$n || echo $n
done
"""
FOUND = "until grep -q ^conflict {folder}/state; do sleep 0.1; done; cut -d' ' -f1 /proc/uptime"


@dataclass
class Segment:
    """Two targets and a client on one hub, whose stations they are in this order."""

    hub: Hub
    targets: list[Guest]
    client: Guest
    # Of both targets, which have them in the same order.
    disks: list[str]


@pytest.fixture
def segment():
    with Hub(3) as hub:
        models = ("virtio-net-pci", "virtio-net-pci", SCATTER_GATHER)
        cards = [Nic(end, model=model) for end, model in zip(hub.ends, models, strict=True)]
        targets = [
            Guest(f"split{n}", disks=[Disk(PIECE * len(CONDUCTS) * 512)], nics=[cards[n]])
            for n in (0, 1)
        ]
        client = Guest("split-client", nics=[cards[2]])
        guests = [*targets, client]
        try:
            start_all(guests)
            for target in targets:
                target.run("modprobe kvblade_rs")
                disks = [
                    mapped(target, f"piece{slot}", f"0 {PIECE} linear /dev/sda {slot * PIECE}")
                    for slot in range(len(CONDUCTS))
                ]
            client.run("modprobe aoe; mkdir -p /mnt")
            yield Segment(hub, targets, client, disks)
        finally:
            for guest in guests:
                guest.stop()


def export_all(target: Guest, disks: list[str]) -> None:
    for slot, (conduct, disk) in enumerate(zip(CONDUCTS, disks, strict=True)):
        if conduct == "vblade":
            target.run(VBLADE.format(shelf=SHELF, slot=slot, disk=disk))
        else:
            target.run(f"kvadd {SHELF} {slot} eth0 {disk} on_conflict={conduct}")


def folder_of(slot: int) -> str:
    return f"/mnt/e{SHELF}.{slot}"


def device_of(slot: int) -> str:
    return f"/dev/etherd/e{SHELF}.{slot}"


def discover(client: Guest) -> None:
    client.run("aoe-discover")
    for slot in range(len(CONDUCTS)):
        up = f"aoe-stat | grep -q '^ *e{SHELF}\\.{slot} .* up'"
        client.run(f"until {up}; do sleep 0.1; done", timeout=60)


def forget(client: Guest) -> None:
    """The client knows no export any more, nor by which cards it was found."""
    for slot in range(len(CONDUCTS)):
        client.run(f"umount {folder_of(slot)} 2>/dev/null", check=False, timeout=400)
    client.run(f"aoe-flush -a; ! ls {device_of(0)}", timeout=60)


def copy(source: Disk, target: Disk) -> None:
    """What replication has done until the wire was cut."""
    with source.path.open("rb") as data, target.path.open("r+b") as into:
        while piece := data.read(1 << 20):
            into.write(piece)


def written(client: Guest, job: Job, slot: int) -> int:
    """How many files the client has been told to be durable, whose list is kept for JUDGE."""
    return int(client.run(f"tee /root/written{slot} <{job.base}.out | wc -l").stdout)


def wrong(client: Guest, slot: int) -> str:
    """What is left of the files, by the target that goes on."""
    device, folder = device_of(slot), folder_of(slot)
    if client.run(f"mount -o ro {device} {folder}", check=False, timeout=120).status:
        return "all, for it cannot be mounted"
    lines = client.run(JUDGE.format(slot=slot, folder=folder), timeout=300).stdout.split()
    client.run(f"umount {folder}")
    return str(len(lines))


@pytest.mark.kernel_log(
    allow=[
        "conflict: ",
        "same address",
        "EXT4-fs",
        "JBD2",
        "Buffer I/O",
        "I/O error",
        "aoe",
        "ratelimit",
    ]
)
@pytest.mark.parametrize("asks", ASKS)
def test_two_targets_that_come_to_meet(segment, asks, capsys):
    hub, (first, second), client = segment.hub, segment.targets, segment.client
    export_all(first, segment.disks)
    discover(client)
    for slot in range(len(CONDUCTS)):
        mkfs = "mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0"
        client.run(f"{mkfs} {device_of(slot)} && mkdir -p {folder_of(slot)}", timeout=120)
    forget(client)
    hub.cut(0)
    copy(first.disks[0], second.disks[0])
    export_all(second, segment.disks)
    discover(client)
    jobs = []
    for slot in range(len(CONDUCTS)):
        client.run(f"mount -o errors=remount-ro {device_of(slot)} {folder_of(slot)}")
        jobs.append(client.spawn(WRITE.format(folder=folder_of(slot))))
    ours = [slot for slot, conduct in enumerate(CONDUCTS) if conduct != "vblade"]
    time.sleep(5)
    began, watchers = {}, {}
    for target in segment.targets:
        watchers[target.name] = [
            target.spawn(FOUND.format(folder=f"/sys/kvblade/{SHELF}.{slot}@eth0")) for slot in ours
        ]
    for target in segment.targets:
        began[target.name] = float(target.run("cut -d' ' -f1 /proc/uptime").stdout)
    hub.join(0)
    time.sleep(asks)
    client.run("aoe-discover")
    time.sleep(TOGETHER)
    found = {
        target.name: [
            float(job.wait(timeout=60).stdout) - began[target.name] for job in watchers[target.name]
        ]
        for target in segment.targets
    }
    # The administrator ends it: the first is cut off again, and the second goes on.
    hub.cut(0)
    for slot in ours:
        state = f"/sys/kvblade/{SHELF}.{slot}@eth0/state"
        second.run(f"until grep -qx up {state}; do sleep 0.2; done", timeout=120)
    for slot in range(len(CONDUCTS)):
        client.run(f"touch {folder_of(slot)}.enough")
    for job in jobs:
        job.wait(timeout=400, check=False)
    counts = [written(client, job, slot) for slot, job in enumerate(jobs)]
    forget(client)
    discover(client)
    for slot, conduct in enumerate(CONDUCTS):
        times = [f"{found[target.name][slot]:.1f} s" for target in segment.targets if slot in ours]
        lost = wrong(client, slot)
        row = [f"{asks} s", conduct, *(times or ["never", "never"]), str(counts[slot]), lost]
        with capsys.disabled():
            print("\n| " + " | ".join(row) + " |", flush=True)
        assert counts[slot] > 0
        # Who has found the other before the client did has lost nothing.
        assert lost == "0" or conduct in ("report", "vblade") or not asks
