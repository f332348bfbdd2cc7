# SPDX-License-Identifier: GPL-2.0
"""I/O over a bad wire for a long time, while things change: `make test-soak MINUTES=20`."""

import itertools
import json
import time

import pytest

from lab import Disk
from pairs import Pair, pair_of
from testbeds import tshark

MB = 1 << 20
# What a bad switch does, on the way there as on the way back; 1 % are late.
NETEM = "tc qdisc add dev {card} root netem delay 3ms reorder 99% loss 1% duplicate 1%"
FIO = (
    "fio --name=soak --filename={disk} --direct=1 --ioengine=libaio --iodepth=16 --rw=randrw"
    " --bsrange=512-64k --bs_unaligned=0 --blockalign=512 --size=24m --norandommap=0"
    " --verify=crc32c --verify_backlog=64 --verify_fatal=1 --time_based --runtime={seconds}"
    " --output-format=json"
)


@pytest.fixture
def pair():
    with pair_of("soak", [Disk(32 * MB), Disk(16 * MB)]) as pair:
        for card in ("eth0", "eth1"):
            pair.both(f"modprobe sch_netem; {NETEM.format(card=card)}")
        yield pair


def another_export(pair: Pair) -> None:
    with pair.exported(2, "/dev/sdb") as disk:
        pair.initiator.run(f"dd if=/dev/zero of={disk} bs=64k count=4 oflag=direct", timeout=120)


def a_path_down(pair: Pair) -> None:
    pair.target.run("ip link set eth1 down; sleep 2; ip link set eth1 up")


def a_path_gone(pair: Pair) -> None:
    pair.target.run("kvdel 0 1 eth1; sleep 2; kvadd 0 1 eth1 /dev/sda")


def jumbo_frames(pair: Pair) -> None:
    for mtu in (9000, 1500):
        pair.both(f"ip link set eth0 mtu {mtu}")
        pair.initiator.run("aoe-discover; sleep 3")


def faults(pair: Pair) -> tuple[int, int]:
    """How many requests came to the target twice, and how many after a newer one.

    The kernel's initiator numbers what it sends to a target in bits 16 to 30 of the tag, and
    repeats nothing under the same tag.
    """
    card = pair.target.nics[0]
    where = f"eth.dst == {card.mac} && aoe.cmd == 0 && aoe.minor == 1 && frame.number < 200000"
    tags = [int(tag, 0) for (tag,) in tshark(card.pcap, where, "tag")]
    steps = [(new - old >> 16) & 0x7FFF for old, new in itertools.pairwise(tags)]
    return len(tags) - len(set(tags)), sum(step > 0x7F00 for step in steps)


CHANGES = (another_export, a_path_down, a_path_gone, jumbo_frames)


def test_soak(pair, minutes, capsys):
    with pair.exported(1, "/dev/sda", 0, 1) as disk:
        job = pair.initiator.spawn(FIO.format(disk=disk, seconds=int(60 * minutes)))
        end = time.monotonic() + 60 * minutes
        rounds = 0
        for change in itertools.cycle(CHANGES):
            if time.monotonic() > end:
                break
            assert job.poll() is None, job.poll()
            change(pair)
            rounds += 1
        result = job.wait(timeout=600)
        done = json.loads(result.stdout[result.stdout.index("{") :])["jobs"][0]
        stats = "cat /sys/kvblade/0.1@eth?/stats/{}"
        counts = {
            name: sum(map(int, pair.target.run(stats.format(name)).stdout.split()))
            for name in ("requests", "retransmits", "dropped_copy")
        }
        lost = pair.initiator.run("tc -s qdisc | grep -c 'dropped [1-9]'").stdout
    twice, late = faults(pair)
    assert done["error"] == 0
    assert counts["retransmits"] > 0 and int(lost) > 0, "the wire lost nothing"
    assert twice > 0 and late > 0, "the wire kept all in order"
    with capsys.disabled():
        print(
            f"\n{minutes:g} minutes, {rounds} changes: {done['write']['total_ios']} writes and "
            f"{done['read']['total_ios']} reads, verified; at the target {counts};"
            f" of its first frames {twice} came twice and {late} late"
        )
