# SPDX-License-Identifier: GPL-2.0
"""Several administrators at once, each of whom knows nothing of the others."""

import pytest

from aoeframes import WRITE_EXT
from lab import Disk
from testbeds import bed, mapped

SHELLS = 8
FREE = "dmsetup create free --table '0 8 linear {0} 0' && dmsetup remove free"
# Without the script, which looks first.
ADD = """
{{ echo {0} >/sys/kvblade/add; }} 2>/dev/null || {{
    read -r why </sys/kvblade/error
    echo "$why"
}}
"""
EXPORTS = "ls /sys/kvblade | grep @ || true"


@pytest.fixture(scope="module")
def target():
    with bed("administrators", [Disk(1 << 20), Disk(1 << 20)], nics=2) as target:
        yield target


def test_who_cannot_add_removes_nothing_of_others(target):
    """The first asks the segment for a second, and then finds another export in its place."""
    run, client = target.guest.run, target.client(0, 1)
    first = target.guest.spawn("kvadd 0 1 eth0 /dev/sda")
    assert client.neighbour.recv_request(), "no probe"
    # Without the script, which sees nothing of it yet.
    run("echo 0 1 eth0 >/sys/kvblade/del && kvadd 0 1 eth0 /dev/sdb force=1")
    refused = first.wait(check=False)
    assert refused.status == 1
    assert "removed while it was being added" in refused.stdout
    client.neighbour.drain()
    assert len(client.read(0)) == 512, "that of the other is gone"
    assert run("cat /sys/kvblade/0.1@eth0/state /sys/kvblade/0.1@eth0/bpath").stdout == (
        "up\n/dev/sdb\n"
    )
    run("kvdel 0 1 eth0")
    assert run(EXPORTS).stdout == ""
    run(f"{FREE.format('/dev/sda')} && {FREE.format('/dev/sdb')}")


def test_an_export_is_made_once_whatever_other_interfaces_it_is_on(target):
    run = target.guest.run
    run("for i in 1 0; do kvadd 0 1 eth$i /dev/sda force=1 || exit; done")
    for interface in ("eth0", "eth1"):
        refused = run(ADD.format(f"0 1 {interface} /dev/sda force=1"))
        assert refused.stdout == f"0.1: address in use on {interface}\n"
    assert run(EXPORTS).stdout == "0.1@eth0\n0.1@eth1\n"
    run("kvdel 0 1 eth0 && kvdel 0 1 eth1")
    assert run(EXPORTS).stdout == ""
    run(FREE.format("/dev/sda"))


def test_a_blade_that_closes_takes_no_one_in(target):
    run, client = target.guest.run, target.client(0, 2)
    device = mapped(target.guest, "hung", "0 8 linear /dev/sdb 0")
    run(f"kvadd 0 2 eth0 {device} force=1")
    client.read(0)
    run("dmsetup suspend hung")
    client.neighbour.send(client.ata_frame(WRITE_EXT, 1, 1, bytes(512)))
    run("until [ $(cat /sys/kvblade/0.2@eth0/busy) = 1 ]; do sleep 0.1; done", timeout=10)
    assert run("kvdel 0 2 eth0", timeout=30, check=False).status == 1
    # The same export, its blade on another interface, and its disk as another's.
    for export in ("0 2 eth0", "0 2 eth1", "0 3 eth1"):
        refused = run(ADD.format(f"{export} {device} force=1"))
        assert refused.stdout == "0.2 is being removed: waiting for 1 requests; try again later\n"
    refused = run(f"kvadd 0 2 eth1 {device} force=1 2>&1", check=False)
    assert refused.status == 1 and "0.2 is being removed" in refused.stdout
    # Nobody gets at its disk any more.
    assert run("cat /sys/kvblade/0.2@eth0/scnt 2>&1", check=False).status != 0
    assert run("cat /sys/kvblade/0.2@eth0/busy").stdout == "1\n"
    assert run(EXPORTS).stdout == "0.2@eth0\n"
    run("dmsetup resume hung; until kvdel 0 2 eth0 2>/dev/null; do sleep 0.2; done", timeout=30)
    run(f"kvadd 0 2 eth1 {device} force=1")
    client = target.client(0, 2, port=1)
    client.neighbour.drain()
    assert len(client.read(0)) == 512
    run("kvdel 0 2 eth1 && dmsetup remove hung")
    target.neighbours[0].drain()


# Without the scripts, which look first. Each shell asks for another delay between its two steps.
SHELL = """
n=0
while [ $n -lt {rounds} ]; do
    n=$((n + 1))
    case $(((n + {number}) % 4)) in
    0) options= ;;
    *) options=force=1 ;;
    esac
    interface=eth$(((n / 3 + {number}) % 2))
    echo 0 1 $interface /dev/sda $options >/sys/kvblade/add && done=$((done + 1))
    sleep 0.0$(((n * 7 + {number}) % 10))
    echo 0 1 $interface >/sys/kvblade/del
    cat /sys/kvblade/0.1@$interface/state
done >/dev/null 2>&1
echo $done
"""


def test_eight_shells_that_add_and_delete_the_same(target, rounds):
    guest = target.guest
    shells = [guest.spawn(SHELL.format(rounds=4 * rounds, number=n)) for n in range(SHELLS)]
    added = [int(shell.wait(timeout=300).stdout or 0) for shell in shells]
    assert sum(added) > SHELLS, "they hardly met"
    guest.run("for i in 0 1; do echo 0 1 eth$i >/sys/kvblade/del; done 2>/dev/null; true")
    assert guest.run(EXPORTS).stdout == "", "a directory without an export"
    guest.run(FREE.format("/dev/sda"))
    for port in (0, 1):
        with target.exported(0, 1, "/dev/sda", port) as client:
            client.neighbour.drain()
            assert len(client.read(0)) == 512
