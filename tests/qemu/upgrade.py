# SPDX-License-Identifier: GPL-2.0
"""How long clients wait while kvblade-upgrade replaces the module, with 1 export and with 100.

`make test-upgrade` runs it, and leaves the times in upgrade.txt of the results.
"""

import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from configs import CONFIG
from lab import Disk, paths
from lab.layout import wake
from pairs import Pair, pair_of

# Each export has its part of one disk.
MIB = 1 << 20
PART = 16
DEVICE = "/dev/etherd/e0.1"
WRITER = (
    "n=0; until [ -e /run/enough ]; do n=$((n + 1));"
    f" dd if=/run/data of={DEVICE} bs=64k seek=$((n % 64)) count=1 oflag=direct conv=notrunc"
    f" 2>/dev/null && dd if={DEVICE} bs=64k skip=$((n % 64)) count=1 iflag=direct 2>/dev/null"
    " | cmp - /run/data || exit 1; done; echo $n"
)


def configuration(number: int) -> str:
    """One for the client, and others on another wire: the driver of a client that finds a hundred
    disks at once can forget a request of the first, and wait for ever."""
    table = (
        "[export.part{slot}]\nshelf = 0\nslot = {slot}\ndevice = '/dev/sda'\nshared = true\n"
        "offset = '{begin} MiB'\nlength = '{PART} MiB'\ninterfaces = ['{wire}']\nforce = true\n"
    )
    return "".join(
        table.format(slot=slot, begin=slot * PART, PART=PART, wire="eth0" if slot == 1 else "eth1")
        for slot in range(1, number + 1)
    )


def answers(capture: Path) -> Iterator[float]:
    """When the target has answered ATA commands."""
    data = capture.read_bytes()
    place = 24
    while place + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack_from("<4I", data, place)
        frame = data[place + 16 : place + 16 + length]
        if frame[12:14] == b"\x88\xa2" and len(frame) > 36 and frame[14] & 8 and frame[19] == 0:
            yield seconds + micros / 1e6
        place += 16 + length


def longest_pause(capture: Path, since: float) -> float:
    times = [time for time in answers(capture) if time > since]
    return max(after - before for before, after in itertools.pairwise(times))


@pytest.fixture(scope="module")
def pair():
    with pair_of("upgrades", [Disk(101 * PART * MIB)], programs=["kvctl"]) as pair:
        pair.initiator.run("ip link set eth1 down")
        yield pair


@pytest.mark.parametrize("number", [1, 100])
def test_clients_wait_and_go_on(pair: Pair, number: int):
    target, initiator = pair.target, pair.initiator
    target.write_file(CONFIG, configuration(number))
    target.run("kvctl apply", timeout=300)
    initiator.run("aoe-discover; head -c 65536 /dev/urandom >/run/data; rm -f /run/enough")
    pair.wait_up(1)
    initiator.run(f"blockdev --getsize64 {DEVICE}; {wake(DEVICE)}")
    writer = initiator.spawn(WRITER)
    initiator.run("sleep 5")
    capture = target.nics[0].pcap
    since = max(answers(capture))
    before = target.run("kvctl export").stdout
    said = target.run("kvblade-upgrade 2>&1", timeout=300).stdout
    initiator.run("sleep 20; touch /run/enough", timeout=120)
    assert int(writer.wait(300).stdout) > 0, "it was written and read again"
    assert target.run("kvctl export").stdout == before
    pause = longest_pause(capture, since)
    text = f"{number} exports: {said.strip()}; no answer for {pause:.2f} s\n"
    with (paths.results() / "upgrade.txt").open("a") as file:
        file.write(text)
    print(text)
    pair.rest(DEVICE)
    target.run("kvctl stop", timeout=300)
    initiator.run("aoe-flush e0.1")
