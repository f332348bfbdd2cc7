# SPDX-License-Identifier: GPL-2.0
"""A corpus of requests with everything that the protocol's cases have, each with a name."""

from cases import commands, header, lists, queries, reads, writes
from cases.steps import Case

GROUPS: dict[str, dict[str, Case]] = {
    module.__name__.rpartition(".")[2]: module.CASES
    for module in (header, queries, reads, writes, commands, lists)
}
