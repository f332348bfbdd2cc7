# SPDX-License-Identifier: GPL-2.0
"""How an export shows on its segment: who else has its address, and what it tells unasked."""

import time

import pytest

from aoeframes import BROADCAST, CONFIG, IDNF, READ_EXT, RESPONSE, VERSION_1, Identity, Reply
from lab import Disk
from testbeds import SECTOR, bed

SHELF, SLOT = 6, 1
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
ADD = f"kvadd {SHELF} {SLOT} eth0 /dev/sda"
RIVAL = pytest.mark.kernel_log(allow=["conflict: "])


@pytest.fixture(scope="module")
def target():
    with bed("presence", [Disk(1 << 20)]) as target:
        yield target


@pytest.fixture
def client(target):
    client = target.client(SHELF, SLOT)
    client.neighbour.drain()
    client.neighbour.drain_requests()
    return client


def frames(client, seconds: float) -> list[Reply]:
    """What comes within a time that belongs to the export's address."""
    time.sleep(seconds)
    replies = map(Reply, client.neighbour.drain())
    return [reply for reply in replies if (reply.shelf, reply.slot) == (SHELF, SLOT)]


def is_announcement(reply: Reply) -> bool:
    return (reply.destination, reply.flags, reply.tag, reply.raw[19]) == (
        BROADCAST,
        VERSION_1 | RESPONSE,
        0,
        CONFIG,
    )


# Another target with the address.


def test_a20_an_address_is_probed_before_it_is_announced(target, client):
    adding = target.guest.spawn(ADD)
    deadline, seen = time.monotonic() + 20, []
    while time.monotonic() < deadline and not (seen and is_announcement(seen[-1])):
        query = client.config_frame()
        client.neighbour.send(query)
        time.sleep(0.05)
        # The probes end before the export answers.
        seen += [Reply(raw) for raw in client.neighbour.drain_requests()]
        seen += [Reply(raw) for raw in client.neighbour.drain()]
    adding.wait()
    *probes, announcement = [reply for reply in seen if reply.destination == BROADCAST]
    assert is_announcement(announcement)
    assert len(probes) == 3
    for probe in probes:
        assert (probe.flags, probe.raw[19]) == (VERSION_1, CONFIG)
        assert (probe.shelf, probe.slot) == (SHELF, SLOT)
        assert len(probe.raw) == 60 and probe.raw[29] & 0x0F == 0
    before = seen[: seen.index(announcement)]
    assert all(reply.flags == VERSION_1 for reply in before), "answered before it was announced"
    target.guest.run(f"kvdel {SHELF} {SLOT} eth0")


def answer_probe(client) -> None:
    """Waits for a query of the address, and answers it as another target would."""
    raw = client.neighbour.recv_request()
    assert raw, "no probe"
    answer = client.config_frame(flags=VERSION_1 | RESPONSE, tag=int.from_bytes(raw[20:24]))
    client.neighbour.send(answer)


def test_g11_an_address_that_another_target_has(target, client):
    run, mark = target.guest.run, target.guest.mark()
    adding = target.guest.spawn(ADD)
    answer_probe(client)
    refused = adding.wait(check=False)
    assert refused.status == 1
    assert refused.stdout == (
        f"kvadd: {SHELF}.{SLOT}@eth0: address in use by another target, at"
        f" {client.neighbour.mac}; force=1 exports it all the same\n"
    )
    assert run(f"[ ! -e {FOLDER} ]; kvstat | grep -c e{SHELF}", check=False).stdout.strip() == "0"
    assert "kvblade_rs" not in target.guest.kernel_log(mark)
    client.neighbour.drain()
    client.neighbour.send(client.config_frame())
    assert frames(client, 1) == [], "it answers all the same"
    # The disk is free, and the next attempt begins anew.
    run(f"dmsetup create free --table '0 8 linear /dev/sda 0' && dmsetup remove free && {ADD}")
    run(f"kvdel {SHELF} {SLOT} eth0")


@RIVAL
def test_g11_a_real_target_with_the_address(target):
    run = target.guest.run
    run("ip link add veth0 up type veth peer name veth1 && ip link set veth1 up")
    run("truncate -s 1M /root/other")
    other = target.guest.spawn(f"exec vblade {SHELF} {SLOT} veth1 /root/other")
    try:
        run("until pgrep -x vblade; do sleep 0.1; done; sleep 0.5")
        refused = run(f"kvadd {SHELF} {SLOT} veth0 /dev/sda", check=False)
        mac = run("cat /sys/class/net/veth1/address").stdout.strip()
        assert refused.status == 1
        assert f"address in use by another target, at {mac}" in refused.stdout
        run(f"kvadd {SHELF} {SLOT} veth0 /dev/sda force=1 && kvdel {SHELF} {SLOT} veth0")
        run(f"kvadd {SHELF} 2 veth0 /dev/sda && kvdel {SHELF} 2 veth0")
    finally:
        other.kill()
        run("ip link del veth0")


