# SPDX-License-Identifier: GPL-2.0
"""The packages on a Debian system with systemd: from apt install to apt purge.

kvblade-rs-dkms is in the image already: apt has installed it there, outside of the guest, because
what DKMS compiles would take an hour without KVM. All else is done in the guest.
"""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from aoeframes import READ_EXT, Client
from configs import CONFIG, export, ports, refused
from lab import Disk, Guest, Nic, Wire, paths, plug_disk, plug_nic
from packaged import (
    ALLOWED,
    CLIENTS,
    FIRST,
    LATE,
    MISSING,
    NOT_READY,
    OF,
    OF_CLIENTS,
    PRUNE,
    SECTORS,
    Initramfs,
    System,
    assert_nothing_else_is_done,
    digest,
    model,
    wait_for_port,
    wait_for_status,
)
from prometheus import METRICS, RULES, Prometheus, fetch, promtool
from testbeds import SECTOR, assert_decoded, fill, pattern

pytestmark = pytest.mark.kernel_log(allow=ALLOWED)


@pytest.fixture(scope="module")
def system():
    system = System()
    with system.guest:
        system.install()
        yield system
    system.neighbour.close()
    assert_decoded(system.guest)


@pytest.fixture
def guest(system):
    system.guest.write_file(CONFIG, FIRST + LATE)
    return system.guest


def test_lintian_has_nothing_against_them(system):
    (changes,) = system.debs.glob("*.changes")
    command = ["lintian", "--allow-root", "--fail-on=warning", "--info", changes]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_h21_the_machine_does_not_take_the_clients_disks(system):
    """Not at two starts, nor when udev looks at them again, nor when they are not exported."""
    guest = system.guest
    system.reboot()
    wait_for_status(guest, f"6 exports are there; {MISSING}")
    before, *after = system.taken
    assert len(before) == 3, "a RAID and two volumes: without configuration it takes them"
    assert after == [[], []]
    guest.write_file("/run/there", FIRST + OF_CLIENTS)
    assert guest.run("kvctl check --live --file /run/there").stdout.startswith("KVBLADE OK")
    assert "late" in guest.run("kvctl status").stdout
    system.look()
    guest.run("systemctl stop kvblade")
    system.look()
    assert system.made_of_disks() == []
    for name in ("parted", "parted-part1"):
        assert {"KVBLADE_EXPORT=parted", *NOT_READY} <= system.told(OF + name)
    assert not {it for it in system.told("/dev/vda") if it.startswith("KVBLADE_EXPORT")}
    guest.run("systemctl start kvblade")
    assert system.client(CLIENTS["volumes"]).read(1)[:8] == b"LABELONE"
    assert [digest(disk) for disk in system.of_clients] == system.written


def test_after_a_reboot_the_exports_are_there(system, guest):
    assert "3.4@eth0" in ports(guest)
    assert "ordering cycle" not in guest.run("journalctl -b").stdout
    assert system.client(4).read(0, 2) == pattern(0, 2)
    # The module is the one that DKMS has built, and signed with its key.
    release = paths.setup()["release"]
    found = guest.run("modinfo -n kvblade_rs").stdout.strip()
    assert found.startswith(f"/lib/modules/{release}/updates/dkms/kvblade_rs.ko")
    assert guest.run("modinfo -F sig_id kvblade_rs").stdout.strip()
    assert ": installed" in guest.run("dkms status kvblade_rs").stdout
    for unit in ("kvblade.service", "kvblade-persist.service", "kvblade-hotplug.path"):
        assert guest.run(f"systemctl is-active {unit}").stdout == "active\n"


def test_an_initramfs_leaves_the_clients_disks_alone_too(system):
    """Its own udev, with what it has of the machine: only the rule keeps off RAIDs and volumes."""
    guest = system.guest
    guest.run("systemctl stop kvblade")
    guest.write_file(CONFIG, FIRST + LATE + OF_CLIENTS)
    with Initramfs(guest) as early:
        early.look()
        assert system.made_of_disks() == []
        early.forget("63-target-kvblade.rules")
        early.look()
        assert len(system.made_of_disks()) == 3
    system.give_back()
    # The machine starts, whatever the configuration says.
    guest.write_file(CONFIG, export(device="'/dev/vda'"))
    said = guest.run("DESTDIR=/nowhere /usr/share/initramfs-tools/hooks/kvblade 2>&1").stdout
    assert "uses the disks of these exports itself: disk." in said
    guest.write_file(CONFIG, FIRST + LATE)
    guest.run("systemctl start kvblade")


