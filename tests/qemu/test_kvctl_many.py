# SPDX-License-Identifier: GPL-2.0
"""A thousand exports: kvctl with as many as one machine may have."""

import json
import time

import pytest

from aoeframes import Identity
from beds import bed
from configs import apply, clean, ports

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
    for shelf in range(4):
        assert Identity(target.client(shelf, 249).identify()).capacity == 2048
    one = configuration(COUNT - 1)
    removed = took("apply that removes one", lambda: apply(guest, one, ""))
    assert removed == "disk999: remove 3.249 from eth0\n"
    took("stop", lambda: guest.run("kvctl stop", timeout=600))
    assert ports(guest) == []
