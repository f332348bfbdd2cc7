# SPDX-License-Identifier: GPL-2.0
"""The packages on a Debian system with systemd: from apt install to apt purge.

kvblade-rs-dkms is in the image already: apt has installed it there, outside of the guest, because
what DKMS compiles would take an hour without KVM. All else is done in the guest.
"""

import hashlib
import subprocess
import time
from pathlib import Path

import pytest

from aoeframes import Client, Identity
from beds import SECTOR, assert_decoded, fill, pattern
from configs import CONFIG, export, ports
from lab import Disk, Guest, Nic, Wire, paths, payload, plug_disk, plug_nic

SECTORS = 4096


def export_of(serial: str, slot: int) -> str:
    """An export of the disk with a serial number, which is its name too."""
    device = f"'ID=scsi-0QEMU_QEMU_HARDDISK_{serial}'"
    return export(name=serial, slot=str(slot), device=device, interfaces='["eth*"]')


FIRST = export("model = 'before'", interfaces='["eth*"]')
LATE = export_of("late", 5)

# Disks that clients have put something on: two are a RAID, one has volumes, one has volumes in a
# partition, one is encrypted.
CLIENTS = {"raida": 10, "raidb": 11, "volumes": 12, "parted": 13, "crypt": 14}
OF_CLIENTS = "".join(export_of(serial, slot) for serial, slot in CLIENTS.items())
CLIENT_BYTES = 64 << 20
AS_CLIENTS_WRITE = """set -e
cd /dev/disk/by-id
d=$PWD/scsi-0QEMU_QEMU_HARDDISK_
mdadm --create /dev/md/theirs --run --level=1 --raid-devices=2 --metadata=1.2 --homehost=client \
    ${d}raida ${d}raidb
vgcreate theirs ${d}volumes
lvcreate -y -Wn -Zn -L 8M -n data theirs
printf 'label: gpt\nstart=2048, type=lvm\n' | sfdisk ${d}parted
udevadm settle
vgcreate parts ${d}parted-part1
lvcreate -y -Wn -Zn -L 8M -n data parts
echo secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 ${d}crypt -
mdadm --wait /dev/md/theirs || true
"""
GIVE_BACK = (
    "vgchange -an; mdadm --stop --scan; udevadm settle; rm -f /etc/lvm/archive/* /etc/lvm/backup/*"
)
# What the machine has made of disks.
TAKEN = "ls /sys/block | grep -E '^(md|dm-)' || true"

# What changes in a system that runs, what packages leave that are not ours, and the lab's own.
OTHERS = (
    "/etc/.updated",
    "/lost+found",
    "/etc/systemd/network/lab.network",
    "/etc/systemd/system/lab-agent.service",
    "/root/*.deb",
    "/usr/local/lib/lab",
    "/var/.updated",
    "/var/cache",
    "/var/lib/apt",
    "/var/lib/dbus/machine-id",
    "/var/lib/dkms/mok.*",
    "/var/lib/dpkg",
    "/var/lib/systemd",
    "/var/log",
    "/var/tmp",
)
PRUNE = "\\( " + " -o ".join(f"-path '{path}'" for path in OTHERS) + " \\) -prune"

# Said of a disk that appears.
pytestmark = pytest.mark.kernel_log(allow=["sd .*(device reset occurred|LUN assignments)"])


class System:
    """A guest in which the packages were installed and the service enabled, after a reboot."""

    def __init__(self) -> None:
        self.debs = payload.built("build-deb")
        self.wire = Wire()
        self.neighbour = self.wire.host()
        self.disk = Disk(SECTORS * SECTOR)
        self.of_clients = [Disk(CLIENT_BYTES, serial=serial) for serial in CLIENTS]
        fill(self.disk.path, 0, pattern(0, 2))
        self.guest = Guest(
            "packages",
            disks=[self.disk, *self.of_clients],
            nics=[Nic(self.wire.ends[0])],
            memory="1G",
            system=payload.built("build-machine", self.debs),
            files=list(self.debs.glob("kvblade-utils_*.deb")),
        )

    def install(self) -> None:
        guest = self.guest
        guest.run("apt-get install -y /root/kvblade-utils_*.deb", timeout=300)
        guest.write_file(CONFIG, FIRST + LATE)
        guest.run("systemctl enable kvblade")
        self.reboot()
        # The disk itself may have been late.
        wait_for_port(guest, "3.4@eth0")

    def reboot(self) -> None:
        self.guest.reboot()
        self.guest.run("systemctl is-system-running --wait", timeout=300, check=False)

    def client(self, slot: int, nic: int = 0) -> Client:
        return Client(self.neighbour, self.guest.nics[nic].mac, 3, slot)


