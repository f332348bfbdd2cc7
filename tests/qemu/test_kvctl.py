# SPDX-License-Identifier: GPL-2.0
"""kvctl: what it makes of a configuration, what it leaves alone, and what it shows."""

import json
import re

import pytest

from aoeframes import BROADCAST, READ_EXT, Identity
from configs import CONFIG, FOLDER, KNOWN, apply, clean, export, ports, refused, value
from lab import Disk
from testbeds import SECTOR, Flood, bed, pattern

SECTORS = 2048


@pytest.fixture(scope="module")
def target():
    disks = [Disk(SECTORS * SECTOR) for _ in range(3)]
    with bed("kvctl", disks, nics=2, programs=["kvctl"]) as target:
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)


def other(*lines: str, **keys: str) -> str:
    """A second export."""
    return export(*lines, name="other", **{"slot": "5", "device": '"/dev/sdb"', **keys})


def test_an_export_comes_stays_and_goes(target, guest):
    guest.write_file(CONFIG, export())
    assert guest.run("kvctl check").stdout == "1 exports, no errors\n"
    assert guest.run("kvctl apply --dry-run").stdout == "disk: add 3.4 on eth0: /dev/sda\n"
    assert ports(guest) == []
    apply(guest, export())
    assert ports(guest) == ["3.4@eth0"]
    assert Identity(target.client(3, 4).identify()).capacity == SECTORS
    assert apply(guest, export()) == "", "nothing is left to be done"
    assert apply(guest, "[export]") == "disk: remove 3.4 from eth0\n"
    assert ports(guest) == []


def test_the_files_of_the_folder_count_too(guest):
    guest.run(f"mkdir {CONFIG}.d")
    guest.write_file(f"{CONFIG}.d/b.conf", other())
    guest.write_file(f"{CONFIG}.d/not", "nonsense")
    apply(guest, export())
    assert ports(guest) == ["3.4@eth0", "3.5@eth0"]
    guest.write_file("/run/alone.conf", export())
    guest.run("kvctl apply --file /run/alone.conf")
    assert ports(guest) == ["3.4@eth0"]


def test_the_administrators_files_are_not_written(guest):
    apply(guest, export())
    before = guest.run(f"sha256sum {CONFIG}; stat -c %Y.%i {CONFIG}").stdout
    guest.run("kvctl apply; kvctl stop; kvctl apply")
    assert guest.run(f"sha256sum {CONFIG}; stat -c %Y.%i {CONFIG}").stdout == before


@pytest.mark.parametrize(
    "wrong", ["shelf = 70000", "colour = 1", "[export.x]", "[[export.disk]]", "buffer-count = 1"]
)
def test_a_file_with_an_error_changes_nothing(target, guest, wrong):
    apply(guest, export("model = 'before'"))
    text = export("model = 'after'", wrong.replace("shelf = 70000", "offset = 1")) + other()
    said = refused(guest, text)
    assert re.search(rf"{CONFIG}:\d+:\d+", said), said
    assert ports(guest) == ["3.4@eth0"]
    assert Identity(target.client(3, 4).identify()).text(27, 46).strip() == "before"
    assert refused(guest, text, "check") == said
    assert refused(guest, text, "apply -n") == said


def test_no_configuration_at_all_is_no_empty_one(guest):
    apply(guest, export())
    guest.run(f"rm {CONFIG}")
    said = guest.run("kvctl apply 2>&1", check=False)
    assert said.status == 1 and "there is no configuration" in said.stdout
    assert ports(guest) == ["3.4@eth0"]


@pytest.mark.parametrize(
    "emptied",
    ["", "# [export.disk]\n", "[defaults]\nshelf = 3\n"],
    ids=["nothing", "comments", "defaults"],
)
def test_an_emptied_configuration_ends_nothing_by_itself(guest, emptied):
    apply(guest, export() + other())
    said = refused(guest, emptied)
    assert said.startswith("kvctl: 0 exports configured, 2 would be removed (disk, ...): nothing")
    assert "kvctl apply --yes" in said and "[export]" in said
    said = guest.run("kvctl check 2>&1").stdout
    assert "0 exports, no errors" in said and "warning: 0 exports configured, 2 would be" in said
    assert "2 would be removed" in refused(guest, emptied, "apply --dry-run")
    assert ports(guest) == ["3.4@eth0", "3.5@eth0"]
    said = guest.run("kvctl apply --yes").stdout
    assert said == "disk: remove 3.4 from eth0\nother: remove 3.5 from eth0\n"
    assert ports(guest) == []
    assert apply(guest, emptied) == "", "there is nothing to be lost"


