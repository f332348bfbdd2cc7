# SPDX-License-Identifier: GPL-2.0
"""A thousand exports: kvctl with as many as one machine may have."""

import json
import time

import pytest

from aoeframes import Identity
from configs import apply, clean, ports
from testbeds import bed

COUNT = 1000


@pytest.fixture(scope="module")
def target():
    with bed("kvctl-many", [], programs=["kvctl"], memory="2G") as target:
        target.guest.run(f"modprobe brd rd_nr={COUNT} rd_size=1024", timeout=300)
        yield target
        clean(target.guest)


def configuration(count: int, more: str = "") -> str:
    tables = [
        f"[export.disk{number}]\nshelf = {number // 250}\ndevice = '/dev/ram{number}'\n{more}"
        for number in range(count)
    ]
    return "\n".join(['[defaults]\ninterfaces = ["eth0"]\nlog = "quiet"', *tables])


def test_a_thousand_exports(target):
    guest = target.guest

    def took(name: str, do):
        began = time.monotonic()
        result = do()
        print(f"{name}: {time.monotonic() - began:.1f} s")
        return result

    text = configuration(COUNT)
    guest.write_file("/etc/kvblade.conf", text)
    lines = took("apply", lambda: guest.run("kvctl apply", timeout=600)).stdout.splitlines()
    assert len(lines) == len(ports(guest)) == COUNT
    assert took("the second apply", lambda: guest.run("kvctl apply", timeout=600)).stdout == ""
    shown = took("show", lambda: guest.run("kvctl show", timeout=600)).stdout.splitlines()
    assert len(shown) == 1 + COUNT
    assert all(line.endswith("up") for line in shown[1:])
    shown = json.loads(
        took("show --json", lambda: guest.run("kvctl show --json", timeout=600)).stdout
    )
    assert {it["name"] for it in shown} == {f"disk{number}" for number in range(COUNT)}
    took("metrics", lambda: guest.run("kvctl metrics >/root/metrics", timeout=600))
    up = guest.run("grep -c '^kvblade_port_state{.*state=\"up\"} 1$' /root/metrics").stdout
    assert int(up) == COUNT
    status = took("status", lambda: guest.run("kvctl status", timeout=600)).stdout
    assert "wrong" not in status.splitlines()[0], status
    for shelf in range(4):
        assert Identity(target.client(shelf, 249).identify()).capacity == 2048
    one = configuration(COUNT - 1)
    removed = took("apply that removes one", lambda: apply(guest, one, ""))
    assert removed == "disk999: remove 3.249 from eth0\n"
    took("stop", lambda: guest.run("kvctl stop", timeout=600))
    assert ports(guest) == []


# The kernel's own words on many loop devices at a time.
@pytest.mark.kernel_log(allow=["set_capacity_and_notify: .* callbacks suppressed"])
@pytest.mark.parametrize("signal", ["TERM", "HUP"])
def test_an_apply_that_is_interrupted_loses_nothing(target, signal):
    guest, count = target.guest, 200
    tables = [f"[export.f{n}]\nshelf = 5\nfile = '/root/image{n}'\n" for n in range(count)]
    text = "\n".join(['[defaults]\ninterfaces = ["eth0"]\nlog = "quiet"', *tables])
    guest.write_file("/etc/kvblade.conf", text)
    images = "for n in $(seq 0 {last}); do truncate -s 1M /root/image$n; done"
    guest.run("modprobe loop;" + images.format(last=count - 1))
    loops = "losetup --list --noheadings"
    begun = "while kill -0 $pid && ! ls -d /sys/kvblade/5.*@eth0 >/dev/null; do :; done 2>/dev/null"
    said = guest.run(
        f"kvctl apply >/dev/null 2>/root/said & pid=$!; {begun}; kill -{signal} $pid; wait $pid;"
        " echo $?; cat /root/said",
        timeout=300,
    ).stdout.splitlines()
    made = ports(guest)
    assert 0 < len(made) < count, "it was not interrupted in the midst"
    assert said[0] == "1"
    assert said[1:] and all(line.endswith(": not done: interrupted") for line in said[1:])
    assert len(said[1:]) == count - len(made)
    # All that was made is known: the rest is made, and all of it goes.
    assert len(guest.run(loops).stdout.splitlines()) == len(made)
    assert len(guest.run("kvctl apply", timeout=300).stdout.splitlines()) == count - len(made)
    assert len(ports(guest)) == count
    guest.run("kvctl stop", timeout=300)
    assert ports(guest) == [] and guest.run(loops).stdout == ""
