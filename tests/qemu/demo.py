#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The whole job once, as a transcript: export a partition, use it from another machine.

Ends with status 0 only when every check held.
"""

import os
import sys
import time

from lab import SCATTER_GATHER, Disk, Guest, GuestError, Nic, Wire, paths, problems, start_all
from lab.layout import DISK_BYTES, PART_BYTES, partition, wake

SUMS = "find . -type f -print0 | sort -z | xargs -0 sha256sum >/root/sums; sha256sum </root/sums"


class Transcript:
    """Prints what happens, and counts the checks that did not hold."""

    def __init__(self) -> None:
        self.failed = 0
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def _print(self, code: str, text: str) -> None:
        print(f"\033[{code}m{text}\033[0m" if self._colour else text, flush=True)

    def title(self, text: str) -> None:
        self._print("1", f"\n== {text}")

    def run(self, guest: Guest, cmd: str, proves: str, timeout: float = 120) -> str:
        """Runs a command, shows its output, and says what it proves."""
        self._print("1;36" if guest.name == "target" else "1;33", f"{guest.name}# {cmd}")
        output = guest.run(cmd, timeout=timeout).stdout.rstrip()
        if output:
            print(output)
        self._print("2", f"    -> {proves}")
        return output

    def check(self, holds: bool, text: str) -> None:
        self.failed += not holds
        self._print("32" if holds else "31", f"{'ok  ' if holds else 'FAIL'} {text}")


def number(guest: Guest, cmd: str) -> int:
    return int(guest.run(cmd).stdout)


def export(say: Transcript, target: Guest) -> None:
    say.title("The target exports one partition of its disk")
    say.run(target, "uname -r", "the stock Debian kernel, as packaged")
    say.run(
        target,
        "lsblk -b -o NAME,SIZE,TYPE /dev/sda",
        "a disk of 80 GB, of which /dev/sda5 is 3 GB",
    )
    say.run(target, "ip link set eth0 mtu 9000", "jumbo frames on this side")
    say.run(target, "modprobe kvblade_rs", "the module loads into that kernel")
    say.run(target, "kvadd 0 1 eth0 /dev/sda5", "shelf 0, slot 1, on eth0: exported")
    say.run(target, "kvstat", "the export has the partition's size, not the disk's")


def use(say: Transcript, initiator: Guest) -> str:
    say.title("The initiator finds it and makes a file system")
    say.run(initiator, "ip link set eth0 mtu 9000", "and on the other")
    say.run(initiator, "modprobe aoe && aoe-discover", "the kernel's AoE driver asks who is there")
    initiator.run("for i in $(seq 50); do [ -b /dev/etherd/e0.1 ] && break; sleep 0.2; done")
    stat = say.run(initiator, "aoe-stat", "e0.1 answered: the partition's size, 8704 bytes a frame")
    say.check("e0.1" in stat and "3.000GB" in stat, "aoe-stat shows e0.1 with 3.000GB")
    say.run(
        initiator,
        wake("/dev/etherd/e0.1"),
        "a read a second: the driver can forget a request when a virtual card is late",
    )
    say.run(initiator, "mkfs.ext4 -q /dev/etherd/e0.1", "IDENTIFY, READ and WRITE work")
    say.run(initiator, "mount /dev/etherd/e0.1 /mnt", "the file system mounts over the wire")
    say.run(initiator, "cp -a /usr/bin /mnt/ && sync", "real files are written", timeout=300)
    say.run(initiator, "df -h /mnt", "the file system fills the partition and no more")
    say.run(initiator, "echo 3 >/proc/sys/vm/drop_caches", "what follows is read from the target")
    sums = say.run(initiator, f"cd /mnt/bin && {SUMS}", "a checksum over all files", timeout=300)
    original = say.run(initiator, f"cd /usr/bin && {SUMS}", "the same over the originals")
    say.check(sums == original, "what was read back over the wire equals the originals")
    return sums


def look_locally(say: Transcript, target: Guest, sums: str) -> None:
    say.title("The target takes it back and looks at the partition itself")
    say.run(target, "kvdel 0 1 eth0", "the export ends and lets go of the partition")
    say.run(target, "mount -o ro /dev/sda5 /mnt", "the partition holds the file system")
    local = say.run(target, f"cd /mnt/bin && {SUMS}", "the checksum over the same files", 300)
    say.check(local == sums, "every file on the disk is what the initiator wrote")
    say.run(target, "umount /mnt && modprobe -r kvblade_rs", "the module unloads")


def sizes(say: Transcript, target: Guest, initiator: Guest) -> None:
    say.title("Sizes")
    part = number(target, "blockdev --getsize64 /dev/sda5")
    disk = number(target, "blockdev --getsize64 /dev/sda")
    remote = number(initiator, "blockdev --getsize64 /dev/etherd/e0.1")
    sysfs = number(target, "cat /sys/kvblade/0.1@eth0/scnt") * 512
    df = number(initiator, "df -B1 --output=size /mnt | tail -n 1")
    print(f"disk /dev/sda              {disk:>14}")
    print(f"partition /dev/sda5        {part:>14}")
    print(f"export in /sys/kvblade     {sysfs:>14}")
    print(f"initiator /dev/etherd/e0.1 {remote:>14}")
    print(f"file system, by df         {df:>14}")
    say.check(part == PART_BYTES, "the partition has 3 GB")
    say.check(part == sysfs == remote, "partition, export and initiator's disk have one size")
    say.check(0.9 * part < df < part, "df shows that size less ext4's own tables")


def logs(say: Transcript, guests: tuple[Guest, ...]) -> None:
    say.title("Kernel logs")
    for guest in guests:
        log = guest.kernel_log(guest.boot_mark)
        print(f"{guest.name}, since it booted:")
        print("\n".join(f"    {line}" for line in log.splitlines()))
        trouble = problems(log)
        say.check(not trouble, f"no warning and no error in the kernel log of the {guest.name}")


def story(say: Transcript, target: Guest, initiator: Guest) -> None:
    export(say, target)
    sums = use(say, initiator)
    sizes(say, target, initiator)
    say.title("The initiator is done")
    end = "rm /run/wake.e0.1 && umount /mnt && sleep 2 && modprobe -r aoe"
    say.run(initiator, end, "unmounted, and the driver unloads")
    look_locally(say, target, sums)
    logs(say, (target, initiator))


def main() -> int:
    say = Transcript()
    begin = time.monotonic()
    wire = Wire()
    disk = Disk(DISK_BYTES)
    target = Guest("target", disks=[disk], nics=[Nic(wire.ends[0])])
    initiator = Guest("initiator", nics=[Nic(wire.ends[1], model=SCATTER_GATHER)])
    print(f"Booting target and initiator with {paths.setup()['release']} ...", flush=True)
    try:
        start_all((target, initiator))
        print(f"Both are up after {time.monotonic() - begin:.0f} s.", flush=True)
        partition(target, "/dev/sda")
        story(say, target, initiator)
    except GuestError as error:
        say.failed += 1
        print(f"\n{error}")
    finally:
        target.stop()
        initiator.stop()
    took = time.monotonic() - begin
    if say.failed:
        print(f"\nThe demo FAILED after {took:.0f} s. Consoles and frames: {paths.results()}")
        return 1
    print(
        f"\nAll sizes agree at 3 GB where the disk has 80, all files are the same, and neither\n"
        f"kernel logged a warning or an error. {took:.0f} s. Consoles and frames: {paths.results()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
