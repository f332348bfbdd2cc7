# SPDX-License-Identifier: GPL-2.0
"""Every kind of network interface: what a pattern means."""

import pytest

from beds import bed
from configs import apply, clean, export, ports
from lab import Disk


@pytest.fixture(scope="module")
def target():
    disks = [Disk(16 << 20), Disk(1 << 20)]
    with bed("nics", disks, nics=2, programs=["kvctl"]) as target:
        target.guest.run(
            "modprobe -a 8021q bridge macvlan tun veth dummy; ip link del dummy0; true"
        )
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)
    target.guest.run(
        "for it in br0 docker0 tap0 san0 veth1 dummy0 mac0; do ip link del $it; done 2>/dev/null\n"
        "ip link set eth0 nomaster mtu 1500; ip link set eth1 nomaster mtu 1500; true"
    )


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
