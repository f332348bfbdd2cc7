# SPDX-License-Identifier: GPL-2.0
"""What the tests of kvctl share: configurations, and what comes of them."""

import contextlib
import shlex
from collections.abc import Iterator

from aoeframes import Client
from lab import Guest
from testbeds import Bed

CONFIG = "/etc/kvblade.conf"
FOLDER = "/sys/kvblade/3.4@eth0"
KNOWN, OTHER = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def export(*lines: str, name: str = "disk", **keys: str) -> str:
    """A table of an export on eth0 that is not asked for on the segment first.

    A key of `keys` replaces the usual value; without a value it is left out.
    """
    usual = {"shelf": "3", "slot": "4", "device": '"/dev/sda"', "interfaces": '["eth0"]'}
    table = {**usual, "force": "true", **keys}
    values = [f"{key} = {value}" for key, value in table.items() if value]
    return "\n".join([f"[export.{name}]", *values, *lines, ""])


def apply(guest: Guest, text: str, words: str = "") -> str:
    """Makes this the configuration, applies it, and returns what was said."""
    guest.write_file(CONFIG, text)
    return guest.run(f"kvctl apply {words} 2>&1").stdout


def refused(guest: Guest, text: str, words: str = "apply") -> str:
    """What is said of a configuration with which something is wrong."""
    guest.write_file(CONFIG, text)
    result = guest.run(f"kvctl {words} 2>&1", check=False)
    assert result.status == 1, f"status {result.status}: {result.stdout}"
    return result.stdout


def value(guest: Guest, name: str, folder: str = FOLDER) -> str:
    """The text of a file of an export."""
    return guest.run(f"cat {shlex.quote(f'{folder}/{name}')}").stdout.rstrip("\n")


def ports(guest: Guest) -> list[str]:
    """The exports that there are."""
    return sorted(guest.run("cd /sys/kvblade; ls -d *@* 2>/dev/null || true").stdout.split())


def clean(guest: Guest) -> None:
    """Removes all that kvctl has made and keeps."""
    guest.run(f"kvctl stop; rm -rf {CONFIG} {CONFIG}.d /var/lib/kvblade /etc/ethers")


@contextlib.contextmanager
def configured(bed: Bed, text: str) -> Iterator[Client]:
    """An export by a configuration while the context lasts, and a client of it."""
    client = bed.client(3, 4)
    client.neighbour.drain()
    apply(bed.guest, text)
    try:
        yield client
    finally:
        bed.guest.run("kvctl stop")
