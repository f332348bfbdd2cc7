# SPDX-License-Identifier: GPL-2.0
"""Where things are: what set-up made, and where results and scratch files go."""

import atexit
import functools
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3]


@functools.cache
def setup() -> dict[str, str]:
    """What `dev/paths` tells: release, vmlinuz, modules, image, module, cache."""
    text = subprocess.run([SOURCE / "dev/paths"], check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in text.splitlines())


def is_debug() -> bool:
    """Whether the guests' kernel is the debug one."""
    return setup()["release"].endswith("-debug")


def patience() -> int:
    """How many times longer than with the stock kernel things may take."""
    return 4 if is_debug() else 1


@functools.cache
def results() -> Path:
    """A new folder for the consoles and frames of this run; the newest runs are kept."""
    base = Path(setup()["cache"]) / "results"
    base.mkdir(parents=True, exist_ok=True)
    for old in sorted(base.iterdir())[:-30]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=base))


@functools.cache
def scratch() -> Path:
    """A folder for disks, gone with this process."""
    base = Path(setup()["cache"]) / "run"
    base.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=base))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@functools.cache
def sockets() -> Path:
    """A folder for sockets: their paths must be short."""
    path = Path(tempfile.mkdtemp(prefix="kvblade-", dir="/tmp"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path
