# SPDX-License-Identifier: GPL-2.0
"""Devices that another machine has, or that a driver makes of two: `make test-disks`, seven minutes
on two cores with arrays.py. What is quick is in test_stacks.py.
"""

import contextlib
import time

import pytest

from aoeframes import OK, READ_EXT, WRITE_EXT, Client
from stacks import (
    ABORTED,
    FOLDER,
    LEG,
    LOG,
    SHELF,
    SLOT,
    UNREADABLE,
    WRITE_FAULT,
    clean,
    comes,
    fails,
    lose,
    mend,
    named,
    reads_right_or_not,
    stacks_bed,
    there,
    verified,
    waits,
)
from testbeds import mapped, pattern

MODULES = (
    *("bcache", "drbd", "nbd", "dm-cache", "dm-cache-smq", "dm-thin-pool"),
    *("iscsi_tcp", "target_core_mod", "target_core_iblock", "iscsi_target_mod"),
)
# Said of connections that are lost.
CONNECTIONS = (
    *("bcache: ", "drbd ", "block nbd", "nbd0", "iscsi", "iSCSI", "Unable to load target_core"),
    *("MODE SENSE", "Unable to locate Target Portal Group", "rejecting I/O to offline device"),
    *("nvme nvme", "nvme_fabrics", "block nvme", "nvmet: "),
)
GONE = 3
IQN = "iqn.2026-01.disks:disk"
PORTAL = f"/sys/kernel/config/target/iscsi/{IQN}/tpgt_1"
NVMET = "/sys/kernel/config/nvmet"

pytestmark = pytest.mark.kernel_log(allow=(*LOG, *CONNECTIONS))


@pytest.fixture(scope="module")
def target():
    with stacks_bed("disks", MODULES, memory="768M") as target:
        target.guest.run("mkdir -p /run/lock/iscsi /etc/target")
        yield target


@pytest.fixture
def guest(target):
    yield target.guest
    clean(target.guest)


@contextlib.contextmanager
def exported(target, path):
    with target.exported(SHELF, SLOT, path) as client:
        client.neighbour.drain()
        yield client


def state(guest) -> str:
    return guest.run(f"cat {FOLDER}/state").stdout.strip()


def goes_on(client: Client, seed: int) -> None:
    """It serves again, which may take a while."""
    frame = client.ata_frame(WRITE_EXT, 5, 1, pattern(5, 1, seed))
    for _ in range(60):
        client.neighbour.send(frame)
        raw = client.receive(lambda raw: raw[20:24] == frame[20:24], 1)
        if raw is not None and raw[27] == OK[0]:
            break
        time.sleep(0.5)
    else:
        raise AssertionError("it does not serve again")
    client.neighbour.drain()
    verified(client, seed)


def test_a_thin_pool_that_is_full_for_long(target, guest):
    """What waits for room fails when the pool gives up: after a minute, by default."""
    pool = "thin-pool /dev/mapper/leg0 /dev/mapper/leg1 128 0 0"
    guest.run("modprobe dm-thin-pool")
    guest.run("echo 3 >/sys/module/dm_thin_pool/parameters/no_space_timeout")
    named(guest, "pool", f"0 2048 {pool}")
    guest.run("dmsetup message pool 0 'create_thin 0'")
    with exported(target, mapped(guest, "thin", "0 8192 thin /dev/mapper/pool 0")) as client:
        for block in range(16):
            client.write(128 * block, pattern(128 * block, 1, 1))
        frame = client.ata_frame(WRITE_EXT, 4096, 1, pattern(4096))
        waits(client, frame)
        raw = comes(client, frame)
        assert (raw[27], raw[25]) == WRITE_FAULT
        assert client.read(0) == pattern(0, 1, 1)
        guest.run(
            "dmsetup suspend --noflush pool;"
            f" dmsetup load pool --table '0 8192 {pool}'; dmsetup resume pool"
        )
        client.write(4096, pattern(4096))
        assert client.read(4096) == pattern(4096)
    guest.run("dmsetup remove thin && dmsetup remove pool")


