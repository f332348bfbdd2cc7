# SPDX-License-Identifier: GPL-2.0
"""What the state of an export says: what it is good for now, why not, and since when the log knows.

The words are matched by programs: each test names them as they are.
"""

import json
import re
from itertools import pairwise

import pytest

from aoeframes import READ_EXT, RESPONSE, VERSION_1, WRITE_EXT
from lab import Disk
from test_poll import seen
from testbeds import bed, mapped

NAME = "3.4@eth0"
FOLDER = f"/sys/kvblade/{NAME}"
VETH = "/sys/kvblade/3.4@veth0"
CABLE = "ip link add veth0 up type veth peer name veth1 && ip link set veth1 up"


@pytest.fixture(scope="module")
def target():
    disks = [Disk(1 << 20), Disk(1 << 20)]
    with bed("states", disks, nics=2, programs=["kvctl"]) as target:
        target.guest.run("modprobe veth; mount -t configfs none /sys/kernel/config || true")
        yield target


@pytest.fixture(autouse=True)
def _clean(target):
    """Whatever a test that fails has left is in no other's way."""
    yield
    target.guest.run(
        "kvctl stop; rm -f /etc/kvblade.conf; ip link set eth0 mtu 1500 up\n"
        "for it in $(dmsetup ls | cut -f1); do dmsetup resume $it; done; cd /sys/kvblade\n"
        "for it in *@veth0 *@eth0; do a=${it%@*}; kvdel ${a%.*} ${a#*.} ${it#*@}; done\n"
        "ip link del veth0; dmsetup remove_all; dmsetup remove_all; true",
        timeout=60,
    )


def client_of(target):
    """A client that sees no answers to those before it, who have used its tags."""
    client = target.client(3, 4)
    client.neighbour.drain()
    return client


def state(guest, folder: str = FOLDER) -> str:
    return guest.run(f"cat {folder}/state").stdout.rstrip("\n")


def until(guest, text: str, folder: str = FOLDER) -> None:
    """Waits for a state that comes by itself."""
    guest.run(f"until grep -qx '{text}' {folder}/state; do sleep 0.1; done", timeout=60)


def log_says(guest, mark: str, line: str) -> None:
    """Waits for a line of the kernel's log: what changes often is told now and then."""
    wait = f"until dmesg | sed '1,/{mark}/d' | grep -qE '{line}$'; do sleep 0.2; done"
    guest.run(wait, timeout=60)


def run(guest, command: str):
    return lambda: guest.run(command)


@pytest.fixture
def cable(target):
    """An export on one end of a cable whose ends are both here."""
    guest = target.guest
    guest.run(f"{CABLE} && kvadd 3 4 veth0 /dev/sda force=1")
    yield guest
    guest.run("kvdel 3 4 veth0; ip link del veth0 2>/dev/null || true")


# Interfaces.


def test_carrier_and_switch(cable):
    guest = cable
    pull, plug = "ip link set veth1 down", "ip link set veth1 up"
    assert state(guest, VETH) == "up"
    assert seen(guest, "state", run(guest, pull), VETH) == "down: no carrier\n"
    assert seen(guest, "state", run(guest, plug), VETH) == "up\n"
    off, on = "ip link set veth0 down", "ip link set veth0 up"
    assert seen(guest, "state", run(guest, off), VETH) == "down: interface is down\n"
    assert seen(guest, "state", run(guest, on), VETH) == "up\n"


def test_the_log_tells_of_a_change_and_of_the_return(cable):
    guest, mark = cable, cable.mark()
    guest.run("ip link set veth1 down")
    log_says(guest, mark, "3.4@veth0: down: no carrier")
    guest.run("ip link set veth1 up")
    log_says(guest, mark, "3.4@veth0: up")
    mark = guest.mark()
    guest.run("ip link del veth0")
    log_says(guest, mark, "3.4@veth0: down: no such interface")
    guest.run(CABLE)
    log_says(guest, mark, "3.4@veth0: up")


def test_a_link_that_flaps_does_not_fill_the_log(cable):
    guest, mark = cable, cable.mark()
    guest.run(
        "for i in $(seq 30); do ip link set veth0 down; ip link set veth0 up; done\n"
        "ip link set veth0 down",
        timeout=120,
    )
    log_says(guest, mark, "3.4@veth0: down: interface is down")
    found = re.findall(r"\[ *([\d.]+)\] kvblade_rs: 3.4@veth0", guest.kernel_log(mark))
    times = [float(time) for time in found]
    assert all(later - earlier > 4.9 for earlier, later in pairwise(times)), times
    assert seen(guest, "state", run(guest, "ip link set veth0 up"), VETH) == "up\n"


