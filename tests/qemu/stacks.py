# SPDX-License-Identifier: GPL-2.0
"""What the tests of devices that are made of others share: legs that can be lost, and what a client
sees of a device that serves, fails, or waits."""

import base64
import contextlib
import struct
from collections.abc import Iterator, Sequence

import pytest

from aoeframes import OK, READ_EXT, WRITE_EXT, Client
from blockbeds import collect
from lab import Disk, Guest
from testbeds import Bed, bed, mapped, pattern

SHELF, SLOT = 6, 2
FOLDER = f"/sys/kvblade/{SHELF}.{SLOT}@eth0"
# Sectors of each leg, of which there are so many.
LEG, LEGS = 32768, 6
LINEAR = f"0 {LEG} linear /dev/ram{{0}} 0"
# Sectors of a block of a thin pool, how many blocks there are at first, and its table.
BLOCK, BLOCKS = 128, 32
POOL = f"thin-pool /dev/mapper/leg0 /dev/mapper/leg1 {BLOCK} 0 {{how}}"
# What a client gets: what cannot be read or written, and what nobody can read or write any more.
UNREADABLE, WRITE_FAULT, ABORTED = (0x41, 0x40), (0x61, 0x04), (0x41, 0x04)
# Said of what the tests take away.
LOG = (
    *("I/O error", "io error", "IO failure", "IO error", "lost async page write", "Buffer I/O"),
    *("Disk failure", "Operation continuing", "Cannot continue", "read error", "super_written"),
    *("md: async del_gendisk", "device-mapper: ", "Failing path", "Power-on or device reset"),
)


@contextlib.contextmanager
def stacks_bed(name: str, modules=(), **how) -> Iterator[Bed]:
    """A target with a disk of blocks of 4 KiB, and legs in memory."""
    disks = [Disk(32 << 20, block=4096)]
    with bed(name, disks, modules=modules, **how) as target:
        run = target.guest.run
        run("ip link set eth0 mtu 9000; mount -t configfs none /sys/kernel/config || true")
        run(f"modprobe brd rd_nr={LEGS} rd_size={LEG // 2}")
        for leg in range(LEGS):
            named(target.guest, f"leg{leg}", LINEAR.format(leg))
        yield target


def fixtures(name: str, modules=(), **how):
    """The fixtures `target` and `guest` of a file of tests, which each of them leaves clean."""

    @pytest.fixture(scope="module", name="target")
    def bed_of_stacks():
        with stacks_bed(name, modules, **how) as target:
            yield target

    @pytest.fixture(name="guest")
    def clean_guest(target):
        yield target.guest
        clean(target.guest)

    return bed_of_stacks, clean_guest


@contextlib.contextmanager
def exported(target: Bed, path: str, slot: int = SLOT) -> Iterator[Client]:
    """An export, and a client that has seen its announcement."""
    with target.exported(SHELF, slot, path) as client:
        client.neighbour.drain()
        yield client


def state(guest: Guest) -> str:
    """What the export is in."""
    return guest.run(f"cat {FOLDER}/state").stdout.strip()


def named(guest: Guest, name: str, table: str) -> str:
    """A device of the device mapper, also by its name: there is no udev that would see to that.
    Returns its path."""
    path = mapped(guest, name, table)
    guest.run(f"ln -sf {path} /dev/mapper/{name}")
    return path


def device(guest: Guest, name: str) -> str:
    """The path of a device of the device mapper, as the kernel has it."""
    told = guest.run(f"dmsetup info -c --noheadings -o blkdevname {name}").stdout
    return f"/dev/{told.strip()}"


def logical_block(guest: Guest, path: str) -> int:
    """The bytes of its blocks."""
    return int(guest.run(f"cat /sys/block/{path[5:]}/queue/logical_block_size").stdout)


CLEAN = f"""
[ ! -e /sys/block/md7 ] || echo clear >/sys/block/md7/md/array_state
for again in 1 2 3; do
    for name in $(dmsetup info -c --noheadings -o name | grep -v ^leg); do
        dmsetup remove --force $name
    done
done >/dev/null 2>&1
for leg in $(seq 0 {LEGS - 1}); do
    dmsetup suspend --noflush --nolockfs leg$leg
    echo '{LINEAR}' | sed "s/{{0}}/$leg/" | dmsetup load leg$leg
    dmsetup resume leg$leg
    dd if=/dev/zero of=/dev/mapper/leg$leg bs=1M count=4 oflag=direct status=none
done
"""


