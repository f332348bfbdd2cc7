# SPDX-License-Identifier: GPL-2.0
"""The module's KUnit tests, which are in the sources they test and run when it is loaded.

`make test-debug` runs it: the stock kernel has no KUnit.
"""

import re

import pytest

from lab import Guest, paths

SUITES = (
    "order",
    "history",
    "initiators",
    "users",
    "discovery",
    "reserve",
    "state",
    "refusal",
    "fence",
    "refusals",
    "health",
    "conflict",
    "repeats",
)


@pytest.fixture(scope="module")
def log():
    assert paths.is_debug(), "the stock kernel has no KUnit: make test-debug"
    with Guest("kunit", append="kunit.enable=1 kunit.autorun=1") as guest:
        mark = guest.mark("the module is loaded")
        guest.run("modprobe kvblade_rs", timeout=600)
        yield guest.kernel_log(mark)


@pytest.mark.parametrize("suite", SUITES)
def test_all_of_a_suite_pass(log, suite):
    found = re.search(rf"# kvblade_rs_{suite}: pass:(\d+) fail:(\d+) skip:(\d+) total:(\d+)", log)
    assert found, log
    passed, failed, skipped, total = map(int, found.groups())
    assert (failed, skipped) == (0, 0), log
    assert passed == total > 1
    assert re.search(rf"\] ok \d+ kvblade_rs_{suite}$", log, re.MULTILINE), log
