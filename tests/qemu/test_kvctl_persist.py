# SPDX-License-Identifier: GPL-2.0
"""kvctl persist: what clients set outlives a restart of the target, if the file says so."""

import time

import pytest

from aoeframes import READ_EXT
from configs import KNOWN, OTHER, apply, clean, export, refused
from lab import Disk
from listframes import ADD, EDIT, SET, mask_frame, reserve_frame
from testbeds import bed

KEPT = "/var/lib/kvblade/exports/disk.toml"
UNAVAILABLE = 3
ALL = "persist = ['config-string', 'mask', 'reserve']"


@pytest.fixture(scope="module")
def target():
    with bed("kvctl-persist", [Disk(1 << 20)], programs=["kvctl"]) as target:
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)


@pytest.fixture
def keeping(guest):
    job = guest.spawn("kvctl persist")
    yield job
    assert job.poll() is None, f"it has ended: {job.poll()}"
    job.kill("TERM")


def wait_for(guest, text: str) -> None:
    """Waits until this is kept."""
    deadline = time.monotonic() + 20
    while text not in guest.run(f"cat {KEPT} 2>/dev/null || true").stdout:
        assert time.monotonic() < deadline, guest.run(f"cat {KEPT}", check=False).stdout
        time.sleep(0.1)


def restart(guest) -> None:
    """All but the disk is lost, as when the machine starts again."""
    guest.run("kvctl stop; rm -rf /run/kvblade; modprobe -r kvblade_rs; modprobe kvblade_rs")


def test_what_clients_set_is_there_again(target, guest, keeping):
    apply(guest, export(ALL, "config-string = 'mine'"))
    client = target.client(3, 4)
    client.ask(client.config_frame(4, b"\0theirs"))
    wait_for(guest, "theirs")
    mac = client.neighbour.mac
    client.ask(reserve_frame(client, SET, mac, KNOWN))
    wait_for(guest, KNOWN)
    client.ask(mask_frame(client, EDIT, (ADD, mac), (ADD, OTHER)))
    wait_for(guest, OTHER)
    restart(guest)
    guest.run("kvctl apply")
    assert client.config_query().config == b"\0theirs"
    assert client.ask(client.ata_frame(READ_EXT, src=OTHER)).error is not None, "reserved"
    client.neighbour.drain()
    client.neighbour.send(client.ata_frame(READ_EXT, src=KNOWN))
    assert (
        client.receive(lambda frame: frame[:6] == bytes.fromhex(KNOWN.replace(":", "")), 1) is None
    )
    # And what is set then is kept as well.
    client.ask(client.config_frame(4, b"later"))
    wait_for(guest, "later")


def test_a_string_of_which_nothing_is_printable_is_there_again(target, guest, keeping):
    apply(guest, export(ALL))
    client = target.client(3, 4)
    for string in (bytes(range(128, 256)) * 8, bytes(range(255, 127, -1)) * 8):
        client.ask(client.config_frame(4, string))
        # As TOML writes it.
        wait_for(guest, rf"\x{string[0]:02x}\x{string[1]:02x}")
        wait_for(guest, rf"\x{string[-1]:02x}'")
    assert "config-string = '" in guest.run("kvctl export").stdout
    # The export is made anew, and then the machine starts again.
    apply(guest, export(ALL, "read-only = true"))
    assert client.config_query().config == string
    restart(guest)
    guest.run("kvctl apply")
    assert client.config_query().config == string


def test_what_is_kept_and_of_no_use_keeps_no_export_away(target, guest):
    """As it was kept before, cut where the page ended; and a reservation that is not one."""
    apply(guest, export(ALL, "config-string = 'mine'"))
    guest.run("kvctl stop")
    client = target.client(3, 4)
    cut = (r"\x80" * 1024)[:4095]
    guest.write_file(KEPT, f"[config-string]\nvalue = '{cut}'\nconfigured = 'mine'\n")
    said = refused(guest, export(ALL, "config-string = 'mine'"))
    assert "disk: config-string: what was kept is of no use (longer than 1024 bytes" in said
    assert client.config_query().config == b"mine"
    assert client.read(0)
    guest.run("kvctl stop")
    guest.write_file(KEPT, "[reserve]\nvalue = '02:00'\nconfigured = ''\n")
    said = refused(guest, export(ALL))
    assert "disk: reserve: what was kept is of no use (02:00: not the address of a card)" in said
    assert client.ask(client.ata_frame(READ_EXT)).error == UNAVAILABLE
    guest.run("kvctl apply && kvctl online disk")
    assert client.read(0)
    guest.run(f"kvctl stop; echo nonsense >{KEPT}")
    said = refused(guest, export(ALL))
    assert f"reserve: what was kept is of no use ({KEPT}: damaged" in said
    assert client.ask(client.ata_frame(READ_EXT)).error == UNAVAILABLE


def test_what_is_not_to_be_kept_is_not(target, guest, keeping):
    apply(guest, export("persist = ['mask']", "config-string = 'mine'"))
    client = target.client(3, 4)
    client.ask(client.config_frame(4, b"theirs"))
    client.ask(mask_frame(client, EDIT, (ADD, client.neighbour.mac)))
    wait_for(guest, client.neighbour.mac)
    restart(guest)
    guest.run("kvctl apply")
    assert client.config_query().config == b"mine"
    assert "theirs" not in guest.run(f"cat {KEPT}").stdout


def test_the_administrators_word_is_the_last(target, guest, keeping):
    apply(guest, export(ALL, "config-string = 'mine'"))
    client = target.client(3, 4)
    client.ask(client.config_frame(4, b"theirs"))
    wait_for(guest, "theirs")
    restart(guest)
    apply(guest, export(ALL, "config-string = 'new'"))
    assert client.config_query().config == b"new"


def test_the_last_change_before_a_stop_is_kept(target, guest):
    apply(guest, export(ALL))
    client = target.client(3, 4)
    client.ask(client.config_frame(4, b"at the end"))
    restart(guest)
    guest.run("kvctl apply")
    assert client.config_query().config == b"at the end"


def test_an_export_made_anew_keeps_all(target, guest, keeping):
    apply(guest, export(ALL))
    client = target.client(3, 4)
    for turn in range(5):
        string = f"turn {turn}".encode()
        client.ask(client.config_frame(4, string))
        apply(guest, export(ALL, f"read-only = {str(turn % 2 == 0).lower()}"))
        assert client.config_query().config == string
        wait_for(guest, f"turn {turn}")


def test_a_file_that_cannot_be_written_is_told_and_ends_nothing(target, guest, keeping):
    apply(guest, export(ALL))
    guest.run("rm -rf /var/lib/kvblade && touch /var/lib/kvblade")
    client = target.client(3, 4)
    client.ask(client.config_frame(4, b"lost"))
    time.sleep(1)
    guest.run("rm /var/lib/kvblade")
    client.ask(client.config_frame(4, b"kept"))
    wait_for(guest, "kept")