def test_a_disk_that_the_machine_has_is_exported_when_it_is_free(system, guest):
    """It may have what is not configured any more; then who has it is told, as kvadd does."""
    guest.write_file(CONFIG, FIRST + OF_CLIENTS)
    guest.run("systemctl reload kvblade")
    guest.write_file(CONFIG, FIRST)
    guest.run("systemctl reload kvblade; udevadm settle")
    assert not set(NOT_READY) & system.told(f"{OF}parted", f"{OF}parted-part1")
    system.machine_takes()
    # A RAID of the machine that is exported is watched by it all the same.
    raid = f"/dev/{system.made_of_disks()[-1]}"
    guest.write_file(CONFIG, export(device=f"'{raid}'"))
    guest.run(f"udevadm trigger --settle --action=change {raid}")
    watched = {"SYSTEMD_READY=1", "SYSTEMD_WANTS=mdmonitor.service"}
    assert {"KVBLADE_EXPORT=disk", *watched, *NOT_READY[1:]} <= system.told(raid)
    said = refused(guest, FIRST + OF_CLIENTS)
    used = {
        serial: guest.run(f"kvadd --used-by {OF}{serial}").stdout.strip()
        for serial in ("raida", "raidb", "volumes", "parted")
    }
    assert used["raida"].startswith("used by md") and "theirs-data" in used["volumes"]
    reasons = [f"{serial}: {OF}{serial}: busy, {user}" for serial, user in used.items()]
    assert sorted(said.splitlines()[-4:]) == sorted(f"kvctl: {reason}" for reason in reasons)
    guest.run("! systemctl reload kvblade")
    wait_for_status(guest, *(f"2 exports are there; {it}, and 3 more" for it in reasons))
    system.give_back()
    for slot in CLIENTS.values():
        wait_for_port(guest, f"3.{slot}@eth0")
    wait_for_status(guest, "6 exports are there")
    assert system.made_of_disks() == []
    guest.run("systemctl stop kvblade")
    guest.run(f"for it in parted-part1 {' '.join(CLIENTS)}; do wipefs -qa {OF}$it; done")
    guest.write_file(CONFIG, FIRST + LATE)
    guest.run("systemctl start kvblade")


def test_a_disk_that_appears_is_exported(system, guest):
    disk = Disk(SECTORS * SECTOR, serial="late")
    fill(disk.path, 0, pattern(0, 2, seed=1))
    assert "3.5@eth0" not in ports(guest)
    failed = "systemctl is-failed kvblade-hotplug"
    guest.run(f"until {failed}; do sleep 0.2; done")
    wait_for_status(guest, f"1 export is there; {MISSING}")
    guest.write_file(CONFIG, FIRST.replace("before", "unfinished") + LATE)
    plug_disk(guest, disk)
    wait_for_port(guest, "3.5@eth0")
    assert system.client(5).read(0, 2) == pattern(0, 2, seed=1)
    guest.run(f"while {failed}; do sleep 0.2; done")
    wait_for_status(guest, "2 exports are there")
    assert_nothing_else_is_done(system, "late", "3.5@eth0")


def test_a_card_that_appears_exports(system, guest):
    wire = Wire()
    neighbour = wire.host("02:00:00:00:01:01")
    plug_nic(guest, Nic(wire.ends[0]))
    wait_for_port(guest, "3.4@eth1")
    guest.run("until grep -qx up /sys/class/net/eth1/operstate; do sleep 0.2; done")
    assert Client(neighbour, guest.nics[-1].mac, 3, 4).read(0, 2) == pattern(0, 2)
    neighbour.close()


