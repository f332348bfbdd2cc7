# SPDX-License-Identifier: GPL-2.0
"""kvadd, kvdel and kvstat: what they print, and their exit status."""

import contextlib
import re

import pytest

from lab import Disk, paths
from testbeds import bed

MB = 10**6
# Those of `add`, in the order of the table of settings.
KEYS = re.findall(r'\badd: "(\w+)"', (paths.SOURCE / "wire/settings.rs").read_text())
LAYOUT = """label: gpt
start=2048, size=262144
start=264192, size=262144
"""


@pytest.fixture(scope="module")
def guest():
    with bed("scripts", [Disk(320 * MB), Disk(64 * MB), Disk(64 * MB)], nics=2) as target:
        target.guest.run(f"sfdisk -q /dev/sda <<'EOF'\n{LAYOUT}EOF")
        target.guest.run("mkfs.ext4 -q /dev/sda1; mkswap /dev/sda2; mkdir -p /mnt /root/links")
        yield target.guest


def refused(guest, command: str, status: int = 1) -> str:
    """The sentence of a command that must fail, which is all that it prints."""
    result = guest.run(f"{command} 2>/run/sentence", check=False)
    sentence = guest.run("cat /run/sentence").stdout
    assert result.status == status, f"status {result.status}: {sentence}"
    assert result.stdout == "", "a failure prints nothing on standard output"
    assert sentence.count("\n") == 1 and sentence.endswith("\n"), f"not one line: {sentence!r}"
    return sentence.rstrip("\n")


def quiet(guest, command: str) -> None:
    assert guest.run(command).stdout == ""


def listing(guest) -> list[list[str]]:
    """The rows of kvstat, without its header."""
    lines = guest.run("kvstat").stdout.splitlines()
    assert lines[0].split() == ["ADDRESS", "INTERFACE", "SIZE", "PATH", "STATE"]
    return [line.split(maxsplit=4) for line in lines[1:]]


def slug(value: str) -> str:
    """A test's name must do for the kernel log."""
    return re.sub(r"\W+", "-", value)[:50]


@contextlib.contextmanager
def during(guest, begin: str, end: str):
    guest.run(begin)
    try:
        yield
    finally:
        guest.run(end)


@contextlib.contextmanager
def exported(guest, operands: str):
    address = " ".join(operands.split()[:3])
    with during(guest, f"kvadd {operands}", f"kvdel {address}"):
        yield


@pytest.mark.parametrize("script", ["kvadd", "kvdel", "kvstat"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(guest, script, option):
    text = guest.run(f"{script} {option} 2>/dev/null").stdout
    assert text.startswith(f"Usage: {script}")
    assert "Example:" in text and "Exit status:" in text


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("kvadd", "kvadd: four operands are needed: SHELF SLOT IFNAME PATH; see kvadd --help"),
        (
            "kvadd 0 1 eth0",
            "kvadd: four operands are needed: SHELF SLOT IFNAME PATH; see kvadd --help",
        ),
        ("kvadd 0 1 eth0 /dev/sdb ro", "kvadd: option ro: not KEY=VALUE; see kvadd --help"),
        ("kvadd 0 1 eth0 /dev/sdb =1", "kvadd: option =1: not KEY=VALUE; see kvadd --help"),
        ("kvdel 0 1", "kvdel: three operands are needed: SHELF SLOT IFNAME; see kvdel --help"),
        (
            "kvdel 0 1 eth0 x",
            "kvdel: three operands are needed: SHELF SLOT IFNAME; see kvdel --help",
        ),
        ("kvstat e0.1", "kvstat: no operands are taken; see kvstat --help"),
    ],
)
def test_wrong_usage(guest, command, sentence):
    assert refused(guest, command, status=2) == sentence


