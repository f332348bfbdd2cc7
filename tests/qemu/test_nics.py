# SPDX-License-Identifier: GPL-2.0
"""Every kind of network interface: what serves, and what is left to others."""

import shlex
from types import SimpleNamespace

import pytest

from aoeframes import Client
from configs import apply, clean, export, ports, refused, value
from lab import Disk
from nics import (
    DEVICE,
    DISK,
    FIO,
    KINDS,
    MACS,
    MODULES,
    NO_OPEN_VSWITCH,
    OPEN_VSWITCH,
    SIDE,
    cables,
    exported,
    there,
)
from test_states import state, until
from testbeds import bed

MADE = ("br0", "docker0", "tap0", "san0", "veth1", "dummy0", "mac0", "macsec0", "tap7", "ipv0")


@pytest.fixture(scope="module")
def target():
    disks = [Disk(16 << 20), Disk(1 << 20)]
    with bed("nics", disks, nics=2, programs=["kvctl"], modules=MODULES) as target:
        target.guest.run(
            "modprobe -a 8021q bridge macsec macvlan team tun veth aoe\n"
            "modprobe bonding max_bonds=0; modprobe dummy numdummies=0"
        )
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)
    lines = [f"link set {it} nomaster mtu 1500 up" for it in ("eth0", "eth1")]
    lines += [f"link del {it}" for it in MADE]
    target.guest.run("ip -force -batch - <<'END'\n" + "\n".join(lines) + "\nEND\ntrue")


# Patterns.


def test_a_pattern_takes_what_leads_to_a_wire(guest):
    guest.run(
        "ip link add br0 type bridge; ip link set eth1 master br0; ip link set br0 up\n"
        "ip link add docker0 type bridge; ip link set docker0 up\n"
        "ip link add veth1 type veth peer name c1; ip link set veth1 master docker0\n"
        "ip link set veth1 up; ip link set c1 up; ip tuntap add mode tap tap0\n"
        "ip link add dummy0 type dummy; ip link add link eth0 name san0 type vlan id 42\n"
        "ip link add link eth0 name mac0 type macvlan mode bridge; ip link set eth0 mtu 9000"
    )
    text = export(interfaces='["*"]')
    lines = apply(guest, text, "--dry-run").splitlines()
    assert [line for line in lines if line.startswith("*: ")] == [
        "*: takes br0, eth0, san0",
        "*: leaves out docker0 (bridge without a card)",
        "*: leaves out eth1 (port of br0)",
        "*: leaves out dummy0 (virtual: dummy)",
        "*: leaves out mac0 (virtual: macvlan)",
        "*: leaves out tap0 (virtual: tun)",
        "*: leaves out c1, veth1 (virtual: veth)",
    ]
    assert ports(guest) == []
    apply(guest, text)
    assert ports(guest) == ["3.4@br0", "3.4@eth0", "3.4@san0"]
    apply(guest, export(interfaces='["*", "tap0"]'))
    assert ports(guest) == ["3.4@br0", "3.4@eth0", "3.4@san0", "3.4@tap0"]


def test_a_card_that_comes_back_under_another_name(target, guest):
    """It is found by the alternative name that the administrator's rule gives it, and what clients
    have set stays while it is away."""
    guest.run("ip link property add dev eth1 altname san")
    text = export(interfaces='["san"]')
    apply(guest, text)
    assert ports(guest) == ["3.4@eth1"]
    guest.run("echo kept >/sys/kvblade/3.4@eth1/config")
    guest.run("ip link property del dev eth1 altname san; ip link set eth1 down name ens9")
    try:
        assert "san: no such Ethernet interface" in refused(guest, text)
        assert ports(guest) == ["3.4@eth1"]
        guest.run("ip link property add dev ens9 altname san; ip link set ens9 up")
        apply(guest, text)
        assert ports(guest) == ["3.4@ens9"]
        assert value(guest, "config", "/sys/kvblade/3.4@ens9") == "kept"
        assert len(target.client(3, 4, port=1).read(0)) == 512
    finally:
        guest.run("ip link property del dev ens9 altname san; ip link set ens9 down name eth1")


# The kernel's client.


