# SPDX-License-Identifier: GPL-2.0
"""Who is measured. To add one, describe it here."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from bed import TARGET, Bench


@dataclass(frozen=True)
class Contestant:
    """A target, by the commands that start it on a disk and end it; `$disk` is the disk."""

    name: str
    start: str
    stop: str

    @contextlib.contextmanager
    def serving(self, bench: Bench, disk: str) -> Iterator[None]:
        """The target 0.1 while the context lasts."""
        bench.run(f"disk={disk}\n{self.start}")
        yield
        bench.run(f"disk={disk}\n{self.stop}")


def _vblade(options: str) -> Contestant:
    return Contestant(
        f"vblade {options}".strip(),
        # Without an option it reads and writes the page cache, which is filled first.
        f"""
        vblade {options} 0 1 {TARGET} $disk >/run/vblade.log 2>&1 &
        echo $! >/run/vblade.pid
        until grep -q sectors /run/vblade.log; do sleep 0.1; done
        cat $disk >/dev/null
        """,
        "kill $(cat /run/vblade.pid); while pgrep vblade; do sleep 0.1; done",
    )


# Answers without a disk: what it costs is the floor of every AoE target.
NULL = Contestant("null", f"modprobe aoe_null interface={TARGET}", "modprobe -r aoe_null")
OWN = Contestant(
    "kvblade_rs",
    f"modprobe kvblade_rs && kvadd 0 1 {TARGET} $disk force=1",
    f"kvdel 0 1 {TARGET} && modprobe -r kvblade_rs",
)
# As it is, and with every request on the disk when it is answered, as with the others.
VBLADE = (_vblade(""), _vblade("-d -s"))

AOE = (NULL, OWN, *VBLADE)
