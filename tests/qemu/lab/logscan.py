# SPDX-License-Identifier: GPL-2.0
"""Judges kernel logs: which lines mean that something went wrong."""

import re
from collections.abc import Iterable

# Said once by every kernel that loads a module from outside its own build, or that looks for leaks.
_EXPECTED = (
    r"\w+: loading out-of-tree module taints kernel\.",
    r"\w+: module verification failed: signature and/or required key missing",
    r"kmemleak: (Kernel memory leak detector initialized|Automatic memory scanning thread)",
)

_LEVELS = ("emerg", "alert", "crit", "err", "warn")

# Trouble by its wording, at whatever level; also for consoles, which have no levels.
_TROUBLE = re.compile(
    r"\bBUG\b|\bWARNING:|\bOops\b|Kernel panic|general protection fault|Call Trace:"
    r"|\bKASAN\b|\bKFENCE\b|\bUBSAN\b|kmemleak|INFO: task .* blocked|\bstall\b.*rcu|rcu.*\bstall"
    r"|soft lockup|hard LOCKUP|possible (recursive|circular) locking|refcount_t:"
    r"|suspicious RCU usage|sleeping function called|scheduling while atomic|unable to handle"
    r"|NETDEV WATCHDOG|I/O error"
    # What only debug kernels find.
    r"|\bODEBUG\b|\bKCSAN\b|ref_tracker|unregister_netdevice: waiting|list_(add|del) corruption"
    r"|register non-static key|locking correctness validator"
)

_DECODED = re.compile(r"^(?P<facility>\w+)\s*:(?P<level>\w+)\s*: (?P<text>.*)$")


def problems(log: str, allow: Iterable[str] = ()) -> list[str]:
    """Lines of a log, as `dmesg -x` or a console has it, that should not be there.

    These are kernel messages of level warning or worse, and traces of trouble
    at any level, except those that match an expression of `allow`.
    """
    allowed = [re.compile(expression) for expression in (*_EXPECTED, *allow)]
    return [
        line
        for line in log.splitlines()
        if _is_problem(line) and not any(expression.search(line) for expression in allowed)
    ]


def _is_problem(line: str) -> bool:
    decoded = _DECODED.match(line)
    if not decoded:
        return bool(_TROUBLE.search(line))
    if decoded["facility"] != "kern":
        return False
    return decoded["level"] in _LEVELS or bool(_TROUBLE.search(decoded["text"]))
