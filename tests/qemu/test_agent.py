# SPDX-License-Identifier: GPL-2.0
"""The resource agent of clusters: two nodes and a client on one segment, without Pacemaker.

What Pacemaker does is to run the agent, and so do the tests, with the functions and the tester of
the package resource-agents.
"""

import contextlib
import random
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from aoeframes import READ_EXT, WRITE_EXT, Client, Identity
from lab import Disk, Guest, Hub, Neighbour, Nic, find_leaks, plug_disk, start_all
from lab.paths import SOURCE
from listframes import ADD, EDIT, SET, mask_frame, reserve_frame
from testbeds import SECTOR, assert_decoded, mapped

SHELF, SLOT = 8, 1
ADDRESS = f"{SHELF}.{SLOT}"
FOLDER = f"/sys/kvblade/{ADDRESS}@eth0"
AGENT = "/usr/lib/ocf/resource.d/kvblade/AoEtarget"
LIBRARY = "/usr/lib/ocf/lib/kvblade"
SECTORS = 2048
OTHER, STRANGER = "02:00:00:00:00:0b", "02:00:00:00:00:0c"
RESERVED = 6
SUCCESS, GENERIC, INSTALLED, CONFIGURED, NOT_RUNNING, DEGRADED = 0, 1, 5, 6, 7, 190
USUAL = {"device": "/dev/sda", "nic": "eth0", "shelf": SHELF, "slot": SLOT}
RIVAL = pytest.mark.kernel_log(allow=["conflict: ", "answers for the same address"])


@dataclass
class Cluster:
    """Two nodes, and this process as the client of both."""

    nodes: list[Guest]
    neighbour: Neighbour

    def client(self, node: int) -> Client:
        self.neighbour.drain()
        return Client(self.neighbour, self.nodes[node].nics[0].mac, SHELF, SLOT)


@contextlib.contextmanager
def cluster_of(name: str, *disks: list[Disk]) -> Iterator[Cluster]:
    """Boots two nodes with their disks."""
    with Hub(3) as hub:
        nodes = [
            Guest(f"{name}{number}", disks=own, nics=[Nic(end)], programs=["kvctl"], memory="384M")
            for number, (own, end) in enumerate(zip(disks, hub.ends[:2], strict=True))
        ]
        neighbour = Neighbour(hub.ends[2], "02:00:00:00:00:0a")
        try:
            start_all(nodes)
            for node in nodes:
                node.run(f"modprobe kvblade_rs; mkdir -p {AGENT.rpartition('/')[0]} {LIBRARY} /mnt")
                node.write_file(AGENT, (SOURCE / "scripts/ocf/AoEtarget").read_bytes())
                for file in (SOURCE / "scripts/ocf").glob("AoEtarget.*"):
                    node.write_file(f"{LIBRARY}/{file.name}", file.read_bytes())
                node.run(f"chmod 755 {AGENT}")
            yield Cluster(nodes, neighbour)
            for node in nodes:
                assert not node.healthy or find_leaks(node) == []
        finally:
            neighbour.close()
            for node in nodes:
                node.stop()
    for node in nodes:
        assert_decoded(node)


@pytest.fixture(scope="module")
def cluster():
    disks = ([Disk(SECTORS * SECTOR)] for _ in range(2))
    with cluster_of("agent", *disks) as cluster:
        yield cluster


@pytest.fixture
def node(cluster):
    node = cluster.nodes[0]
    yield node
    agent(node, "stop")
    # What Pacemaker starts the resource with is not what the next test does.
    node.run("rm -rf /run/resource-agents/kvblade*")


