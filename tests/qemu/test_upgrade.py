# SPDX-License-Identifier: GPL-2.0
"""kvblade-upgrade: the module is replaced while clients have its exports mounted."""

import contextlib
from collections.abc import Iterator

import pytest

from beds import mapped
from configs import CONFIG, KNOWN, OTHER, export, ports
from lab import Disk, Guest
from lab.layout import wake
from pairs import Pair, pair_of

DEVICE = "/dev/etherd/e0.1"
SUMS = "find . -type f | sort | xargs sha256sum"
MODULES = "/lib/modules/$(uname -r)/updates"
STAYS = "The module that runs stays, with its exports.\n"
# What kvctl would do, and what it remembers.
STANDING = (
    "kvctl export; kvctl apply --dry-run; cat /run/kvblade/exports.json /var/lib/kvblade/*.toml"
)
# Each file is on the disk before the next begins.
WRITER = (
    "n=0; until [ -e /run/enough ]; do n=$((n + 1));"
    " dd if=/dev/urandom of=/mnt/$n bs=20000 count=1 conv=fsync || exit 1; done"
)


@pytest.fixture(scope="module")
def pair():
    """One disk on both wires, one whose slot is given by kvctl, a file, and one made by hand."""
    disks = [Disk(64 << 20), *(Disk(1 << 20) for _ in range(3))]
    with pair_of("upgrade", disks, programs=["kvctl"]) as pair:
        target = pair.target
        target.run("modprobe loop; truncate -s 1M /run/file")
        text = export(
            'access = { write = "clients" }', shelf="0", slot="1", interfaces='["eth0", "eth1"]'
        )
        text += export(name="given", shelf="0", slot="", device='"/dev/sdb"')
        text += export(name="file", shelf="0", slot="9", device="", file='"/run/file"')
        cards = ", ".join(f'"{nic.mac}"' for nic in pair.initiator.nics)
        target.write_file(CONFIG, f"[access.clients]\naccept = [{cards}]\n{text}")
        target.run("kvctl apply")
        by_hand = "config='a\\x20string' model=kept"
        target.run(f"kvadd 0 12 eth1 /dev/sdc {by_hand} mask={KNOWN} reserve={OTHER} force=1")
        yield pair


@contextlib.contextmanager
def written(pair: Pair) -> Iterator[None]:
    """The client writes files meanwhile, which go on to be written after that, and are right."""
    initiator = pair.initiator
    initiator.run("aoe-discover")
    pair.wait_up(1)
    initiator.run(wake(DEVICE))
    initiator.run(f"mkfs.ext4 -q {DEVICE} && mount {DEVICE} /mnt", timeout=120)
    writer = initiator.spawn(WRITER)
    initiator.run("until [ -e /mnt/2 ]; do sleep 0.1; done")
    yield
    count = initiator.run("ls /mnt | wc -l").stdout.strip()
    initiator.run(f"until [ $(ls /mnt | wc -l) -gt {count} ]; do sleep 0.1; done", timeout=120)
    initiator.run("touch /run/enough")
    assert writer.wait(120).status == 0
    sums = initiator.run(f"cd /mnt && sync && {SUMS}", timeout=120).stdout
    initiator.run(f"umount /mnt && mount {DEVICE} /mnt", timeout=120)
    assert initiator.run(f"cd /mnt && {SUMS}", timeout=120).stdout == sums
    initiator.run("umount /mnt; rm /run/enough")
    pair.rest(DEVICE)


def upgrade(guest: Guest, check: bool = True) -> str:
    return guest.run("kvblade-upgrade 2>&1", timeout=120, check=check).stdout


def refused(guest: Guest, cause: str) -> None:
    """It says why nothing can be done, and nothing is."""
    before = guest.run(f"{STANDING}; stat -c %i /sys/kvblade").stdout
    said = guest.run("kvblade-upgrade 2>&1", check=False, timeout=120)
    assert (said.status, said.stdout) == (1, f"kvblade-upgrade: {cause}. {STAYS}")
    assert guest.run(f"{STANDING}; stat -c %i /sys/kvblade").stdout == before


