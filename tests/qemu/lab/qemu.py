# SPDX-License-Identifier: GPL-2.0
"""The command line of QEMU for a guest."""

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lab import paths, payload

if TYPE_CHECKING:
    from lab.guest import Guest

# Panic on an oops and end then; no IPv6, so that a quiet wire is quiet; the clock of an emulated
# machine on a busy host is not worth a warning, nor a timer that comes late a panic.
_KERNEL = (
    "console=ttyS0 panic=-1 oops=panic net.ifnames=0 ipv6.disable=1 tsc=nowatchdog no_timer_check "
    "log_buf_len=4M audit=0 apparmor=0 mitigations=off printk.time=1"
)

# For systemd: what it would start by the clock is not wanted, and no login.
_SYSTEM = " ".join(
    (
        *(f"systemd.wants={unit}.service" for unit in ("lab-agent", "systemd-networkd")),
        *(
            f"systemd.mask={unit}"
            for unit in (
                "apt-daily.timer",
                "apt-daily-upgrade.timer",
                "dpkg-db-backup.timer",
                "e2scrub_all.timer",
                "fstrim.timer",
                "getty@tty1.service",
                "serial-getty@ttyS0.service",
            )
        ),
    )
)


# What the firmware says goes to the serial line.
_FROM_NETWORK = ("-machine", "graphics=off", "-boot", "order=n")


def start(guest: "Guest", agent: Path, monitor: Path) -> subprocess.Popen[bytes]:
    """Starts QEMU; it ends with this process. Its own messages go to the console log."""
    with guest.console.open("ab") as log:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *_command(guest, agent, monitor)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _command(guest: "Guest", agent: Path, monitor: Path) -> list[str]:
    machine = guest.machine
    return [
        "qemu-system-x86_64",
        *("-accel", machine.accel, "-cpu", machine.cpu, *machine.options),
        *("-smp", str(guest.cpus), "-m", guest.memory),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *(_FROM_NETWORK if guest.diskless else _from_host(guest)),
        *(
            "-chardev",
            f"file,id=console,path={guest.console},append=on",
            "-serial",
            "chardev:console",
        ),
        *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci"),
        *("-chardev", f"socket,id=agent,path={agent}"),
        *("-device", "virtserialport,chardev=agent,name=agent,nr=1"),
        *("-qmp", f"unix:{monitor},server=on,wait=off"),
        *_shell(guest),
        *_disks(guest),
        *_nics(guest),
    ]


def _from_host(guest: "Guest") -> list[str]:
    """A kernel and an image of ours."""
    setup = paths.setup()
    append = f"{_KERNEL} lab.name={guest.name} lab.disks={len(guest.disks)} {guest.append}"
    if guest.shell:
        append += " lab.shell=hvc0"
    if guest.system:
        image, initrd = guest.system, payload.system_initrd(tuple(guest.files))
        append += f" {_SYSTEM}"
    else:
        image = setup["image"]
        initrd = payload.initrd(tuple(guest.programs), tuple(guest.modules))
    return [
        *("-kernel", setup["vmlinuz"], "-initrd", str(initrd), "-append", append),
        *("-drive", f"if=virtio,file={image},format=raw,snapshot=on,cache=unsafe"),
    ]


def _shell(guest: "Guest") -> list[str]:
    if not guest.shell:
        return []
    return [
        *("-chardev", f"socket,id=shell,path={guest.shell},server=on,wait=off"),
        *("-device", "virtconsole,chardev=shell,nr=0"),
    ]


def _disks(guest: "Guest") -> list[str]:
    # cache=unsafe: no flush reaches the host's disk, which need not survive anything.
    words = ["-device", "virtio-scsi-pci,id=scsi"]
    for number, disk in enumerate(guest.disks):
        words += [
            *("-drive", f"if=none,id=disk{number},file={disk.path},format=raw,cache=unsafe"),
            "-device",
            f"scsi-hd,bus=scsi.0,scsi-id={number},drive=disk{number},serial={disk.serial},"
            f"logical_block_size={disk.block},physical_block_size={disk.block}",
        ]
    return words


def _nics(guest: "Guest") -> list[str]:
    words = []
    for number, nic in enumerate(guest.nics):
        rom = "" if nic.boots else ",romfile="
        words += [
            "-netdev",
            f"dgram,id=net{number},local.type=unix,local.path={nic.end.local},"
            f"remote.type=unix,remote.path={nic.end.remote}",
            *("-device", f"{nic.model},netdev=net{number},mac={nic.mac}{rom}"),
            *("-object", f"filter-dump,id=dump{number},netdev=net{number},file={nic.pcap}"),
        ]
    return words