@pytest.fixture(scope="module")
def system():
    system = System()
    with system.guest:
        system.install()
        yield system
    system.neighbour.close()
    assert_decoded(system.guest)


@pytest.fixture
def guest(system):
    system.guest.write_file(CONFIG, FIRST + LATE)
    return system.guest


def wait_for_port(guest: Guest, port: str) -> None:
    """Waits until there is an export."""
    for _ in range(120):
        if port in ports(guest):
            return
        time.sleep(0.5)
    pytest.fail(f"{port} does not come:\n" + guest.run("journalctl -b -u 'kvblade*'").stdout)


def digest(disk: Disk) -> str:
    with disk.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def status(guest: Guest) -> str:
    """What the service says of itself."""
    return guest.run("systemctl show --value -p StatusText kvblade").stdout.strip()


def model(client: Client) -> str:
    return Identity(client.identify()).text(27, 46).strip()


def test_lintian_has_nothing_against_them(system):
    (changes,) = system.debs.glob("*.changes")
    command = ["lintian", "--allow-root", "--fail-on=warning", "--info", changes]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_after_a_reboot_the_exports_are_there(system, guest):
    assert "3.4@eth0" in ports(guest)
    assert "ordering cycle" not in guest.run("journalctl -b").stdout
    assert system.client(4).read(0, 2) == pattern(0, 2)
    # The module is the one that DKMS has built, and signed with its key.
    release = paths.setup()["release"]
    found = guest.run("modinfo -n kvblade_rs").stdout.strip()
    assert found.startswith(f"/lib/modules/{release}/updates/dkms/kvblade_rs.ko")
    assert guest.run("modinfo -F sig_id kvblade_rs").stdout.strip()
    assert ": installed" in guest.run("dkms status kvblade_rs").stdout
    for unit in ("kvblade.service", "kvblade-persist.service", "kvblade-hotplug.path"):
        assert guest.run(f"systemctl is-active {unit}").stdout == "active\n"


def test_a_disk_that_appears_is_exported(system, guest):
    disk = Disk(SECTORS * SECTOR, serial="late")
    fill(disk.path, 0, pattern(0, 2, seed=1))
    assert "3.5@eth0" not in ports(guest)
    failed = "systemctl is-failed kvblade-hotplug"
    assert guest.run(failed).status == 0, "what is missing is told"
    missing = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_late: not there"
    assert status(guest) == f"1 export is there; late: {missing}"
    plug_disk(guest, disk)
    wait_for_port(guest, "3.5@eth0")
    assert system.client(5).read(0, 2) == pattern(0, 2, seed=1)
    guest.run(f"while {failed}; do sleep 0.2; done")
    assert status(guest) == "2 exports are there"


def test_a_card_that_appears_exports(system, guest):
    wire = Wire()
    neighbour = wire.host("02:00:00:00:01:01")
    plug_nic(guest, Nic(wire.ends[0]))
    wait_for_port(guest, "3.4@eth1")
    guest.run("until grep -qx up /sys/class/net/eth1/operstate; do sleep 0.2; done")
    assert Client(neighbour, guest.nics[-1].mac, 3, 4).read(0, 2) == pattern(0, 2)
    neighbour.close()


def test_a_client_mounts_an_export(system, guest):
    wire = Wire()
    plug_nic(guest, Nic(wire.ends[0]))
    wait_for_port(guest, "3.5@eth2")
    with Guest("packages-client", nics=[Nic(wire.ends[1])]) as client:
        found = "aoe-discover; sleep 1; aoe-stat | grep -q 'e3\\.5 .* up'"
        client.run(f"modprobe aoe; mkdir -p /mnt; until {found}; do :; done", timeout=120)
        client.run("mkfs.ext4 -q /dev/etherd/e3.5 && mount /dev/etherd/e3.5 /mnt")
        client.run("echo kept >/mnt/file; umount /mnt; echo 3 >/proc/sys/vm/drop_caches")
        assert client.run("mount /dev/etherd/e3.5 /mnt && cat /mnt/file").stdout == "kept\n"
        client.run("umount /mnt")


def test_reload_applies_the_file(system, guest):
    for name in ("after", "before"):
        guest.write_file(CONFIG, FIRST.replace("before", name) + LATE)
        guest.run("systemctl reload kvblade || true")
        assert model(system.client(4)) == name


