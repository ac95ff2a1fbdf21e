# SPDX-License-Identifier: MIT
"""The rows of figures: which program measures each.

A row of the table is either measured by a row of a guest program, or derived
from several of them; names with a slash are points of a curve."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List

import bootlib


@dataclass(frozen=True)
class Source:
    """Where a figure comes from."""

    program: str
    row: str  # of the program
    append: str = ""  # boot arguments


PROGRAMS: Dict[str, List[str]] = {
    "bench_ipc": [
        "null_syscall ipc_rtt_0w ipc_rtt_8w ipc_rtt_4caps send_oneway",
        "notify_signal notify_pingpong thread_switch yield_switch",
        "ipc_rtt_8w_same_space",
        "copy/64 copy/512 copy/4096 copy/16384 copy/65536",
    ],
}

# Rows whose name is not that of the guest's row, or that boot differently.
OTHERS: Dict[str, Source] = {
    "ipc_rtt_slow_8w": Source("bench_ipc", "ipc_rtt_8w", "fastpath=0"),
    "copy_64b": Source("bench_ipc", "copy/64"),
    "copy_per_byte": Source("bench_ipc", "copy/65536"),
}


def sources() -> Dict[str, Source]:
    """All that the guest measures, by name."""
    found = {
        row: Source(program, row)
        for program, lines in PROGRAMS.items()
        for line in lines
        for row in line.split()
    }
    return {**found, **OTHERS}


def source(name: str) -> Source:
    known = sources()
    if name not in known:
        raise bootlib.BootError(f"no row {name}; there are: {' '.join(known)}")
    return known[name]