def test_a_client_mounts_an_export(system, guest):
    wire = Wire()
    plug_nic(guest, Nic(wire.ends[0]))
    wait_for_port(guest, "3.5@eth2")
    with Guest("packages-client", nics=[Nic(wire.ends[1])]) as client:
        found = "aoe-discover; sleep 1; aoe-stat | grep -q 'e3\\.5 .* up'"
        client.run(f"modprobe aoe; mkdir -p /mnt; until {found}; do :; done", timeout=120)
        client.run("mkfs.ext4 -q /dev/etherd/e3.5 && mount /dev/etherd/e3.5 /mnt")
        client.run("echo kept >/mnt/file; umount /mnt; echo 3 >/proc/sys/vm/drop_caches")
        assert client.run("mount /dev/etherd/e3.5 /mnt && cat /mnt/file").stdout == "kept\n"
        client.run("umount /mnt")


def test_reload_applies_the_file(system, guest):
    for name in ("after", "before"):
        guest.write_file(CONFIG, FIRST.replace("before", name) + LATE)
        guest.run("systemctl reload kvblade || true")
        assert model(system.client(4)) == name


def test_an_emptied_file_fails_the_reload_and_ends_nothing(guest):
    before = ports(guest)
    guest.write_file(CONFIG, "")
    assert guest.run("systemctl reload kvblade", check=False).status != 0
    assert "0 exports configured" in guest.run("journalctl -b -u kvblade").stdout
    assert ports(guest) == before


def test_a_broken_file_changes_nothing(system, guest):
    before = model(system.client(4))
    guest.write_file(CONFIG, FIRST.replace("before", "broken") + "[export.late]\ncolour = 1\n")
    assert guest.run("systemctl reload kvblade", check=False).status != 0
    assert f"{CONFIG}:" in guest.run("journalctl -b -u kvblade").stdout
    assert "3.4@eth0" in ports(guest)
    assert model(system.client(4)) == before
    assert guest.run("systemctl is-active kvblade").stdout == "active\n"


def test_stop_removes_the_exports_and_start_makes_them(system, guest):
    guest.run("systemctl stop kvblade")
    assert ports(guest) == []
    guest.run("udevadm trigger --settle --subsystem-match=block --action=add")
    assert ports(guest) == [], "the administrator has stopped it"
    guest.run("systemctl start kvblade")
    assert "3.4@eth0" in ports(guest)
    assert system.client(4).read(0, 2) == pattern(0, 2)


def test_an_upgrade_interrupts_no_export(system, guest):
    inode = "stat -c %i /sys/kvblade/3.4@eth0"
    before = guest.run(inode).stdout
    guest.run("apt-get install -y --reinstall /root/kvblade-utils_*.deb", timeout=300)
    assert guest.run(inode).stdout == before
    assert guest.run("systemctl is-active kvblade").stdout == "active\n"


@pytest.mark.parametrize(
    ("release", "config", "reason"),
    [
        ("6.12.9-amd64", "CONFIG_RUST=y", "this version needs Linux 7.2 or newer."),
        ("7.3.9-amd64", "", "it has no CONFIG_RUST; install linux-image-amd64"),
        ("7.3.9-amd64", "CONFIG_RUST=y", "and are of no package whose source"),
        # Newer than any that is tested: it is tried, and so told what it lacks.
        ("99.1.2-amd64", "CONFIG_RUST=y", "and are of no package whose source"),
    ],
)
def test_it_is_said_what_a_kernel_lacks(guest, release, config, reason):
    guest.run(f"mkdir -p /run/headers && echo '{config}' >/run/headers/.config")
    said = guest.run(f"/usr/src/kvblade_rs-*/dkms-prepare {release} /run/headers", check=False)
    # DKMS takes this for a kernel that is left out.
    assert said.status == 77
    assert said.stdout.startswith(f"kvblade_rs is not built for kernel {release}: ")
    assert reason in said.stdout and said.stdout.count("\n") == 1


