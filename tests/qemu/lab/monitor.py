# SPDX-License-Identifier: GPL-2.0
"""QEMU's monitor: devices that come while a guest runs."""

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.guest import Disk, Guest, Nic


class Monitor:
    """Commands to QEMU, one JSON object a line."""

    def __init__(self, path: Path):
        self._path = path
        self._socket: socket.socket | None = None

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(self._path))
        self._lines = self._socket.makefile("r")
        self._lines.readline()
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: Any) -> Any:
        """Runs a command and returns what it returns. Underscores of keys stand for hyphens."""
        if not self._socket:
            self._connect()
        words = {key.replace("_", "-"): value for key, value in arguments.items()}
        request = {"execute": name, "arguments": words}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"QEMU refuses {request}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise RuntimeError("QEMU has ended")

    def close(self) -> None:
        if self._socket:
            self._lines.close()
            self._socket.close()


def plug_disk(guest: "Guest", disk: "Disk") -> None:
    """A disk comes while a guest runs."""
    number = len(guest.disks)
    image = {"driver": "file", "filename": str(disk.path)}
    command = guest.monitor.command
    command("blockdev-add", driver="raw", node_name=f"disk{number}", file=image)
    device = {"drive": f"disk{number}", "serial": disk.serial, "scsi-id": number}
    command("device_add", driver="scsi-hd", bus="scsi.0", **device)
    guest.disks.append(disk)


def plug_nic(guest: "Guest", nic: "Nic") -> None:
    """A network card comes while a guest runs."""
    name = f"net{len(guest.nics)}"
    nic.pcap = guest.console.with_name(f"{guest.console.stem}-eth{len(guest.nics)}.pcap")
    ends = {
        side: {"type": "unix", "path": str(path)}
        for side, path in (("local", nic.end.local), ("remote", nic.end.remote))
    }
    command = guest.monitor.command
    command("netdev_add", type="dgram", id=name, **ends)
    dump = {"qom-type": "filter-dump", "id": f"dump-{name}", "netdev": name}
    command("object-add", **dump, file=str(nic.pcap))
    command("device_add", driver=nic.model, netdev=name, mac=nic.mac, romfile="")
    guest.nics.append(nic)
