# SPDX-License-Identifier: GPL-2.0
"""A million hostile frames inside the guest, at full speed (G05): see tests/flood."""

import re

import pytest

from testbeds import bed, memory_in_use

FRAMES = 1_000_000
WARM_UP = 100_000
# What may be in use in the end beyond what was after the warm-up, in KiB. It comes and goes by one
# or two thousand; four thousand are four bytes for each frame.
TOLERANCE = 4096

# Two disks whose requests end later, as a real one's, and that need little memory; and the wire.
SETTING = """
modprobe null_blk nr_devices=0
mount -t configfs none /sys/kernel/config
for name in hostile good; do
    mkdir /sys/kernel/config/nullb/$name
    cd /sys/kernel/config/nullb/$name
    for attribute in memory_backed discard size power; do
        echo 1 >$attribute
    done
done
ip link add v0 address 02:00:00:00:00:0f mtu 9000 type veth peer v1 mtu 9000
ip link set v0 up
ip link set v1 up
kvadd 258 3 v0 /dev/hostile
kvadd 9 9 v0 /dev/good
"""


@pytest.fixture(scope="module")
def guest():
    with bed("flood", [], programs=["flood"]) as target:
        target.guest.run(f"set -e\n{SETTING}")
        yield target.guest


@pytest.mark.kernel_log(allow=["conflict: "])
def test_g05_a_million_frames(guest, seed):
    def flood(frames: int) -> str:
        # Ends with an error when an answer is wrong, or the other disk's client is not served.
        done = guest.run(f"kvblade-flood v1 v0 {frames} {seed}", timeout=1200)
        print(done.stdout)
        return done.stdout

    flood(WARM_UP)
    before = memory_in_use(guest)
    said = flood(FRAMES)
    after = memory_in_use(guest)
    print(f"in use after the warm-up {before} KiB, in the end {after} KiB")
    assert after - before < TOLERANCE
    answered, served = (
        int(re.search(rf"^(\d+) {what}", said, re.MULTILINE)[1])
        for what in ("answers,", "answers to the client")
    )
    assert answered > FRAMES // 20 and served > FRAMES // 1000, "hardly anything: not a test"
    guest.run("kvdel 258 3 v0; kvdel 9 9 v0; modprobe -r kvblade_rs")