def clean(guest: Guest) -> None:
    """All legs are there and empty, and nothing is made of them."""
    guest.run(CLEAN)


def lose(guest: Guest, leg: int) -> None:
    """A leg fails all that comes."""
    guest.run(
        f"dmsetup suspend --noflush --nolockfs leg{leg};"
        f" dmsetup load leg{leg} --table '0 {LEG} error'; dmsetup resume leg{leg}"
    )


def mend(guest: Guest, leg: int) -> None:
    """It is there again, with what it had."""
    guest.run(
        f"dmsetup suspend --noflush --nolockfs leg{leg};"
        f" dmsetup load leg{leg} --table '{LINEAR.format(leg)}'; dmsetup resume leg{leg}"
    )


def places(seed: int, count: int) -> list[tuple[int, int]]:
    """Sectors here and there, and how many: none twice."""
    return [(40 * i + (seed + i) % 23, 1 + (5 * i + seed) % 17) for i in range(count)]


def written(client: Client, seed: int, count: int = 24) -> None:
    """So many writes at the same time, of many lengths, all of which are answered."""
    frames = [
        client.ata_frame(WRITE_EXT, lba, sectors, pattern(lba, sectors, seed))
        for lba, sectors in places(seed, count)
    ]
    collect([(client, frame) for frame in frames])


def there(client: Client, seed: int, count: int = 24) -> None:
    """What was written is read."""
    for lba, sectors in places(seed, count):
        assert client.read(lba, sectors) == pattern(lba, sectors, seed), lba


def verified(client: Client, seed: int) -> None:
    written(client, seed)
    there(client, seed)


def fails(client: Client, lba: int = 8, reads: bool = True, writes: bool = True) -> None:
    """Reads and writes are answered, with an error."""
    if reads:
        assert client.ata(READ_EXT, lba, 8).registers == UNREADABLE
    if writes:
        assert client.ata(WRITE_EXT, lba, 8, pattern(lba, 8, 77)).registers == WRITE_FAULT


def reads_right_or_not(client: Client, seed: int, count: int = 24) -> int:
    """What is read is right, or an error. Returns how many were errors."""
    errors = 0
    for lba, sectors in places(seed, count):
        reply = client.ata(READ_EXT, lba, sectors)
        if reply.registers == OK:
            assert reply.data[: 512 * sectors] == pattern(lba, sectors, seed), lba
        else:
            assert reply.registers in (UNREADABLE, ABORTED)
            errors += 1
    return errors


def waits(client: Client, frame: bytes, seconds: float = 1.5) -> None:
    """Sends a request that is not answered, yet."""
    client.neighbour.send(frame)
    assert client.receive(lambda raw: raw[20:24] == frame[20:24], seconds) is None


def comes(client: Client, frame: bytes, timeout: float = 60) -> bytes:
    """The answer to a request that has been sent."""
    raw = client.receive(lambda raw: raw[20:24] == frame[20:24], timeout)
    assert raw is not None, "not answered"
    return raw


def thin(guest: Guest, how: str) -> str:
    """A thin volume that is larger than its pool."""
    named(guest, "pool", f"0 {BLOCK * BLOCKS} {POOL.format(how=how)}")
    guest.run("dmsetup message pool 0 'create_thin 0'")
    return mapped(guest, "thin", f"0 {2 * BLOCK * BLOCKS} thin /dev/mapper/pool 0")


def extend(guest: Guest, how: str) -> None:
    """The pool gets as much again."""
    guest.run(
        "dmsetup suspend --noflush pool; dmsetup load pool --table"
        f" '0 {2 * BLOCK * BLOCKS} {POOL.format(how=how)}'; dmsetup resume pool"
    )


def end_thin(guest: Guest) -> None:
    guest.run("dmsetup remove thin && dmsetup remove pool")


