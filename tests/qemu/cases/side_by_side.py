# SPDX-License-Identifier: GPL-2.0
"""Our target and Debian's vblade in one guest, one at a time, under the same address."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from aoeframes import ATA, BROADCAST, READ_EXT, RESPONSE, Client, mac_bytes
from cases.fields import DEATH, SILENCE, Fields, fields_of
from cases.steps import ME, Case
from testbeds import Bed

SHELF, SLOT = 5, 1
# An answer that has not come so long after the answer to a later request does not come.
GRACE = 0.3

# The shell does what it can by itself: there are hundreds of cases.
STOP = f"""
cd /sys/kvblade
[ ! -e {SHELF}.{SLOT}@eth0 ] || echo {SHELF} {SLOT} eth0 >del || exit
if [ -e /run/vblade.pid ]; then
	read -r pid </run/vblade.pid
	kill $pid 2>/dev/null
	while [ -e /proc/$pid ]; do sleep 0.01; done
	rm /run/vblade.pid /run/vblade
fi
read -r mtu </sys/class/net/eth0/mtu
[ $mtu = {{mtu}} ] || ip link set eth0 mtu {{mtu}} || exit
"""
OURS = f"echo {SHELF} {SLOT} eth0 {{device}} ro={{read_only}} force=1 >add"
# It serves when it has said what.
THEIRS = f"""
vblade {{option}} {SHELF} {SLOT} eth0 {{device}} >/run/vblade 2>&1 </dev/null &
echo $! >/run/vblade.pid
until [ -s /run/vblade ]; do sleep 0.01; done
"""
# A disk of which the sectors from 64 to 79 cannot be read or written.
BAD = """0 64 linear /dev/sd{0} 0
64 16 error
80 200 linear /dev/sd{0} 80
"""


@dataclass
class Bench:
    """The guest, with a healthy and a bad disk for each of the two, and their client."""

    bed: Bed
    client: Client
    # What runs, as long as it is as it was when it was started.
    _running: tuple | None = None

    @classmethod
    def of(cls, bed: Bed) -> "Bench":
        client = bed.client(SHELF, SLOT)
        assert client.neighbour.mac == ME
        # A packet socket takes frames of others too, if the card does.
        bed.guest.run("modprobe dm-mod; ip link set eth0 promisc on")
        for disk in "cd":
            bed.guest.run(f"dmsetup create bad{disk} <<'EOF'\n{BAD.format(disk)}EOF")
        return cls(bed, client)

    def start(self, case: Case, ours: bool) -> None:
        """Sees that a target runs that remembers nothing. The other one is stopped."""
        wanted = (ours, case.mtu, case.read_only, case.bad)
        if self._running == wanted and case.steps:
            return
        self._running = wanted
        disks = ("/dev/dm-0", "/dev/dm-1") if case.bad else ("/dev/sda", "/dev/sdb")
        script = STOP + (OURS if ours else THEIRS)
        self.bed.guest.run(
            script.format(
                mtu=case.mtu,
                device=disks[ours],
                read_only=int(case.read_only),
                option="-r" if case.read_only else "",
            )
        )

    def play(self, case: Case, ours: bool) -> Iterator[Fields]:
        """What a target says to each request of a case; without any, what it says by itself."""
        self.client.neighbour.drain()
        self.start(case, ours)
        if not case.steps:
            yield self._announcement()
        for step in case.steps:
            request = step(self.client)
            if request[19:20] != bytes((ATA,)):
                # It may have a config string or a list now.
                self._running = None
            fields = self._exchange(request, case.asker)
            yield fields
            if fields is DEATH:
                return

    def _announcement(self) -> Fields:
        raw = self.client.receive(lambda frame: frame[:6] == mac_bytes(BROADCAST))
        assert raw, "no announcement"
        return fields_of(raw, self.client.config_frame(src=BROADCAST, tag=0))

    def _exchange(self, request: bytes, asker: str) -> Fields:
        """Sends a request, and another to see that the target has dealt with the first."""
        probe = self.client.ata_frame(READ_EXT, src=asker)
        self.client.neighbour.send(request)
        self.client.neighbour.send(probe)
        answer, served, deadline = b"", False, time.monotonic() + 20
        while not (answer and served):
            raw = self.client.receive(self._is_answer, GRACE if served else 1)
            if raw is None and served:
                return SILENCE
            if raw is None:
                if self._is_dead():
                    return DEATH
                assert time.monotonic() < deadline, "the target does not answer any more"
            elif raw[20:24] == probe[20:24]:
                served = True
            else:
                assert not answer, "two answers to one request"
                answer = raw
        return fields_of(answer, request)

    def _is_answer(self, frame: bytes) -> bool:
        is_ours = frame[16:19] == bytes((0, SHELF, SLOT)) and frame[14] & RESPONSE
        return bool(is_ours) and frame[:6] != mac_bytes(BROADCAST)

    def _is_dead(self) -> bool:
        """Whether vblade was started and is gone."""
        return not self.bed.guest.run(
            "[ -e /run/vblade.pid ] && ! [ -e /proc/$(cat /run/vblade.pid) ]", check=False
        ).status
