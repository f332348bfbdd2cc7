# SPDX-License-Identifier: GPL-2.0
"""The real-time threads: one for each processor as long as there are exports, while processors
go and come.
"""

import time

import pytest

from aoeframes import READ_EXT
from lab import Disk
from testbeds import Flood, bed

THREADS = "for f in /proc/[0-9]*/comm; do grep '^kvblade_rs/' $f; done 2>/dev/null | sort"
# On which processors the thread of one may run.
ALLOWED = """
for f in /proc/[0-9]*/comm; do
    [ "$(cat $f 2>/dev/null)" != kvblade_rs/{cpu} ] || grep Cpus_allowed_list ${{f%comm}}status
done
"""
SWITCH = "echo {on} >/sys/devices/system/cpu/cpu{cpu}/online"
# All frames are handled on the second processor.
STEER = """
for irq in /proc/irq/[0-9]*; do
    [ -z "$(ls -d $irq/virtio*input*)" ] || echo 2 >$irq/smp_affinity
done 2>/dev/null
echo 2 >/sys/class/net/eth0/queues/rx-0/rps_cpus
"""
# One request at a time, which takes half a second: who submits another meanwhile, sleeps.
SLOW = """
modprobe null_blk nr_devices=0; mount -t configfs none /sys/kernel/config
mkdir /sys/kernel/config/nullb/slow && cd /sys/kernel/config/nullb/slow
for setting in size=16 blocksize=512 memory_backed=1 irqmode=2 hw_queue_depth=1 submit_queues=1 \\
    completion_nsec=500000000; do
    echo ${setting#*=} >${setting%=*} || exit
done
echo 1 >power
until [ -b /dev/slow ]; do sleep 0.1; done
echo none >/sys/block/slow/queue/scheduler
"""
# So many requests, one after the other, are left to a thread by then.
ALONE = 24


@pytest.fixture(scope="module")
def target():
    with bed("cpus", [Disk(1 << 20)]) as target:
        yield target


def threads(guest) -> list[str]:
    return [name.removeprefix("kvblade_rs/") for name in guest.run(THREADS).stdout.split()]


def allowed(guest, cpu: int) -> str:
    return guest.run(ALLOWED.format(cpu=cpu)).stdout.split()[-1]


def switch(guest, cpu: int, on: int) -> None:
    guest.run(SWITCH.format(cpu=cpu, on=on), timeout=60)


def test_there_are_threads_as_long_as_there_are_exports(target):
    guest = target.guest
    assert threads(guest) == []
    guest.run("kvadd 2 1 eth0 /dev/sda force=1 shared=1")
    assert threads(guest) == ["0", "1"]
    guest.run("kvadd 2 2 eth0 /dev/sda force=1 shared=1 && kvdel 2 1 eth0")
    assert threads(guest) == ["0", "1"]
    guest.run("kvdel 2 2 eth0")
    assert threads(guest) == []
    # Nor for one that cannot be made.
    assert guest.run("kvadd 2 1 eth7 /dev/sda force=1", check=False).status == 1
    guest.run("echo 2 1 eth7 /dev/sda force=1 >/sys/kvblade/add", check=False)
    assert threads(guest) == []
    with target.exported(2, 1, "/dev/sda") as client:
        client.read(0)
        guest.run("modprobe -r kvblade_rs")
        assert threads(guest) == []
        guest.run("modprobe kvblade_rs && kvadd 2 1 eth0 /dev/sda force=1")


def test_processors_go_and_come_under_load(target):
    guest = target.guest
    with target.exported(2, 1, "/dev/sda") as client:
        # Without a window of more than one, so that they are left to the threads.
        with Flood(client, window=1) as flood:
            for _ in range(5):
                before = flood.answers
                switch(guest, 1, 0)
                while flood.answers < before + 50:
                    time.sleep(0.05)
                switch(guest, 1, 1)
                while flood.answers < before + 100:
                    time.sleep(0.05)
            switch(guest, 1, 0)
        client.neighbour.drain()
        guest.run("for i in $(seq 50); do ! pgrep -x kvblade_rs/1 || sleep 0.1; done")
        assert threads(guest) == ["0"]
        switch(guest, 1, 1)
        assert threads(guest) == ["0", "1"]
        assert [allowed(guest, cpu) for cpu in (0, 1)] == ["0", "1"]
        assert len(client.read(0)) == 512
    assert threads(guest) == []


def test_a_processor_that_comes_later_has_a_thread(target):
    guest = target.guest
    switch(guest, 1, 0)
    with target.exported(2, 1, "/dev/sda"):
        assert threads(guest) == ["0"]
        switch(guest, 1, 1)
        assert threads(guest) == ["0", "1"]
        assert allowed(guest, 1) == "1"
    assert threads(guest) == []


def test_a_processor_that_goes_does_not_wait_for_a_disk(target):
    """Its thread sleeps in the middle of what it does, and ends that elsewhere."""
    guest = target.guest
    guest.run(SLOW + STEER)
    for again in (False, True):
        with target.exported(2, 3, "/dev/slow") as client:
            client.neighbour.drain()
            for lba in range(ALONE):
                client.read(lba)
            frames = [client.ata_frame(READ_EXT, 100 + 10 * i) for i in range(8)]
            for frame in frames:
                client.neighbour.send(frame)
            guest.run("until [ $(cat /sys/kvblade/2.3@eth0/busy) -ge 6 ]; do :; done")
            switch(guest, 1, 0)
            busy = guest.run("cat /sys/kvblade/2.3@eth0/busy").stdout.strip()
            print(f"{busy} in flight, threads: {threads(guest)}")
            if again:
                switch(guest, 1, 1)
                assert threads(guest) == ["0", "1"]
            tags = set()
            while len(tags) < len(frames):
                raw = client.receive(lambda _frame: True, 10)
                assert raw is not None, "not all are answered"
                tags.add(raw[20:24])
            assert tags == {frame[20:24] for frame in frames}
            for lba in range(ALONE):
                client.read(lba)
            if again:
                assert allowed(guest, 1) == "1"
            else:
                switch(guest, 1, 1)
        assert threads(guest) == []
    guest.run("rmdir /sys/kernel/config/nullb/slow && modprobe -r null_blk")