@pytest.mark.parametrize("how", ["writethrough", "writeback"])
def test_dm_cache(target, guest, how):
    """Its cache is lost: what is only there is lost with it, and no other data is shown for it."""
    table = f"0 {LEG} cache /dev/mapper/leg1 /dev/mapper/leg2 /dev/mapper/leg0 128 1 {how} smq 0"
    with exported(target, mapped(guest, "cached", table)) as client:
        for seed in range(3):
            verified(client, seed)
        lose(guest, 2)
        reads_right_or_not(client, 2)
        said = client.ata(WRITE_EXT, 8, 8, pattern(8, 8, 77)).registers
        assert said in (OK, WRITE_FAULT)
        lose(guest, 0)
        assert client.ata(READ_EXT, LEG - 8, 8).registers == UNREADABLE
    guest.run("dmsetup remove cached")


@pytest.mark.parametrize("how", ["writethrough", "writeback"])
def test_bcache(target, guest, how):
    back = " --writeback" if how == "writeback" else ""
    guest.run("modprobe bcache; make-bcache -b 16k -B /dev/mapper/leg3 -C /dev/mapper/leg4" + back)
    guest.run(
        "for leg in leg3 leg4; do echo /dev/mapper/$leg >/sys/fs/bcache/register; done;"
        " until [ -b /dev/bcache0 ] && [ -e /sys/block/bcache0/bcache/cache ]; do sleep 0.1; done"
    )
    with exported(target, "/dev/bcache0") as client:
        verified(client, 1)
        verified(client, 2)
        lose(guest, 4)
        seen = []
        for lba in range(8, 8000, 200):
            reply = client.ask(client.ata_frame(WRITE_EXT, lba, 8, pattern(lba, 8, 3)))
            seen.append((reply.error, reply.registers if reply.error is None else None))
        if how == "writethrough":
            # Without its cache it goes on.
            assert seen[-1] == (None, OK)
            client.write(8, pattern(8, 8, 4))
            assert client.read(8, 8) == pattern(8, 8, 4)
        else:
            # What is only there is lost.
            assert {WRITE_FAULT, None} >= {registers for _, registers in seen}
    guest.run(
        "echo 1 >/sys/block/bcache0/bcache/stop || true;"
        " for set in /sys/fs/bcache/*-*; do echo 1 >$set/stop; done || true;"
        " until ! ls /sys/fs/bcache/*-* /sys/block/bcache* 2>/dev/null; do sleep 0.1; done"
    )


DRBD = """
global { usage-count no; }
resource pair {
    device /dev/drbd0;
    meta-disk internal;
    disk { on-io-error detach; }
    on NAME { disk /dev/mapper/leg0; address 127.0.0.1:7788; }
    on other { disk /dev/mapper/leg1; address 127.0.0.1:7789; }
}
"""


def test_drbd_alone(target, guest):
    """Without its peer: the secondary is refused; without its disk it has nothing."""
    name = guest.run("hostname").stdout.strip()
    guest.write_file("/etc/drbd.conf", DRBD.replace("NAME", name))
    guest.run("modprobe drbd; drbdadm create-md --force pair 2>&1; drbdadm up pair")
    for options in ("", "ro=1", "shared=1"):
        said = guest.run(f"kvadd {SHELF} {SLOT} eth0 /dev/drbd0 force=1 {options}", check=False)
        assert said.status == 1
        reason = "device is the secondary of a pair (DRBD): make it the primary first"
        assert said.stdout == f"kvadd: /dev/drbd0: {reason}\n"
    guest.run("drbdadm primary --force pair")
    with exported(target, "/dev/drbd0") as client:
        verified(client, 1)
        assert guest.run("drbdadm secondary pair", check=False).status != 0, "clients use it"
        there(client, 1)
        lose(guest, 0)
        fails(client)
        fails(client)
        mend(guest, 0)
        guest.run("drbdadm attach pair")
        there(client, 1)
        verified(client, 2)
    guest.run("drbdadm down pair; rmmod drbd")


NBD = """
qemu-nbd --fork --pid-file=/run/nbd.pid -f raw -t -e 4 -b 127.0.0.1 -p 10809 -x disk /run/image
nbd-client -N disk -b 512 127.0.0.1 10809 /dev/nbd0
"""


def test_nbd(target, guest):
    """The server goes: the device is there, and fails; another connection is another export."""
    guest.run("truncate -s 8M /run/image; modprobe nbd nbds_max=1")
    guest.run(NBD)
    with exported(target, "/dev/nbd0") as client:
        verified(client, 1)
        guest.run("kill $(cat /run/nbd.pid)")
        asked = [(READ_EXT, b""), (WRITE_EXT, pattern(8, 8, 5)), (READ_EXT, b"")]
        replies = [client.ask(client.ata_frame(how, 8, 8, data)) for how, data in asked]
        for reply in replies:
            assert reply.error is not None or reply.registers in (UNREADABLE, WRITE_FAULT, ABORTED)
    guest.run("nbd-client -d /dev/nbd0 || true")
    guest.run(NBD)
    with exported(target, "/dev/nbd0") as client:
        there(client, 1)
        verified(client, 2)
    guest.run("nbd-client -d /dev/nbd0; kill $(cat /run/nbd.pid); modprobe -r nbd")


