# SPDX-License-Identifier: GPL-2.0
"""What is built for the guests: once in a run, and what cannot be built fails once in full."""

import contextlib
import fcntl
import functools
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path


class BuildError(Exception):
    """Something that guests need cannot be made."""


def output_of(command: Sequence[str | Path], **options) -> str:
    """What a command prints. One that fails raises BuildError with all that it said."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        words = " ".join(str(word) for word in command)
        said = (done.stdout + done.stderr).rstrip()
        raise BuildError(f"{words}\nended with status {done.returncode}:\n{said}")
    return done.stdout


def once[**P, T](make: Callable[P, T]) -> Callable[P, T]:
    """Like functools.cache, but for failures too.

    The first test that needs what cannot be made shows why. The others name that test instead.
    """
    made: dict[tuple, T] = {}
    failed: dict[tuple, str] = {}

    @functools.wraps(make)
    def wrapper(*arguments):
        if arguments in failed:
            raise BuildError(failed[arguments])
        if arguments not in made:
            try:
                made[arguments] = make(*arguments)
            except Exception as error:
                words = ", ".join(map(str, arguments))
                first = (str(error) or type(error).__name__).splitlines()[0]
                test = os.environ.get("PYTEST_CURRENT_TEST", "what needed it first")
                failed[arguments] = (
                    f"{make.__name__}({words}) has failed before: {first}\nThe cause is with {test}"
                )
                raise
        return made[arguments]

    return wrapper


@contextlib.contextmanager
def shared(lock: Path) -> Iterator[None]:
    """While it lasts, nobody changes what the lock is for."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
