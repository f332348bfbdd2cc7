# SPDX-License-Identifier: GPL-2.0
"""Watches the guests while tests run, and keeps the evidence of those that fail.

Test files boot their own guests. Whatever guests run during a test, their
kernel logs are judged after it, and exports that the test left are removed.
"""

import contextlib
import random
import re
from collections.abc import Iterator

import pytest

from lab import Guest, GuestError, paths, problems
from lab.build import BuildError

EXPORTS = "ls /sys/kvblade 2>/dev/null | grep @ || true"
DELETE = """
address=${name%%@*}
echo "${address%.*} ${address#*.} ${name#*@}" >/sys/kvblade/del
"""


class Watch:
    """One guest during one test, or from when it was booted in that test."""

    def __init__(self, guest: Guest, test: str, since_boot: bool = False):
        self.guest = guest
        self.test = test
        self.boot = guest.boot_mark
        self.mark = guest.boot_mark if since_boot else guest.mark(test)
        self.exports = set(guest.run(EXPORTS).stdout.split())

    def finish(self, allow: list[str]) -> list[str]:
        """Cleans up and returns what is wrong with the guest."""
        guest = self.guest
        if not guest.healthy:
            return [f"{guest.name} did not survive the test:", guest.console_tail()]
        trouble = []
        try:
            # Of a system of its own the service says what there is.
            left = set() if guest.system else set(guest.run(EXPORTS).stdout.split()) - self.exports
            for name in left:
                guest.run(f"name={name}\n{DELETE}")
            # The log before another start is gone.
            again = guest.boot_mark != self.boot
            log = guest.kernel_log(guest.boot_mark if again else self.mark)
            guest.mark(f"after {self.test}")
        except GuestError as error:
            return [str(error)]
        file = re.sub(r"[^\w.-]+", "_", f"{self.test}.{guest.name}.dmesg")
        (paths.results() / file).write_text(log)
        trouble += [f"{guest.name}: {line}" for line in problems(log, allow)]
        return trouble


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, help="what the tests with random frames begin with")
    parser.addoption("--minutes", type=float, default=20, help="how long the soak lasts")
    parser.addoption("--rounds", type=int, default=15, help="how often the stress comes and goes")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Where randomness begins; shown with a failure."""
    given = request.config.getoption("seed")
    number = random.randrange(1 << 32) if given is None else given
    print(f"--seed {number}")
    return number


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> float:
    """How long the soak lasts."""
    return request.config.getoption("minutes")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often all that the stress adds and removes comes and goes."""
    return request.config.getoption("rounds")


@pytest.fixture(autouse=True)
def _watch(request: pytest.FixtureRequest) -> Iterator[None]:
    watches = [Watch(guest, request.node.name) for guest in Guest.running()]
    request.node.lab_guests = [watch.guest for watch in watches]
    yield
    # A test may have switched a guest off.
    _judge(request.node, [watch for watch in watches if watch.guest.started])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item):
    """Judges also the guests that live for this test only, before they are switched off."""
    before = getattr(item, "lab_guests", [])
    new = [guest for guest in Guest.running() if guest not in before and guest.healthy]
    watches = [Watch(guest, item.name, since_boot=True) for guest in new]
    item.lab_guests = before + new
    try:
        _judge(item, watches)
    finally:
        result = yield
    return result


def _judge(item: pytest.Item, watches: list[Watch]) -> None:
    marker = item.get_closest_marker("kernel_log")
    allow = marker.kwargs["allow"] if marker else []
    trouble = [line for watch in watches for line in watch.finish(allow)]
    if trouble:
        pytest.fail("after the test:\n" + "\n".join(trouble), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Tells with a failure where its evidence is and how to run it again."""
    report = yield
    if report.failed:
        lines = [f"again: make test-qemu T='{item.nodeid}'"]
        for guest in Guest.running() or getattr(item, "lab_guests", []):
            lines += [f"console: {guest.console}", *(f"frames: {nic.pcap}" for nic in guest.nics)]
        report.sections.append(("lab", "\n".join(lines)))
    return report


def pytest_terminal_summary(terminalreporter):
    # Without set-up there is none, which the tests have said.
    with contextlib.suppress(BuildError):
        terminalreporter.write_line(f"consoles, kernel logs and frames: {paths.results()}")