def test_a_client_goes_on_and_all_settings_stay(pair):
    target = pair.target
    with written(pair):
        before = target.run(STANDING).stdout
        made = target.run("stat -c %i /sys/kvblade/*@*").stdout.split()
        assert target.run("kvblade-upgrade -n").stdout.endswith("can be done, with 4 exports\n")
        assert "the module was replaced; 4 exports serve again, after" in upgrade(target)
        assert not set(made) & set(target.run("stat -c %i /sys/kvblade/*@*").stdout.split())
        assert target.run(STANDING).stdout == before
    assert "error packet" not in pair.initiator.kernel_log(), "nor was it ever refused"


@pytest.mark.kernel_log(allow=["kvblade_rs: version magic"])
def test_one_that_does_not_load_is_told_and_the_next_goes_on(pair):
    target = pair.target
    with written(pair):
        before = target.run(STANDING).stdout
        # One for this release, with another configuration.
        target.run(f"cp {MODULES}/kvblade_rs.ko /run/good")
        target.run(f"LC_ALL=C sed -i 's/ mod_unload/ mod_unlike/' {MODULES}/kvblade_rs.ko")
        said = target.run("kvblade-upgrade 2>&1", check=False, timeout=120)
        assert said.status == 1
        assert "the module does not load, and nothing is exported; dmesg says why" in said.stdout
        assert "run kvblade-upgrade again: it goes on from here" in said.stdout
        target.run(f"cp /run/good {MODULES}/kvblade_rs.ko")
        assert "4 exports serve again" in upgrade(target)
        assert target.run(STANDING).stdout == before


def test_without_an_installed_module_the_one_that_runs_stays(pair):
    target = pair.target
    release = target.run("uname -r").stdout.strip()
    target.run(f"mv {MODULES} /run && depmod")
    try:
        missing = f"no module kvblade_rs is installed for kernel {release}"
        refused(target, f"{missing}, for which dkms status may say why")
    finally:
        target.run(f"mv /run/updates {MODULES} && depmod")


def test_what_could_not_be_made_again_is_not_ended(pair):
    target = pair.target
    target.run("truncate -s 1M /run/other && losetup /dev/loop7 /run/other")
    target.run("ln -s /dev/loop7 /dev/alias && kvadd 0 14 eth1 /dev/alias force=1")
    target.run("ln -sfn /dev/loop6 /dev/alias")
    number = target.run("cat /sys/kvblade/0.14@eth1/bdev").stdout.strip()
    refused(
        target,
        f"0.14@eth1 exports the device {number}, which is not /dev/alias any more: it could not be"
        " made again. Mend that, or remove the export by kvctl or kvdel",
    )
    target.run("kvdel 0 14 eth1; losetup -d /dev/loop7; rm /dev/alias")


def test_a_disk_that_stands_still_goes_on_to_be_exported(pair):
    target, initiator = pair.target, pair.initiator
    still = mapped(target, "still", "0 2048 linear /dev/sdd 0")
    target.run(f"kvadd 0 15 eth0 {still} force=1")
    initiator.run("aoe-discover")
    pair.wait_up(15)
    target.run("dmsetup suspend --noflush --nolockfs still")
    write = initiator.spawn("dd if=/dev/zero of=/dev/etherd/e0.15 bs=4k count=1 oflag=direct")
    target.run("until [ $(cat /sys/kvblade/0.15@eth0/busy) -gt 0 ]; do sleep 0.1; done")
    before = target.run(STANDING).stdout
    said = target.run("kvblade-upgrade 2>&1", check=False, timeout=120)
    assert (said.status, said.stdout.endswith(STAYS)) == (1, True), said.stdout
    assert "0.15" in said.stdout and "request" in said.stdout
    target.run("dmsetup resume still")
    assert write.wait(120).status == 0
    assert target.run(STANDING).stdout == before
    target.run("kvdel 0 15 eth0 && dmsetup remove still")


def test_what_was_made_by_hand_is_not_taken_for_configured(pair):
    upgrade(pair.target)
    pair.target.run("kvctl stop")
    assert ports(pair.target) == ["0.12@eth1"]
    assert pair.target.run("losetup --list --noheadings").stdout == ""
    pair.target.run("kvdel 0 12 eth1")
    assert "0 exports serve again" in upgrade(pair.target)
    assert ports(pair.target) == []
