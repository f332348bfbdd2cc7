# SPDX-License-Identifier: GPL-2.0
"""Where things are: what set-up made, and where results and scratch files go."""

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from lab.build import once, output_of

SOURCE = Path(__file__).resolve().parents[3]
KEPT_RESULTS = 150


@once
def setup() -> dict[str, str]:
    """What `dev/paths` tells: release, vmlinuz, modules, image, module, cache and others."""
    text = output_of([SOURCE / "dev/paths"])
    return dict(line.split("=", 1) for line in text.splitlines())


def is_debug() -> bool:
    """Whether the guests' kernel is the debug one."""
    return setup()["release"].endswith("-debug")


def patience() -> int:
    """How many times longer than with the stock kernel things may take."""
    return 4 if is_debug() else 1


def hold(path: Path) -> bool:
    """Keeps a file or folder from being removed by other runs as long as this process lives.

    False if that came too late.
    """
    try:
        number = os.open(path, os.O_RDONLY)
        fcntl.flock(number, fcntl.LOCK_SH)
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def forget(paths: Iterable[Path]) -> None:
    """Removes folders of runs that have ended."""
    for path in paths:
        with contextlib.suppress(OSError):
            number = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(number)


def new_folder(base: Path, prefix: str = "") -> Path:
    """A folder that no other run takes away as long as this one lasts."""
    base.mkdir(parents=True, exist_ok=True)
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
        if hold(path):
            return path


@functools.cache
def results() -> Path:
    """A new folder for the consoles and frames of this run; the newest runs are kept."""
    return new_results(Path(setup()["cache"]) / "results")


def new_results(base: Path) -> Path:
    path = new_folder(base, time.strftime("%Y%m%d-%H%M%S-"))
    forget(sorted(base.iterdir())[:-KEPT_RESULTS])
    return path


@functools.cache
def scratch() -> Path:
    """A folder for disks, gone with this process."""
    return _passing(Path(setup()["cache"]) / "run", "")


@functools.cache
def sockets() -> Path:
    """A folder for sockets: their paths must be short."""
    return _passing(Path("/tmp"), "kvblade-lab-")


def _passing(base: Path, prefix: str) -> Path:
    """A folder that goes with this process. Those of runs that were killed go a day later."""
    path = new_folder(base, prefix)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    forget(old for old in base.glob(f"{prefix}*") if _age(old) > 24 * 3600)
    return path


def _age(path: Path) -> float:
    """How many seconds ago something was made or removed in a folder."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0
