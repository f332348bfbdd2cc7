# SPDX-License-Identifier: GPL-2.0
"""Interfaces of all kinds between two network namespaces of one guest.

The client is the kernel's own driver, which serves the first namespace only: the target's
interfaces are in another, `side`. Two cables lead there: w0 to t0, and w1 to t1.
"""

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from lab import Guest
from lab.layout import wake, wake_flag

SIDE = "side"
DISK = "/dev/sda"
# What is left on the client's side; the rest goes with it.
END = "link del br1\nlink del w0\nlink del w1\nlink del taphere\n"
DEVICE = "/dev/etherd/e0.1"
CABLES = (("w0", "t0"), ("w1", "t1"))
MACS = {
    "t0": "02:00:00:00:0a:00",
    "t1": "02:00:00:00:0a:01",
    "w0": "02:00:00:00:0b:00",
    "w1": "02:00:00:00:0b:01",
}
MODULES = ("team", "team_mode_roundrobin", "macvtap", "openvswitch", "ipvlan", "vrf")
FIO = (
    f"fio --name=verify --filename={DEVICE} --direct=1 --rw=randwrite --bs=16k --size=1m "
    "--ioengine=libaio --iodepth=8 --verify=crc32c --verify_state_save=0 --minimal"
)

# A cable of the two ends of a tap each, since a tap has a program at its other end.
RELAY = """
sub tap { open my $tap, '+<', '/dev/net/tun' or die; my $name = pack('a16 S x22', $_[0], 0x1002);
    ioctl($tap, 0x400454ca, $name) or die "TUNSETIFF $!"; $tap }
my @taps = (tap('taphere'), tap('tapthere'));
while (1) {
    my $set = ''; vec($set, fileno($_), 1) = 1 for @taps;
    select($set, undef, undef, undef);
    for my $from (0, 1) {
        next unless vec($set, fileno($taps[$from]), 1);
        sysread($taps[$from], my $frame, 65536) or next;
        syswrite($taps[1 - $from], $frame);
    }
}
"""

# Netlink without its programs. The numbers are those of genetlink.h, if_team.h and openvswitch.h.
GENL = """
sub attr { my ($type, $data) = @_; my $len = 4 + length $data;
    pack('SSa*', $len, $type, $data) . "\\0" x ((4 - $len % 4) % 4) }
sub ask { my ($family, $flags, $command, $attrs) = @_;
    my $body = pack('CCS', $command, 1, 0) . $attrs;
    send(S, pack('LSSLL', 16 + length $body, $family, $flags, 1, 0) . $body, 0) or die $!;
    recv(S, my $answer, 65536, 0); $answer }
socket(S, 16, 3, 16) or die $!;
sub family { my ($id) = unpack('x20 a*', ask(16, 1, 3, attr(2, "$_[0]\\0")))
    =~ /\\x06\\x00\\x01\\x00(..)/s or die "no $_[0]"; unpack('S', $id) }
sub index_of { (`ip -o link show $_[0]` =~ /^(\\d+)/)[0] }
sub change { my ($family, $attrs, $command) = @_;
    my $error = unpack('x16 l', ask($family, 5, $command || 1, $attrs));
    # ESRCH: it was done, and nobody had asked to be told of it.
    die "error $error" if $error && $error != -3 }
"""

# What teamd does first: a team has no mode, and sends nothing, until it is told one.
TEAM_MODE = (
    GENL
    + """
my $option = attr(0x8001, attr(1, "mode\\0") . attr(3, "\\5") . attr(4, "roundrobin\\0"));
change(family('team'), attr(1, pack('L', index_of('team0'))) . attr(0x8002, $option));
"""
)

# What ovs-vswitchd does first: a switch, and eth1 as a port of it.
OPEN_VSWITCH = (
    GENL
    + """
my $nobody = pack('L', 0);
change(family('ovs_datapath'), pack('l', 0) . attr(1, "ovs-system\\0") . attr(2, $nobody));
change(family('ovs_vport'), pack('l', index_of('ovs-system')) . attr(2, pack('L', 1))
    . attr(3, "eth1\\0") . attr(5, $nobody));
"""
)
NO_OPEN_VSWITCH = GENL + "change(family('ovs_datapath'), pack('l', index_of('ovs-system')), 2);"


def macsec(lower: str, own: str, others: str, peer: str) -> str:
    """A MACsec interface that sends with one key and takes what is sent with another."""
    name = "macsec0" if lower == "t0" else "macsec1"
    return (
        f"ip link add link {lower} {name} type macsec encrypt on\n"
        f"ip macsec add {name} tx sa 0 pn 1 on key 00 {own}\n"
        f"ip macsec add {name} rx port 1 address {peer}\n"
        f"ip macsec add {name} rx port 1 address {peer} sa 0 pn 1 on key 01 {others}\n"
        f"ip link set {name} up"
    )


@dataclass(frozen=True)
class Kind:
    """A kind of interface: how the target has it and how the client gets there."""

    kind: str
    there: str
    here: str
    name: str
    client: str
    # What is below it, whose MTU it follows: itself, if it is told its MTU.
    lower: str = "t0"


def vlan(lower: str, name: str, how: str) -> str:
    return f"ip link add link {lower} name {name} mtu 9000 type vlan {how}\nip link set {name} up"


