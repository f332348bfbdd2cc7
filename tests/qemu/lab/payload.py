# SPDX-License-Identifier: GPL-2.0
"""The initrd of the guests: busybox, kernel modules, our module, scripts and programs.

It is made anew by every run, in well under a second, so that the root image
stays as it is while the project changes.
"""

import os
import shutil
import subprocess
from pathlib import Path

from lab import paths
from lab.build import once, output_of, shared

_GUEST = Path(__file__).parent / "guest"
_APPLETS = ("sh", "mount", "mkdir", "modprobe", "cp", "sleep", "switch_root")


@once
def program(name: str) -> Path:
    """Builds kvctl, or the Rust program of tests/NAME. The guests have the C library for it."""
    folder = paths.SOURCE / (name if name == "kvctl" else f"tests/{name}")
    output_of(["cargo", "build", "--quiet", "--release", "--locked"], cwd=folder)
    binary = name if name == "kvctl" else f"kvblade-{name}"
    release = Path(os.environ["CARGO_TARGET_DIR"]) / "release"
    # Another run of this checkout may build it again, under this lock of cargo.
    with shared(release / ".cargo-lock"):
        return Path(shutil.copy(release / binary, paths.new_folder(paths.scratch())))


@once
def module(folder: str) -> Path:
    """Builds the kernel module of a folder, for tests only."""
    command = [paths.SOURCE / "dev/build", paths.SOURCE / folder]
    return Path(output_of(command).splitlines()[-1])


@once
def built(script: str, *arguments: Path) -> Path:
    """What a script of dev/ builds, by its last line. It stays as long as this run lasts."""
    while True:
        path = Path(output_of([paths.SOURCE / "dev" / script, *arguments]).splitlines()[-1])
        if paths.hold(path):
            return path


def _add_stock(names: list[str], stage: Path) -> None:
    """Adds modules of the kernel's package, with what they depend on."""
    setup = paths.setup()
    package = Path(setup["vmlinuz"]).parents[4]
    command = ["modprobe", "-d", package, "-S", setup["release"], "--show-depends", "-a", *names]
    for line in output_of(command).splitlines():
        kind, _, file = line.strip().partition(" ")
        source = Path(file.split()[0])
        target = stage / source.relative_to(package).with_suffix("")
        if kind == "insmod" and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                subprocess.run(["xz", "-dc", source], check=True, stdout=out)


@once
def initrd(programs: tuple[str, ...] = (), modules: tuple[str, ...] = ()) -> Path:
    """Builds the initrd, with programs and further modules of ours, and returns its path."""
    setup = paths.setup()
    stage = _stage()
    updates = stage / "lib/modules" / setup["release"] / "updates"
    updates.mkdir()
    for path in (Path(setup["module"]), *(module(name) for name in modules if "/" in name)):
        _copy_module(path, updates)
    if stock := [name for name in modules if "/" not in name]:
        _add_stock(stock, stage)
    output_of(["depmod", "-b", stage, setup["release"]])

    for name in ("init", "agent"):
        _install(_GUEST / name, stage / "payload/usr/local/lib/lab" / name)
    for script in (paths.SOURCE / "scripts").glob("kv*"):
        _install(script, stage / "payload/usr/local/sbin" / script.name)
    for binary in map(program, programs):
        _install(binary, stage / "payload/usr/local/sbin" / binary.name)
    return _archive(stage)


@once
def system_initrd(files: tuple[Path, ...]) -> Path:
    """Builds the initrd of a Debian system, which has modules and systemd itself, with files."""
    stage = _stage()
    shutil.copytree(_GUEST / "system", stage / "payload", symlinks=True)
    _install(_GUEST / "agent", stage / "payload/usr/local/lib/lab/agent")
    for file in files:
        _install(file, stage / "payload/root" / file.name)
    (stage / "payload/usr/local/lib/lab/init").symlink_to("/usr/lib/systemd/systemd")
    output_of(["depmod", "-b", stage, paths.setup()["release"]])
    return _archive(stage)


def _stage() -> Path:
    """The root of an initrd, with the kernel's modules and what leads to the guest's own root."""
    stage = paths.new_folder(paths.scratch(), "initrd-")
    shutil.copytree(paths.setup()["modules"], stage, copy_function=os.link, dirs_exist_ok=True)
    _busybox(stage)
    _install(_GUEST / "initrd-init", stage / "init")
    return stage


def _copy_module(module: Path, to: Path) -> None:
    """Copies a module of ours, but not while it is being built."""
    if not module.exists():
        # A build from nothing has failed, or the module was cleaned away.
        output_of([paths.SOURCE / "dev/build"])
    with shared(Path(f"{module.parent}.lock")):
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