def test_an_emptied_file_fails_the_reload_and_ends_nothing(guest):
    before = ports(guest)
    guest.write_file(CONFIG, "")
    assert guest.run("systemctl reload kvblade", check=False).status != 0
    assert "0 exports configured" in guest.run("journalctl -b -u kvblade").stdout
    assert ports(guest) == before


def test_a_broken_file_changes_nothing(system, guest):
    before = model(system.client(4))
    guest.write_file(CONFIG, FIRST.replace("before", "broken") + "[export.late]\ncolour = 1\n")
    assert guest.run("systemctl reload kvblade", check=False).status != 0
    assert f"{CONFIG}:" in guest.run("journalctl -b -u kvblade").stdout
    assert "3.4@eth0" in ports(guest)
    assert model(system.client(4)) == before
    assert guest.run("systemctl is-active kvblade").stdout == "active\n"


@pytest.fixture(scope="module")
def rebooted(system) -> list[str]:
    """What the machine has taken of the clients' disks: before they are configured, and at each of
    two starts after."""
    guest, taken = system.guest, []
    guest.run(AS_CLIENTS_WRITE, timeout=120)
    guest.run(GIVE_BACK, timeout=120)
    guest.run("udevadm trigger --settle --subsystem-match=block --action=add", timeout=120)
    guest.run("until [ -e /dev/theirs/data ] && [ -e /dev/parts/data ]; do sleep 0.5; done")
    taken.append(guest.run(TAKEN).stdout)
    guest.run(GIVE_BACK, timeout=120)
    guest.write_file(CONFIG, FIRST + OF_CLIENTS)
    guest.run("sync")
    system.written = [digest(disk) for disk in system.of_clients]
    for _ in range(2):
        system.reboot()
        for slot in CLIENTS.values():
            wait_for_port(guest, f"3.{slot}@eth0")
        taken.append(guest.run(TAKEN).stdout)
    return taken


def test_h21_the_machine_does_not_take_the_clients_disks(system, rebooted):
    """Not at two starts, nor when udev looks at them again, nor when they are not exported."""
    guest = system.guest
    before, *after = rebooted
    assert len(before.split()) == 3, "a RAID and two volumes: without configuration it takes them"
    assert after == ["", ""]
    again = "udevadm trigger --settle --subsystem-match=block --action=add"
    guest.run(f"{again}; systemctl stop kvblade; {again}", timeout=120)
    assert guest.run(TAKEN).stdout == ""
    for name in ("parted", "parted-part1"):
        link = f"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_{name}"
        told = guest.run(f"udevadm info -q property {link}").stdout.splitlines()
        assert {
            "KVBLADE_EXPORT=parted",
            "SYSTEMD_READY=0",
            "UDISKS_IGNORE=1",
            "DM_UDEV_DISABLE_OTHER_RULES_FLAG=1",
            "ID_FS_TYPE=kvblade_export",
        } <= set(told)
    assert "KVBLADE_EXPORT" not in guest.run("udevadm info -q property /dev/vda").stdout
    guest.run("systemctl start kvblade")
    assert system.client(CLIENTS["volumes"]).read(1)[:8] == b"LABELONE"
    assert [digest(disk) for disk in system.of_clients] == system.written


def test_a_disk_that_the_machine_has_is_exported_when_it_is_free(system, guest, rebooted):
    guest.run("systemctl reload kvblade")
    assert ports(guest) == ["3.4@eth0", "3.5@eth0"]
    disk = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_"
    guest.run(f"mdadm --assemble --run /dev/md/theirs {disk}raida {disk}raidb")
    (raid,) = guest.run(TAKEN).stdout.split()
    guest.write_file(CONFIG, FIRST + LATE + OF_CLIENTS)
    assert guest.run("systemctl reload kvblade", check=False).status
    reason = f"{disk}raida: busy, used by {raid}"
    assert status(guest) == f"5 exports are there; raida: {reason}, and 1 more"
    said = guest.run("kvctl apply 2>&1", check=False)
    assert said.status == 1
    assert said.stdout.splitlines() == [
        f"kvctl: raid{letter}: {disk}raid{letter}: busy, used by {raid}" for letter in "ab"
    ]
    guest.run("mdadm --stop /dev/md/theirs")
    for letter in "ab":
        wait_for_port(guest, f"3.{CLIENTS[f'raid{letter}']}@eth0")
    all_there = "StatusText=7 exports are there"
    guest.run(f"until systemctl show kvblade | grep -qx '{all_there}'; do sleep 0.2; done")
    guest.write_file(CONFIG, FIRST + LATE)
    guest.run("systemctl reload kvblade")
    guest.run(f"for disk in {' '.join(CLIENTS)}; do wipefs -qa {disk}$disk; done")


