# SPDX-License-Identifier: GPL-2.0
"""A Debian system on which the packages are installed, and disks that clients have used."""

import hashlib
import time

import pytest

from aoeframes import Client, Identity
from configs import CONFIG, export, ports
from lab import Disk, Guest, Nic, Wire, paths, payload
from testbeds import SECTOR, fill, pattern

# Said of a disk that appears, of a machine without a radio, and of Debian's mdadm and what it makes
# of a RAID that it takes from clients.
ALLOWED = [
    "sd .*(device reset occurred|LUN assignments)",
    "firmware load for regulatory.db failed",
    "md: async del_gendisk mode will be removed",
    "md_update_sb: can't update sb for read-only array",
]
SECTORS = 4096


def export_of(serial: str, slot: int, *lines: str) -> str:
    """An export of the disk with a serial number, which is its name too."""
    device = f"'ID=scsi-0QEMU_QEMU_HARDDISK_{serial}'"
    return export(*lines, name=serial, slot=str(slot), device=device, interfaces='["eth*"]')


FIRST = export_of("disk", 4, "model = 'before'")
LATE = export_of("late", 5)

# Disks that clients have put something on: two are a RAID, one has volumes, one has volumes in a
# partition, one is encrypted.
CLIENTS = {"raida": 10, "raidb": 11, "volumes": 12, "parted": 13, "crypt": 14}
OF_CLIENTS = "".join(export_of(serial, slot) for serial, slot in CLIENTS.items())
CLIENT_BYTES = 64 << 20
AS_CLIENTS_WRITE = """set -e
d=/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_
for it in raida raidb volumes parted crypt; do until [ -e $d$it ]; do sleep 0.2; done; done
mdadm --create /dev/md/theirs --run --level=1 --raid-devices=2 --metadata=1.2 --homehost=client \
    --assume-clean ${d}raida ${d}raidb
vgcreate theirs ${d}volumes
lvcreate -y -Wn -Zn -L 8M -n data theirs
printf 'label: gpt\nstart=2048, type=lvm\n' | sfdisk ${d}parted
udevadm settle
vgcreate parts ${d}parted-part1
lvcreate -y -Wn -Zn -L 8M -n data parts
echo secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 ${d}crypt -
"""
# LVM remembers what it has activated once.
GIVE_BACK = (
    "vgchange -an; mdadm --stop --scan; udevadm settle;"
    " rm -rf /etc/lvm/archive /etc/lvm/backup /run/lvm/pvs_online/* /run/lvm/vgs_online/*; sync"
)
LOOK = "udevadm trigger --settle --subsystem-match=block --action=add"
OF = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_"
# What keeps udev's other rules off a disk.
NOT_READY = (
    "SYSTEMD_READY=0",
    "UDISKS_IGNORE=1",
    "DM_UDEV_DISABLE_OTHER_RULES_FLAG=1",
    "ID_FS_TYPE=kvblade_export",
)

# What the service says of itself.
MISSING = f"late: {OF}late: not there"

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


