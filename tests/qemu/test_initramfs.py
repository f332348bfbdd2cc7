# SPDX-License-Identifier: GPL-2.0
"""The hook of client/, which finds the root of a machine without a disk, in a running machine."""

import contextlib
from collections.abc import Iterator

import pytest

from lab import Disk, paths
from pairs import Pair, pair_of

HOOK = paths.SOURCE / "client/initramfs-tools/scripts/local-top/aoe-root"
EXPORT = "kvadd 0 1 eth0 /dev/sda force=1"


@pytest.fixture(scope="module")
def pair():
    with pair_of("initramfs", [Disk(64 << 20)]) as pair:
        pair.target.run("echo '2048,,83' | sfdisk -q /dev/sda; ip link set eth0 mtu 9000")
        pair.initiator.write_file("/run/aoe-root", HOOK.read_text())
        yield pair


@contextlib.contextmanager
def command_line(pair: Pair, words: str) -> Iterator[str]:
    """A command that runs the hook as if the kernel had been started with other words."""
    run = pair.initiator.run
    run("modprobe -r aoe; ip link set eth0 down; ip link set eth0 mtu 1500")
    run(f"echo quiet {words} >/run/cmdline && mount --bind /run/cmdline /proc/cmdline")
    try:
        yield "sh /run/aoe-root"
    finally:
        run("umount /proc/cmdline; modprobe -r aoe")


def said(pair: Pair, words: str) -> str:
    with command_line(pair, words) as hook:
        return pair.initiator.run(hook, timeout=120).stdout


def test_the_disk_is_there_with_the_mtu(pair):
    pair.target.run(EXPORT)
    words = "root=/dev/etherd/e0.1p1 ro aoeroot.if=eth0 aoeroot.mtu=9000"
    with command_line(pair, words) as hook:
        told = pair.initiator.run(hook, timeout=120).stdout
        assert "aoe-root: waits for e0.1p1 on eth0 (MTU 9000" in told
        assert "aoe-root: e0.1p1 is there after " in told.splitlines()[-1]
        assert "e0.1 " in (stat := pair.initiator.run("aoe-stat").stdout)
        assert " eth0 8704 " in stat, "and no other interface"
        pair.initiator.run("dd if=/dev/etherd/e0.1p1 of=/dev/null count=1 iflag=direct")


def test_a_target_that_is_late_is_waited_for(pair):
    with command_line(pair, "root=UUID=1234 aoeroot.disk=e0.1 aoeroot.if=eth0") as hook:
        job = pair.initiator.spawn(hook)
        pair.initiator.run(f"until grep -q 'waits for e0.1 on eth0' {job.base}.out; do :; done")
        pair.target.run(EXPORT)
        assert "aoe-root: e0.1 is there after " in job.wait(120).stdout
        # A device that goes while its partitions are read would stop the driver for minutes.
        pair.initiator.run("blockdev --getsize64 /dev/etherd/e0.1")


def test_one_that_does_not_come_is_given_up_with_what_was_asked(pair):
    told = said(pair, "root=/dev/etherd/e0.1 aoeroot.wait=3").splitlines()
    assert told[0].startswith("aoe-root: waits for e0.1 on eth0 (MTU 1500")
    assert told[-1].startswith("aoe-root: e0.1 has not come within 3 s, on eth0 (MTU 1500) eth1 (")
    assert "kvctl status" in told[-1]


def test_what_is_wrong_with_an_interface_is_said(pair):
    told = said(pair, "root=/dev/etherd/e0.1 aoeroot.wait=1 aoeroot.if=eth7")
    assert "on eth7 (missing)" in told
    told = said(pair, "root=/dev/etherd/e0.1 aoeroot.wait=1 aoeroot.if=eth0 aoeroot.mtu=99999")
    assert "aoe-root: eth0 cannot have the MTU that aoeroot.mtu=99999 asks for" in told
    pair.initiator.run("ip link add one type veth peer name other")
    told = said(pair, "root=/dev/etherd/e0.1 aoeroot.wait=1 aoeroot.if=one")
    assert "on one (MTU 1500, no carrier)" in told
    pair.initiator.run("ip link del one")


def test_of_another_root_nothing_is_done(pair):
    with command_line(pair, "root=/dev/sda1 aoeroot.mtu=9000") as hook:
        assert pair.initiator.run(hook).stdout == ""
        assert pair.initiator.run("ls /sys/module/aoe", check=False).status != 0
