# SPDX-License-Identifier: GPL-2.0
"""Who is measured. To add one, describe it here and put it into AOE or OTHERS."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from bench_guest import CLIENT, SECTORS, TARGET, TARGET_IP, Bench


def _until(condition: str) -> str:
    """Waits until a command succeeds, but not for ever."""
    return f"for i in $(seq 200); do {condition} && break; sleep 0.1; done; {condition}"


@dataclass(frozen=True)
class Contestant:
    """A target and its client in the kernel, by shell commands in which `$disk` is the disk.

    The target serves the disk from `start` to `stop`, and the client shows what it serves as
    `device` from `connect` to `disconnect`. All run with `set -e`.
    """

    name: str
    start: str
    stop: str
    connect: str
    disconnect: str
    device: str

    @contextlib.contextmanager
    def serving(self, bench: Bench, disk: str) -> Iterator[None]:
        """The target while the context lasts."""
        bench.run(f"set -e\ndisk={disk}\n{self.start}")
        yield
        bench.run(f"set -e\ndisk={disk}\n{self.stop}")

    @contextlib.contextmanager
    def connected(self, bench: Bench, disk: str) -> Iterator[str]:
        """The device at the client while the context lasts."""
        with self.serving(bench, disk):
            wait = _until(f"[ -b {self.device} ]")
            text = bench.run(f"set -e\ndisk={disk}\n{self.connect}\n{wait}\necho {self.device}")
            yield text.split()[-1]
            bench.run(f"set -e\n{self.disconnect}")


def _aoe(name: str, start: str, stop: str) -> Contestant:
    """An AoE target, which is 0.1, with the kernel's own client."""
    connect = f"modprobe aoe aoe_iflist={CLIENT}; echo >/dev/etherd/discover"
    return Contestant(name, start, stop, connect, "modprobe -r aoe", "/dev/etherd/e0.1")


def _daemon(command: str, ready: str) -> str:
    """Starts a program that stays in the foreground, and waits until it is `ready`."""
    return f"""
    {command} >/run/daemon.log 2>&1 &
    echo $! >/run/daemon.pid
    {_until(ready)}
    """


# nbd-server may have ended already, with its client.
_END_DAEMON = f"pid=$(cat /run/daemon.pid); kill $pid || :; {_until('! [ -d /proc/$pid ]')}"


def _vblade(options: str) -> Contestant:
    # Without an option it reads and writes the page cache, which is filled first.
    command = f"vblade {options} 0 1 {TARGET} $disk"
    start = _daemon(command, "grep -q sectors /run/daemon.log") + "cat $disk >/dev/null"
    return _aoe(f"vblade {options}".strip(), start, _END_DAEMON)


def _listens(port: int) -> str:
    return f"ss -Htln sport = {port} | grep -q ."


_NVMET = f"""
nvmet=/sys/kernel/config/nvmet
modprobe nvmet-tcp
mkdir $nvmet/subsystems/bench
echo 1 >$nvmet/subsystems/bench/attr_allow_any_host
mkdir $nvmet/subsystems/bench/namespaces/1
echo -n $disk >$nvmet/subsystems/bench/namespaces/1/device_path
echo 1 >$nvmet/subsystems/bench/namespaces/1/enable
mkdir $nvmet/ports/1
echo ipv4 >$nvmet/ports/1/addr_adrfam
echo tcp >$nvmet/ports/1/addr_trtype
echo {TARGET_IP} >$nvmet/ports/1/addr_traddr
echo 4420 >$nvmet/ports/1/addr_trsvcid
ln -s $nvmet/subsystems/bench $nvmet/ports/1/subsystems/bench
"""

_END_NVMET = """
nvmet=/sys/kernel/config/nvmet
rm $nvmet/ports/1/subsystems/bench
rmdir $nvmet/ports/1 $nvmet/subsystems/bench/namespaces/1 $nvmet/subsystems/bench
modprobe -r nvmet-tcp
"""