def agent(node: Guest, action: str, level: int = 0, **parameters):
    """Runs it as Pacemaker does, with the usual parameters and these."""
    words = {f"OCF_RESKEY_{key}": value for key, value in {**USUAL, **parameters}.items()}
    words |= {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": "disk"}
    words |= {"OCF_RA_VERSION_MAJOR": 1, "OCF_CHECK_LEVEL": level}
    words["OCF_RESKEY_CRM_meta_interval"] = 10000
    env = " ".join(f"{key}={shlex.quote(str(value))}" for key, value in words.items())
    return node.run(f"env {env} {AGENT} {action} 2>&1", check=False)


def does(node: Guest, action: str, status: int, level: int = 0, **parameters) -> str:
    """What the agent says when an action ends with this status."""
    result = agent(node, action, level, **parameters)
    assert result.status == status, f"{action}: status {result.status}, {result.stdout}"
    return result.stdout


def said(reason: str) -> str:
    """A reason as Pacemaker takes it from an agent's output."""
    return f"ocf-exit-reason:{reason}\n"


# The rules of resource agents.


def test_ocf_tester_passes(node):
    options = " ".join(f"-o {key}={value}" for key, value in USUAL.items())
    tested = node.run(f"ocf-tester -n disk {options} {AGENT} 2>&1", timeout=120, check=False)
    assert f"{AGENT} passed all tests" in tested.stdout, tested.stdout


def test_the_description_is_valid_by_both_schemas(node):
    check = "xmllint --noout --valid --relaxng metadata.rng"
    node.run(f"cd /usr/share/resource-agents && {AGENT} meta-data | {check} - 2>&1")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"device": ""}, "device is not set: give the block device to export"),
        ({"device": "sda"}, "device sda: not an absolute path"),
        ({"nic": " "}, "nic is not set: give the interfaces that serve the device"),
        ({"shelf": ""}, "shelf is not set: give a number from 0 to 65534"),
        ({"shelf": "4095"}, "shelf 4095: Linux clients refuse this number"),
        ({"slot": "255"}, "slot 255: out of range, 0 to 254 are allowed"),
        ({"readonly": "maybe"}, "readonly maybe: not true or false"),
        ({"cache": "none"}, "cache none: not through or back"),
        ({"options": "mtu"}, "option mtu: not KEY=VALUE"),
        ({"options": "force=1"}, "option force=1: the parameter fenced says that"),
        ({"state_dir": "state"}, "state_dir state: not an absolute path"),
    ],
)
def test_wrong_parameters(node, parameters, reason):
    assert said(reason) in does(node, "validate-all", CONFIGURED, **parameters)


# Start, monitor, stop.


def test_from_the_start_to_the_stop(cluster, node):
    does(node, "monitor", NOT_RUNNING)
    does(node, "start", SUCCESS, sn="S-1", options="mtu=1200 bufcnt=8")
    client = cluster.client(0)
    assert Identity(client.identify()).serial.strip() == "S-1"
    assert client.config_query().buffer_count == 8
    does(node, "monitor", SUCCESS)
    does(node, "monitor", SUCCESS, level=10)
    does(node, "stop", SUCCESS)
    does(node, "monitor", NOT_RUNNING)
    assert node.run("ls -d /sys/kvblade/*@*", check=False).status


def test_leading_zeros_are_of_no_meaning(node):
    """Folders of the module have none."""
    zeros = {"shelf": f"0{SHELF}", "slot": f"00{SLOT}"}
    does(node, "start", SUCCESS, **zeros)
    assert node.run(f"cat {FOLDER}/state").stdout == "up\n"
    does(node, "monitor", SUCCESS, **zeros)
    does(node, "stop", SUCCESS, **zeros)
    assert node.run(f"ls -d {FOLDER}", check=False).status != 0


def test_what_cannot_be_exported_says_why(node):
    node.run("mkfs.ext4 -q /dev/sda && mount /dev/sda /mnt")
    reason = f"{ADDRESS}: not started, /dev/sda: busy, mounted on /mnt"
    assert said(reason) in does(node, "start", GENERIC)
    node.run("umount /mnt; wipefs -qa /dev/sda")
    does(node, "monitor", NOT_RUNNING)


def test_several_interfaces_and_access_lists(cluster, node):
    node.run("ip link add other type dummy && ip link set other up")
    two = {"nic": "eth0 other", "access_write": f"only {OTHER}"}
    does(node, "start", SUCCESS, **two)
    client = cluster.client(0)
    data = random.randbytes(SECTOR)
    assert client.ask(client.ata_frame(WRITE_EXT, 1, 1, data)).registers != (0x40, 0)
    assert client.ask(client.ata_frame(WRITE_EXT, 1, 1, data, src=OTHER)).registers == (0x40, 0)
    assert client.read(1) == data
    # One of two ways is attention, none is a failure.
    node.run("ip link set other down")
    assert said("other down: interface is down") in does(node, "monitor", DEGRADED, **two)
    node.run("ip link set eth0 down")
    assert "on all interfaces" in does(node, "monitor", GENERIC, **two)
    node.run("ip link set eth0 up; ip link del other")
    assert "no such interface" in does(node, "monitor", DEGRADED, **two)
    does(node, "stop", SUCCESS, **two)
    does(node, "monitor", NOT_RUNNING, **two)