def test_it_is_said_which_kernel_has_no_module_and_why(system, guest):
    release = paths.setup()["release"]
    updates = f"/lib/modules/{release}/updates"
    guest.run(f"systemctl stop kvblade; modprobe -r kvblade_rs; mv {updates} /root && depmod")
    lacks = f"Kernel {release} has no module kvblade_rs, and so no exports: it has not been built"
    assert guest.run("systemctl start kvblade", check=False).status != 0
    assert lacks in guest.run("systemctl status kvblade", check=False).stdout
    for kind in ("postinst.d", "header_postinst.d"):
        told = guest.run(f"run-parts --regex=^zz-kv --arg={release} /etc/kernel/{kind}").stdout
        assert told.startswith(lacks)
    guest.run("mkdir -p /lib/modules/7.9.1-amd64/kernel")
    told = guest.run("/etc/kernel/postinst.d/zz-kvblade-utils 7.9.1-amd64").stdout
    assert "the headers are missing; install linux-headers-7.9.1-amd64." in told
    guest.run(f"rm -r /lib/modules/7.9.1-amd64; mv /root/updates {updates} && depmod")
    for kind in ("postinst.d", "header_postinst.d"):
        assert guest.run(f"/etc/kernel/{kind}/zz-kvblade-utils {release}").stdout == ""
    guest.run("systemctl start kvblade")
    assert "3.4@eth0" in ports(guest)


def test_a_kernel_that_is_newer_than_tested_is_tried(guest):
    guest.run("cp -a /usr/src/kvblade_rs-*/. /run/source && mkdir -p /run/newer/rust")
    guest.run("echo CONFIG_RUST=y >/run/newer/.config; touch /run/newer/rust/libkernel.rmeta")
    said = guest.run("cd /run/source && ./dkms-prepare 99.1.2-amd64 /run/newer").stdout
    assert said.startswith("kvblade_rs is tried with kernel 99.1.2-amd64, which it has not been")
    assert guest.run("readlink /run/source/kernel").stdout == "/run/newer\n"
    tested = guest.run("rm /run/source/kernel; /run/source/dkms-prepare 7.2.99-amd64 /run/newer")
    assert tested.stdout == ""


def test_it_is_said_which_source_is_missing(guest):
    release = paths.setup()["release"]
    series = ".".join(release.split(".")[:2])
    source = f"/usr/src/linux-source-{series}.tar.xz"
    check = f"/usr/src/kvblade_rs-*/dkms-prepare --check {release} /lib/modules/{release}/build"
    assert guest.run(check).stdout == ""
    said = guest.run(f"mv {source} /root; {check}; mv /root/linux-source* {source}").stdout
    assert f"to make it, install linux-source-{series}={release.split('+')[0]}" in said


@pytest.fixture
def metrics(guest):
    """The socket that serves metrics."""
    guest.run("systemctl enable --now kvblade-metrics.socket")
    yield
    guest.run("systemctl disable --now kvblade-metrics.socket")


def test_metrics_are_what_monitoring_systems_read(system, guest, metrics):
    # The first request of those that are counted is timed.
    guest.run("echo >/sys/kvblade/3.4@eth0/stats/clear")
    system.client(4).read(8, 2)
    text = fetch(guest, METRICS)
    assert 'kvblade_port_state{export="disk",address="3.4",interface="eth0",state="up"} 1\n' in text
    assert promtool(guest, "check metrics </dev/null") == ""
    guest.write_file("/run/metrics", text)
    assert promtool(guest, "check metrics </run/metrics") == ""
    # The other format, as another program reads it.
    text = fetch(guest, METRICS, "application/openmetrics-text; version=1.0.0")
    guest.write_file("/run/metrics", text)
    read = (
        "from prometheus_client.openmetrics.parser import text_string_to_metric_families as read;"
        "print(*(it.name for it in read(open('/run/metrics').read())))"
    )
    names = guest.run(f'python3 -c "{read}"').stdout.split()
    assert {"kvblade_port_state", "kvblade_port_latency_seconds"} <= set(names)
    guest.run("rm /run/metrics")
    failed = guest.run("systemctl list-units --failed --no-legend 'kvblade-metrics*'").stdout
    assert failed == ""
    assert "kvblade-metrics@" not in guest.run("journalctl -b -p info").stdout