_NVME = f"""
modprobe nvme-tcp
echo transport=tcp,traddr={TARGET_IP},trsvcid=4420,nqn=bench >/dev/nvme-fabrics
"""

_IQN = "iqn.2026-01.bench:disk"

_LIO = f"""
core=/sys/kernel/config/target/core/iblock_0/bench
mkdir -p /etc/target
modprobe target_core_iblock
modprobe iscsi_target_mod
mkdir -p $core
echo udev_path=$disk >$core/control
echo 1 >$core/enable
portal=/sys/kernel/config/target/iscsi/{_IQN}/tpgt_1
mkdir -p $portal/np/{TARGET_IP}:3260 $portal/lun/lun_0
ln -s $core $portal/lun/lun_0/bench
echo 0 >$portal/attrib/authentication
echo 1 >$portal/attrib/generate_node_acls
echo 0 >$portal/attrib/demo_mode_write_protect
echo 1 >$portal/enable
"""

# The modules stay: threads of theirs may still be in their code when they could be removed.
_END_LIO = f"""
target=/sys/kernel/config/target
portal=$target/iscsi/{_IQN}/tpgt_1
echo 0 >$portal/enable
rm $portal/lun/lun_0/bench
rmdir $portal/lun/lun_0 $portal/np/{TARGET_IP}:3260 $portal ${{portal%/*}} $target/iscsi
rmdir $target/core/iblock_0/bench $target/core/iblock_0
"""

_ISCSI = f"""
mkdir -p /run/lock/iscsi
modprobe iscsi_tcp
pgrep -x iscsid >/dev/null || iscsid
iscsiadm -m discovery -t sendtargets -p {TARGET_IP} >/dev/null
iscsiadm -m node -T {_IQN} -p {TARGET_IP} --login >/dev/null
"""

# Answers without a disk: what it costs is the floor of every AoE target.
NULL = _aoe(
    "null", f"modprobe aoe_null interface={TARGET} sectors={SECTORS}", "modprobe -r aoe_null"
)
OWN = _aoe(
    "kvblade_rs",
    f"modprobe kvblade_rs; kvadd 0 1 {TARGET} $disk force=1",
    f"kvdel 0 1 {TARGET}; modprobe -r kvblade_rs",
)
# As it is, and with every request on the disk when it is answered, as with the others.
VBLADE = (_vblade(""), _vblade("-d -s"))

AOE = (NULL, OWN, *VBLADE)

OTHERS = (
    Contestant(
        "nvmet-tcp",
        _NVMET,
        _END_NVMET,
        _NVME,
        "echo 1 >/sys/class/nvme/nvme0/delete_controller",
        "/dev/nvme0n1",
    ),
    Contestant(
        "nbd-server",
        f"printf '%s\\n' [generic] listenaddr={TARGET_IP} [bench] exportname=$disk >/run/nbd\n"
        + _daemon("nbd-server -d -C /run/nbd", _listens(10809)),
        _END_DAEMON,
        f"modprobe nbd nbds_max=1; nbd-client -N bench {TARGET_IP} /dev/nbd0",
        "nbd-client -d /dev/nbd0; modprobe -r nbd",
        "/dev/nbd0",
    ),
    Contestant(
        "qemu-nbd",
        _daemon(
            f"qemu-nbd -t -f raw --cache=none --aio=io_uring -x bench -b {TARGET_IP} $disk",
            _listens(10809),
        ),
        _END_DAEMON,
        f"modprobe nbd nbds_max=1; nbd-client -N bench {TARGET_IP} /dev/nbd0",
        "nbd-client -d /dev/nbd0; modprobe -r nbd",
        "/dev/nbd0",
    ),
    Contestant(
        "iSCSI (LIO)",
        _LIO,
        _END_LIO,
        _ISCSI,
        f"iscsiadm -m node -T {_IQN} -p {TARGET_IP} --logout >/dev/null",
        "/dev/sda",
    ),
)
# The disk itself.
BARE = Contestant("disk alone", ":", ":", ":", ":", "$disk")
