# SPDX-License-Identifier: GPL-2.0
"""Coming and going: of the module, of exports, of interfaces and of disks, also under load."""

import time

import pytest

from aoeframes import IDENTIFY, READ_EXT, WRITE_EXT, Client, is_aoe
from lab import Disk
from testbeds import Flood, bed, mapped

UNAVAILABLE = 3
ADD_BOTH = "kvadd 0 1 eth0 /dev/sda force=1 && kvadd 0 1 eth1 /dev/sda force=1"
FREE = "dmsetup create free --table '0 8 linear {0} 0' && dmsetup remove free"


@pytest.fixture(scope="module")
def target():
    with bed("lifecycle", [Disk(1 << 24), Disk(1 << 24)], nics=2) as target:
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    # Whatever a test left, the next one starts with nothing exported.
    target.guest.run("modprobe -r kvblade_rs && modprobe kvblade_rs")


def state(guest, export: str) -> str:
    return guest.run(f"cat /sys/kvblade/{export}/state").stdout.strip()


def wait_for_answer(client, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        frame = client.config_frame()
        client.neighbour.send(frame)
        if client.receive(lambda raw, tag=frame[20:24]: raw[20:24] == tag, 0.5):
            return
    raise AssertionError("no answer")


def test_40_loads_and_unloads(guest):
    guest.run(
        "modprobe -r kvblade_rs\n"
        "for i in $(seq 40); do\n"
        f"modprobe kvblade_rs && {ADD_BOTH} &&\n"
        "modprobe -r kvblade_rs && [ ! -e /sys/kvblade ] || exit 1\n"
        "done\n" + FREE.format("/dev/sda") + "\nmodprobe kvblade_rs",
        timeout=240,
    )


def test_10_loads_and_unloads_under_load(target, guest):
    with Flood(target.client(0, 1)) as near, Flood(target.client(0, 1, port=1)) as far:
        for _ in range(10):
            before = near.answers, far.answers
            guest.run(f"{ADD_BOTH}; sleep 0.3")
            guest.run("modprobe -r kvblade_rs && [ ! -e /sys/kvblade ]")
            assert near.answers > before[0] and far.answers > before[1], "there was no load"
            guest.run("modprobe kvblade_rs")
    guest.run(FREE.format("/dev/sda"))


def test_nothing_leaves_after_kvdel(target, guest):
    client = target.client(0, 1)
    for _ in range(5):
        guest.run("kvadd 0 1 eth0 /dev/sda force=1")
        with Flood(client) as flood:
            time.sleep(0.5)
            guest.run("kvdel 0 1 eth0 && [ ! -e /sys/kvblade/0.1@eth0 ]")
            assert flood.answers > 0, "there was no load"
        # What left before is on the wire already.
        time.sleep(0.2)
        client.neighbour.drain()
        for lba in range(100):
            client.neighbour.send(client.ata_frame(READ_EXT, lba))
        time.sleep(0.5)
        assert not [frame for frame in client.neighbour.drain() if is_aoe(frame)]
        guest.run(FREE.format("/dev/sda"))


def test_kvdel_of_one_leaves_the_other_alone(target, guest):
    guest.run("kvadd 0 2 eth0 /dev/sdb force=1")
    other = target.client(0, 2, port=0)
    with Flood(target.client(0, 1)):
        for _ in range(5):
            guest.run("kvadd 0 1 eth0 /dev/sda force=1 && sleep 0.2 && kvdel 0 1 eth0")
    other.neighbour.drain()
    assert len(other.read(0)) == 512


def test_an_interface_deleted_while_exported(guest):
    cable = "ip link add veth0 up type veth peer name veth1 && ip link set veth1 up"
    guest.run(f"{cable} && kvadd 0 1 veth0 /dev/sda force=1")
    assert state(guest, "0.1@veth0") == "up"
    # Would wait for ever, and complain, if a reference to the interface were kept.
    guest.run("ip link del veth0", timeout=20)
    assert state(guest, "0.1@veth0") == "down: no such interface"
    assert "down: no such interface" in guest.run("kvstat").stdout
    guest.run(cable)
    assert state(guest, "0.1@veth0") == "up", "it comes back by name"
    guest.run("ip link del veth0 && kvdel 0 1 veth0", timeout=20)
    guest.run(FREE.format("/dev/sda"))


def test_an_interface_deleted_with_requests_under_way(target, guest):
    """The debug kernel sees it if their answers look at the interface that they came by."""
    mac = "02:00:00:00:09:01"
    path = mapped(guest, "late", "0 2048 linear /dev/sda 0")
    guest.run(
        f"ip link add link eth0 name over0 address {mac} type macvlan && ip link set over0 up\n"
        f"kvadd 0 1 over0 {path} force=1"
    )
    client = Client(target.neighbours[0], mac, 0, 1)
    client.read(0)
    client.neighbour.drain()
    guest.run("dmsetup suspend late")
    for lba in range(16):
        client.neighbour.send(client.ata_frame(READ_EXT, lba))
    guest.run("until [ $(cat /sys/kvblade/0.1@over0/busy) = 16 ]; do :; done")
    guest.run("ip link del over0")
    guest.run("dmsetup resume late && kvdel 0 1 over0 && dmsetup remove late")
    assert not [frame for frame in client.neighbour.drain() if is_aoe(frame)]


def test_an_interface_renamed_while_exported(target, guest):
    guest.run("kvadd 0 1 eth1 /dev/sda force=1")
    client = target.client(0, 1, port=1)
    wait_for_answer(client)
    guest.run("ip link set eth1 down && ip link set eth1 name other && ip link set other up")
    assert state(guest, "0.1@eth1") == "down: no such interface"
    guest.run("ip link set other down && ip link set other name eth1 && ip link set eth1 up")
    assert state(guest, "0.1@eth1") == "up"
    wait_for_answer(client)


def test_an_interface_moved_to_another_namespace(guest):
    guest.run("ip netns add other; ip link add veth0 up type veth peer name veth1")
    guest.run("ip link set veth1 up")
    guest.run("kvadd 0 1 veth0 /dev/sda force=1")
    guest.run("ip link set veth0 netns other && ip -n other link set veth0 up", timeout=20)
    assert state(guest, "0.1@veth0") == "down: no such interface"
    guest.run("ip -n other link set veth0 netns 1 && ip link set veth0 up", timeout=20)
    assert state(guest, "0.1@veth0") == "up"
    guest.run("ip link del veth0; ip netns del other")


def test_a_network_card_pulled_out_under_load(target, guest):
    guest.run("kvadd 0 1 eth1 /dev/sda force=1")
    client = target.client(0, 1, port=1)
    with Flood(client) as flood:
        time.sleep(0.5)
        guest.run("echo 1 >$(readlink -f /sys/class/net/eth1/device)/../remove", timeout=30)
        assert flood.answers > 0, "there was no load"
        assert state(guest, "0.1@eth1") == "down: no such interface"
        guest.run("echo 1 >/sys/bus/pci/rescan && ip link set eth1 up", timeout=30)
    client.neighbour.drain()
    wait_for_answer(client)
    assert state(guest, "0.1@eth1") == "up"


def test_a_disk_pulled_out(target, guest):
    guest.run("kvadd 0 2 eth0 /dev/sdb force=1")
    client = target.client(0, 2)
    assert len(client.read(0)) == 512
    guest.run("echo 1 >/sys/block/sdb/device/delete")
    assert client.ask(client.ata_frame(READ_EXT)).error == UNAVAILABLE
    assert client.ask(client.ata_frame(IDENTIFY)).error == UNAVAILABLE
    assert state(guest, "0.2@eth0") == "down: device is gone"
    # Neither taken for a resized disk, nor in the way of the others.
    assert client.receive(lambda frame: frame[:6] == b"\xff" * 6, 2.5) is None
    guest.run("kvdel 0 2 eth0", timeout=20)
    guest.run(
        "echo 0 1 0 >/sys/class/scsi_host/host0/scan; until [ -b /dev/sdb ]; do sleep 0.1; done"
    )


def test_kvdel_of_a_disk_that_hangs(target, guest):
    device = mapped(guest, "hung", "0 8 linear /dev/sdb 0")
    guest.run(f"kvadd 0 2 eth0 {device} force=1")
    client = target.client(0, 2)
    assert len(client.read(0)) == 512
    guest.run("dmsetup suspend hung")
    client.neighbour.send(client.ata_frame(WRITE_EXT, 1, 1, bytes(512)))
    guest.run("until [ $(cat /sys/kvblade/0.2@eth0/busy) = 1 ]; do sleep 0.1; done", timeout=10)
    refused = guest.run("kvdel 0 2 eth0 2>&1", timeout=30, check=False)
    assert refused.status == 1
    assert "has not ended 1 requests after 10 seconds" in refused.stdout
    client.neighbour.send(client.config_frame())
    assert client.receive(lambda _frame: True, 1) is None, "it answers no more"
    assert f"{device}  closing: waiting for requests to end\n" in guest.run("kvstat").stdout
    assert guest.run("dmsetup info -c --noheadings -o open hung").stdout.strip() == "1"
    guest.run("dmsetup resume hung")
    guest.run("until kvdel 0 2 eth0 2>/dev/null; do sleep 0.2; done", timeout=30)
    assert client.receive(lambda _frame: True, 0.5) is None, "an answer after kvdel"
    guest.run("dmsetup remove hung")


def test_an_interface_goes_though_the_disk_of_its_export_hangs(target, guest):
    """Whoever removes it waits for all who hold it: the export that is being removed does not."""
    device = mapped(guest, "hung", "0 8 linear /dev/sdb 0")
    guest.run("ip link add br0 up type bridge && ip link set eth0 master br0")
    guest.run(f"kvadd 0 2 br0 {device} force=1 && dmsetup suspend hung")
    client = target.client(0, 2)
    client.neighbour.send(client.ata_frame(WRITE_EXT, 1, 1, bytes(512)))
    guest.run("until [ $(cat /sys/kvblade/0.2@br0/busy) = 1 ]; do sleep 0.1; done", timeout=10)
    assert guest.run("kvdel 0 2 br0", timeout=30, check=False).status == 1
    guest.run("ip link del br0", timeout=8)
    assert state(guest, "0.2@br0") == "closing: waiting for requests to end"
    guest.run("dmsetup resume hung")
    guest.run("until kvdel 0 2 br0 2>/dev/null; do sleep 0.2; done", timeout=30)
    guest.run("dmsetup remove hung")


def test_a_virtual_disk_that_is_switched_off(target, guest):
    guest.run("modprobe null_blk nr_devices=0; mount -t configfs none /sys/kernel/config")
    folder = "/sys/kernel/config/nullb/off"
    guest.run(f"mkdir {folder}; echo 8 >{folder}/size; echo 1 >{folder}/power")
    guest.run("kvadd 0 2 eth0 /dev/off force=1")
    with Flood(target.client(0, 2)) as flood:
        guest.run(f"sleep 1; echo 0 >{folder}/power; sleep 0.5")
    assert flood.answers > 0
    client = target.client(0, 2)
    client.neighbour.drain()
    assert client.ask(client.ata_frame(READ_EXT)).error == UNAVAILABLE
    assert state(guest, "0.2@eth0") == "down: device is gone"
    guest.run(f"kvdel 0 2 eth0 && rmdir {folder} && modprobe -r null_blk", timeout=20)


def test_a_loop_device_detached_while_exported(target, guest):
    """The kernel detaches it when no one has it open any more."""
    guest.run("modprobe loop && truncate -s 1M /root/image && losetup /dev/loop0 /root/image")
    guest.run("kvadd 0 2 eth0 /dev/loop0 force=1 && losetup -d /dev/loop0")
    assert len(target.client(0, 2).read(0)) == 512
    guest.run('kvdel 0 2 eth0; until [ -z "$(losetup -a)" ]; do sleep 0.1; done; rm /root/image')


def test_an_answered_write_is_flushed(target, guest):
    """The disk has a volatile cache and no FUA: the block layer flushes after each write."""
    guest.run("kvadd 0 1 eth0 /dev/sda force=1 && grep -q back /sys/block/sda/queue/write_cache")
    client = target.client(0, 1)
    flushes = "awk '{ print $16 }' /sys/block/sda/stat"
    before = int(guest.run(flushes).stdout)
    client.read(0)
    assert int(guest.run(flushes).stdout) == before
    for lba in range(5):
        client.write(lba, bytes(512))
    assert int(guest.run(flushes).stdout) >= before + 5