@pytest.mark.parametrize("kind", KINDS, ids=[kind.kind for kind in KINDS])
def test_it_serves_the_kernels_client(guest, kind):
    """With verified I/O in long frames and in short ones, and after a time without link."""
    with cables(guest, kind), exported(guest, kind) as folder:
        # Only there: what is below it, or beside it, does not answer.
        assert guest.run("aoe-stat").stdout.split()[2] == kind.client
        longest = int(guest.run(f"cat {folder}/mtu").stdout)
        assert longest >= 8968
        guest.run(FIO)
        lower = kind.lower if kind.kind != "tap" else kind.name
        there(guest, f"ip link set {lower} mtu 1500")
        shorter = int(guest.run(f"cat {folder}/mtu").stdout)
        assert shorter == (1468 if kind.kind == "macsec" else 1500)
        if kind.kind != "tap":
            guest.run("ip link set w0 down; ip link set w1 down")
            until(guest, "down: no carrier", folder)
            guest.run("ip link set w0 up; ip link set w1 up")
            until(guest, "up", folder)
        guest.run(FIO)
        # Nothing is read ahead: who closes the device would wait for that, with what lets no one
        # else open it, and so nobody would wake the client that has forgotten it.
        read = f"dd if={DEVICE} bs=64k count=16 iflag=direct status=none"
        guest.run(f"echo 3 >/proc/sys/vm/drop_caches; {read} | cmp -n 1048576 - {DISK}")


def test_a_bond_that_fails_over_under_load(guest):
    """Whether its link breaks or the administrator takes the other: whoever switches in between
    learns by an announcement where the target is. Nobody asks, so that nothing else tells it."""
    kind = next(kind for kind in KINDS if kind.kind == "bond")
    with cables(guest, kind), exported(guest, kind, "conflict_check=0"):
        active = "cat /sys/class/net/bond0/bonding/active_slave"
        load = f"touch /run/io; while [ -e /run/io ]; do {FIO} || exit; done"
        job = guest.spawn(load)
        guest.run("until pgrep -x fio; do sleep 0.1; done")
        try:
            first = there(guest, active).stdout.strip()
            there(guest, f"ip link set bond0 type bond active_slave {OTHER[first]}")
            moves(guest)
            assert there(guest, active).stdout.strip() == OTHER[first]
            guest.run(f"ip link set w{OTHER[first][1]} down")
            there(guest, f"until [ $({active}) = {first} ]; do sleep 0.1; done", timeout=30)
            moves(guest)
            assert job.poll() is None, "the I/O has failed"
        finally:
            guest.run("rm -f /run/io")
            job.wait(timeout=120)


OTHER = {"t0": "t1", "t1": "t0"}


def moves(guest) -> None:
    """Waits until more sectors have been written than there were."""
    done = "awk '{print $7}' /sys/block/etherd!e0.1/stat"
    more = f"was=$({done}); until [ $({done}) -gt $((was + 100)) ]; do sleep 0.1; done"
    guest.run(more, timeout=40)


@pytest.mark.parametrize(
    "make", ["link eth1 name ipv0 type ipvlan mode l2", "name ipv0 type vrf table 7"]
)
def test_what_carries_ip_only_is_refused(guest, make):
    """It would answer what is sent to all, and nothing else."""
    guest.run(f"ip link add {make}; ip link set ipv0 up")
    said = (
        "ipv0 carries IP only, as an ipvlan or a VRF does: export on a macvlan or on a card instead"
    )
    assert guest.run("kvadd 3 4 ipv0 /dev/sdb 2>&1", check=False).stdout == f"kvadd: {said}\n"
    assert f"kvctl: disk: {said}" in refused(guest, export(interfaces='["ipv0"]')).splitlines()
    # The card below serves.
    guest.run("kvadd 3 4 eth1 /dev/sdb force=1")
    assert state(guest, "/sys/kvblade/3.4@eth1") == "up"
    guest.run("kvdel 3 4 eth1")


def test_what_cannot_serve_is_refused_with_the_reason(guest):
    guest.run("ip link add link eth1 name tap7 type macvtap mode bridge; ip link set tap7 up")
    guest.run("modprobe openvswitch")
    said = "tap7 is for the program that opens its tap: export on a macvlan instead"
    assert guest.run("kvadd 3 4 tap7 /dev/sdb 2>&1", check=False).stdout == f"kvadd: {said}\n"
    assert f"kvctl: disk: {said}" in refused(guest, export(interfaces='["tap7"]')).splitlines()
    guest.run("ip link del tap7; kvadd 3 4 eth1 /dev/sdb force=1")
    guest.run(f"perl -e {shlex.quote(OPEN_VSWITCH)}")
    assert state(guest, "/sys/kvblade/3.4@eth1") == "down: port of an Open vSwitch"
    guest.run("kvdel 3 4 eth1")
    said = (
        "eth1 is a port of an Open vSwitch: export on an interface of the switch itself"
        " (ovs-vsctl list-br)"
    )
    assert guest.run("kvadd 3 4 eth1 /dev/sdb 2>&1", check=False).stdout == f"kvadd: {said}\n"
    assert f"kvctl: disk: {said}" in refused(guest, export(interfaces='["eth1"]')).splitlines()
    guest.run(f"perl -e {shlex.quote(NO_OPEN_VSWITCH)}")


# MACsec.


