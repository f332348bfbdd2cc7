# SPDX-License-Identifier: GPL-2.0
"""Interfaces that cannot serve, that go by another name, or that become something else."""

import pytest

from aoeframes import BROADCAST, CONFIG, RESPONSE, Reply, mac_bytes
from configs import apply, clean, export, ports, refused
from lab import Disk
from test_poll import seen
from test_states import log_says, run, state, until
from testbeds import bed

SHELF, SLOT = 3, 4
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@"
# Sets the type of a tap device, as a driver of another kind of link does: TUNSETIFF, TUNSETLINK.
RETYPE = (
    'perl -e \'open T, "+<", "/dev/net/tun"; $r = pack("a16 S x22", "tap0", 0x1002);'
    ' ioctl(T, 0x400454ca, $r) or die "TUNSETIFF $!";'
    ' ioctl(T, 0x400454cd, {}) or die "TUNSETLINK $!"\''
)
ETHERNET, PPP = 1, 512


@pytest.fixture(scope="module")
def target():
    disks = [Disk(1 << 20), Disk(1 << 20)]
    with bed("interfaces", disks, nics=2, programs=["kvctl"]) as target:
        target.guest.run("modprobe tun; modprobe bonding max_bonds=0")
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)
    target.guest.run(
        "for it in br0 bond0 tap0 vlan0 vrf0 far0; do ip link del $it 2>/dev/null; done\n"
        "for it in eth0 eth1; do ip link set $it nomaster; ip link set $it up\n"
        "for alt in $(ip -o link show $it | grep -o 'altname [^ ]*' | cut -d' ' -f2); do\n"
        "ip link property del dev $it altname $alt; done; done; true"
    )


def said_by(guest, command: str) -> str:
    """What is said when something is refused."""
    result = guest.run(f"{command} 2>&1", check=False)
    assert result.status == 1, result.stdout
    return result.stdout


BRIDGE = "ip link add br0 type bridge && ip link set br0 up && ip link set eth0 master br0"
BOND = (
    "ip link add bond0 type bond mode active-backup miimon 100 && ip link set eth0 down &&"
    " ip link set eth0 master bond0 && ip link set bond0 up"
)


@pytest.mark.parametrize(("make", "master"), [(BRIDGE, "br0"), (BOND, "bond0")])
def test_a_part_of_another_interface_is_refused(target, guest, make, master):
    guest.run(make)
    sentence = f"eth0 is a port of {master}: export on {master}"
    assert said_by(guest, "kvadd 3 4 eth0 /dev/sda force=1") == f"kvadd: {sentence}\n"
    assert said_by(guest, "kvadd 3 4 eth0 /dev/sda force=1 shared=1") == f"kvadd: {sentence}\n"
    said = refused(guest, export())
    assert f"kvctl: disk: {sentence}" in said.splitlines()
    assert ports(guest) == []
    # The whole serves, with its own address.
    guest.run(f"kvadd 3 4 {master} /dev/sda force=1")
    mac = guest.run(f"cat /sys/class/net/{master}/address").stdout.strip()
    guest.run(f"until grep -qx up {FOLDER}{master}/state; do sleep 0.1; done", timeout=20)
    client = target.client(3, 4)
    client.mac = mac
    assert len(client.read(0)) == 512
    guest.run(f"kvdel 3 4 {master}")


def test_a_bond_that_goes_by_its_other_card_announces_and_asks(target, guest):
    """Its link does not come back, but switches and rivals behind the other card are news."""
    guest.run(f"{BOND}; ip link set eth1 down; ip link set eth1 master bond0")
    active = "until grep -qx {} /sys/class/net/bond0/bonding/active_slave; do sleep 0.1; done"
    guest.run(active.format("eth0"))
    guest.run("kvadd 3 4 bond0 /dev/sda force=1 conflict_check=3600; sleep 2")
    other = target.neighbours[1]
    other.drain(), other.drain_requests()
    guest.run(f"ip link set eth0 down; {active.format('eth1')}")
    told = other.recv_if(lambda raw: raw[:6] == mac_bytes(BROADCAST) and raw[14] & RESPONSE, 10)
    assert told, "no announcement"
    assert (Reply(told).shelf, Reply(told).slot) == (SHELF, SLOT)
    asked = other.recv_request(10)
    assert asked and asked[:6] == mac_bytes(BROADCAST) and asked[19] == CONFIG
    guest.run("kvdel 3 4 bond0")


@pytest.mark.parametrize(
    ("make", "master"),
    [
        (BRIDGE, "br0"),
        (BOND, "bond0"),
        ("ip link add link eth0 name vlan0 type macvlan mode passthru", "vlan0"),
    ],
)
def test_a_part_of_another_interface_later(target, guest, make, master):
    mark = guest.mark()
    with target.exported(3, 4, "/dev/sda") as client:
        down = f"down: port of {master}"
        guest.run(make)
        until(guest, down, f"{FOLDER}eth0")
        log_says(guest, mark, f"3.4@eth0: {down}")
        client.neighbour.drain()
        guest.run("echo >/sys/kvblade/announce")
        assert client.receive(lambda frame: frame[:6] == b"\xff" * 6, 2.5) is None, "announced"
        # Out of it again, by its end or alone.
        guest.run(f"ip link del {master}; ip link set eth0 up")
        until(guest, "up", f"{FOLDER}eth0")
        log_says(guest, mark, "3.4@eth0: up")
        assert len(client.read(0)) == 512


