# SPDX-License-Identifier: MIT
"""make gdb TEST=name: stopping where a graded test failed.

A check of a guest program fails by ending its process with a status other than
0 (user/tests/check.h), so the stop is in the kernel, on the way out of the
program; `backtrace` shows the check below it. A panic stops in panic. Whatever
else a test looked at shows at the end of the run."""
from __future__ import annotations

import json
import os
from typing import Dict, List, Optional

import gdb

from inside.kernel import (
    WORD,
    forget,
    name_of,
    number,
    pointer,
    process_type,
    read_kernel,
)
from inside.programs import NAME_MAX, file_of
from inside.spaces import read_user, space_root

FAILED = 1  # status of a process in which a check failed


class Wanted:
    """The test that GDB was started for."""

    def __init__(self, plan: Dict[str, object]) -> None:
        self.program = str(plan.get("program") or "")
        self.check = str(plan.get("check") or "")
        self.name_at: Optional[int] = None  # of the program's check_name
        path = file_of(self.program) if self.program else None
        if path:
            self.name_at = address_in(str(path), "check_name")

    def check_name(self, process: gdb.Value) -> str:
        """Which check a process of the program is running."""
        if self.name_at is None:
            return ""
        root = space_root(process)
        word = read_user(root, self.name_at, 8)
        at = int.from_bytes(word, "little") if word else 0
        text = b""
        while at and len(text) < 64:
            letter = read_user(root, at + len(text), 1)
            if not letter or letter == b"\0":
                break
            text += letter
        return text.decode(errors="replace")

    def is_ours(self, process: gdb.Value) -> bool:
        if name_of(process) != self.program[:NAME_MAX]:
            return False
        return not self.check or self.check_name(process) == self.check


def address_in(path: str, name: str) -> Optional[int]:
    """A variable's address in a program, by the file's own symbols."""
    gdb.execute(f"add-symbol-file {path}", to_string=True)
    try:
        found = gdb.lookup_static_symbol(name) or gdb.lookup_global_symbol(name)
        return int(found.value().address) & WORD if found else None
    finally:
        gdb.execute(f"remove-symbol-file {path}", to_string=True)


class PanicStop(gdb.Breakpoint):
    """The kernel panics."""

    def __init__(self, function: str) -> None:
        super().__init__(function, internal=True)

    def stop(self) -> bool:
        print("The kernel panics here; `backtrace` shows why.")
        return True


class EndStop(gdb.Breakpoint):
    """The system stops; QEMU would take the connection along."""

    def __init__(self) -> None:
        super().__init__("finisher_exit", internal=True)

    def stop(self) -> bool:
        print("The run ends here.")
        return True


class ExitStop(gdb.Breakpoint):
    """A process of the test's program ends as one that found a mistake does."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__("process_kill", internal=True)
        self.wanted = wanted

    def stop(self) -> bool:
        forget()
        status = signed(int(gdb.parse_and_eval("$a1")) & WORD)
        at = int(gdb.parse_and_eval("$a0")) & WORD
        process = read_kernel(at, process_type())
        if status == 0 or not self.wanted.is_ours(process):
            return False
        if status != FAILED and not self.is_check(process):
            return False
        check = self.wanted.check_name(process)
        pid = number(process["pid"])
        print(f"Check {check} of {self.wanted.program} fails here: ", end="")
        print(f"process {pid} ends with status {status}.")
        return True

    def is_check(self, process: gdb.Value) -> bool:
        """Whether it is the process of a check, not one that the check made."""
        names: List[str] = []
        at = pointer(process["parent"])
        while at and len(names) < 2:
            parent = read_kernel(at, process_type())
            names.append(name_of(parent))
            at = pointer(parent["parent"])
        own = self.wanted.program[:NAME_MAX]
        return names[:1] == [own] and names[1:] != [own]


def signed(value: int) -> int:
    return value - (value >> 63 << 64)


STOPS: List[gdb.Breakpoint] = []


def begin() -> None:
    """Sets the stops for the test that tools/gdb/run was given, if any."""
    text = os.environ.get("OCTAVO_TEST")
    if not text:
        return
    plan = json.loads(text)
    STOPS.extend(PanicStop(function) for function in ("panic", "panic_at"))
    if not os.environ.get("OCTAVO_REPLAY"):
        STOPS.append(EndStop())
    if plan.get("program") and not plan.get("panicked"):
        STOPS.append(ExitStop(Wanted(plan)))