def test_without_a_link_nobody_can_be_asked(node):
    node.run("ip link set eth0 down")
    reason = f"{ADDRESS}: not started, no link on eth0: another node could not be heard"
    assert said(reason) in does(node, "start", GENERIC)
    node.run("ip link set eth0 up")
    does(node, "start", SUCCESS)


def test_a_disk_that_cannot_be_read(node):
    disk = mapped(node, "bad", f"0 {SECTORS} linear /dev/sda 0")
    does(node, "start", SUCCESS, device=disk)
    does(node, "monitor", SUCCESS, level=10, device=disk)
    swap = "dmsetup suspend bad && dmsetup load bad --table '0 {} {}' && dmsetup resume bad"
    node.run(swap.format(SECTORS, "error"))
    does(node, "monitor", SUCCESS, device=disk)
    assert said(f"{disk}: cannot be read") in does(node, "monitor", GENERIC, 10, device=disk)
    does(node, "stop", SUCCESS, device=disk)
    node.run("dmsetup remove bad")


def test_a_disk_that_hangs_is_told_and_not_stopped(cluster, node):
    """So that the cluster fences the node; and no write lands after a stop that has succeeded."""
    disk = mapped(node, "held", f"0 {SECTORS} linear /dev/sda 0")
    does(node, "start", SUCCESS, device=disk)
    client, data = cluster.client(0), random.randbytes(SECTOR)
    node.run("dmsetup suspend --noflush --nolockfs held")
    client.neighbour.send(client.ata_frame(WRITE_EXT, 5, 1, data))
    node.run(f"until [ $(cat {FOLDER}/busy) = 1 ]; do sleep 0.05; done")
    for reason in ("has not ended after 8 seconds", "a read of an earlier monitor has not ended"):
        assert reason in does(node, "monitor", GENERIC, level=10, device=disk)
    stopped = does(node, "stop", GENERIC, device=disk)
    assert f"{ADDRESS}: cannot be stopped, {ADDRESS}: the device has not ended 1 request" in stopped
    assert "a stop has begun and not ended" in does(node, "monitor", GENERIC, device=disk)
    client.neighbour.send(client.ata_frame(READ_EXT, 9))
    assert client.receive(lambda frame: frame[19] == 0, 1) is None, "it answers all the same"
    node.run("dmsetup resume held")
    does(node, "stop", SUCCESS, device=disk)
    does(node, "monitor", NOT_RUNNING, device=disk)
    there = f"dd if=/dev/sda bs={SECTOR} skip=5 count=1 iflag=direct 2>/dev/null | sha256sum"
    before = node.run(there).stdout
    does(node, "start", SUCCESS, device=disk)
    assert cluster.client(0).read(5) == data
    does(node, "stop", SUCCESS, device=disk)
    assert node.run(there).stdout == before
    node.run("dmsetup remove held")


def test_kvctl_watch_tells_what_changes_until_the_export_is_gone(node):
    does(node, "start", SUCCESS)
    job = node.spawn(f"kvctl watch {ADDRESS}@eth0 mask reserve >/run/told")
    for lines, change in ((2, ""), (3, f"echo {OTHER} >{FOLDER}/reserve")):
        node.run(f"{change}\nuntil [ $(cat /run/told | wc -l) = {lines} ]; do sleep 0.1; done")
    does(node, "stop", SUCCESS)
    job.wait()
    assert node.run("cat /run/told").stdout == "mask\nreserve\nreserve\n"
    refused = node.run(f"kvctl watch {ADDRESS}@eth0 mask 2>&1", check=False)
    assert refused.status == 1 and f"{FOLDER}/mask: No such file" in refused.stdout


# Two nodes.


def test_a_second_node_is_refused_as_long_as_the_first_answers(cluster, node):
    second = cluster.nodes[1]
    does(node, "start", SUCCESS)
    mac = node.nics[0].mac
    reason = (
        f"{ADDRESS}: not started, {ADDRESS}@eth0: address in use by another target, at {mac};"
        " fence that node, or if it is off for certain start once with fenced=true"
    )
    assert said(reason) in does(second, "start", GENERIC)
    does(second, "monitor", NOT_RUNNING)
    does(node, "stop", SUCCESS)
    does(second, "start", SUCCESS)
    here = cluster.client(1).identify()
    does(second, "stop", SUCCESS)
    does(node, "start", SUCCESS)
    assert cluster.client(0).identify() == here, "a client takes it for another disk"