@pytest.mark.parametrize(
    ("operands", "sentence"),
    [
        ("x 1 eth0 /dev/sdb", "shelf x: not a number from 0 to 65534"),
        ("-1 1 eth0 /dev/sdb", "shelf -1: not a number from 0 to 65534"),
        ("'' 1 eth0 /dev/sdb", "shelf : not a number from 0 to 65534"),
        ("65535 1 eth0 /dev/sdb", "shelf 65535: out of range, 0 to 65534 are allowed"),
        ("4095 1 eth0 /dev/sdb", "shelf 4095: Linux clients refuse this number"),
        ("0 1.5 eth0 /dev/sdb", "slot 1.5: not a number from 0 to 254"),
        ("0 255 eth0 /dev/sdb", "slot 255: out of range, 0 to 254 are allowed"),
        (
            f"0 {10**30} eth0 /dev/sdb",
            f"slot {10**30}: out of range, 0 to 254 are allowed",
        ),
        ("0 1 nope0 /dev/sdb", "nope0: no such interface"),
        ("0 1 '' /dev/sdb", "interface : not an interface name"),
        ("0 1 ../eth0 /dev/sdb", "interface ../eth0: not an interface name"),
        ("0 1 'eth0 x' /dev/sdb", "interface eth0 x: not an interface name"),
        ("0 1 eth0 /dev/nope", "/dev/nope: no such file or directory"),
        ("0 1 eth0 ''", "path: is empty"),
        (
            "0 1 eth0 /etc/passwd",
            "/etc/passwd: a file, not a block device: losetup makes one of it, kvctl exports it as"
            " file=",
        ),
        ("0 1 eth0 /dev", "/dev: not a block device"),
        ("0 1 eth0 /dev/null", "/dev/null: not a block device"),
        ("0 1 eth0 links/../nope", "/root/links/../nope: no such file or directory"),
        (
            "0 1 eth0 '/dev/a b'",
            "/dev/a b: a path with blanks cannot be handed to the module, use a symlink",
        ),
        (
            "0 1 eth0 '/dev/a\nb'",
            "/dev/a?b: a path with blanks cannot be handed to the module, use a symlink",
        ),
        # These the module says, and the script repeats.
        (
            "0 1 eth0 /dev/sdb colour=red",
            f"colour: no such option (there are {', '.join(KEYS[:-1])} and {KEYS[-1]})",
        ),
        ("0 1 eth0 /dev/sdb ro=yes", "ro=yes: the value must be 0 or 1"),
        (f"0 1 eth0 /dev/sdb model={'x' * 41}", f"model {'x' * 41}: more than 40 characters"),
        ("0 1 eth0 /dev/sdb bufcnt=1", "bufcnt 1: not a number from 2 to 512"),
        ("0 1 eth0 /dev/sdb sn=ä", "sn ä: not printable ASCII"),
        (
            "0 1 eth0 /dev/sdb wwn=1234",
            "wwn 1234: not 16 hexadecimal digits that begin with a 5",
        ),
        (
            "0 1 eth0 /dev/sdb mask=02:00:00:00:00:01,03:00:00:00:00:01",
            "mask 03:00:00:00:00:01: not the address of a card",
        ),
        (
            r"0 1 eth0 /dev/sdb 'config=\q'",
            "config: longer than 1024 bytes, or with an escape that is none of"
            r""" \xNN, \n, \r, \t, \\, \' and \"""",
        ),
    ],
    ids=slug,
)
def test_kvadd_refuses(guest, operands, sentence):
    assert refused(guest, f"kvadd {operands}") == f"kvadd: {sentence}"
    assert listing(guest) == []


def test_kvadd_refuses_interfaces_that_cannot_serve(guest):
    with during(guest, "ip link set eth0 mtu 1000", "ip link set eth0 mtu 1500"):
        assert refused(guest, "kvadd 0 1 eth0 /dev/sdb") == (
            "kvadd: interface eth0: MTU 1000 is too small, AoE needs 1060"
        )
    guest.run("modprobe tun")
    with during(guest, "ip tuntap add mode tun tun0", "ip tuntap del mode tun tun0"):
        assert "tun0: not an Ethernet interface" in refused(guest, "kvadd 0 1 tun0 /dev/sdb")


def test_dangling_symlink(guest):
    with during(guest, "ln -s /dev/gone links/gone", "rm links/gone"):
        assert refused(guest, "kvadd 0 1 eth0 links/gone") == (
            "kvadd: /root/links/gone: a symlink to nothing"
        )