ISCSI = f"""
set -e
modprobe target_core_iblock; modprobe iscsi_target_mod; modprobe iscsi_tcp
core=/sys/kernel/config/target/core/iblock_0/disk
mkdir -p $core
echo udev_path=/dev/mapper/leg0 >$core/control
echo 1 >$core/enable
mkdir -p {PORTAL}/np/127.0.0.1:3260 {PORTAL}/lun/lun_0
cd {PORTAL}
ln -s $core lun/lun_0/disk
echo 0 >attrib/authentication
echo 1 >attrib/generate_node_acls
echo 0 >attrib/demo_mode_write_protect
echo 1 >enable
pgrep -x iscsid >/dev/null || iscsid
iscsiadm -m discovery -t sendtargets -p 127.0.0.1
iscsiadm -m node -T {IQN} -o update -n node.session.timeo.replacement_timeout -v 3
iscsiadm -m node -T {IQN} -p 127.0.0.1 --login
"""


def test_iscsi(target, guest):
    """While the initiator waits for the connection so does a client; then it gets errors, until the
    connection is there again."""
    guest.run(ISCSI)
    guest.run("until [ -b /dev/sdb ]; do sleep 0.1; done")
    with exported(target, "/dev/sdb") as client:
        verified(client, 1)
        guest.run(f"echo 0 >{PORTAL}/enable")
        frame = client.ata_frame(READ_EXT, 8, 8)
        waits(client, frame)
        raw = comes(client, frame)
        assert (raw[27], raw[25]) in (UNREADABLE, ABORTED)
        assert client.ata(WRITE_EXT, 8, 8, pattern(8, 8, 9)).registers == WRITE_FAULT
        guest.run(f"echo 1 >{PORTAL}/enable")
        goes_on(client, 2)
    guest.run(f"iscsiadm -m node -T {IQN} --logout")


NVME = f"""
set -e
modprobe nvmet-tcp; modprobe nvme-tcp
cd {NVMET}
mkdir subsystems/disk
echo 1 >subsystems/disk/attr_allow_any_host
mkdir subsystems/disk/namespaces/1
echo -n /dev/mapper/leg0 >subsystems/disk/namespaces/1/device_path
echo 1 >subsystems/disk/namespaces/1/enable
mkdir ports/1
echo ipv4 >ports/1/addr_adrfam
echo tcp >ports/1/addr_trtype
echo 127.0.0.1 >ports/1/addr_traddr
echo 4420 >ports/1/addr_trsvcid
ln -s {NVMET}/subsystems/disk ports/1/subsystems/disk
where=transport=tcp,traddr=127.0.0.1,trsvcid=4420,nqn=disk
echo $where,fast_io_fail_tmo=3,reconnect_delay=1,ctrl_loss_tmo=600 >/dev/nvme-fabrics
until [ -b /dev/nvme0n1 ]; do sleep 0.1; done
"""
END_NVME = f"""
cd {NVMET}
rm ports/1/subsystems/disk
rmdir ports/1 subsystems/disk/namespaces/1 subsystems/disk
"""


def test_nvme_over_tcp(target, guest):
    """The same with this driver."""
    guest.run(NVME)
    with exported(target, "/dev/nvme0n1") as client:
        verified(client, 1)
        guest.run(f"rm {NVMET}/ports/1/subsystems/disk")
        frame = client.ata_frame(READ_EXT, 8, 8)
        waits(client, frame)
        raw = comes(client, frame)
        assert (raw[27], raw[25]) in (UNREADABLE, ABORTED)
        assert client.ata(WRITE_EXT, 8, 8, pattern(8, 8, 9)).registers == WRITE_FAULT
        guest.run(f"ln -s {NVMET}/subsystems/disk {NVMET}/ports/1/subsystems/disk")
        goes_on(client, 2)
        guest.run("echo 1 >/sys/class/nvme/nvme0/delete_controller")
        frame = client.ata_frame(READ_EXT, 8, 8)
        assert client.ask(frame).error == GONE
        assert state(guest) == "down: device is gone"
    guest.run(END_NVME)
