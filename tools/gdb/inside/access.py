# SPDX-License-Identifier: MIT
"""A program's memory, while its hart stands in the kernel.

Idea        From 8.1 on QEMU reads for GDB only what the hart could read, and the
            kernel may not touch a program's pages unless sstatus.SUM says so. A
            backtrace would end where the program's stack begins. So SUM is set
            while a hart stands in the kernel.
Invariant   It is cleared before the hart goes on: each of GDB's commands that
            lets it go on runs withdraw() first."""
from __future__ import annotations

import re
from typing import Iterator, List

import gdb

from inside.kernel import Quiet

SUM = 1 << 18
SUPERVISOR = 1
STRICT_FROM = (8, 1)  # QEMU's version
RESUMES = (
    "advance continue detach disconnect finish jump kill next nexti signal step "
    "stepi until"
).split()

_allowed: List[int] = []  # threads, by GDB's number


def is_strict() -> bool:
    """Whether this QEMU reads only what the hart could."""
    text = gdb.execute("monitor info version", to_string=True) or ""
    version = re.match(r"(\d+)\.(\d+)", text)
    return version is not None and tuple(map(int, version.groups())) >= STRICT_FROM


def each(threads: List[gdb.InferiorThread]) -> Iterator[gdb.InferiorThread]:
    """Selects one after the other, and then again the one that was."""
    selected = gdb.selected_thread()
    for thread in threads:
        if thread != gdb.selected_thread():
            thread.switch()
        yield thread
    if selected and selected != gdb.selected_thread():
        selected.switch()


def allow(_: object = None) -> None:
    """The harts have stopped."""
    if Quiet.on or _allowed or not is_strict():
        return
    for thread in each(list(gdb.selected_inferior().threads())):
        if int(gdb.parse_and_eval("$priv")) == SUPERVISOR and not has_sum():
            gdb.execute(f"set $sstatus = $sstatus | {SUM}")
            _allowed.append(thread.num)


def withdraw() -> None:
    """The harts are about to go on."""
    threads = [t for t in gdb.selected_inferior().threads() if t.num in _allowed]
    _allowed.clear()
    for _ in each(threads):
        gdb.newest_frame().select()
        gdb.execute(f"set $sstatus = $sstatus & ~{SUM}")


def has_sum() -> bool:
    return bool(int(gdb.parse_and_eval("$sstatus")) & SUM)


def begin() -> None:
    gdb.events.stop.connect(allow)
    for name in RESUMES:
        code = "python import inside.access; inside.access.withdraw()"
        gdb.execute(f"define hook-{name}\n{code}\nend")