def test_not_root(guest):
    nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"
    assert refused(guest, f"{nobody} kvadd 0 1 eth0 /dev/sdb") == (
        "kvadd: not root: only root can export a device"
    )
    assert refused(guest, f"{nobody} kvdel 0 1 eth0") == (
        "kvdel: not root: only root can end an export"
    )
    with exported(guest, "0 1 eth0 /dev/sdb"):
        assert "e0.1" in guest.run(f"{nobody} kvstat").stdout, "anyone may look"
        assert guest.run(f"{nobody} sh -c 'echo 0 1 eth0 >/sys/kvblade/del'", check=False).status
        assert len(listing(guest)) == 1


def test_module_not_loaded(guest):
    with during(guest, "modprobe -r kvblade_rs", "modprobe kvblade_rs"):
        for command in ("kvadd 0 1 eth0 /dev/sdb", "kvdel 0 1 eth0", "kvstat"):
            name = command.split()[0]
            assert refused(guest, command) == (
                f"{name}: the module is not loaded: modprobe kvblade_rs"
            )


def test_mounted(guest):
    with during(guest, "mount /dev/sda1 /mnt", "umount /mnt"):
        assert refused(guest, "kvadd 0 1 eth0 /dev/sda1") == (
            "kvadd: /dev/sda1: busy, mounted on /mnt"
        )
        assert refused(guest, "kvadd 0 1 eth0 /dev/sda") == (
            "kvadd: /dev/sda: busy, its partition sda1 is mounted on /mnt"
        )
        # The partition beside it is free.
        with exported(guest, "0 1 eth0 /dev/sda2"):
            pass
    assert refused(guest, "kvadd 0 1 eth0 /dev/vda") == "kvadd: /dev/vda: busy, mounted on /"


def test_mounted_where_the_script_cannot_look(guest):
    """The module decides: the mount is in another mount namespace."""
    job = guest.spawn("unshare -m sh -c 'mount /dev/sda1 /mnt && touch /run/mounted && sleep 100'")
    guest.run("until [ -e /run/mounted ]; do sleep 0.1; done; rm /run/mounted")
    try:
        sentence = refused(guest, "kvadd 0 1 eth0 /dev/sda1")
        assert sentence.startswith("kvadd: /dev/sda1: ") and "busy" in sentence
        assert listing(guest) == []
    finally:
        job.kill()
        guest.run("until kvadd 0 1 eth0 /dev/sda1 2>/dev/null; do sleep 0.1; done; kvdel 0 1 eth0")


def test_swap(guest):
    with during(guest, "swapon /dev/sda2", "swapoff /dev/sda2"):
        assert refused(guest, "kvadd 0 1 eth0 /dev/sda2") == (
            "kvadd: /dev/sda2: busy, used as swap"
        )


def test_used_by_device_mapper(guest):
    with during(
        guest, "dmsetup create lab --table '0 1000 linear /dev/sdb 0'", "dmsetup remove lab"
    ):
        assert refused(guest, "kvadd 0 1 eth0 /dev/sdb") == (
            "kvadd: /dev/sdb: busy, used by dm-0 (lab)"
        )
        assert guest.run("kvadd --used-by /dev/sdb").stdout == "used by dm-0 (lab)\n"
    assert guest.run("kvadd --used-by /dev/sdb").stdout == ""
    assert refused(guest, "kvadd --used-by /dev/none").startswith("kvadd: /dev/none: no such")


def test_exported_already(guest):
    with exported(guest, "7 1 eth0 /dev/sda"):
        assert refused(guest, "kvadd 7 2 eth0 /dev/sda") == (
            "kvadd: /dev/sda: busy, already exported as 7.1 on eth0"
        )
        assert refused(guest, "kvadd 7 2 eth0 /dev/sda1") == (
            "kvadd: /dev/sda1: busy, its whole disk sda is already exported as 7.1 on eth0"
        )
        assert guest.run("mkswap /dev/sda2", check=False).status != 0, "others must keep off"
    with exported(guest, "7 1 eth0 /dev/sda2"):
        assert refused(guest, "kvadd 7 2 eth0 /dev/sda") == (
            "kvadd: /dev/sda: busy, its partition sda2 is already exported as 7.1 on eth0"
        )


