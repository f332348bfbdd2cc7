# SPDX-License-Identifier: GPL-2.0
"""What the debug kernel says of trouble fails a run: here it is made on purpose, one at a time.

`make test-debug` runs it.
"""

import pytest

from lab import Guest, paths, problems

# What is done, and what is said of it.
SAID = {
    "sleep": "BUG: sleeping function called from invalid context",
    "inversion": "possible circular locking dependency",
    # Others' reports end the validator of locks, so these come last.
    "overflow": "KASAN: slab-out-of-bounds",
    "freed": "KASAN: slab-use-after-free",
}


@pytest.fixture(scope="module")
def guest():
    assert paths.is_debug(), "the stock kernel notices nothing: make test-debug"
    with Guest("sanitizers", modules=("tests/qemu/trouble",), append="kasan_multi_shot") as guest:
        yield guest


def make(guest: Guest, what: str) -> None:
    """The module refuses to stay, when it has done it."""
    done = guest.run(f"modprobe trouble what={what} 2>&1", check=False)
    assert "Operation canceled" in done.stdout


@pytest.mark.kernel_log(allow=[".*"])
@pytest.mark.parametrize("what", SAID)
def test_a_report_alone_fails_a_run(guest, what):
    mark = guest.mark(f"before {what}")
    make(guest, what)
    assert any(SAID[what] in line for line in problems(guest.kernel_log(mark)))
