# SPDX-License-Identifier: GPL-2.0
"""The module's KUnit tests, which are in the sources they test and run when it is loaded.

`make test-debug` runs it: the stock kernel has no KUnit.
"""

import re

import pytest

from lab import Guest, paths

FLAGS = re.MULTILINE | re.DOTALL
SUITES = (
    "order",
    "adjacent",
    "blocks",
    "history",
    "initiators",
    "users",
    "discovery",
    "reserve",
    "control_error",
    "fence",
    "last_errors",
    "health",
    "conflict",
    "repeats",
    "writers",
    "time",
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
    # Of a suite of one test KUnit gives no totals.
    name = f"kvblade_rs_{suite}"
    found = re.search(rf"# Subtest: {name}\n(.*?)^[^\n]*\] ok \d+ {name}$", log, FLAGS)
    assert found, log
    planned = re.search(r"\]     1\.\.(\d+)$", found[1], FLAGS)
    passed = re.findall(r"\]     ok \d+ \w+$", found[1], FLAGS)
    assert planned, log
    assert len(passed) == int(planned[1]) > 0, log
