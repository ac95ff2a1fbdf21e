# SPDX-License-Identifier: MIT
"""Octavo's own GDB commands; `make gdb` loads them. `help octavo` lists them."""
from __future__ import annotations

import sys
from pathlib import Path

import gdb

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from inside import (  # noqa: E402
    access,
    events,
    failing,
    messages,
    pages,
    printers,
    programs,
    tables,
    travel,
    unwind,
)
from inside.kernel import Command  # noqa: E402

MODULES = (tables, messages, pages, events, programs, travel)


class Octavo(Command):
    """octavo: lists the commands that know Octavo's kernel."""

    NAME = "octavo"
    KIND = gdb.COMMAND_SUPPORT

    def run(self, words: list[str]) -> None:
        for module in MODULES:
            for command in module.COMMANDS:
                print(" ".join((command.__doc__ or "").partition("\n\n")[0].split()))


for module in MODULES:
    for command in module.COMMANDS:
        command()
Octavo()
for function in programs.FUNCTIONS:
    function()
unwind.install()
printers.install()
access.begin()
travel.begin()
failing.begin()