def test_address_in_use(guest):
    with exported(guest, "0 1 eth0 /dev/sdb"):
        assert refused(guest, "kvadd 0 1 eth0 /dev/sdc") == (
            "kvadd: address 0.1: already in use on eth0"
        )
        assert refused(guest, "kvadd 0 1 eth1 /dev/sdc") == (
            "kvadd: address 0.1: in use for another device on eth0"
        )
        # The same device on a second interface is a second path to it.
        with exported(guest, "0 1 eth1 /dev/sdb"):
            assert [row[:2] for row in listing(guest)] == [["e0.1", "eth0"], ["e0.1", "eth1"]]


def test_shared_is_the_administrators_word(guest):
    with (
        during(guest, "mount /dev/sda1 /mnt", "umount /mnt"),
        exported(guest, "0 1 eth0 /dev/sda1 shared=1 ro=1"),
    ):
        assert len(listing(guest)) == 1


def test_kvdel_of_something_not_exported(guest):
    with exported(guest, "0 1 eth0 /dev/sdb"):
        assert refused(guest, "kvdel 0 2 eth0") == "kvdel: 0.2 on eth0: not exported"
        assert refused(guest, "kvdel 0 1 eth1") == "kvdel: 0.1 on eth1: not exported"
        assert refused(guest, "kvdel 1x 1 eth0") == (
            "kvdel: shelf 1x: not a number from 0 to 65534"
        )
        assert len(listing(guest)) == 1


@pytest.mark.parametrize(
    ("folder", "operand", "stored"),
    [
        ("/dev", "sdb", "/dev/sdb"),
        ("/dev", "./sdb", "/dev/sdb"),
        ("/", "dev/sdb", "/dev/sdb"),
        ("/root", "links/disk", "/root/links/disk"),
        ("/", "/root/links/disk", "/root/links/disk"),
        ("/root/links", "../links/disk", "/root/links/../links/disk"),
    ],
)
def test_relative_paths_and_symlinks(guest, folder, operand, stored):
    guest.run("ln -sf /dev/sdb links/disk")
    quiet(guest, f"cd {folder} && kvadd 0 1 eth0 {operand}")
    name, number = guest.run("cat /sys/kvblade/0.1@eth0/b[pd]*").stdout.split()[::-1]
    assert (name, number) == (stored, "8:16")
    assert listing(guest)[0][3] == stored
    quiet(guest, "kvdel 0 1 eth0")


def test_kvstat(guest):
    assert listing(guest) == []
    # Not in the order of their addresses, and with leading zeroes.
    quiet(
        guest, "kvadd 10 2 eth0 /dev/sdb && kvadd 2 010 eth1 /dev/sdc && kvadd 2 9 eth0 /dev/sda2"
    )
    lines = guest.run("kvstat").stdout.splitlines()
    assert lines == [
        "ADDRESS  INTERFACE     SIZE  PATH       STATE",
        "e2.9     eth0       0.134GB  /dev/sda2  up",
        "e2.10    eth1       0.064GB  /dev/sdc   up",
        "e10.2    eth0       0.064GB  /dev/sdb   up",
    ]
    quiet(guest, "kvdel 10 2 eth0 && kvdel 2 10 eth1 && kvdel 02 9 eth0")
    assert listing(guest) == []


def test_one_line_in_the_log_per_export_and_removal(guest):
    mark = guest.mark()
    guest.run("kvadd 0 3 eth0 /dev/sdb && kvdel 0 3 eth0")
    lines = [line for line in guest.kernel_log(mark).splitlines() if "kvblade_rs" in line]
    assert len(lines) == 2
    assert all("0.3@eth0" in line for line in lines)
    assert "/dev/sdb" in lines[0] and str(64 * MB // 512) in lines[0]
