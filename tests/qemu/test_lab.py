# SPDX-License-Identifier: GPL-2.0
"""The lab itself: can it carry the frames, and does it notice trouble?"""

import os
import signal
import time

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lab import SCATTER_GATHER, Disk, Guest, GuestError, Nic, Wire, problems, start_all
from lab.guest import WRONG_CLOCK

JUMBO = 9014
# What the headers of Ethernet, IP and ICMP leave of it.
PAYLOAD = JUMBO - 14 - 20 - 8


@pytest.fixture(scope="module")
def wires():
    return [Wire(), Wire()]


@pytest.fixture(scope="module")
def guests(wires):
    """Two guests joined by eth0; eth1 of the first leads here."""
    first = Guest("first", nics=[Nic(wire.ends[0]) for wire in wires])
    second = Guest(
        "second",
        disks=[Disk(1 << 20), Disk(2 << 20), Disk(3 << 20)],
        nics=[Nic(wires[0].ends[1], model=SCATTER_GATHER)],
    )
    try:
        start_all((first, second))
        yield first, second
    finally:
        first.stop()
        second.stop()


def test_jumbo_frames_between_guests(guests):
    for number, guest in enumerate(guests):
        guest.run(f"ip link set eth0 mtu 9000 && ip addr add 192.0.2.{number + 1}/24 dev eth0")
    for number, guest in enumerate(guests):
        guest.run(f"ping -M do -c 3 -i 0.2 -s {PAYLOAD} 192.0.2.{2 - number}")


def test_jumbo_frames_to_this_process(guests, wires):
    guest = guests[0]
    neighbour = wires[1].host()
    guest.run(
        "ip link set eth1 mtu 9000; ip addr add 198.51.100.1/24 dev eth1\n"
        f"ip neigh replace 198.51.100.2 lladdr {neighbour.mac} dev eth1"
    )
    echo = Ether(dst=guest.nics[1].mac, src=neighbour.mac)
    echo /= IP(src="198.51.100.2", dst="198.51.100.1") / ICMP() / Raw(b"x" * PAYLOAD)
    neighbour.send(bytes(echo))
    reply = neighbour.recv_if(lambda frame: len(frame) == JUMBO, timeout=10)
    neighbour.close()
    assert reply is not None
    assert Ether(reply)[ICMP].type == 0


def test_disks_have_their_names_by_order(guests):
    sizes = guests[1].run("cat /sys/block/sda/size /sys/block/sdb/size /sys/block/sdc/size")
    assert sizes.stdout.split() == ["2048", "4096", "6144"]


def test_commands(guests):
    guest = guests[0]
    assert guest.run("echo out; echo err >&2; exit 3", check=False).status == 3
    assert guest.run("sleep 60", timeout=1, check=False).status == 124
    with pytest.raises(GuestError, match="No such file"):
        guest.run("cat /nonexistent")
    job = guest.spawn("sleep 1; echo 'it is done'")
    guest.write_file("/root/it's", b"\0\xff")
    assert guest.run('stat -c %s "/root/it\'s"').stdout == "2\n"
    assert job.wait().stdout == "it is done\n"


def test_the_log_after_a_mark(guests):
    guest = guests[0]
    guest.run("echo '<4>before' >/dev/kmsg")
    mark = guest.mark()
    guest.run("echo after >/dev/kmsg")
    log = guest.kernel_log(mark)
    assert "after" in log
    assert "before" not in log


def test_a_dead_guest_shows_its_console():
    with Guest("victim", memory="256M") as guest:
        with pytest.raises(GuestError, match=r"(?s)victim.*is gone.*Kernel panic"):
            guest.run("echo c >/proc/sysrq-trigger")
        # QEMU goes a moment after its last words.
        deadline = time.monotonic() + 30
        while guest.healthy and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not guest.healthy


@pytest.mark.parametrize(
    "line",
    [
        "kern  :warn  : [    1.0] something odd",
        "kern  :err   : [    1.0] I/O trouble",
        "kern  :info  : [    1.0] BUG: scheduling while atomic",
        "[    1.0] WARNING: CPU: 0 PID: 1 at mm/slub.c:1",
        "kern  :notice: [    1.0] INFO: task dd:1 blocked for more than 120 seconds.",
        # Debug kernels.
        "[    1.0] BUG: KASAN: slab-use-after-free in send+0x10/0x20 [kvblade_rs]",
        "[    1.0] WARNING: possible circular locking dependency detected",
        "[    1.0] INFO: trying to register non-static key.",
        "[    1.0] turning off the locking correctness validator.",
        "[    1.0] [ BUG: Invalid wait context ]",
        "[    1.0] BUG: sleeping function called from invalid context at mm/slab.h:1",
        "[    1.0] WARNING: suspicious RCU usage",
        "[    1.0] ODEBUG: free active (active state 0) object: 00 object type: work_struct",
        "[    1.0] kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
        "[    1.0] unregister_netdevice: waiting for eth0 to become free. Usage count = 2",
        "[    1.0] ref_tracker: netdev@0 has 1/1 users at",
        "[    1.0] list_del corruption. prev->next should be 0, but was 1.",
    ],
)
def test_problems(line):
    assert problems(f"kern  :info  : [    0.9] fine\n{line}\n") == [line]
    assert problems(line, allow=[r"\[ *1\.0\]"]) == []


@pytest.mark.parametrize(
    "line",
    [
        "kern  :info  : [    1.0] kvblade_rs: 0.1@eth0: exported /dev/sda, 2048 sectors",
        "kern  :warn  : [    1.0] kvblade_rs: loading out-of-tree module taints kernel.",
        "user  :warn  : [    1.0] lab: mark 1: boot",
        "kern  :info  : [    1.0] kmemleak: Automatic memory scanning thread started",
    ],
)
def test_no_problems(line):
    assert problems(line) == []


def test_an_emulator_that_aborts_while_it_boots_is_started_again():
    guest = Guest("aborted")
    try:
        guest.launch()
        while "Linux version" not in guest.console_tail(1000):
            time.sleep(0.1)
        os.kill(guest.pid, signal.SIGABRT)
        guest.wait_ready()
        assert guest.run("hostname").stdout == "aborted\n"
        assert "lab: QEMU has aborted" in guest.console_tail(1000)
    finally:
        guest.stop()


def test_a_guest_whose_clock_is_wrong_is_started_again():
    guest = Guest("clock")
    try:
        guest.launch()
        with guest.console.open("ab") as console:
            console.write(WRONG_CLOCK)
        guest.wait_ready()
        assert guest.run("hostname").stdout == "clock\n"
        assert "lab: the clock is wrong" in guest.console_tail(1000)
    finally:
        guest.stop()


def test_a_kernel_that_dies_while_it_boots_is_not():
    guest = Guest("ended", append="rdinit=/nowhere root=/nowhere")
    with pytest.raises(GuestError, match=r"(?s)does not start.*Kernel panic"), guest:
        pass
    assert guest.console_tail(10_000).count("Linux version") == 1
