# SPDX-License-Identifier: GPL-2.0
"""The files of an export that change by themselves, or by initiators, can be waited for."""

import pytest

from lab import Disk
from testbeds import bed

FOLDER = "/sys/kvblade/3.4@eth0"
MASK, RESERVE = 2, 3

# Reads the file, says so, waits for it to change (POLLPRI), and reads it again.
WAIT = (
    'exec perl -e \'$| = 1; $SIG{ALRM} = sub { print "late"; exit }; alarm 20;'
    ' open F, "<", $ARGV[0]; sysread F, $t, 4096; print "waiting\\n";'
    " vec($e, fileno(F), 1) = 1; select undef, undef, $e, undef;"
    " sysseek F, 0, 0; sysread F, $t, 4096; print $t' "
)


@pytest.fixture(scope="module")
def target():
    with bed("poll", [Disk(1 << 20)], nics=2) as target:
        target.guest.run(
            "modprobe loop && truncate -s 1M /root/image && losetup /dev/loop0 /root/image"
        )
        yield target


def seen(guest, name: str, cause, folder: str = FOLDER) -> str:
    """What is read of a file when it has changed."""
    job = guest.spawn(f"{WAIT} {folder}/{name}")
    guest.run(f"until grep -q waiting {job.base}.out; do sleep 0.05; done")
    cause()
    job.wait(timeout=30)
    return guest.run(f"tail -n +2 {job.base}.out").stdout


def test_what_initiators_change(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/sda") as client:
        own = bytes.fromhex(client.neighbour.mac.replace(":", ""))

        def ask(frame):
            return lambda: client.ask(frame)

        assert seen(guest, "config", ask(client.config_frame(4, b"mine"))) == "mine\n"
        mask = client.frame(MASK, bytes((0, 1, 0, 1, 0, 1)) + own)
        assert seen(guest, "mask", ask(mask)) == f"{client.neighbour.mac}\n"
        reserve = client.frame(RESERVE, bytes((1, 1)) + own)
        assert seen(guest, "reserve", ask(reserve)) == f"{client.neighbour.mac}\n"


def test_what_the_administrator_changes(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/sda"):

        def write(name, value):
            return lambda: guest.run(f"echo '{value}' >{FOLDER}/{name}")

        assert seen(guest, "config", write("config", "theirs")) == "theirs\n"
        assert seen(guest, "state", write("state", "offline")) == "offline\n"
        assert seen(guest, "state", write("state", "online force=1")) == "up\n"


def test_a_change_is_told_on_all_interfaces(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/sda") as client:
        guest.run("kvadd 3 4 eth1 /dev/sda force=1")
        other = "/sys/kvblade/3.4@eth1"
        string = client.config_frame(4, b"both")
        assert seen(guest, "config", lambda: client.ask(string), other) == "both\n"
        guest.run("kvdel 3 4 eth1")


def test_what_changes_by_itself(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/loop0"):

        def run(command):
            return lambda: guest.run(command)

        grow = run("truncate -s 2M /root/image && losetup -c /dev/loop0")
        assert seen(guest, "scnt", grow) == "4096\n"
        for change, state in (
            ("ip link set eth0 down", "down: interface is down"),
            ("ip link set eth0 name away", "down: no such interface"),
            ("ip link set away name eth0", "down: interface is down"),
            ("ip link set eth0 up", "up"),
        ):
            assert seen(guest, "state", run(change)) == f"{state}\n"
