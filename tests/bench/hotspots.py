# SPDX-License-Identifier: GPL-2.0
"""Where instructions go: a plugin of QEMU counts them by function and by path of calls."""

import bisect
import collections
import dataclasses
import os
import re
import subprocess
from pathlib import Path

import report
from bench_guest import MACHINE
from lab import Machine, paths

# Addresses below are those of programs.
_KERNEL = 1 << 63
_OUTSIDE = "(programs)"

# The functions by which the workers of an export begin. Each runs on one processor at a time.
_WORKER = re.compile(
    r"blade::exported::Blade(>? as kernel::workqueue::WorkItemPointer<\d.*|>)>::run\b"
)
# What they do with the order of requests locked.
_DECIDING = re.compile(r"blade::turn::Turns>::run\b")
# What has interrupted them is not theirs.
_INTERRUPTS = re.compile(r"handle_softirqs|__do_softirq|asm_(sysvec|common_interrupt)")


def machine(out: Path) -> Machine:
    """The usual machine with the plugin in it, which writes to a file."""
    folder = paths.SOURCE / "tests/bench/profile"
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked"], cwd=folder, check=True)
    plugin = Path(os.environ["CARGO_TARGET_DIR"]) / "release/libkvblade_profile.so"
    options = (*MACHINE.options, "-plugin", f"file={plugin},out={out}")
    return dataclasses.replace(MACHINE, options=options)


class Symbols:
    """The kernel's functions, by /proc/kallsyms."""

    def __init__(self, kallsyms: str):
        text = subprocess.run(["c++filt"], input=kallsyms, capture_output=True, text=True).stdout
        # Crates have a hash, and what is implemented for what is told by the path of calls.
        text = re.sub(r"\[[0-9a-f]{16}\]", "", text)
        # ADDRESS TYPE NAME, and [MODULE] for those of modules, after a tab.
        rows = (line.split(" ", 2) for line in text.splitlines())
        found = {int(row[0], 16): row[2] for row in rows if row[1] in "tTwW"}
        self._addresses = sorted(found)
        self._names = [found[address] for address in self._addresses]

    def name(self, address: int) -> str:
        if address < _KERNEL:
            return _OUTSIDE
        return self._names[bisect.bisect(self._addresses, address) - 1].replace("\t", " ")


class Profile:
    """Instructions by path of calls."""

    def __init__(self, raw: Path, symbols: Symbols):
        self.paths: collections.Counter[tuple[str, ...]] = collections.Counter()
        self.calls: collections.Counter[str] = collections.Counter()
        nodes: dict[int, tuple[str, ...]] = {0: ()}
        for line in raw.read_text().splitlines():
            kind, *words = line.split()
            if kind == "node" and words[0] != "0":
                name = symbols.name(int(words[2], 16))
                nodes[int(words[0])] = (*nodes[int(words[1])], name)
                self.calls[name] += int(words[3])
            elif kind == "run":
                path, name = nodes[int(words[0])], symbols.name(int(words[1], 16))
                # A function that was jumped to stands for itself.
                whole = path if path[-1:] == (name,) else (*path, name)
                self.paths[whole] += int(words[2])

    @property
    def total(self) -> int:
        return self.paths.total()

    def one_at_a_time(self) -> tuple[int, int]:
        """What is executed by an export's workers, and of that with its order locked."""
        if not any(_WORKER.search(name) for name in self.calls):
            raise ValueError("no worker of an export has run: has its function another name?")
        if not any(_DECIDING.search(name) for name in self.calls):
            raise ValueError("nothing was decided on: has the function another name?")
        workers = decided = 0
        for path, count in self.paths.items():
            begins = [place for place, name in enumerate(path) if _WORKER.search(name)]
            if not begins or any(_INTERRUPTS.match(name) for name in path[begins[-1] :]):
                continue
            workers += count
            if any(_DECIDING.search(name) for name in path[begins[-1] :]):
                decided += count
        return workers, decided

    def table(self, requests: int, least: float) -> str:
        """Functions by what they execute themselves; beside it what they do with all they call."""
        own, whole = collections.Counter(), collections.Counter()
        for path, count in self.paths.items():
            own[path[-1]] += count
            for name in set(path):
                whole[name] += count
        rows = [["per request", "itself", "with callees", "calls"]]
        for name, count in own.most_common():
            if count >= least * requests:
                figures = (count, whole[name])
                calls = f"{self.calls[name] / requests:.2f}"
                rows.append([name, *(f"{figure / requests:,.0f}" for figure in figures), calls])
        return report.table(rows)

    def tree(self, requests: int, least: float) -> str:
        """Paths of calls, with what is executed on them and below."""
        whole: collections.Counter[tuple[str, ...]] = collections.Counter()
        for path, count in self.paths.items():
            for depth in range(1, len(path) + 1):
                whole[path[:depth]] += count
        lines: list[str] = []

        def walk(path: tuple[str, ...]) -> None:
            below = [key for key in whole if len(key) == len(path) + 1 and key[:-1] == path]
            for key in sorted(below, key=lambda key: -whole[key]):
                if whole[key] >= least * requests:
                    lines.append(f"{whole[key] / requests:>8,.0f} {'  ' * len(path)}{key[-1]}")
                    walk(key)

        walk(())
        return "\n".join(lines)

    def folded(self) -> str:
        """One path and its count a line, as programs that draw flame graphs take it."""
        return "".join(f"{';'.join(path)} {count}\n" for path, count in self.paths.items())