class System:
    """A guest in which the packages were installed and the service enabled, after a reboot."""

    def __init__(self) -> None:
        self.debs = payload.built("build-deb")
        self.wire = Wire()
        self.neighbour = self.wire.host()
        self.disk = Disk(SECTORS * SECTOR, serial="disk")
        self.of_clients = [Disk(CLIENT_BYTES, serial=serial) for serial in CLIENTS]
        fill(self.disk.path, 0, pattern(0, 2))
        self.guest = Guest(
            "packages",
            disks=[self.disk, *self.of_clients],
            nics=[Nic(self.wire.ends[0])],
            memory="1G",
            system=payload.built("build-machine", self.debs),
            files=[*self.debs.glob("kvblade-utils_*.deb"), paths.SOURCE / "tests/qemu/alerts.yml"],
        )

    def install(self) -> None:
        guest = self.guest
        # The lab starts it with an initrd of its own, and to make another takes minutes here.
        guest.run("printf '#!/bin/sh\n' >/etc/kernel/postinst.d/dracut")
        self.use_as_clients()
        guest.run("apt-get install -y /root/kvblade-utils_*.deb", timeout=300)
        guest.write_file(CONFIG, FIRST + LATE + OF_CLIENTS)
        guest.run("systemctl enable kvblade")
        self.reboot()

    def use_as_clients(self) -> None:
        """Clients have put something on their disks, and the machine has seen that."""
        guest = self.guest
        guest.run(AS_CLIENTS_WRITE, timeout=120)
        self.give_back()
        self.machine_takes()
        self.taken = [self.made_of_disks()]
        self.give_back()
        self.written = [digest(disk) for disk in self.of_clients]

    def reboot(self) -> None:
        self.guest.reboot()
        self.guest.run("systemctl is-system-running --wait", timeout=300, check=False)
        # The disks themselves may be late.
        for slot in (4, *CLIENTS.values()):
            wait_for_port(self.guest, f"3.{slot}@eth0")
        self.taken.append(self.made_of_disks())

    def look(self) -> None:
        """Has udev look at all disks as if they had just appeared."""
        self.guest.run(LOOK, timeout=120)

    def made_of_disks(self) -> list[str]:
        """The RAIDs and volumes that the machine has."""
        return self.guest.run("ls /sys/block | grep -E '^(md|dm-)' || true").stdout.split()

    def told(self, *paths: str) -> set[str]:
        """What udev says of devices."""
        told = self.guest.run(f"udevadm info -q property {' '.join(paths)}").stdout
        return set(told.splitlines())

    def machine_takes(self) -> None:
        """As when it finds disks that nobody has told it to leave alone."""
        self.look()
        self.guest.run("until [ $(ls /sys/block | grep -cE '^(md|dm-)') = 3 ]; do sleep 0.5; done")

    def give_back(self) -> None:
        """It has none of them any more, and all is on the disks."""
        self.guest.run(GIVE_BACK, timeout=120)

    def client(self, slot: int, nic: int = 0) -> Client:
        return Client(self.neighbour, self.guest.nics[nic].mac, 3, slot)


class Initramfs:
    """What initramfs-tools makes for the machine. While the context lasts its udev runs instead of
    the machine's, as before the root file system is there."""

    ROOT = "/var/tmp/early"
    UDEV = "systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service"
    # udev does not like to be where it is.
    INSIDE = f"SYSTEMD_IN_CHROOT=0 SYSTEMD_IGNORE_CHROOT=1 chroot {ROOT}"

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        # Few drivers, as all are loaded.
        make = f"mkinitramfs -k -m list -c gzip -l 1 -o {self.ROOT}.image"
        guest.run(f"{make} && mv /var/tmp/mkinitramfs_* {self.ROOT}", timeout=300)

    def __enter__(self) -> "Initramfs":
        self.guest.run(
            f"set -e; systemctl stop {self.UDEV}; cd {self.ROOT}; mount -t tmpfs early run;"
            " for it in dev proc sys; do mkdir -p $it; mount --bind /$it $it; done;"
            f" {self.INSIDE} /usr/lib/systemd/systemd-udevd --daemon --resolve-names=never"
        )
        return self

    def __exit__(self, *_exception: object) -> None:
        self.guest.run(
            f"{self.INSIDE} udevadm control --exit; cd {self.ROOT}; umount -l dev proc sys run;"
            f" systemctl start {self.UDEV};"
            f" rm -r --one-file-system /var/tmp/*initramfs* {self.ROOT}*"
        )

    def look(self) -> None:
        """Has it look at all disks as if they had just appeared."""
        self.guest.run(f"{self.INSIDE} {LOOK}", timeout=120)

    def forget(self, rules: str) -> None:
        """Goes on without these rules."""
        self.guest.run(f"rm {self.ROOT}/usr/lib/udev/rules.d/{rules}")
        self.guest.run(f"{self.INSIDE} udevadm control --reload")


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


def wait_for_status(guest: Guest, *wanted: str) -> None:
    """Waits until the service says one of these of itself."""
    said = ""
    for _ in range(120):
        said = guest.run("systemctl show --value -p StatusText kvblade").stdout.strip()
        if said in wanted:
            return
        time.sleep(0.5)
    pytest.fail(f"the status is: {said}\n" + guest.run("journalctl -b -u 'kvblade*'").stdout)


def model(client: Client) -> str:
    return Identity(client.identify()).text(27, 46).strip()


def assert_nothing_else_is_done(system: System, name: str, port: str) -> None:
    """A disk has appeared: what was not applied, or was removed for now, is as before."""
    guest = system.guest
    assert model(system.client(4)) == "before"
    guest.write_file(CONFIG, FIRST + LATE)
    guest.run(f"kvctl remove {name} --runtime; udevadm trigger --settle --subsystem-match=block")
    guest.run("systemctl start kvblade-hotplug")
    assert port not in ports(guest)
    guest.run("systemctl reload kvblade")
    wait_for_port(guest, port)
