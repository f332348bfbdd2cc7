# SPDX-License-Identifier: GPL-2.0
"""What interfaces cost that come and go, and that no export is on: as much as without the module.

Whoever adds or removes an interface holds RTNL, for which all others wait that change anything of
the network. So the module waits for nothing meanwhile, and does nothing where no export is
concerned. What it does is seen in the calls that it makes.
"""

import re
from collections import Counter

import pytest

from lab import Disk
from testbeds import bed

# 2,000 of them take minutes here, most of that without the module too.
PAIRS = 200
WAITS = ("synchronize_rcu", "synchronize_rcu_expedited", "rcu_barrier")
TRACED = (*WAITS, "call_rcu", "dev_add_pack", "__dev_remove_pack")

PROBE = "echo 'p:kv/{0} {0} caller=+0($stack):symbol' >>/sys/kernel/tracing/kprobe_events\n"
SET_UP = f"""
mount -t tracefs none /sys/kernel/tracing
cd /sys/kernel/tracing || exit
{"".join(map(PROBE.format, TRACED))}echo 20480 >buffer_size_kb
for n in $(seq {{pairs}}); do echo link add a$n type veth peer name b$n; done >/root/add
for n in $(seq {{pairs}}); do echo link del a$n; done >/root/del
modprobe veth; modprobe brd rd_nr=1 rd_size=1024
for n in 0 1 2 3; do ip link add d$n up type veth peer name e$n && ip link set e$n up; done
"""
ADD_AND_REMOVE = """
read -r from _ </proc/uptime
ip -batch /root/add && ip -batch /root/del || exit
read -r to _ </proc/uptime
echo $from $to
"""
EXPORT = """
for n in $(seq 0 {last}); do
    echo 1 $n d$((n % 4)) /dev/ram0 shared=1 force=1 >/sys/kvblade/add || exit
done
"""


@pytest.fixture(scope="module")
def target():
    with bed("rtnl", [Disk(1 << 20)]) as target:
        target.guest.run(SET_UP.format(pairs=PAIRS), timeout=120)
        yield target


class Calls:
    """What the module has called, of what is traced, while the context lasts."""

    def __init__(self, guest):
        self.guest = guest
        self.made = Counter()

    def __enter__(self) -> "Calls":
        self.guest.run("cd /sys/kernel/tracing && echo >trace && echo 1 >events/kv/enable")
        return self

    def __exit__(self, *_exception: object) -> None:
        self.guest.run("echo 0 >/sys/kernel/tracing/events/kv/enable")
        text = self.guest.run("grep -F '[kvblade_rs]' /sys/kernel/tracing/trace || true").stdout
        self.made = Counter(re.findall(r": (\w+): \(", text))

    @property
    def waits(self) -> int:
        return sum(self.made[name] for name in WAITS)


def states(guest) -> dict[str, int]:
    """How many exports are in which state."""
    return Counter(guest.run("cat /sys/kvblade/1.*@d*/state").stdout.splitlines())


def seconds(guest) -> float:
    start, end = guest.run(ADD_AND_REMOVE, timeout=1200).stdout.split()
    return float(end) - float(start)


def test_interfaces_without_exports_cost_nothing(target):
    guest, took = target.guest, {}
    guest.run("modprobe -r kvblade_rs")
    took["without the module"] = seconds(guest)
    with Calls(guest) as loading:
        guest.run("modprobe kvblade_rs")
    assert loading.waits == loading.made["call_rcu"] == 0
    for exports in (0, 100):
        guest.run(EXPORT.format(last=exports - 1), timeout=120)
        with Calls(guest) as calls:
            took[f"with {exports} exports"] = seconds(guest)
        assert not calls.made, calls.made
    print(f"{PAIRS} pairs of interfaces added and removed: {took}")
    guest.run("modprobe -r kvblade_rs && modprobe kvblade_rs")


def test_an_interface_with_many_exports_waits_for_none(target):
    guest = target.guest
    guest.run(EXPORT.format(last=99), timeout=120)
    with Calls(guest) as calls:
        guest.run("ip link del d0")
    print(calls.made)
    assert calls.waits == 0
    assert calls.made["__dev_remove_pack"] == 1
    # 25 ports, the registration and the table, which is made anew once.
    assert calls.made["call_rcu"] <= 25 + 1 + 1
    assert states(guest) == {"down: no such interface": 25, "up": 75}
    with Calls(guest) as calls:
        guest.run("ip link add d0 up type veth peer name e0 && ip link set e0 up")
    print(calls.made)
    assert calls.waits == 0
    assert calls.made["dev_add_pack"] == 1
    assert states(guest) == {"up": 100}
    # Whoever removes an export waits, once, and without RTNL.
    with Calls(guest) as calls:
        guest.run("kvdel 1 0 d0")
    print(calls.made)
    assert calls.waits == 1
    with Calls(guest) as calls:
        guest.run("modprobe -r kvblade_rs")
    print(calls.made)
    assert calls.waits < 20
    guest.run("modprobe kvblade_rs")