def test_a_disk_that_is_missing_keeps_no_other_back(guest):
    missing = other(device='"/dev/sdz"')
    said = refused(guest, export() + missing)
    assert said.splitlines()[-1] == "kvctl: other: /dev/sdz: not there"
    assert ports(guest) == ["3.4@eth0"]
    # It comes later.
    guest.run("mknod /dev/sdz b $(stat -c '0x%t 0x%T' /dev/sdb)")
    assert apply(guest, export() + missing, "other") == "other: add 3.5 on eth0: /dev/sdz\n"
    assert ports(guest) == ["3.4@eth0", "3.5@eth0"]
    guest.run("kvctl stop; rm /dev/sdz")


def test_the_reasons_of_the_module_are_told_each_with_its_export(guest):
    guest.run("mkfs.ext4 -q /dev/sdb && mount /dev/sdb /mnt")
    disks = export() + other() + export(name="tape", slot="6", device='"/dev/tty"')
    said = refused(guest, disks)
    guest.run("umount /mnt")
    assert "kvctl: other: /dev/sdb: busy, mounted on /mnt" in said
    assert "kvctl: tape: /dev/tty: not a block device" in said
    assert ports(guest) == ["3.4@eth0"]


def test_an_interface_that_is_missing(guest):
    said = refused(guest, export(interfaces='["eth0", "eth9"]'))
    assert said.splitlines()[-1] == "kvctl: disk: eth9: no such Ethernet interface"
    assert ports(guest) == ["3.4@eth0"]
    guest.run("ip link add eth9 type dummy")
    apply(guest, export(interfaces='["eth0", "eth9"]'))
    assert ports(guest) == ["3.4@eth0", "3.4@eth9"]
    guest.run("kvctl stop; ip link del eth9")


def test_live_settings_cost_no_request(target, guest):
    first = export() + other()
    apply(guest, first)
    inode = guest.run(f"stat -c %i {FOLDER} {FOLDER.replace('3.4', '3.5')}").stdout
    client = target.client(3, 5)
    live = (
        "buffer-count = 60",
        "write-cache = true",
        "model = 'M'",
        "log = 'quiet'",
        "announce = 'none'",
        "mtu = 1400",
        "access = { write = 'list' }",
    )
    with Flood(client, window=16) as flood:
        while flood.answers < 50:
            pass
        for end in range(len(live) + 1):
            lists = f"[access.list]\ndeny = ['{KNOWN}']\n"
            apply(guest, lists + export() + other(*live[:end]))
        answers = flood.answers
        while flood.answers < answers + 50:
            pass
    stats = json.loads(guest.run("kvctl show --json 3.5").stdout)[0]["ports"][0]["stats"]
    lost = {name: count for name, count in stats.items() if "dropped" in name and count}
    assert not lost and not stats["retransmits"]
    assert guest.run(f"stat -c %i {FOLDER} {FOLDER.replace('3.4', '3.5')}").stdout == inode


def test_what_was_made_by_hand_is_left_alone(guest):
    guest.run("kvadd 3 9 eth1 /dev/sdc force=1")
    apply(guest, export())
    said = refused(guest, export() + other(slot="9"))
    assert "3.9 is exported by hand, for /dev/sdc" in said
    guest.run("kvctl stop")
    assert ports(guest) == ["3.9@eth1"]


def test_two_exports_exchange_their_addresses(target, guest):
    apply(guest, export("model = 'a'") + other("model = 'b'"))
    apply(guest, export("model = 'a'", slot="5") + other("model = 'b'", slot="4"))
    names = [Identity(target.client(3, slot).identify()).text(27, 46).strip() for slot in (4, 5)]
    assert names == ["b", "a"]


def test_without_the_module(guest):
    guest.write_file(CONFIG, export())
    guest.run("modprobe -r kvblade_rs")
    for command in ("apply", "show", "export", "announce"):
        said = guest.run(f"kvctl {command} 2>&1", check=False)
        assert said.status == 1
        assert said.stdout == "kvctl: the module is not loaded: modprobe kvblade_rs\n"
    assert guest.run("kvctl check").status == 0
    guest.run("modprobe kvblade_rs")


# What is shown.


def test_show(target, guest):
    apply(guest, export("read-only = true", interfaces="['eth*']"))
    target.client(3, 4).identify()
    lines = [line.split() for line in guest.run("kvctl show").stdout.splitlines()]
    assert lines[0][:2] == ["NAME", "ADDRESS"]
    row = ["disk", "e3.4", "eth0", "0.001GB", "/dev/sda", "ro", "1", "up"]
    assert lines[1:] == [row, [*row[:2], "eth1", *row[3:]]]
    assert guest.run("kvctl show 3.4").stdout == guest.run("kvctl show disk").stdout
    said = guest.run("kvctl show nothing 2>&1", check=False)
    assert (said.status, said.stdout) == (1, "kvctl: nothing: not exported\n")