@RIVAL
def test_a_rival_is_a_failure(cluster, node):
    second, often = cluster.nodes[1], {"options": "conflict_check=1"}
    does(node, "start", SUCCESS, **often)
    # Whoever says that the other is off, and it is not, hears of it.
    agent(second, "start", fenced="true", **often)
    node.run(f"until grep -q conflict {FOLDER}/state; do sleep 0.1; done", timeout=30)
    reason = f"{ADDRESS} on eth0: another target has the address, at {second.nics[0].mac}"
    assert said(reason) in does(node, "monitor", GENERIC, **often)
    does(second, "stop", SUCCESS, **often)


# What goes over.


def answers(client: Client, request: bytes) -> bool:
    """Whether it is answered in a second; those of the mask list are told of the export besides."""
    client.neighbour.send(request)
    return client.receive(lambda frame: frame[20:24] == request[20:24], 1) is not None


def test_what_clients_have_set_goes_over_when_the_power_of_a_node_is_cut():
    """Its disks are the second node's then, as those of a shelf that both are wired to."""
    data, state = Disk(SECTORS * SECTOR), Disk(16 << 20)
    with cluster_of("over", [data, state], [Disk(1 << 20)]) as cluster:
        first, second = cluster.nodes
        first.run("mkfs.ext4 -q /dev/sdb && mount /dev/sdb /mnt && mkdir /mnt/kvblade")
        kept = {"state_dir": "/mnt/kvblade"}
        does(first, "start", SUCCESS, **kept)
        client, sector = cluster.client(0), random.randbytes(SECTOR)
        client.write(7, sector)
        identity = client.identify()
        config = bytes(range(256)) * 4
        mac = cluster.neighbour.mac
        assert client.config_query(ccmd=4, string=config).error is None
        for request in (
            reserve_frame(client, SET, mac),
            mask_frame(client, EDIT, (ADD, mac), (ADD, OTHER)),
        ):
            assert client.ask(request).error is None
        # It is kept as soon as it is set, and not only by the next monitor.
        first.run(f"until grep -q 'mask=.*{OTHER}' /mnt/kvblade/*; do sleep 0.1; done; sleep 1")
        first.stop()

        # The second has its file system not mounted yet.
        reason = (
            "state_dir /mnt/kvblade: no such directory on this node; is its file system mounted?"
        )
        assert reason in does(second, "start", GENERIC, **kept)
        plug_disk(second, data)
        plug_disk(second, state)
        second.run("until [ -b /dev/sdc ]; do sleep 0.1; done; mount /dev/sdc /mnt")
        kept["device"] = "/dev/sdb"
        does(second, "start", SUCCESS, **kept)
        client = cluster.client(1)
        assert client.read(7) == sector
        assert client.config_query().config == config
        assert client.ask(client.ata_frame(READ_EXT, 7, src=OTHER)).error == RESERVED
        assert not answers(client, client.ata_frame(READ_EXT, 7, src=STRANGER))
        # A copy of a write that the dead node had, from somewhere in between.
        late = client.ata_frame(WRITE_EXT, 7, 1, bytes(SECTOR), dst=first.nics[0].mac)
        assert not answers(client, late)
        assert client.read(7) == sector

        # The file system can go when the stop has ended, and has what was set just before.
        assert client.ask(reserve_frame(client, SET)).error is None
        does(second, "stop", SUCCESS, **kept)
        second.run("umount /mnt && mount /dev/sdc /mnt")
        does(second, "start", SUCCESS, **kept)
        assert cluster.client(1).read(7) == sector
        assert client.ask(client.ata_frame(READ_EXT, 7, src=OTHER)).error is None
        assert client.identify() == identity, "a client takes it for another disk"
        # What is not as it was written is no reason to let everybody in.
        does(second, "stop", SUCCESS, **kept)
        second.run(f"sed -i /reserve/d /mnt/kvblade/{ADDRESS}.clients")
        assert "would be let in" in does(second, "start", GENERIC, **kept)
