# SPDX-License-Identifier: GPL-2.0
"""Runs of any number of checkouts beside each other: none takes away what another uses.

Nothing here is told by the clock: who has to wait says so, or is seen to go on later.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Guest, paths
from lab.build import BuildError, once, output_of

LONG_AGO = 1_000_000_000
# A whole run, with one small guest.
TEST = "tests/qemu/test_lab.py::test_a_dead_guest_shows_its_console"
RUN = ("env", "-C", paths.SOURCE, "make", "test-qemu", f"T={TEST}")


def environment(**more: str | Path) -> dict[str, str]:
    """That of a run that nobody holds the cache for."""
    kept = {name: value for name, value in os.environ.items() if name != "KVBLADE_HELD"}
    return kept | {name: str(value) for name, value in more.items()}


@contextlib.contextmanager
def started(*command: str | Path, **more: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A command that runs beside the test, and is ended with it."""
    with subprocess.Popen(
        command,
        env=environment(**more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def dev(script: str) -> Path:
    return paths.SOURCE / "dev" / script


def is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def cache(tmp_path) -> Path:
    """A cache of this test's own, with nothing in it."""
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


@pytest.fixture
def kernel(tmp_path) -> Iterator[Path]:
    """A cache with the kernel of the other, and without what was made for guests."""
    real = Path(paths.setup()["cache"])
    with contextlib.ExitStack() as stack:
        folder = Path(paths.new_folder(paths.scratch(), "cache-"))
        stack.callback(shutil.rmtree, folder)
        headers = Path(paths.setup()["headers"]).relative_to(real)
        package = Path(paths.setup()["vmlinuz"]).parents[4].relative_to(real)
        for part in (headers, package):
            (folder / part).parent.mkdir(exist_ok=True)
            output_of(["cp", "-al", real / part, folder / part])
        (folder / "kernel-release").write_text(f"{paths.setup()['release']}\n")
        yield folder


@pytest.fixture
def other_checkout(tmp_path) -> Path:
    """A copy of this checkout, in which guests have no XFS."""
    folder = tmp_path / "checkout"
    shutil.copytree(paths.SOURCE, folder, ignore=shutil.ignore_patterns(".git", "target*"))
    list_ = folder / "dev/guest.modules"
    list_.write_text(list_.read_text().replace("\nxfs\n", "\n"))
    return folder


def test_a_run_keeps_the_name_servers_when_another_begins():
    tools = {"KVBLADE_TOOLS": paths.setup()["tools"]}
    script = "echo in; read _; cat /etc/resolv.conf"
    with started(dev("in-tools"), "sh", "-c", script, **tools) as run:
        assert run.stdout.readline() == "in\n"
        subprocess.run([dev("in-tools"), "true"], env=environment(**tools), check=True)
        output, _ = run.communicate("\n")
    assert output == Path("/etc/resolv.conf").read_text() != ""


def test_two_runs_at_once():
    with started(*RUN) as first, started(*RUN) as second:
        for run in (first, second):
            output, _ = run.communicate()
            assert output.endswith("1 passed, 0 failed\n"), output


def test_a_cache_in_use_is_not_cleaned(cache):
    (cache / "results").mkdir()
    where = {"KVBLADE_CACHE": cache}
    with started(dev("hold"), "sh", "-c", "echo up; read _", **where) as run:
        assert run.stdout.readline() == "up\n"
        with started(dev("clean"), **where) as clean:
            assert "waiting for their end" in clean.stdout.readline()
            assert (cache / "results").exists()
            run.communicate("\n")
            assert clean.wait() == 0
    assert not (cache / "results").exists()


def test_who_waited_for_a_cache_that_went_holds_the_new_one(cache):
    lock = cache / "use.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with started(dev("hold"), "sh", "-c", "echo up; read _", KVBLADE_CACHE=cache) as run:
            assert "is being cleaned" in run.stdout.readline()
            shutil.rmtree(cache)
            fcntl.flock(file, fcntl.LOCK_UN)
            assert run.stdout.readline() == "up\n"
            assert is_locked(lock)
            run.communicate("\n")
    assert not is_locked(lock)


def test_only_what_nobody_has_used_for_long_goes(cache):
    old, new, other = (cache / name for name in ("tools-old", "tools-new", "guest-old.img"))
    where = {"KVBLADE_CACHE": cache}
    for folder in (old, new):
        folder.mkdir()
    other.touch()
    for path in (old, other):
        os.utime(path, (LONG_AGO, LONG_AGO))
    with started(dev("hold"), "sh", "-c", "echo up; read _", **where) as run:
        assert run.stdout.readline() == "up\n"
        assert sorted(cache.glob("*-*")) == [new]
        os.utime(new, (LONG_AGO, LONG_AGO))
        output_of([dev("hold"), "true"], env=environment(**where))
        assert new.exists(), "somebody may use it"
        run.communicate("\n")


def test_results_of_a_run_that_lasts_are_kept(tmp_path):
    code = "from lab import paths; print(paths.new_folder(paths.Path('.')), flush=True); input()"
    folders = [tmp_path / f"1{number:03}" for number in range(paths.KEPT_RESULTS + 9)]
    for folder in folders:
        folder.mkdir()
    oldest = tmp_path / "0"
    with started(
        "env", "-C", tmp_path, sys.executable, "-c", code, PYTHONPATH=paths.SOURCE / "tests/qemu"
    ) as run:
        (tmp_path / run.stdout.readline().strip()).rename(oldest)
        new = paths.new_results(tmp_path)
        assert sorted(tmp_path.iterdir()) == [oldest, *folders[10:], new]
        run.communicate("\n")
    paths.new_results(tmp_path)
    assert not oldest.exists()


def test_what_cannot_be_built_is_told_once_and_then_referred_to(tmp_path):
    (tmp_path / "Kbuild").write_text("obj-m := wrong.o\n")
    (tmp_path / "wrong.c").write_text("#error this is the cause\n")
    guest = Guest("unbuilt", modules=[str(tmp_path)])
    with pytest.raises(BuildError, match="this is the cause"), guest:
        pass
    again = rf"(?s)initrd\(.*has failed before: .*dev/build {tmp_path}\n.*::test_what_cannot_be"
    with pytest.raises(BuildError, match=again), guest:
        pass


def test_a_failure_is_remembered_by_its_arguments():
    asked = []

    @once
    def make(name: str) -> str:
        asked.append(name)
        return output_of(["sh", "-c", f"echo {name} >&2; exit {len(name)}"])

    for told in ("status 3:\nbad$", "has failed before"):
        assert make("") == ""
        with pytest.raises(BuildError, match=told):
            make("bad")
    assert asked == ["", "bad"]


def test_recipes_of_two_checkouts_are_kept_apart(kernel, other_checkout):
    release = paths.setup()["release"]
    trees = []
    for checkout in (paths.SOURCE, other_checkout):
        run = environment(KVBLADE_CACHE=kernel)
        output_of([checkout / "dev/setup-kernel", "guest_tree", release], env=run)
        told = output_of([checkout / "dev/paths"], env=run).splitlines()
        (tree,) = (line.removeprefix("modules=") for line in told if line.startswith("modules="))
        trees.append(Path(tree))
    assert [bool(list(tree.rglob("xfs.ko"))) for tree in trees] == [True, False]
    with (other_checkout / "dev/rust-overlay").open("a") as script:
        script.write("# another\n")
    told = output_of([other_checkout / "dev/paths"], env=run)
    assert f"headers={kernel}/" in told
    assert f"headers={kernel / Path(paths.setup()['headers']).name}\n" not in told


def test_a_cache_can_be_moved(kernel):
    moved = kernel.with_name(f"{kernel.name}-moved")
    kernel.rename(moved)
    try:
        run = environment(KVBLADE_CACHE=moved)
        built = output_of([dev("build"), paths.SOURCE / "tests/qemu/trouble"], env=run)
        assert Path(built.splitlines()[-1]).is_relative_to(moved)
        real = paths.setup()["cache"]
        (headers,) = moved.glob("kernel-*/overlay-*")
        assert real not in (headers / "Makefile").read_text()
        for link in headers.rglob("*"):
            assert link.exists() and not (link.is_symlink() and link.readlink().is_absolute())
    finally:
        moved.rename(kernel)