def test_two_reasons_of_one_length(target):
    """Whoever polls is woken although the sentence is as long as before."""
    guest = target.guest
    guest.run("modprobe null_blk nr_devices=0")
    device = "/sys/kernel/config/nullb/gone"
    guest.run(f"mkdir {device}; echo 8 >{device}/size; echo 1 >{device}/power")
    guest.run("kvadd 3 4 eth0 /dev/gone force=1 && ip link set eth0 mtu 1000")
    assert state(guest) == "down: MTU below 1060"
    gone = seen(guest, "state", run(guest, f"echo 0 >{device}/power"))
    assert gone == "down: device is gone\n"
    guest.run(f"ip link set eth0 mtu 1500; kvdel 3 4 eth0; rmdir {device}")


def test_a_disk_that_vanishes_is_in_the_log(target):
    guest, mark = target.guest, target.guest.mark()
    device = "/sys/kernel/config/nullb/away"
    guest.run("modprobe null_blk nr_devices=0")
    guest.run(f"mkdir {device}; echo 8 >{device}/size; echo 1 >{device}/power")
    guest.run(f"kvadd 3 4 eth0 /dev/away force=1; echo 0 >{device}/power")
    log_says(guest, mark, f"{NAME}: down: device is gone")
    guest.run(f"kvdel 3 4 eth0; rmdir {device}")


def test_offline_does_not_hide_what_is_missing(target):
    """Nor does what is missing hide that the administrator has taken it out of use."""
    guest, mark = target.guest, target.guest.mark()
    guest.run(f"{CABLE}; kvadd 3 4 veth0 /dev/sda force=1; echo offline >{VETH}/state")
    assert state(guest, VETH) == "offline"
    log_says(guest, mark, "3.4@veth0: offline")
    off = run(guest, "ip link set veth1 down")
    assert seen(guest, "state", off, VETH) == "offline: no carrier\n"
    online = run(guest, f"echo online >{VETH}/state")
    assert seen(guest, "state", online, VETH) == "down: no carrier\n"
    guest.run("kvdel 3 4 veth0; ip link del veth0")


def test_kvctl_matches_the_word(target):
    """An export that is taken out of use stays so while it is made anew, link or no link."""
    guest = target.guest
    guest.run(CABLE)
    table = '[export.disk]\nshelf = 3\nslot = 4\ninterfaces = ["veth0"]\nforce = true\n'
    guest.write_file("/etc/kvblade.conf", table + 'device = "/dev/sda"\n')
    guest.run(f"kvctl apply && echo offline >{VETH}/state && ip link set veth1 down")
    assert state(guest, VETH) == "offline: no carrier"
    guest.write_file("/etc/kvblade.conf", table + 'device = "/dev/sda"\nread-only = true\n')
    guest.run("kvctl apply")
    assert state(guest, VETH) == "offline: no carrier"
    guest.run("kvctl stop; rm /etc/kvblade.conf; ip link del veth0")


def test_all_tools_say_the_same(cable):
    guest = cable
    guest.run("ip link set veth1 down")
    text = "down: no carrier"
    until(guest, text, VETH)
    assert guest.run("kvstat").stdout.splitlines()[1].endswith(f"  {text}")
    assert guest.run("kvctl show").stdout.splitlines()[1].endswith(f"  {text}")
    shown = json.loads(guest.run("kvctl show --json").stdout)
    assert shown[0]["ports"][0]["state"] == text


def test_unloading_tells_nothing_of_interfaces(target):
    guest = target.guest
    guest.run("kvadd 3 4 eth0 /dev/sda force=1")
    mark = guest.mark()
    guest.run("modprobe -r kvblade_rs && modprobe kvblade_rs")
    assert "no such interface" not in guest.kernel_log(mark)


# Requests and faults.


def test_requests_that_are_stuck(target):
    guest, mark = target.guest, target.guest.mark()
    path = mapped(guest, "stuck", "0 2048 linear /dev/sda 0")
    guest.run(f"kvadd 3 4 eth0 {path} force=1")
    client = client_of(target)
    client.read(0)
    guest.run("dmsetup suspend --noflush --nolockfs stuck")
    for lba in range(12):
        client.neighbour.send(client.ata_frame(READ_EXT, lba))
    until(guest, "degraded: 12 requests older than 5 s")
    log_says(guest, mark, f"{NAME}: degraded: [0-9]+ requests? older than 5 s")
    assert seen(guest, "state", run(guest, "dmsetup resume stuck")) == "up\n"
    log_says(guest, mark, f"{NAME}: up")
    guest.run("kvdel 3 4 eth0 && dmsetup remove stuck")


