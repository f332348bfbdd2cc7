#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A machine without a disk boots from an export, as a transcript.

Ends with status 0 only when every check held.
"""

import contextlib
import sys
import time
from pathlib import Path

from demo import Transcript, logs
from diskless import BOOT, WAKE, Diskless, diskless
from lab import Guest, GuestError, paths

# Written again and again, each time whole and on the disk, while the target goes away.
WRITER = (
    "i=0; while [ -e /run/write ]; do i=$((i + 1));"
    " echo $i >/root/new && sync /root/new && mv /root/new /root/count || exit 1; done"
)
SUMS = "cd /usr/sbin && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum"


def export(say: Transcript, target: Guest) -> None:
    say.title("The target exports a disk, from a configuration")
    say.run(target, "modprobe kvblade_rs && cat /etc/kvblade.conf", "shelf 0, slot 1, on eth0")
    say.run(target, "kvctl apply && kvctl show", "it is exported")


def boot(say: Transcript, both: Diskless) -> None:
    say.title("A machine without a disk is switched on")
    machine = both.machine
    machine.launch()
    machine.wait_ready(BOOT)
    both.await_words("login:")
    machine.run(WAKE)
    said = both.said()
    for words, proves in (
        ("Registered SAN device", "iPXE, in the card's ROM, has the root path from DHCP"),
        ("Booting from SAN device", "and boots what the export has: GRUB, which loads the kernel"),
        ("aoe-root: e0.1p1 is there", "the initramfs has found the disk, and says how"),
        ("login:", "a login prompt on the serial line"),
    ):
        lines = [line for line in said.splitlines() if words in line]
        print("\n".join(lines[-1:]))
        say.check(bool(lines), proves)


def look(say: Transcript, both: Diskless) -> None:
    say.title("What it is")
    machine = both.machine
    say.run(machine, "ls /sys/block | grep -v loop", "no disk but that of the target")
    root = say.run(machine, "findmnt -no SOURCE,FSTYPE,OPTIONS /", "its root file system")
    say.check(root.startswith("/dev/etherd/e0.1p1"), "the root is a partition of the export")
    mtu = say.run(machine, "cat /sys/class/net/eth0/mtu", "jumbo frames, since the initramfs")
    say.check(mtu == "9000", "the MTU is that of the kernel's command line")
    stat = say.run(machine, "aoe-stat", "8704 bytes a frame")
    say.check(" 8704 " in stat, "the disk is used with frames of 8704 bytes")


def log_in(both: Diskless) -> None:
    """At its own keyboard and screen."""
    both.type("root\n")
    both.machine.run("until pgrep -t tty1 -x bash; do sleep 0.5; done", timeout=120, check=False)
    time.sleep(2)
    both.type("findmnt /; aoe-stat; ls /sys/block\n")
    time.sleep(10)


def restart(say: Transcript, both: Diskless) -> None:
    say.title("The target restarts while the machine writes")
    machine, target = both.machine, both.target
    before = say.run(machine, SUMS, "a checksum over its programs", timeout=600)
    machine.run("touch /run/write")
    writer = machine.spawn(WRITER)
    machine.run("until [ $(cat /root/count) -ge 3 ]; do sleep 0.2; done", timeout=300)
    say.run(target, "kvctl stop && modprobe -r kvblade_rs", "the module is gone, with the export")
    time.sleep(20)
    say.run(target, "modprobe kvblade_rs && kvctl apply", "20 seconds later it is back")
    count = int(machine.run("cat /root/count", timeout=300).stdout)
    more = f"until [ $(cat /root/count) -ge {count + 3} ]; do sleep 0.2; done; cat /root/count"
    say.run(machine, more, f"from {count} on it has gone on to write", timeout=300)
    machine.run("rm /run/write", timeout=300)
    say.check(writer.wait(300).status == 0, "without an error")
    machine.run("sync; echo 3 >/proc/sys/vm/drop_caches", timeout=300)
    after = say.run(machine, SUMS, "the same, read anew", timeout=600)
    say.check(after == before, "all programs are what they were")


def reboot(say: Transcript, both: Diskless) -> None:
    say.title("It writes, and is started again")
    machine = both.machine
    make = "dd if=/dev/urandom of=/root/data bs=1M count=8 status=none"
    written = say.run(machine, f"{make}; sha256sum /root/data", "a file of 8 MiB")
    machine.reboot(BOOT)
    both.await_words("login:", 2)
    machine.run(WAKE)
    read = say.run(machine, "sha256sum /root/data", "after the reboot")
    say.check(read == written, "the data is there")


def end(say: Transcript, both: Diskless) -> None:
    say.title("It is shut down")
    target = both.target
    logs(say, (both.machine, target))
    # Whether the command is answered before the end is by chance.
    with contextlib.suppress(GuestError):
        both.machine.run("systemctl poweroff", check=False)
    say.check(both.await_end(), "it has switched itself off")
    say.run(target, "kvctl stop", "the export ends")
    check = target.run("e2fsck -fn /dev/sda1", timeout=300, check=False)
    print(check.stdout.rstrip())
    say.check(check.status == 0, "its file system is clean")


def story(say: Transcript, picture: Path) -> None:
    with diskless() as both:
        export(say, both.target)
        boot(say, both)
        look(say, both)
        log_in(both)
        both.screen(picture)
        restart(say, both)
        reboot(say, both)
        end(say, both)


def main() -> int:
    say = Transcript()
    begin = time.monotonic()
    picture = paths.results() / "screen.png"
    try:
        story(say, picture)
    except GuestError as error:
        say.failed += 1
        print(f"\n{error}")
    took = time.monotonic() - begin
    verdict = "The demo FAILED" if say.failed else "All checks held"
    print(f"\n{verdict} after {took:.0f} s. Consoles, frames, screen: {paths.results()}")
    return 1 if say.failed else 0


if __name__ == "__main__":
    sys.exit(main())
