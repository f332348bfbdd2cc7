import sys, time
import pytest
from lab import Disk
from pairs import pair_of
from beds import mapped
from stalls import Files, Requests, frozen, SUSPEND, RESUME
import os

SECT = 400_000


def state(pair):
    out = pair.initiator.run(
        "mount -t debugfs none /sys/kernel/debug 2>/dev/null; cat /sys/kernel/debug/aoe/e0.1; cat /sys/block/etherd*/state",
        check=False,
    ).stdout
    out += pair.target.run(
        "grep -H . /sys/kvblade/0.1@eth0/stats/* 2>/dev/null | grep -v ':0$' | sed 's,.*/,,'",
        check=False,
    ).stdout
    return out


@pytest.fixture(scope="module")
def pair():
    with pair_of("stalltry", [Disk(SECT * 512)]) as pair:
        yield pair


@pytest.mark.parametrize("seconds", [float(x) for x in os.environ.get("FREEZE", "10").split(",")])
@pytest.mark.parametrize("kind", os.environ.get("KIND", "files").split(","))
def test_freeze(pair, seconds, kind, capsys):
    disk = mapped(pair.target, "held", f"0 {SECT} linear /dev/sda 0")
    with pair.exported(1, disk) as device:
        pair.initiator.run(f"dd if={device} of=/dev/null bs=64k count=100 iflag=direct")
        if kind == "files":
            with Files(pair.initiator, device) as files:
                files.go_on(60)
                time.sleep(1)
                with frozen(pair.target, "held", seconds):
                    pass
                thawed = time.monotonic()
                time.sleep(1)
                st = state(pair)
                files.go_on(300)
                st2 = state(pair)
            with capsys.disabled():
                print(f"\n{kind} freeze {seconds}: outage {files.gap:.1f}\n{st}\n{st2}")
        else:
            how, depth = kind.split(":")
            r = Requests(pair.initiator, device, how, int(depth), seconds + 15)
            time.sleep(5)
            with frozen(pair.target, "held", seconds):
                pass
            time.sleep(1)
            st = state(pair)
            t = r.wait(400)
            with capsys.disabled():
                print(f"\n{kind} freeze {seconds}: longest {t:.1f}\n{st}")
    pair.target.run("dmsetup remove held")
