# SPDX-License-Identifier: GPL-2.0
"""VLAN tags: what is answered, by whom, and under which tag.

The frames are those of a neighbour at the other end of eth0.
"""

import pytest

from lab import Disk
from testbeds import bed


@pytest.fixture(scope="module")
def target():
    with bed("tags", [Disk(1 << 20), Disk(1 << 20)]) as target:
        target.guest.run("modprobe 8021q")
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    target.guest.run("kvdel 3 4 san0; kvdel 3 5 eth0; ip link del san0; true", check=False)


AOE = b"\x88\xa2"
VLAN, SERVICE = 0x8100, 0x88A8
PRIORITY, OURS, URGENT = 0xA000, 0x002A, 0xE02A
SAN = "ip link add link eth0 name san0 type vlan id 42"


def tagged(frame: bytes, *tags: tuple[int, int]) -> bytes:
    """A frame with VLAN tags, the outer first."""
    inner = b"".join(proto.to_bytes(2) + control.to_bytes(2) for proto, control in tags)
    return frame[:12] + inner + frame[12:]


def answers(client, *requests: bytes, last: bytes, count: int = 0) -> list[bytes]:
    """What frames are answered by, each with its tags: so many answers at least are waited for,
    and the answer to the last request, which is left out."""
    neighbour, tag = client.neighbour, last[last.index(AOE) :][8:12]
    neighbour.drain()
    for request in (*requests, last):
        neighbour.send(request)
    heard, was_answered = [], False
    while True:
        is_all = was_answered and len(heard) >= count
        frame = neighbour.recv_if(
            lambda frame: AOE in frame[12:22] and frame[0] != 0xFF, 0.5 if is_all else 20
        )
        if frame is None:
            assert was_answered, "the target does not answer at all"
            return heard
        if frame[frame.index(AOE, 12) :][8:12] == tag:
            was_answered = True
        else:
            heard.append(frame)


def snap(frame: bytes) -> bytes:
    """The same with LLC and SNAP instead of a type."""
    rest = b"\xaa\xaa\x03\0\0\0" + frame[12:]
    return frame[:12] + len(rest).to_bytes(2) + rest


def to_all(client, slot: int | None = None) -> bytes:
    """A question that all answer, or those of a slot."""
    how = {} if slot is None else {"slot": slot}
    return client.config_frame(dst="ff:ff:ff:ff:ff:ff", **how)


def test_a_tag_is_answered_only_if_it_says_nothing(target, guest):
    with target.exported(3, 4, "/dev/sdb") as client:
        priority = tagged(to_all(client), (VLAN, PRIORITY))
        assert len(answers(client, priority, last=client.ata_frame(0x24), count=1)) == 1
        hops = [
            tagged(frame, *tags)
            for frame in (to_all(client), client.config_frame(), client.ata_frame(0x24))
            for tags in (
                [(VLAN, OURS)],
                [(VLAN, PRIORITY), (VLAN, OURS)],
                [(SERVICE, OURS)],
                [(SERVICE, OURS), (VLAN, 0)],
                [(VLAN, OURS), (VLAN, OURS)],
            )
        ]
        hops += [snap(to_all(client)), snap(client.config_frame())]
        assert answers(client, *hops, last=client.ata_frame(0x24)) == []


@pytest.mark.parametrize("reorder", ["on", "off"])
@pytest.mark.parametrize("watched", [False, True], ids=["", "captured"])
def test_a_vlan_answers_for_itself_alone(target, guest, reorder, watched):
    guest.run(f"{SAN} reorder_hdr {reorder}; ip link set san0 up; kvadd 3 4 san0 /dev/sdb force=1")
    # Someone else who sees all frames, and must find them as they were.
    capture = guest.spawn("exec perl -e 'socket(S, 17, 3, 0x300); sleep 1000'") if watched else None
    client = target.client(3, 4)
    ours = tagged(client.ata_frame(0x24), (VLAN, OURS))
    try:
        for control in (OURS, URGENT):
            for frame in (to_all(client), client.config_frame()):
                [answer] = answers(client, tagged(frame, (VLAN, control)), last=ours, count=1)
                assert answer[12:18] == b"\x81\0\0\x2a\x88\xa2"
                assert answer[:6] == frame[6:12] and answer[6:12] == bytes.fromhex(
                    client.mac.replace(":", "")
                )
        others = [
            tagged(frame, *tags)
            for frame in (to_all(client), client.config_frame(), client.ata_frame(0x24))
            for tags in (
                [],
                [(VLAN, PRIORITY)],
                [(VLAN, 0x2B)],
                [(SERVICE, OURS)],
                [(VLAN, OURS), (VLAN, OURS)],
                [(SERVICE, OURS), (VLAN, OURS)],
            )
        ]
        assert answers(client, *others, last=ours) == []
        # Beside an export on the card itself each is answered once, where it was asked.
        guest.run("kvadd 3 5 eth0 /dev/sda force=1")
        plain = tagged(to_all(client, slot=5))
        other = client.config_frame(slot=5)
        assert len(answers(client, plain, other, last=ours, count=2)) == 2
        elsewhere = [tagged(frame, (VLAN, OURS)) for frame in (plain, other)]
        assert answers(client, *elsewhere, last=ours) == []
        everyone = [to_all(client, slot=0xFF), tagged(to_all(client, slot=0xFF), (VLAN, OURS))]
        heard = answers(client, *everyone, last=ours, count=2)
        assert sorted(frame[12:14] for frame in heard) == [b"\x81\0", b"\x88\xa2"]
    finally:
        guest.run("kvdel 3 4 san0; kvdel 3 5 eth0", check=False)
        if capture:
            capture.kill()