KEYS = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")
BOND = "type bond mode active-backup miimon 100"
KINDS = [
    Kind("veth", "", "", "t0", "w0"),
    Kind("tap", "ip link set tapthere up", "ip link set taphere up", "tapthere", "taphere"),
    Kind(
        "bridge",
        "ip link add br0 type bridge\nip link set t0 master br0\nip link set br0 up",
        "",
        "br0",
        "w0",
    ),
    Kind(
        "bond",
        f"ip link add bond0 {BOND}\nfor it in t0 t1; do ip link set $it down\n"
        "ip link set $it master bond0; done\nip link set bond0 mtu 9000 up",
        "ip link add br1 type bridge\nfor it in w0 w1; do ip link set $it master br1; done\n"
        "ip link set br1 up",
        "bond0",
        "br1",
        "bond0",
    ),
    Kind("vlan", vlan("t0", "san0", "id 42"), vlan("w0", "w0.42", "id 42"), "san0", "w0.42"),
    Kind(
        "vlan-reorder-off",
        vlan("t0", "san0", "id 42 reorder_hdr off"),
        vlan("w0", "w0.42", "id 42"),
        "san0",
        "w0.42",
    ),
    Kind(
        "qinq",
        vlan("t0", "out0", "proto 802.1ad id 7") + "\n" + vlan("out0", "san0", "id 42"),
        vlan("w0", "w0.7", "proto 802.1ad id 7") + "\n" + vlan("w0.7", "w0.42", "id 42"),
        "san0",
        "w0.42",
    ),
    Kind(
        "qinq-reorder-off",
        vlan("t0", "out0", "proto 802.1ad id 7 reorder_hdr off")
        + "\n"
        + vlan("out0", "san0", "id 42 reorder_hdr off"),
        vlan("w0", "w0.7", "proto 802.1ad id 7") + "\n" + vlan("w0.7", "w0.42", "id 42"),
        "san0",
        "w0.42",
    ),
    Kind(
        "macvlan",
        "ip link add link t0 name mac0 mtu 9000 type macvlan mode bridge\nip link set mac0 up",
        "",
        "mac0",
        "w0",
    ),
    Kind(
        "macsec",
        macsec("t0", KEYS[0], KEYS[1], MACS["w0"]),
        macsec("w0", KEYS[1], KEYS[0], MACS["t0"]),
        "macsec0",
        "macsec1",
    ),
    Kind(
        "team",
        f"ip link add team0 type team\nperl -e {shlex.quote(TEAM_MODE)}\nip link set t0 down\n"
        "ip link set t0 master team0\nip link set team0 mtu 9000 up\nip link set t0 up",
        "",
        "team0",
        "w0",
        "team0",
    ),
]


def there(guest: Guest, command: str, **how):
    """Runs a command on the target's side."""
    inner = shlex.quote(f"set -e\n{command}")
    return guest.run(f"ip netns exec {SIDE} sh -c {inner}", **how)


@contextlib.contextmanager
def cables(guest: Guest, kind: Kind) -> Iterator[None]:
    """Both sides while the context lasts."""
    lines = []
    for here, far in CABLES:
        peer = f"peer name {far} mtu 9000 address {MACS[far]} netns {SIDE}"
        lines.append(f"link add {here} mtu 9000 address {MACS[here]} type veth {peer}")
        lines.append(f"link set {here} up")
    guest.run(f"ip netns add {SIDE} && ip -batch - <<'END'\n" + "\n".join(lines) + "\nEND")
    guest.run(f"ip -n {SIDE} link set t0 up; ip -n {SIDE} link set t1 up")
    relay = None
    try:
        if kind.kind == "tap":
            relay = guest.spawn(f"exec perl -e {shlex.quote(RELAY)}")
            guest.run("until ip link show tapthere; do sleep 0.1; done")
            guest.run(f"ip link set tapthere mtu 9000 netns {SIDE}; ip link set taphere mtu 9000")
        if kind.there:
            there(guest, kind.there)
        if kind.here:
            guest.run(f"set -e\n{kind.here}")
        yield
    finally:
        if relay is not None:
            relay.kill()
        guest.run(f"ip netns del {SIDE}; ip -force -batch - <<'END'\n{END}END\ntrue")


@contextlib.contextmanager
def exported(guest: Guest, kind: Kind, options: str = "") -> Iterator[str]:
    """The target's disk on its interface, as the client's device. Yields its folder in sysfs."""
    there(guest, f"kvadd 0 1 {kind.name} {DISK} force=1 {options}")
    try:
        guest.run(f"until grep -qx up /sys/kvblade/0.1@{kind.name}/state; do sleep 0.1; done")
        guest.run(
            "until aoe-discover; aoe-stat | grep -q '^ *e0\\.1 .* up'; do sleep 0.3; done",
            timeout=60,
        )
        guest.run(f"{wake(DEVICE)}\nblockdev --getsize64 {DEVICE}")
        yield f"/sys/kvblade/0.1@{kind.name}"
    finally:
        guest.run(f"rm -f {wake_flag(DEVICE)}; sleep 0.2; while pgrep -x dd; do sleep 0.2; done")
        there(guest, f"kvdel 0 1 {kind.name}")
        guest.run(f"aoe-flush e0.1; [ ! -e {DEVICE} ]")
