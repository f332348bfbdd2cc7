# SPDX-License-Identifier: GPL-2.0
"""What can be seen of single requests: tracepoints, times, retransmissions."""

import re

import pytest

from aoeframes import IDNF, READ_EXT, WRITE_EXT
from lab import Disk
from testbeds import bed, pattern

FOLDER = "/sys/kvblade/3.4@eth0"
TRACING = "/sys/kernel/tracing"
EVENTS = f"{TRACING}/events/kvblade"
OTHER = "02:00:00:00:00:0b"
LINE = re.compile(
    r"kvblade_(\w+): e3\.4 initiator=(\S+) tag=(\S+) command=(\d+) opcode=(\S+)"
    r" lba=(\d+) sectors=(\d+) value=(\S+) cause=(\S*)"
)


@pytest.fixture(scope="module")
def target():
    with bed("trace", [Disk(1 << 20)]) as target:
        target.guest.run(
            f"mount -t tracefs none {TRACING}; mount -t debugfs none /sys/kernel/debug; true"
        )
        yield target


def traced(guest) -> list[tuple[str, ...]]:
    """The events since the last call."""
    text = guest.run(f"cat {TRACING}/trace; echo >{TRACING}/trace").stdout
    return LINE.findall(text)


def counter(guest, name: str) -> int:
    return int(guest.run(f"cat {FOLDER}/stats/{name}").stdout)


def test_tracepoints_are_off_unless_someone_wants_them(target):
    with target.exported(3, 4, "/dev/sda") as client:
        client.read(0)
        assert traced(target.guest) == []


def test_tracepoints(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/sda") as client:
        own = client.neighbour.mac
        guest.run(f"echo 1 >{EVENTS}/enable; echo >{TRACING}/trace")

        request = client.ata_frame(READ_EXT, 100, 2)
        tag = f"0x{request[20:24].hex()}"
        client.ask(request)
        assert traced(guest) == [
            ("request_begin", own, tag, "0", "0x24", "100", "2", "0x0", ""),
            ("request_end", own, tag, "0", "0x24", "100", "2", "0x4000", ""),
        ]

        assert client.ata(WRITE_EXT, 2048, 1, pattern(0)).registers == IDNF
        assert traced(guest)[-1][4:] == ("0x34", "2048", "1", "0x4110", "")

        client.ask(client.frame(9, b""))
        assert [event[3:] for event in traced(guest)] == [
            ("9", "0x00", "0", "0", "0x0", ""),
            ("9", "0x00", "0", "0", "0x1", ""),
        ]

        guest.run(f"echo 'all but {OTHER}' >{FOLDER}/access/read")
        client.neighbour.send(client.ata_frame(READ_EXT, src=OTHER))
        client.read(5)
        refused = traced(guest)[0]
        assert refused[:2] == ("refuse", OTHER) and refused[-1] == "dropped_access"
        guest.run(f"echo 0 >{EVENTS}/enable")


def test_retransmissions(target):
    guest = target.guest
    with target.exported(3, 4, "/dev/sda") as client:
        guest.run(f"echo 1 >{EVENTS}/enable; echo >{TRACING}/trace")
        first, second = (client.ata_frame(WRITE_EXT, 8, 1, pattern(8, 1, n)) for n in (1, 2))
        client.ask(first)
        assert counter(guest, "retransmits") == 0
        client.ask(first)
        assert counter(guest, "retransmits") == 1
        client.ask(second)
        client.neighbour.send(first)
        assert client.read(8) == pattern(8, 1, 2)
        assert counter(guest, "retransmits") == 2
        told = [(event[0], event[7], event[8]) for event in traced(guest)]
        assert ("retransmit", "0x0", "") in told
        assert ("retransmit", "0x1", "") in told
        assert ("refuse", "0x0", "dropped_copy") in told
        guest.run(f"echo 0 >{EVENTS}/enable")


def test_times(target):
    """One request of sixteen is timed."""
    guest = target.guest
    latency = "/sys/kernel/debug/kvblade/3.4@eth0/latency"
    with target.exported(3, 4, "/dev/sda") as client:
        assert guest.run(f"cat {latency}").stdout.strip() == ""
        for lba in range(160):
            client.read(lba)
            client.read(lba)
            client.write(lba, pattern(lba))
            client.write(lba, pattern(lba))
        rows = [
            list(map(int, line.split())) for line in guest.run(f"cat {latency}").stdout.splitlines()
        ]
        assert all(least & (least - 1) == 0 for least, _, _ in rows), "classes are powers of two"
        assert sum(row[1] + row[2] for row in rows) == 40
        sums, *same = guest.run(f"cat {FOLDER}/stats/latency").stdout.splitlines()
        assert [list(map(int, line.split())) for line in same] == rows
        word, *micros = sums.split()
        assert word == "sum"
        for kind, total in enumerate(map(int, micros), 1):
            least = sum(row[0] * row[kind] for row in rows)
            assert total in range(least, max(2 * least, 1)), "what the classes say of it"
        guest.run(f"echo >{FOLDER}/stats/clear")
        assert guest.run(f"cat {FOLDER}/stats/latency").stdout.split() == ["sum", "0", "0"]
        assert guest.run(f"cat {latency}").stdout.strip() == ""
    assert guest.run("ls /sys/kernel/debug/kvblade").stdout == ""
