# SPDX-License-Identifier: GPL-2.0
"""A DHCP server that tells machines without disks where theirs is: a station on a wire."""

import contextlib
import threading

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from lab.wire import End, Neighbour

_SERVER, _CLIENTS = "192.0.2.1", "192.0.2."
_ANSWERS = {1: "offer", 3: "ack"}


class Dhcp:
    """Gives whoever asks an address and a root path. A context manager."""

    def __init__(self, end: End, root_path: str, mac: str = "02:00:00:00:00:d4"):
        self._root_path = root_path
        self._neighbour = Neighbour(end, mac)
        self._addresses: dict[str, str] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._end.is_set():
            frame = self._neighbour.recv_if(lambda frame: frame[12:14] == b"\x08\x00", 0.2)
            packet = frame and Ether(frame)
            if packet and DHCP in packet and packet[BOOTP].op == 1:
                # A machine that is switched off takes no answer.
                with contextlib.suppress(OSError):
                    self._answer(packet)

    def _answer(self, asked: Ether) -> None:
        options = dict(it[:2] for it in asked[DHCP].options if isinstance(it, tuple))
        kind = _ANSWERS.get(options.get("message-type"))
        if kind is None:
            return
        number = len(self._addresses) + 10
        address = self._addresses.setdefault(asked.src, f"{_CLIENTS}{number}")
        head = Ether(src=self._neighbour.mac, dst=asked.src) / IP(src=_SERVER, dst=address)
        given = [
            ("message-type", kind),
            ("server_id", _SERVER),
            ("lease_time", 86400),
            ("subnet_mask", "255.255.255.0"),
            ("root_disk_path", self._root_path),
            "end",
        ]
        bootp = BOOTP(
            op=2, xid=asked[BOOTP].xid, chaddr=asked[BOOTP].chaddr, yiaddr=address, siaddr=_SERVER
        )
        self._neighbour.send(bytes(head / UDP(sport=67, dport=68) / bootp / DHCP(options=given)))

    def __enter__(self) -> "Dhcp":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._thread.join()
        self._neighbour.close()
