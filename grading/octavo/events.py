# SPDX-License-Identifier: MIT
"""What happened last in a run that failed: messages, faults, switches, exits.

Idea        A release keeps no events; the debug build does (kernel/arch/event.h).
            So a run that failed is repeated on the debug build, with its RAM in
            a file, which outlives the machine; GDB's last-events decodes it. A
            program's failed check ends in an exit with a status other than 0:
            what came later is left out.
Use         text = Repeated(run.command, run.guest, run.setup, words).text()
Invariants  Nothing of this is part of a run that passes. On one hart the text
            is the same each time, also of a run that had to be stopped."""
from __future__ import annotations

import fcntl
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import List, Tuple

import bootlib

from grading.octavo import labrun
from grading.octavo.lab import NO_EVENTS
from grading.octavo.machine import Setup

SHOWN = 8
ALL = 1 << 20
LIMIT = 1.0  # seconds of the guest's time; what ends has ended by then
QUIET = 500_000_000  # cycles: half of it
EMPTY = "Nothing has happened yet."
GDB_LIMIT = 60  # host seconds
NAME_MAX = 15  # letters of a process's name
CHECK_FAILED = 1  # the status of a process in which a check failed

_EXIT = re.compile(r"of process \d+ (\S+), status (-?\d+)$")


@dataclass(frozen=True)
class Event:
    cycle: int
    hart: str
    thread: str
    kind: str
    what: str

    @property
    def outside(self) -> bool:
        """It goes on when nothing else does."""
        return self.what.endswith(" interrupt") or self.kind == "switch"


def is_wanted(setup: Setup, message: str) -> bool:
    """Whether the events of a failure say more than the failure. A unit kernel
    has none, and a stub says what it is."""
    stub = "is yours to write" in message
    return not (os.environ.get(NO_EVENTS) or setup.unit or setup.virtio or stub)


@dataclass
class Repeated:
    """A run that failed, once more."""

    guest: str  # the command in the guest
    setup: Setup
    nonce: str
    key: str

    def text(self) -> str:
        """The last events, in lines; or why there are none."""
        try:
            build_debug()
            with bootlib.working_directory() as work:
                result = self.boot(work)
                events = decoded(work / "memory")
        except (bootlib.BootError, OSError, subprocess.SubprocessError) as error:
            return f"no events of the debug build: {error}"
        if result.completed and result.status == 0:
            return "the debug build, run the same way, ends with status 0"
        if result.timed_out:
            events = [event for event in events if not event.outside]
            if events and events[-1].cycle > QUIET:
                return "the debug build, run the same way, was busy until stopped"
        if not events:
            return "the debug build, run the same way, notes no event"
        return shown(until_failure(events, self.guest.split(" ")[0]))

    def boot(self, work: Path) -> bootlib.Result:
        setup = replace(self.setup, debug=True, limit=LIMIT)
        options = setup.options(self.guest)
        options.nonce, options.key = self.nonce, self.key
        options.memory = str(work / "memory")
        return bootlib.boot(options, build=False)


def build_debug() -> None:
    """Brings the debug build up to date, within the limits of any build of a
    student's files; one worker at a time."""
    with open(bootlib.TOP / "build" / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = ["make", "-s", "DEBUG=1", "all"]
        if labrun.run_limited(words, bootlib.TOP)[0] != 0:
            raise bootlib.BootError("it does not build")


def decoded(memory: Path) -> List[Event]:
    """All events in a debug kernel's memory, in order."""
    program = bootlib.build_env(debug=True)["GDB"]
    kernel = bootlib.build_dir(debug=True) / "kernel.elf"
    command = [*program, "-q", "-nx", "-batch", "-iex", "set osabi none"]
    command += ["-iex", "set architecture riscv:rv64", "-ex", f"file {kernel}"]
    command += ["-x", str(bootlib.TOP / "tools" / "gdb" / "octavo.py")]
    command += ["-ex", f"last-events {ALL}"]
    done = subprocess.run(
        command,
        cwd=bootlib.TOP,
        env={**os.environ, "OCTAVO_MEMORY": str(memory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        timeout=GDB_LIMIT,
    )
    if EMPTY in done.stdout:
        return []
    lines = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines()]
    rows = [line for line in lines if len(line) >= 4 and line[0].isdigit()]
    if not rows:
        said = (done.stderr.strip().splitlines() or ["GDB tells none"])[-1]
        raise bootlib.BootError(said)
    return [Event(int(r[0]), r[1], r[2], r[3], "  ".join(r[4:])) for r in rows]


def bad_ends(events: List[Event], program: str = "") -> List[Tuple[int, int]]:
    """Index and status of each exit with another status than 0, of a program's
    processes or of all."""
    ends = []
    for index, event in enumerate(events):
        found = _EXIT.match(event.what) if event.kind == "exit" else None
        if found and found[2] != "0" and (not program or found[1] == program):
            ends.append((index, int(found[2])))
    return ends


def until_failure(events: List[Event], program: str) -> List[Event]:
    """The events up to the end of the process that failed. The last such end is
    that of the program itself, whose checks are processes of their own."""
    ends = bad_ends(events, program[:NAME_MAX])
    if not ends:  # it did not even start
        ends = bad_ends(events)[:1]
    checks = ends[:-1] or ends
    failed = [index for index, status in checks if status == CHECK_FAILED]
    last = failed[0] if failed else checks[-1][0] if checks else len(events)
    return events[: last + 1]


def shown(events: List[Event]) -> str:
    lines = ["the last events of the debug build, run the same way:"]
    for event in events[-SHOWN:]:
        where = f"{event.cycle:>11} hart {event.hart}"
        lines.append(f"    | {where}  {event.thread:14} {event.kind:8} {event.what}")
    return "\n".join(line.rstrip() for line in lines)