RECORD = """
socket(S, 17, 3, 0x300) or die $!;
bind(S, pack('S n i x12', 17, 3, $ARGV[0])) or die $!; $| = 1;
while (recv(S, my $frame, 65536, 0)) { print unpack('H*', $frame), "\\n" }
"""
SEND = """
socket(S, 17, 3, 0) or die $!;
while (<STDIN>) { chomp; send(S, pack('H*', $_), 0, pack('S n i x12', 17, 3, $ARGV[0])) or die $! }
"""


def test_without_the_key_nothing_is_had_and_nothing_changed(guest):
    """Neither by frames in the clear, nor by those with a forged tag, nor by what the one with the
    key has sent before."""
    kind = next(kind for kind in KINDS if kind.kind == "macsec")
    with cables(guest, kind):
        there(guest, "ip link set macsec0 type macsec validate strict replay on window 32")
        with exported(guest, kind) as folder:
            index = guest.run("cat /sys/class/net/w0/ifindex").stdout.strip()
            guest.run("tr '\\0' A </dev/zero | head -c 4096 >/run/a; tr A B </run/a >/run/b")
            record = guest.spawn(f"exec perl -e {shlex.quote(RECORD)} {index} >/run/frames")
            guest.run("until [ -e /run/frames ]; do sleep 0.1; done; sleep 0.5")
            guest.run(f"dd if=/run/a of={DEVICE} bs=4k seek=3 oflag=direct")
            record.kill()
            guest.run(f"dd if=/run/b of={DEVICE} bs=4k seek=3 oflag=direct")
            guest.run(f"dd if={DEVICE} of=/dev/null bs=4k count=200 iflag=direct")
            frames = [bytes.fromhex(line) for line in guest.run("cat /run/frames").stdout.split()]
            mac = bytes.fromhex(MACS["t0"].replace(":", ""))
            again = [it for it in frames if it[:6] == mac and it[12:14] == b"\x88\xe5"]
            assert any(len(frame) > 4096 for frame in again), "no write was recorded"
            # The head of the data in the clear is what it would take.
            client = Client(SimpleNamespace(mac=MACS["w0"]), MACS["t0"], 0, 1)
            own = {"src": "02:00:00:00:0b:66"}
            plain = [
                client.config_frame(dst="ff:ff:ff:ff:ff:ff", **own),
                client.config_frame(ccmd=3, string=b"taken", **own),
                client.ata_frame(0x24, 24, 1, **own),
                client.ata_frame(0x34, 24, 2, b"C" * 1024, **own),
            ]
            forged = [it[:12] + again[-1][12:28] + it[12:] + bytes(16) for it in plain]
            attack = [*plain, *forged, *again]
            guest.write_file("/run/attack", "".join(f"{it.hex()}\n" for it in attack))
            dropped = f"ip netns exec {SIDE} cat /sys/class/net/macsec0/statistics/rx_dropped"
            before = int(guest.run(dropped).stdout)
            record = guest.spawn(f"exec perl -e {shlex.quote(RECORD)} {index} >/run/frames")
            guest.run("sleep 0.5")
            guest.run(f"perl -e {shlex.quote(SEND)} {index} </run/attack; sleep 0.5")
            record.kill()
            assert int(guest.run(dropped).stdout) >= before + len(plain) + len(again)
            frames = [bytes.fromhex(line) for line in guest.run("cat /run/frames").stdout.split()]
            heard = [it for it in frames if it[6:12] == mac and it[12:14] == b"\x88\xa2"]
            assert heard == []
            guest.run(f"dd if={DEVICE} bs=4k skip=3 count=1 iflag=direct | cmp - /run/b")
            assert value(guest, "config", folder) == ""


def test_an_interface_must_be_what_is_required(guest):
    require = '[interface.macsec0]\nrequire = "macsec"\n'
    text = export(interfaces='["macsec0"]') + require
    guest.run("ip link add macsec0 type dummy; ip link set macsec0 up")
    said = refused(guest, text)
    kind = 'macsec0 is of the kind dummy, and [interface."macsec0"] requires macsec'
    assert f"kvctl: disk: {kind}" in said.splitlines()
    guest.run("ip link del macsec0; ip link add link eth0 macsec0 type macsec encrypt on")
    said = refused(guest, text)
    cure = "ip link set macsec0 type macsec validate strict replay on window 32"
    assert said.splitlines()[0].endswith(cure), said
    guest.run(f"{cure}; ip link set macsec0 up")
    apply(guest, text)
    assert ports(guest) == ["3.4@macsec0"]
    # Another that has its name from now on is not exported on for long.
    guest.run("ip link del macsec0; ip link add macsec0 type dummy; ip link set macsec0 up")
    refused(guest, text)
    assert ports(guest) == []
    guest.run("ip link del macsec0")
    vlan = text.replace("macsec0", "san0").replace('"macsec"', '"vlan"')
    guest.run("ip link add link eth0 name san0 type vlan id 42; ip link set san0 up")
    apply(guest, vlan)
    assert ports(guest) == ["3.4@san0"]