def test_metrics_are_written_for_the_node_exporter(guest):
    folder = "/var/lib/prometheus/node-exporter"
    had = guest.run(f"mkdir {folder}", check=False).status != 0
    guest.run("systemctl enable --now kvblade-textfile.timer")
    guest.run(f"until [ -e {folder}/kvblade.prom ]; do sleep 0.2; done")
    assert guest.run(f"stat -c %a {folder}/kvblade.prom").stdout == "644\n"
    assert promtool(guest, f"check metrics <{folder}/kvblade.prom") == ""
    guest.run("systemctl disable --now kvblade-textfile.timer")
    guest.run(f"rm {folder}/kvblade.prom" + ("" if had else f"; rmdir {folder}"))


def test_alerts_are_what_prometheus_takes(guest):
    assert "SUCCESS: 15 rules found" in promtool(guest, f"check rules {RULES}")
    assert "SUCCESS" in promtool(guest, "test rules /root/alerts.yml")
    guest.run("python3 -m json.tool /usr/share/kvblade/grafana-dashboard.json >/dev/null")


@pytest.mark.kernel_log(allow=["interface is down"])
def test_an_alert_fires_in_prometheus(guest, metrics):
    down = ("KvbladeExportDown", "disk", "eth0")
    with Prometheus(guest) as prometheus:
        up = 'kvblade_port_state{job="kvblade",export="disk",interface="eth0",state="up"} == 1'
        prometheus.wait("it is scraped", lambda: prometheus.query(up))
        assert down not in prometheus.firing()
        guest.run("ip link set eth0 down")
        prometheus.wait("an alert fires", lambda: down in prometheus.firing())
        guest.run("ip link set eth0 up")
        prometheus.wait("and ends", lambda: down not in prometheus.firing())
        # What is configured and not there.
        guest.write_file(CONFIG, FIRST + export(name="lost", slot="9", device="'/dev/lost'"))
        lost = ("KvbladeConfigurationNotApplied", "lost", "")
        prometheus.wait("another fires", lambda: lost in prometheus.firing())


@pytest.mark.kernel_log(allow=["Automounting of tracing to debugfs is deprecated"])
def test_what_the_documents_say_of_bpftrace(system, guest):
    document = (paths.SOURCE / "docs/monitoring.md").read_text()
    programs = re.findall(r"^```bpftrace\n(.*?)\n```$", document, re.MULTILINE | re.DOTALL)
    assert len(programs) == 5
    client = system.client(4)
    mac = client.neighbour.mac.upper()
    shown = []
    for program in programs:
        job = guest.spawn(f"exec bpftrace -e {shlex.quote('BEGIN { print(0); } ' + program)}")
        guest.run(f"until grep -qx 0 {job.base}.out; do sleep 0.2; done", timeout=120)
        client.read(8, 2)
        guest.run("cd /sys/kvblade/3.4@eth0; echo none >access/read; echo >stats/clear")
        client.neighbour.send(client.ata_frame(READ_EXT, 8, 1))
        guest.run("cd /sys/kvblade/3.4@eth0; until grep -qx 1 stats/dropped_access; do :; done")
        guest.run("echo all >/sys/kvblade/3.4@eth0/access/read; pkill -x bpftrace")
        shown.append(job.wait().stdout)
    assert re.search(rf"^@\[3, 4, {mac}\]: \d+$", shown[0], re.MULTILINE)
    assert re.search(r"^@us\[36\]:", shown[1], re.MULTILINE)
    assert f"{mac} e3.4\n" in shown[2]
    assert re.search(r"^@\[36\]:", shown[4], re.MULTILINE)


def test_purge_leaves_nothing_behind(system, guest):
    # What has failed in the tests before systemd remembers, and no package.
    guest.run("systemctl reset-failed")
    guest.run("apt-get purge -y kvblade-utils kvblade-rs-dkms", timeout=600)
    root = Path(paths.setup()["machine"])
    before = {f"/{path.relative_to(root)}" for path in root.rglob("*")}
    now = set(guest.run(f"find / -xdev {PRUNE} -o -print", timeout=300).stdout.splitlines())
    # The test brought that file, and no package.
    assert now - before - {"/", "/root/alerts.yml"} == set()
    left = guest.run("ls -d /sys/kvblade /sys/module/kvblade_rs /run/kvblade* 2>/dev/null || true")
    assert left.stdout == ""
    units = guest.run("systemctl list-units --all --no-legend 'kvblade*'; ls /etc/systemd/system")
    assert "kvblade" not in units.stdout