def test_json_has_it_all(target, guest):
    apply(guest, export("buffer-count = 33"))
    client = target.client(3, 4)
    client.write(0, pattern(0))
    (shown,) = json.loads(guest.run("kvctl show --json").stdout)
    assert (shown["name"], shown["address"], shown["sectors"]) == ("disk", "3.4", SECTORS)
    assert shown["settings"]["bufcnt"] == "33"
    assert [it["mac"] for it in shown["initiators"]] == [client.neighbour.mac]
    (port,) = shown["ports"]
    assert (port["interface"], port["state"], port["stats"]["writes"]) == ("eth0", "up", 1)
    files = guest.run(f"ls {FOLDER}/stats").stdout.split()
    assert set(port["stats"]) == set(files) - {"clear", "latency"}


def test_watch_shows_rates(target, guest):
    guest.run("mountpoint -q /sys/kernel/debug || mount -t debugfs debug /sys/kernel/debug")
    apply(guest, export())
    watching = guest.spawn("kvctl show --watch --interval 2 --count 2")
    with Flood(target.client(3, 4)) as flood:
        shown = watching.wait().stdout
        assert flood.answers > 100
    assert "\x1b" not in shown, "no terminal, no colours"
    rows = [line.split() for line in shown.splitlines() if line.startswith("disk")]
    assert len(rows) == 4, "each time one for the interface and one for all"
    reads, read_kb, writes, _, *times = rows[2][2:8]
    assert int(reads) > 10 and int(writes) > 10
    # Requests go on while one file is read after the other.
    assert abs(int(read_kb) - int(reads)) <= max(2, int(reads) // 10), "two sectors a read"
    assert any(re.fullmatch(r"\d+/\d+", time) for time in times), times
    assert rows[3][1:3] == ["3.4", "all"]
    assert f"3.4 {target.neighbours[0].mac}: " in shown


def test_stats(target, guest):
    apply(guest, export())
    target.client(3, 4).read(0)
    rows = [line.split() for line in guest.run("kvctl stats").stdout.splitlines()]
    assert ["disk", "3.4@eth0", "reads", "1"] in rows
    guest.run("kvctl stats --clear")
    assert len(guest.run("kvctl stats").stdout.splitlines()) == 1


def test_online_and_offline(target, guest):
    apply(guest, export())
    client = target.client(3, 4)
    guest.run("kvctl offline disk")
    assert value(guest, "state") == "offline"
    assert client.ask(client.ata_frame(READ_EXT)).error is not None
    assert apply(guest, export()) == "", "the file has not changed"
    assert value(guest, "state") == "offline"
    guest.run("kvctl online 3.4")
    assert client.read(0)


def test_lists_shown_and_cleared(target, guest):
    mac = target.neighbours[0].mac
    apply(guest, export(f"mask = ['{mac}']", f"reserve = ['{mac}', '{KNOWN}']"))
    client = target.client(3, 4)
    assert guest.run("kvctl mask show").stdout == f"disk 3.4 {mac}\n"
    assert guest.run("kvctl reserve show disk").stdout == f"disk 3.4 {mac} {KNOWN}\n"
    guest.run("kvctl mask clear disk; kvctl reserve clear disk")
    assert guest.run("kvctl mask show disk").stdout == "disk 3.4 \n"
    client.ask(client.ata_frame(READ_EXT, src=KNOWN))


def test_announce(target, guest):
    apply(guest, export())
    client = target.client(3, 4)
    guest.run("sleep 1.1")
    client.neighbour.drain()
    guest.run("kvctl announce")
    assert client.receive(lambda frame: frame[:6].hex(":") == BROADCAST, 5)


SETTINGS = """cd /sys/kvblade && for port in *@*; do
cd $port && grep . bpath state scnt ro shared offset length bufcnt mtu_max cache announce log \
    model sn wwn config mask reserve access/*; cd ..
done"""


def test_export_is_a_configuration_that_makes_the_same(guest):
    guest.run("modprobe loop; truncate -s 1M /root/image")
    lines = [
        "read-only = true",
        "offset = 512",
        "length = 1024",
        "mtu = 1400",
        "online = false",
        "model = 'M'",
        "wwn = '5000000000000001'",
        r"config-string = 'a\x00b'",
        f"mask = ['{KNOWN}']",
        "access = { read = 'list', write = 'none' }",
        "announce = 'none'",
    ]
    image = ["buffer-count = 9", "log = 'quiet'", "write-cache = true"]
    lists = f"[access.list]\naccept = ['{KNOWN}']\n"
    apply(guest, lists + export(*lines) + other(*image, device="", file="'/root/image'"))
    printed = guest.run("kvctl export").stdout
    state = guest.run(SETTINGS).stdout
    assert 'file = "/root/image"' in printed
    assert "offline" in state and f"only {KNOWN}" in state
    guest.run("kvctl stop")
    apply(guest, printed)
    assert guest.run(SETTINGS).stdout == state
    assert guest.run("kvctl export").stdout == printed