def fill_pool(client: Client, first: int) -> int:
    """Writes to a block after the other, and returns the first that has no room."""
    for block in range(first, BLOCKS):
        client.write(block * BLOCK, pattern(block * BLOCK, 1, 3))
    return BLOCKS


# Legs of an array with superblocks: where its data begin, and how many sectors they are.
DATA, SIZE = 2048, LEG - 2048
# Its number, the layout, and the sectors of a chunk.
LAYOUTS = {"raid1": (1, 0, 0), "raid5": (5, 2, 8), "raid6": (6, 2, 8)}


def superblock(level: str, legs: int, leg: int) -> bytes:
    """What mdadm --create --assume-clean puts on a leg: version 1.2, as in md_p.h."""
    number, layout, chunk = LAYOUTS[level]
    head = struct.pack("<4I", 0xA92B4EFC, 1, 0, 0) + b"kvblade-rs array" + bytes(32)
    array = struct.pack("<QIIQII", 0, number, layout, SIZE, chunk, legs).ljust(64, b"\0")
    own = struct.pack("<QQQQII", DATA, SIZE, 8, 0, leg, 0) + bytes([leg + 1] * 16)
    # With a log of bad blocks.
    own += struct.pack("<BBHI", 0, 0, 8, 16)
    # No leg has to be made like the others: all of the array is in sync.
    state = struct.pack("<QQQII", 0, 0, (1 << 64) - 1, 0, legs) + bytes(32)
    roles = struct.pack(f"<{legs}H", *range(legs))
    whole = head + array + own + state + roles
    words = sum(struct.unpack(f"<{len(whole) // 4}I", whole[: len(whole) // 4 * 4]))
    words += int.from_bytes(whole[len(whole) // 4 * 4 :], "little")
    checksum = struct.pack("<I", ((words & 0xFFFFFFFF) + (words >> 32)) & 0xFFFFFFFF)
    return whole[:216] + checksum + whole[220:]


def write_superblocks(guest: Guest, level: str, paths: Sequence[str], legs: int) -> None:
    """Makes an array of the first legs, of which there are so many in all."""
    for leg, path in enumerate(paths):
        data = superblock(level, legs, leg).ljust(4096, b"\0")
        text = base64.b64encode(data).decode()
        guest.run(f"echo {text} | base64 -d | dd of={path} bs=4096 seek=1 oflag=direct status=none")


def assemble(guest: Guest, paths: Sequence[str]) -> str:
    """The array of legs with superblocks, of which those that are old are left out."""
    adds = "; ".join(f"cat /sys/block/{path[5:]}/dev >new_dev" for path in paths)
    guest.run(
        "set -e; modprobe raid1; modprobe raid456; udevadm settle 2>/dev/null || true;"
        " echo md7 >/sys/module/md_mod/parameters/new_array; cd /sys/block/md7/md;"
        f" echo 1.2 >metadata_version; {adds}; echo active >array_state"
    )
    return "/dev/md7"


def array(guest: Guest, level: str, legs: int, chunk: int = 4096) -> str:
    """An array of the md driver over legs, the last of which is missing: without mdadm, whose
    superblocks nobody needs here. Returns its path."""
    slots = "; ".join(
        f"cat /sys/block/${{d{i}##*/}}/dev >new_dev; echo {i} >dev-${{d{i}##*/}}/slot"
        for i in range(legs - 1)
    )
    names = "; ".join(f"d{i}={device(guest, f'leg{i}')}" for i in range(legs - 1))
    guest.run(
        f"set -e; modprobe {'raid1' if level == 'raid1' else 'raid456'}; {names};"
        " echo md7 >/sys/module/md_mod/parameters/new_array; cd /sys/block/md7/md;"
        f" echo {level} >level; echo {legs} >raid_disks; {slots}; echo {LEG // 2} >component_size;"
        f" [ {level} = raid1 ] || echo {chunk} >chunk_size;"
        " echo none >resync_start; echo active >array_state"
    )
    return "/dev/md7"


def end_array(guest: Guest) -> None:
    """It goes a moment later."""
    guest.run("echo clear >/sys/block/md7/md/array_state")
    guest.run("until [ ! -e /sys/block/md7 ]; do sleep 0.1; done", timeout=20)
