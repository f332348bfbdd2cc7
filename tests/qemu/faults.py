# SPDX-License-Identifier: GPL-2.0
"""Faults that the debug kernel makes on demand: our allocations fail, the disk's requests fail.

`make test-debug` runs it. What nobody points to in the end is found when the module is unloaded.
"""

import contextlib
import itertools
import shlex

import pytest

from aoeframes import IDENTIFY, OK, READ_EXT, WRITE_EXT
from lab import Disk, paths
from testbeds import bed, pattern, sectors_of

FAULTS = 1_000_000
# What holds for both kinds of faults; each that is made counts `times` down.
MAKE = """
cd /sys/kernel/debug/{kind} && echo 0 >verbose && echo 1 >interval && echo 0 >space &&
echo {faults} >times && {more} echo {percent} >probability
"""
# Only what the module asks for itself, from wherever it is called. Its functions lie together.
OURS = """
text=$(grep -i ' t .*\\[kvblade_rs\\]$' /proc/kallsyms | cut -d' ' -f1 | sort) &&
echo 0x$(echo "$text" | head -n 1) >require-start &&
echo $(printf '0x%x' $((0x$(echo "$text" | tail -n 1) + 4096))) >require-end &&
echo 32 >stacktrace-depth && echo N >ignore-gfp-wait &&
"""


@pytest.fixture(scope="module")
def target():
    assert paths.is_debug(), "the stock kernel makes no faults: make test-debug"
    with bed("faults", [Disk(1 << 20)]) as target:
        yield target


@contextlib.contextmanager
def faults(guest, kind: str, percent: int, more: str = ""):
    """Makes some percent of what can fail do so, while the context lasts; asserts that some did."""
    how = MAKE.format(kind=kind, faults=FAULTS, percent=percent, more=more)
    guest.run(f"bash -c {shlex.quote(how)}")
    folder = f"/sys/kernel/debug/{kind}"
    try:
        yield
    finally:
        guest.run(f"echo 0 >{folder}/probability")
    made = FAULTS - int(guest.run(f"cat {folder}/times").stdout)
    print(f"{made} faults")
    assert made > 10, "hardly any fault: not a test"


def test_reads_while_no_page_is_to_be_had(target):
    """Nothing was read before, so no pages are at hand either."""
    guest = target.guest
    with target.exported(1, 1, "/dev/sda") as client:
        with faults(guest, "fail_page_alloc", 100, f"{OURS} echo 0 >min-order &&"):
            for lba in range(60):
                assert client.read(lba, 2) == sectors_of(guest.disks[0].path, lba, 2)
        assert int(guest.run("cat /sys/kvblade/1.1@eth0/stats/dropped_memory").stdout) == 0


def test_requests_while_allocations_fail(target):
    guest, told = target.guest, {}
    with target.exported(1, 1, "/dev/sda") as client:
        with faults(guest, "failslab", 20, OURS):
            for n in range(60):
                lba = 2 * (n % 20)
                told[lba] = pattern(lba, 2, n)
                requests = [
                    client.ata_frame(WRITE_EXT, lba, 2, told[lba]),
                    client.ata_frame(READ_EXT, lba, 2),
                    client.ata_frame(IDENTIFY),
                    client.config_frame(),
                ]
                # Answered as if nothing were the matter, or not at all.
                write, read, identify, config = map(client.insist, requests)
                assert write.registers == identify.registers == OK
                assert (read.registers, read.data[:1024]) == (OK, told[lba])
                assert config.error is None
        client.neighbour.drain()
        for lba, data in told.items():
            assert client.read(lba, 2) == data == sectors_of(guest.disks[0].path, lba, 2)
        assert int(guest.run("cat /sys/kvblade/1.1@eth0/stats/dropped_memory").stdout) > 0


EXPORTS = """
for n in $(seq 30); do
    kvadd 1 1 eth0 /dev/sda force=1 || continue
    cd /sys/kvblade/1.1@eth0
    echo "model $n" >model
    echo 02:00:00:00:00:0a >access/read
    echo "string $n" >config
    echo 02:00:00:00:00:0a >mask
    cat * stats/* >/dev/null
    cd /
    until kvdel 1 1 eth0; do :; done
done
"""


# The kernel's own words on a folder that it has no memory for.
@pytest.mark.kernel_log(allow=["kobject_add_internal failed", "kobject: can not set name"])
def test_exports_while_allocations_fail(target):
    guest = target.guest
    with faults(guest, "failslab", 3, OURS):
        said = guest.run(EXPORTS + "true", timeout=300).stdout
    refused = [line for line in said.splitlines() if line.startswith("kvadd: ")]
    print("\n".join(sorted(set(said.splitlines()))))
    # Where there is no memory for a sentence either, there is none.
    reasons = ("out of memory", "refused by the module")
    assert refused and all(line.endswith(reasons) for line in refused)
    assert guest.run("ls /sys/kvblade | grep @ || true").stdout == ""
    # The disk is nobody's, and all is as it should be with the next one.
    guest.run("dmsetup create free --table '0 8 linear /dev/sda 0' && dmsetup remove free")
    with target.exported(1, 1, "/dev/sda") as client:
        client.neighbour.drain()
        client.write(0, pattern(0))
        assert client.read(0) == pattern(0)


def test_requests_that_the_disk_fails(target):
    guest = target.guest
    with target.exported(1, 1, "/dev/sda") as client:
        told = {lba: {client.read(lba, 2)} for lba in range(0, 200, 2)}
        guest.run("echo 1 >/sys/block/sda/make-it-fail")
        failed = 0
        with faults(guest, "fail_make_request", 20):
            for n, lba in itertools.product(range(4), told):
                data = pattern(lba, 2, n)
                if client.ata(WRITE_EXT, lba, 2, data).registers == OK:
                    told[lba] = {data}
                else:
                    # Either is right until the next write.
                    failed += 1
                    told[lba].add(data)
                read = client.ata(READ_EXT, lba, 2)
                assert read.registers != OK or read.data[:1024] in told[lba]
        guest.run("echo 0 >/sys/block/sda/make-it-fail")
        assert failed > 10
        for lba, data in told.items():
            assert client.read(lba, 2) in data