def test_an_initramfs_leaves_the_clients_disks_alone_too(guest):
    """Where it finds RAIDs and volumes by itself, it has the same rule, and what that asks."""
    # As mkinitramfs begins.
    guest.run(
        "for name in bin lib lib64 sbin; do"
        " mkdir -p /run/early/usr/$name; ln -s usr/$name /run/early/$name; done"
    )
    guest.run("DESTDIR=/run/early verbose=n /usr/share/initramfs-tools/hooks/kvblade")
    rules = "usr/lib/udev/rules.d/63-target-kvblade.rules"
    guest.run(f"cmp /run/early/{rules} /{rules}")
    ask = "DEVNAME={} chroot /run/early /usr/sbin/kvctl udev"
    assert guest.run(ask.format("/dev/sda")).stdout == "KVBLADE_EXPORT=disk\n"
    assert guest.run(ask.format("/dev/vda")).stdout == ""
    guest.run("rm -r /run/early")


def test_stop_removes_the_exports_and_start_makes_them(system, guest):
    guest.run("systemctl stop kvblade")
    assert ports(guest) == []
    guest.run("udevadm trigger --settle --subsystem-match=block --action=add")
    assert ports(guest) == [], "the administrator has stopped it"
    guest.run("systemctl start kvblade")
    assert "3.4@eth0" in ports(guest)
    assert system.client(4).read(0, 2) == pattern(0, 2)


def test_an_upgrade_interrupts_no_export(system, guest):
    inode = "stat -c %i /sys/kvblade/3.4@eth0"
    before = guest.run(inode).stdout
    guest.run("apt-get install -y --reinstall /root/kvblade-utils_*.deb", timeout=300)
    assert guest.run(inode).stdout == before
    assert guest.run("systemctl is-active kvblade").stdout == "active\n"


@pytest.mark.parametrize(
    ("release", "config", "reason"),
    [
        ("6.12.9-amd64", "CONFIG_RUST=y", "this version supports kernels 7.3 only."),
        ("7.3.9-amd64", "", "it has no CONFIG_RUST; install linux-image-amd64"),
        ("7.3.9-amd64", "CONFIG_RUST=y", "and are of no package whose source"),
    ],
)
def test_it_is_said_what_a_kernel_lacks(guest, release, config, reason):
    guest.run(f"mkdir -p /run/headers && echo '{config}' >/run/headers/.config")
    said = guest.run(f"/usr/src/kvblade_rs-*/dkms-prepare {release} /run/headers", check=False)
    # DKMS takes this for a kernel that is left out.
    assert said.status == 77
    assert said.stdout.startswith(f"kvblade_rs is not built for kernel {release}: ")
    assert reason in said.stdout and said.stdout.count("\n") == 1


def test_it_is_said_which_source_is_missing(guest):
    release = paths.setup()["release"]
    series = ".".join(release.split(".")[:2])
    source = f"/usr/src/linux-source-{series}.tar.xz"
    check = f"/usr/src/kvblade_rs-*/dkms-prepare --check {release} /lib/modules/{release}/build"
    assert guest.run(check).stdout == ""
    said = guest.run(f"mv {source} /root; {check}; mv /root/linux-source* {source}").stdout
    assert f"to make it, install linux-source-{series}={release.split('+')[0]}" in said


def test_purge_leaves_nothing_behind(system, guest):
    guest.run("apt-get purge -y kvblade-utils kvblade-rs-dkms", timeout=600)
    root = Path(paths.setup()["machine"])
    before = {f"/{path.relative_to(root)}" for path in root.rglob("*")}
    now = set(guest.run(f"find / -xdev {PRUNE} -o -print", timeout=300).stdout.splitlines())
    assert now - before - {"/"} == set()
    left = guest.run("ls -d /sys/kvblade /sys/module/kvblade_rs /run/kvblade* 2>/dev/null || true")
    assert left.stdout == ""
    units = guest.run("systemctl list-units --all --no-legend 'kvblade*'; ls /etc/systemd/system")
    assert "kvblade" not in units.stdout
