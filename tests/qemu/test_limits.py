# SPDX-License-Identifier: GPL-2.0
"""What a file of sysfs can show and take: a page less one byte, and nothing is ever cut."""

import base64
import random

import pytest

from lab import Disk
from testbeds import bed

SHELF, SLOT = 6, 3
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
FORCE = 4
LONGEST, PAGE = 4095, 4096
TOO_LONG = f"nothing was done: a write can have {LONGEST} bytes at most"
UNPRINTABLE = bytes(range(128, 256)) * 8


@pytest.fixture(scope="module")
def target():
    with bed("limits", [Disk(1 << 20)]) as target:
        target.guest.run("mkdir /run/limits")
        yield target


@pytest.fixture
def client(target):
    with target.exported(SHELF, SLOT, "/dev/sda") as client:
        client.neighbour.drain()
        yield client


@pytest.fixture
def guest(target):
    return target.guest


def escaped(string: bytes) -> str:
    """As the file shows it: written anew from its documentation."""
    short = {b"\n"[0]: r"\n", b"\r"[0]: r"\r", b"\t"[0]: r"\t"}
    quoted = {byte: "\\" + chr(byte) for byte in b"\\\"'"}
    plain = {byte: chr(byte) for byte in range(0x20, 0x7F)}
    names = {byte: rf"\x{byte:02x}" for byte in range(256)} | plain | short | quoted
    return "".join(names[byte] for byte in string)


def raw(guest) -> bytes:
    return base64.b64decode(guest.run(f"base64 -w0 {FOLDER}/config_raw").stdout)


def write(guest, file: str, data: bytes, with_: str = "cat") -> tuple[int, str]:
    """Writes all of it to a file at once; returns the status, and why it was refused."""
    guest.write_file("/run/limits/data", data)
    how = {
        "cat": f"cat /run/limits/data >{file}",
        "dd": f"dd if=/run/limits/data of={file} bs=64k conv=notrunc status=none",
        "printf": f"printf '%s' \"$(cat /run/limits/data)\" >{file}",
        "one write": f'perl -e \'local $/; open I, "/run/limits/data"; $_ = <I>;'
        f' open O, ">", "{file}" or die; exit !(syswrite(O, $_) == length)\'',
    }[with_]
    result = guest.run(f"{{ {how}; }} 2>/dev/null; echo $?; cat /sys/kvblade/error")
    status, _, sentence = result.stdout.partition("\n")
    return int(status), "" if status == "0" else sentence


# What is shown.


@pytest.mark.parametrize(
    ("string", "fits"),
    [
        (UNPRINTABLE, False),
        (bytes(1024), False),
        # 4094 characters and a newline are all that there is room for.
        (b"\n" + UNPRINTABLE[1:], True),
        (b"a" + UNPRINTABLE[1:], True),
        (b"\\" + UNPRINTABLE[1:], True),
        (UNPRINTABLE[1:], True),
        (bytes(range(256)) * 4, True),
        (b"", True),
    ],
    ids=["unprintable", "zeroes", "newline", "letter", "quoted", "shorter", "all", "none"],
)
def test_a_config_string_of_any_bytes_is_shown_whole_or_not_at_all(guest, client, string, fits):
    assert client.ask(client.config_frame(FORCE, string)).config == string
    assert raw(guest) == string
    shown = guest.run(f"cat {FOLDER}/config", check=False)
    if fits:
        assert (shown.status, shown.stdout) == (0, escaped(string) + "\n")
    else:
        assert shown.status == 1 and "Value too large" in shown.stdout


def test_all_files_can_be_read_whatever_clients_do(guest, client):
    """By anyone, and the kernel has nothing to say of it."""
    client.ask(client.config_frame(FORCE, UNPRINTABLE))
    for number in range(200):
        mac = f"02:00:00:00:{number:02x}:{number:02x}"
        client.neighbour.send(client.config_frame(src=mac))
    client.read(0)
    many = " ".join(f"02:00:00:00:01:{number:02x}" for number in range(128))
    guest.run(
        f"cd {FOLDER}; for file in mask reserve; do echo {many} >$file; done;"
        f" for file in access/*; do echo all but {many} >$file; done"
    )
    unread = guest.run(
        f"cd {FOLDER}; for file in $(find . -type f -perm /444); do cat $file >/run/limits/shown"
        " 2>/dev/null || echo $file; [ $(wc -c </run/limits/shown) -lt 4096 ] || echo long: $file;"
        " done"
    )
    assert unread.stdout == "./config\n"
    assert guest.run(f"wc -l <{FOLDER}/mask").stdout == "128\n"
    guest.run(f"cd {FOLDER}; for file in mask reserve; do echo >$file; done")


# What is written.