def test_a_second_card_of_ones_own_is_not_another_target(target):
    run = target.guest.run
    run(
        "ip link add bridge type bridge && ip link set bridge up\n"
        "for n in 0 2; do\n"
        "ip link add veth$n type veth peer name veth$((n + 1))\n"
        "ip link set veth$((n + 1)) master bridge && ip link set veth$((n + 1)) up\n"
        "ip link set veth$n up\n"
        "done"
    )
    run(f"kvadd {SHELF} {SLOT} veth0 /dev/sda && kvadd {SHELF} {SLOT} veth2 /dev/sda")
    assert run(f"cat /sys/kvblade/{SHELF}.{SLOT}@veth2/duplicates").stdout == "0\n"
    run(f"kvdel {SHELF} {SLOT} veth0 && kvdel {SHELF} {SLOT} veth2")
    run("ip link del veth0; ip link del veth2; ip link del bridge")


@RIVAL
def test_back_online_while_another_target_has_the_address(target, client):
    run = target.guest.run
    run(f"{ADD} force=1 && echo offline >{FOLDER}/state")
    client.neighbour.drain_requests()
    online = target.guest.spawn(
        f"echo online >{FOLDER}/state || cat /sys/kvblade/error; cat {FOLDER}/state"
    )
    answer_probe(client)
    said = online.wait().stdout
    assert f"address in use by another target, at {client.neighbour.mac}" in said
    assert said.splitlines()[-1] == "offline"
    run(f"echo online force=1 >{FOLDER}/state")
    assert run(f"cat {FOLDER}/state").stdout == f"conflict: {client.neighbour.mac}\n"
    run(f"kvdel {SHELF} {SLOT} eth0")


def test_removed_while_it_is_added(target, client):
    adding = target.guest.spawn(ADD)
    assert client.neighbour.recv_request(), "no probe"
    target.guest.run(f"echo {SHELF} {SLOT} eth0 >/sys/kvblade/del")
    refused = adding.wait(check=False)
    assert refused.status == 1
    assert "removed while it was being added" in refused.stdout
    target.guest.run(f"[ ! -e {FOLDER} ] && {ADD} force=1 && kvdel {SHELF} {SLOT} eth0")


# What is told unasked.


@pytest.fixture
def export(target, client):
    with target.exported(SHELF, SLOT, "/dev/sda"):
        frames(client, 1.5)
        yield client


def announcements(client, seconds: float) -> list[Reply]:
    return [reply for reply in frames(client, seconds) if is_announcement(reply)]


def test_announcements_are_a_second_apart(target, export):
    target.guest.run("for i in 1 2 3 4 5 6 7 8 9 10; do echo >/sys/kvblade/announce; done")
    # The first at once, and one more for all that were asked for since.
    assert len(announcements(export, 4)) == 2


def test_a_link_that_comes_up_is_announced(target, export):
    target.guest.run("ip link set eth0 down")
    assert announcements(export, 1.5) == []
    target.guest.run("ip link set eth0 up")
    assert len(announcements(export, 3)) in (1, 2)


def test_a_new_mac_address_is_announced(target, export):
    mac = target.guest.nics[0].mac
    target.guest.run("ip link set eth0 down && ip link set eth0 address 02:00:00:00:55:55 up")
    assert announcements(export, 3)[-1].source == "02:00:00:00:55:55"
    target.guest.run(f"ip link set eth0 down && ip link set eth0 address {mac} up")
    assert announcements(export, 3)[-1].source == mac


def test_nothing_is_announced_while_offline(target, export):
    target.guest.run(f"echo offline >{FOLDER}/state; echo >/sys/kvblade/announce")
    assert announcements(export, 3) == []
    target.guest.run(f"echo online >{FOLDER}/state")
    assert len(announcements(export, 3)) == 1


def test_a_disk_that_is_resized(target):
    """Growing is announced; past the end of a smaller disk there is nothing."""
    run, mark = target.guest.run, target.guest.mark()
    client = target.client(SHELF, SLOT)
    run("modprobe loop && truncate -s 1M /root/image")
    loop = run("losetup -f --show /root/image").stdout.strip()
    with target.exported(SHELF, SLOT, loop):
        frames(client, 1.5)
        for size in (2 << 20, 1 << 19):
            sectors = size // SECTOR
            run(f"truncate -s {size} /root/image && losetup -c {loop}")
            assert len(announcements(client, 3)) == 1
            assert Identity(client.identify()).capacity == sectors
            assert client.read(sectors - 1) == bytes(SECTOR)
            reply = client.ata(READ_EXT, sectors)
            assert reply.registers == IDNF and reply.lba == sectors
            said = f"{SHELF}.{SLOT}@eth0: the device has {sectors} sectors now"
            assert said in target.guest.kernel_log(mark)
            assert run(f"cat {FOLDER}/scnt").stdout == f"{sectors}\n"
    run(f"losetup -d {loop}")


def test_nothing_is_announced_when_the_module_goes(target, client):
    """It would be asked for what it does not serve any more."""
    run = target.guest.run
    run(f"{ADD} force=1; sleep 2")
    client.neighbour.drain()
    run("modprobe -r kvblade_rs")
    assert frames(client, 1) == []
    run("modprobe kvblade_rs")
