# SPDX-License-Identifier: GPL-2.0
"""The initrd of the guests: busybox, kernel modules, our module, scripts and programs.

It is made anew by every run, in well under a second, so that the root image
stays as it is while the project changes.
"""

import fcntl
import functools
import os
import shutil
import subprocess
from pathlib import Path

from lab import paths

_GUEST = Path(__file__).parent / "guest"
_APPLETS = ("sh", "mount", "mkdir", "modprobe", "cp", "sleep", "switch_root")


@functools.cache
def program(name: str) -> Path:
    """Builds kvctl, or the Rust program of tests/NAME. The guests have the C library for it."""
    folder = paths.SOURCE / (name if name == "kvctl" else f"tests/{name}")
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked"], cwd=folder, check=True)
    binary = name if name == "kvctl" else f"kvblade-{name}"
    return Path(os.environ["CARGO_TARGET_DIR"]) / "release" / binary


@functools.cache
def module(folder: str) -> Path:
    """Builds the kernel module of a folder, for tests only."""
    command = [paths.SOURCE / "dev/build", paths.SOURCE / folder]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.splitlines()[-1])


def _add_stock(names: list[str], stage: Path) -> None:
    """Adds modules of the kernel's package, with what they depend on."""
    setup = paths.setup()
    package = Path(setup["vmlinuz"]).parents[4]
    command = ["modprobe", "-d", package, "-S", setup["release"], "--show-depends", "-a", *names]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        kind, _, file = line.strip().partition(" ")
        source = Path(file.split()[0])
        target = stage / source.relative_to(package).with_suffix("")
        if kind == "insmod" and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                subprocess.run(["xz", "-dc", source], check=True, stdout=out)


@functools.cache
def initrd(programs: tuple[str, ...] = (), modules: tuple[str, ...] = ()) -> Path:
    """Builds the initrd, with programs and further modules of ours, and returns its path."""
    setup = paths.setup()
    stage = paths.scratch() / "-".join(
        ("initrd", *programs, *(Path(name).name for name in modules))
    )
    shutil.copytree(setup["modules"], stage, copy_function=os.link)
    _busybox(stage)
    _install(_GUEST / "initrd-init", stage / "init")

    updates = stage / "lib/modules" / setup["release"] / "updates"
    updates.mkdir()
    for path in (Path(setup["module"]), *(module(name) for name in modules if "/" in name)):
        _copy_module(path, updates)
    if stock := [name for name in modules if "/" not in name]:
        _add_stock(stock, stage)
    subprocess.run(["depmod", "-b", stage, setup["release"]], check=True)

    for name in ("init", "agent"):
        _install(_GUEST / name, stage / "payload/usr/local/lib/lab" / name)
    for script in (paths.SOURCE / "scripts").glob("kv*"):
        _install(script, stage / "payload/usr/local/sbin" / script.name)
    for binary in map(program, programs):
        _install(binary, stage / "payload/usr/local/sbin" / binary.name)
    return _archive(stage)


@functools.cache
def system_initrd(files: tuple[Path, ...]) -> Path:
    """Builds the initrd of a Debian system, which has modules and systemd itself, with files."""
    stage = paths.scratch() / "initrd-system"
    shutil.copytree(paths.setup()["modules"], stage, copy_function=os.link)
    _busybox(stage)
    _install(_GUEST / "initrd-init", stage / "init")
    shutil.copytree(_GUEST / "system", stage / "payload", symlinks=True)
    _install(_GUEST / "agent", stage / "payload/usr/local/lib/lab/agent")
    for file in files:
        _install(file, stage / "payload/root" / file.name)
    (stage / "payload/usr/local/lib/lab/init").symlink_to("/usr/lib/systemd/systemd")
    subprocess.run(["depmod", "-b", stage, paths.setup()["release"]], check=True)
    return _archive(stage)


def _copy_module(module: Path, to: Path) -> None:
    """Copies our module, but not while it is being built."""
    with Path(f"{module.parent}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        shutil.copy(module, to)


def _busybox(stage: Path) -> None:
    _install(Path("/usr/bin/busybox"), stage / "bin/busybox")
    for applet in _APPLETS:
        (stage / "bin" / applet).symlink_to("busybox")
    for name in ("dev", "proc", "sys", "root"):
        (stage / name).mkdir()


def _install(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    target.chmod(0o755)


def _archive(stage: Path) -> Path:
    out = stage.with_suffix(".cpio")
    names = sorted(str(path.relative_to(stage)) for path in stage.rglob("*"))
    with out.open("wb") as file:
        subprocess.run(
            ["cpio", "--quiet", "-o", "-H", "newc"],
            cwd=stage,
            input="\n".join(names).encode(),
            stdout=file,
            check=True,
        )
    return out