def test_leaving_a_bridge_wakes_those_who_poll(target, guest):
    with target.exported(3, 4, "/dev/sda"):
        folder = f"{FOLDER}eth0"
        assert seen(guest, "state", run(guest, BRIDGE), folder) == "down: port of br0\n"
        leave = run(guest, "ip link set eth0 nomaster")
        assert seen(guest, "state", leave, folder) == "up\n"


def test_what_only_looks_on_or_takes_its_own_is_no_hindrance(target, guest):
    """VLANs, MACVLANs and VRFs leave the frames of the interface itself to it."""
    guest.run("ip link add link eth0 name vlan0 type macvlan mode bridge && ip link set vlan0 up")
    with target.exported(3, 4, "/dev/sda") as client:
        assert state(guest, f"{FOLDER}eth0") == "up"
        assert len(client.read(0)) == 512
    guest.run("ip link del vlan0; ip link add link eth0 name vlan0 type vlan id 7")
    with target.exported(3, 4, "/dev/sda") as client:
        assert state(guest, f"{FOLDER}eth0") == "up"
        assert len(client.read(0)) == 512


def test_an_export_of_several_interfaces_does_without_the_one(guest):
    guest.run(BRIDGE)
    said = refused(guest, export(interfaces='["eth0", "eth1"]'))
    assert "kvctl: disk: eth0 is a port of br0: export on br0" in said.splitlines()
    assert ports(guest) == ["3.4@eth1"]


def test_a_pattern_leaves_parts_of_others_out(guest):
    guest.run(BRIDGE)
    apply(guest, export(interfaces='["eth*", "br*"]'))
    assert ports(guest) == ["3.4@br0", "3.4@eth1"]
    # One that has become a part later stays, and is up again when it leaves.
    guest.run("ip link set eth1 master br0")
    assert apply(guest, export(interfaces='["eth*", "br*"]')) == ""
    assert state(guest, f"{FOLDER}eth1") == "down: port of br0"


# Alternative names.


LONG = "a-name-that-is-longer-than-interfaces-may-have"


@pytest.mark.parametrize("alternative", ["san0", LONG])
def test_an_alternative_name_is_the_interfaces_own(guest, alternative):
    guest.run(f"ip link property add dev eth0 altname {alternative}")
    guest.run(f"kvadd 3 4 {alternative} /dev/sda force=1")
    assert ports(guest) == ["3.4@eth0"]
    # Not twice, under whatever name.
    for name in ("eth0", alternative):
        assert "in use on eth0" in said_by(guest, f"kvadd 3 4 {name} /dev/sda force=1")
    guest.run(f"kvdel 3 4 {alternative}")
    assert ports(guest) == []
    guest.run(f"echo 3 4 {alternative} /dev/sda force=1 >/sys/kvblade/add")
    guest.run(f"echo 3 4 {alternative} >/sys/kvblade/del")
    assert ports(guest) == []


def test_an_alternative_name_in_the_configuration(guest):
    guest.run(f"ip link property add dev eth0 altname {LONG}")
    text = export(interfaces=f'["{LONG}"]')
    assert apply(guest, text) == "disk: add 3.4 on eth0: /dev/sda\n"
    assert ports(guest) == ["3.4@eth0"]
    assert apply(guest, text) == "", "nothing is left to be done"
    assert apply(guest, export(interfaces=f'["{LONG}", "eth0"]')) == ""
    said = refused(guest, export(interfaces='["no-such-name"]'))
    assert "no-such-name: no such Ethernet interface" in said


def test_a_port_of_an_absent_interface_is_removed_by_its_name(guest):
    """Also when another interface has it as an alternative name by now."""
    guest.run("ip link add far0 type dummy && kvadd 3 4 far0 /dev/sda force=1 && ip link del far0")
    guest.run("ip link property add dev eth0 altname far0")
    assert state(guest, f"{FOLDER}far0") == "down: no such interface"
    guest.run("kvdel 3 4 far0")
    assert ports(guest) == []


# What is no Ethernet any more.


def test_a_tunnel_with_the_name_of_a_card(guest):
    guest.run("ip tuntap add mode tap tap0 && ip link set tap0 up")
    guest.run("kvadd 3 4 tap0 /dev/sda force=1 && ip link del tap0")
    folder = f"{FOLDER}tap0"
    assert state(guest, folder) == "down: no such interface"
    guest.run("ip tuntap add mode tun tap0 && ip link set tap0 up")
    assert state(guest, folder) == "down: not Ethernet"
    guest.run("ip link del tap0")
    assert state(guest, folder) == "down: no such interface"
    guest.run("ip tuntap add mode tap tap0")
    assert state(guest, folder) == "down: interface is down"
    guest.run("kvdel 3 4 tap0")


def test_an_interface_that_changes_its_type(guest):
    guest.run("ip tuntap add mode tap tap0 && kvadd 3 4 tap0 /dev/sda force=1")
    folder = f"{FOLDER}tap0"
    assert state(guest, folder) == "down: interface is down"
    away, back = (run(guest, RETYPE.format(kind)) for kind in (PPP, ETHERNET))
    assert seen(guest, "state", away, folder) == "down: not Ethernet\n"
    assert seen(guest, "state", back, folder) == "down: interface is down\n"
    guest.run("kvdel 3 4 tap0")