def test_one_request_is_stuck_and_others_are_not(target):
    guest = target.guest
    slow = mapped(guest, "slow", "0 8 linear /dev/sda 0")
    path = mapped(guest, "both", f"0 8 linear {slow} 0\n8 2040 linear /dev/sda 8")
    guest.run(f"kvadd 3 4 eth0 {path} force=1")
    client = client_of(target)
    guest.run("dmsetup suspend --noflush --nolockfs slow")
    client.neighbour.send(client.ata_frame(READ_EXT, 0))
    text = "degraded: 1 request older than 5 s"
    for _ in range(600):
        client.read(9)
        if state(guest) == text:
            break
    assert state(guest) == text
    guest.run("dmsetup resume slow")
    until(guest, "up")
    guest.run("kvdel 3 4 eth0 && dmsetup remove both && dmsetup remove slow")


@pytest.mark.kernel_log(allow=["I/O error"])
def test_writes_that_fail(target):
    guest, mark = target.guest, target.guest.mark()
    path = mapped(guest, "bad", "0 2040 linear /dev/sda 0\n2040 8 error")
    guest.run(f"kvadd 3 4 eth0 {path} force=1")
    client = client_of(target)
    for lba in (2040, 2041, 2042):
        assert client.ata(WRITE_EXT, lba, 1, bytes(512)).registers[0] & 1
    until(guest, "degraded: 3 write faults in the last minute")
    log_says(guest, mark, f"{NAME}: degraded: [0-9] write faults? in the last minute")
    assert client.ata(READ_EXT, 2040).registers[0] & 1
    until(guest, "degraded: 3 write faults, 1 read error in the last minute")
    counted = guest.run(f"cd {FOLDER}/stats && cat write_faults read_faults").stdout.split()
    assert counted == ["3", "1"]
    # What is the client's own fault is none of the disk's.
    guest.run("kvdel 3 4 eth0")
    guest.run(f"kvadd 3 4 eth0 {path} force=1")
    assert client.ata(READ_EXT, 5000).registers[0] & 1
    guest.run("sleep 2")
    assert state(guest) == "up"
    guest.run("kvdel 3 4 eth0 && dmsetup remove bad")


@pytest.mark.kernel_log(allow=["I/O error"])
def test_a_minute_after_the_last_fault_it_is_up(target):
    guest = target.guest
    path = mapped(guest, "worse", "0 2040 linear /dev/sda 0\n2040 8 error")
    guest.run(f"kvadd 3 4 eth0 {path} force=1")
    client = client_of(target)
    assert client.ata(WRITE_EXT, 2040, 1, bytes(512)).registers[0] & 1
    until(guest, "degraded: 1 write fault in the last minute")
    guest.run(f"until grep -qx up {FOLDER}/state; do sleep 1; done", timeout=200)
    guest.run("kvdel 3 4 eth0 && dmsetup remove worse")


def test_a_removal_that_waits(target):
    guest = target.guest
    path = mapped(guest, "hung", "0 2048 linear /dev/sda 0")
    guest.run(f"kvadd 3 4 eth0 {path} force=1 && dmsetup suspend --noflush --nolockfs hung")
    client = client_of(target)
    client.neighbour.send(client.ata_frame(READ_EXT, 0))
    guest.run(f"until [ $(cat {FOLDER}/busy) = 1 ]; do sleep 0.1; done")
    removal = guest.spawn("kvdel 3 4 eth0")
    until(guest, "closing: waiting for requests to end")
    guest.run("dmsetup resume hung")
    removal.wait(timeout=30)
    guest.run("dmsetup remove hung")


# Another target.


@pytest.mark.kernel_log(allow=["conflict: "])
def test_another_target_with_the_address(target):
    guest, mark = target.guest, target.guest.mark()
    with target.exported(3, 4, "/dev/sda") as client:
        response = client.config_frame(flags=VERSION_1 | RESPONSE, tag=0)
        mac = client.neighbour.mac

        def answer():
            client.neighbour.send(response)

        assert seen(guest, "state", answer) == f"conflict: {mac}\n"
        log_says(guest, mark, f"{NAME}: conflict: {mac}")
        # It is kept for a while, and forgotten when the other is silent.
        guest.run(f"until grep -qx up {FOLDER}/state; do sleep 1; done", timeout=200)
        log_says(guest, mark, f"{NAME}: up")