def test_config_raw_takes_any_bytes(guest, client):
    for length in (1024, 1, 700):
        string = random.randbytes(length)
        assert write(guest, f"{FOLDER}/config_raw", string) == (0, "")
        assert client.config_query().config == string
        assert raw(guest) == string


def test_config_raw_takes_no_part(guest, client):
    before = random.randbytes(1000)
    assert write(guest, f"{FOLDER}/config_raw", before) == (0, "")
    for data, why in [
        (bytes(1025), "config_raw: longer than 1024 bytes"),
        (bytes(LONGEST), "config_raw: longer than 1024 bytes"),
        (bytes(PAGE), TOO_LONG),
        (bytes(3 * PAGE), TOO_LONG),
    ]:
        assert write(guest, f"{FOLDER}/config_raw", data) == (1, f"{why}\n")
    at_offset = guest.run(
        f"printf x | dd of={FOLDER}/config_raw bs=1 seek=10 conv=notrunc 2>/dev/null;"
        " cat /sys/kvblade/error"
    )
    assert "config_raw: the string must come in one write" in at_offset.stdout
    assert client.config_query().config == before


@pytest.mark.parametrize("writer", ["cat", "dd", "printf", "one write"])
@pytest.mark.parametrize("length", [PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 100])
def test_a_write_of_a_page_is_refused_whole(guest, client, writer, length):
    mac = b"02:00:00:00:07:07"
    guest.run(f"echo {mac.decode()} >{FOLDER}/mask; echo before >{FOLDER}/config")
    lines = {
        "config": b"\\x80" * 1024 + b"\n",
        "mask": b"02:00:00:00:08:08 ",
        "reserve": b"02:00:00:00:08:08 ",
        "state": b"offline ",
        "model": b"M ",
        "bufcnt": b"9 ",
        "access/read": b"none ",
        "stats/clear": b"1 ",
    }
    for name, text in lines.items():
        data = (text * PAGE)[:length] if name != "config" else text.ljust(length, b"\n")[:length]
        status, why = write(guest, f"{FOLDER}/{name}", data, writer)
        assert status != 0 and why == f"{TOO_LONG}\n", name
    shown = guest.run(f"cd {FOLDER}; cat config mask reserve state model access/read").stdout
    assert shown.splitlines() == ["before", mac.decode(), "up", "kvblade_rs", "all"]
    guest.run(f"echo >{FOLDER}/mask")


@pytest.mark.parametrize("spare", range(2, 40, 7))
def test_a_long_line_of_add_is_executed_whole_or_not_at_all(guest, spare):
    """Wherever the page ends in it."""
    begin = f"{SHELF} {SLOT} eth0 /dev/sda force=1 config="
    end = " mask=02:00:00:00:00:01 reserve=02:00:00:00:00:01\n"
    fill = PAGE - len(begin) - spare
    line = (begin + ("x" * fill) + end).encode()
    assert len(line) > PAGE
    assert write(guest, "/sys/kvblade/add", line) == (1, f"{TOO_LONG}\n")
    assert guest.run("ls /sys/kvblade").stdout.split() == ["add", "announce", "del", "error"]


def test_the_longest_write(guest, client):
    many = b" ".join(b"02:00:00:00:01:%02x" % number for number in range(128))
    assert write(guest, f"{FOLDER}/reserve", many.ljust(LONGEST)) == (0, "")
    assert guest.run(f"wc -l <{FOLDER}/reserve").stdout == "128\n"
    assert write(guest, f"{FOLDER}/reserve", b" " * LONGEST) == (0, "")
    assert write(guest, f"{FOLDER}/config", b"\\x80" * 1023 + b"\n") == (0, "")
    assert raw(guest) == b"\x80" * 1023


# Why a write was refused.


@pytest.mark.parametrize("letter", ["x", "ä", "€", "\U0001f600"], ids=[1, 2, 3, 4])
@pytest.mark.parametrize("more", range(4))
def test_a_sentence_of_more_than_a_page_is_cut(guest, letter, more):
    """It still names what was written, and the cause."""
    begin = f"0 {'0' * more}1 eth0 /dev/sda "
    room = LONGEST - len(begin)
    line = begin.encode() + letter.encode() * (room // len(letter.encode()))
    status, why = write(guest, "/sys/kvblade/add", line)
    assert status == 1
    assert why.count("\n") == 1 and why.endswith(": not an option of the form key=value\n")
    assert why.startswith(letter * 100) and " ... " in why
    assert LONGEST - 10 < len(why.encode()) <= LONGEST


def test_a_sentence_is_one_line(guest, client):
    status, why = write(guest, f"{FOLDER}/state", b"off\nline\x1b[2J")
    assert (status, why) == (1, "state off?line?[2J: not offline, online or online force=1\n")
