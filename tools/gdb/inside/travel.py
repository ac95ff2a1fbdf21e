# SPDX-License-Identifier: MIT
"""Going back in time: goto, rewind, back, last-write, console.

Idea        tools/gdb/run has recorded the whole run before GDB starts; what GDB
            debugs is its replay (QEMU's rr=replay), the same instruction for
            instruction. A place in the run is a count of instructions. To go
            back is to start the replay again and stop at a smaller count. (To
            step back in one session is what QEMU 7.2 itself offers, and hangs.)
Limits      One hart, a disk in RAM. What GDB changes in the machine (`set var`,
            `call`) makes the replay diverge from the record."""
from __future__ import annotations

import json
import os
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

import bootlib
import gdb

from inside import access, decode
from inside.kernel import (
    DIRECT_BASE,
    WORD,
    Command,
    Quiet,
    current_process,
    forget,
    read_physical,
    silence,
)
from inside.pages import evaluate, mappings
from inside.programs import follow
from inside.spaces import space_root, translate

START_S = 10.0
FIRMWARE = "Boot HART MEDELEG"  # the last line of the firmware's own text
WINDOW = 1 << 20  # instructions that last-write looks through at first


class Replay:
    """The replayed run and the QEMU that replays it."""

    def __init__(self, plan: Dict[str, object]) -> None:
        self.command = [str(word) for word in plan["qemu"]]  # type: ignore[attr-defined]
        self.socket = Path(str(plan["socket"]))
        self.serial = Path(str(plan["serial"]))
        self.qemu: Optional["subprocess.Popen[bytes]"] = None
        self.shown = 0  # characters of the console that have been printed

    def start(self) -> None:
        """Starts anew, stopped at reset."""
        self.end()
        self.socket.unlink(missing_ok=True)
        self.serial.write_bytes(b"")
        self.shown = 0
        self.qemu = bootlib.start_qemu(self.command)
        deadline = time.monotonic() + START_S
        while not self.attach():
            if self.qemu.poll() is not None or time.monotonic() > deadline:
                raise gdb.GdbError("QEMU did not start")
            time.sleep(0.005)
        forget()

    def attach(self) -> bool:
        """Whether GDB could connect: the socket is there before QEMU listens."""
        if not self.socket.exists():
            return False
        try:
            with silence():
                gdb.execute(f"target remote {self.socket}", to_string=True)
        except gdb.error:
            return False
        return True

    def end(self) -> None:
        if self.qemu is None:
            return
        if connected():
            gdb.execute("disconnect", to_string=True)
        bootlib.stop_qemu(self.qemu)
        self.qemu = None

    def now(self) -> int:
        """Instructions since reset."""
        if not connected():
            raise gdb.GdbError("the run has ended; `rewind` starts it again")
        text = gdb.execute("monitor info replay", to_string=True)
        count = re.search(r"instruction count = (\d+)", text)
        if not count:
            raise gdb.GdbError(f"QEMU does not say where the run is: {text.strip()}")
        return int(count.group(1))

    def seek(self, place: int) -> None:
        """Goes to a count of instructions, forwards or back."""
        if not connected() or self.now() > place:
            self.start()
        with aside():
            while self.now() < place:
                self.resume(place)
        self.shown = len(self.text())

    def resume(self, limit: int) -> None:
        """Goes on to the next stop, at the latest to this count."""
        gdb.execute(f"monitor replay_break {limit}", to_string=True)
        proceed()
        if not connected():
            raise gdb.GdbError("the run ends before that; `rewind` starts it again")
        gdb.execute("monitor replay_delete_break", to_string=True)

    def text(self) -> str:
        return self.serial.read_text(encoding="utf-8", errors="replace")

    def show_console(self, _: object = None) -> None:
        """After a stop: what has been printed since the last one."""
        if Quiet.on or self.qemu is None:
            return
        text = self.text()
        start = max(self.shown, text.find(FIRMWARE))
        new = text[start:].partition("\n")[2] if start > self.shown else text[start:]
        for line in new.splitlines():
            print(f"console: {line}")
        self.shown = len(text)


def proceed() -> None:
    """`continue`, of which the user sees nothing."""
    with silence():
        try:
            gdb.execute("continue", to_string=True)
        except gdb.error as error:
            if connected():
                raise gdb.GdbError(str(error)) from None


def connected() -> bool:
    try:
        return bool(gdb.selected_inferior().pid) and gdb.selected_thread() is not None
    except gdb.error:
        return False


@contextmanager
def aside() -> Iterator[None]:
    """The user's breakpoints do not count in the meantime."""
    known = {b.number: b for b in [*gdb.breakpoints(), *INTERNAL]}
    enabled = [b for b in known.values() if b.is_valid() and b.enabled]
    for breakpoint in enabled:
        breakpoint.enabled = False
    try:
        yield
    finally:
        for breakpoint in enabled:
            if breakpoint.is_valid():
                breakpoint.enabled = True


class EndOfRun(gdb.Breakpoint):
    """Stops before the machine ends, so that one can look back from there."""

    def __init__(self) -> None:
        super().__init__("finisher_exit", internal=True)

    def stop(self) -> bool:
        if not Quiet.on:
            print(ending())
        return True


def ending() -> str:
    """Why the run ends: a unit test ends it where it fails (grading/unit)."""
    caller = gdb.newest_frame().older()
    name = (caller.name() if caller else None) or ""
    if name.startswith("unit_") and name != "unit_run":
        return f"The unit test fails here, in {name}; `backtrace` shows it."
    return "The run ends here."


INTERNAL: List[gdb.Breakpoint] = []  # this file's own, as long as GDB runs
_replay: List[Replay] = []


def replay() -> Replay:
    if not _replay:
        raise gdb.GdbError(
            "only a recorded run can go back: make gdb RUN='COMMANDS' or TEST=NAME, "
            "on one hart, without LIVE=1"
        )
    return _replay[0]


def begin() -> None:
    """Starts the replay that tools/gdb/run has prepared, if it has."""
    plan = os.environ.get("OCTAVO_REPLAY")
    if not plan:
        return
    _replay.append(Replay(json.loads(plan)))
    _replay[0].start()
    INTERNAL.append(EndOfRun())
    gdb.events.stop.connect(_replay[0].show_console)
    gdb.events.gdb_exiting.connect(finish)


def finish(_: object) -> None:
    """GDB ends: QEMU first, or GDB would complain that it is gone."""
    with silence():
        _replay[0].end()


def where(text: str = "") -> None:
    """Says where in the run the machine is, with GDB's own line."""
    access.allow()
    follow()
    print(f"{text or 'At'} instruction {replay().now()}:")
    gdb.execute("frame")


# --- Commands ----------------------------------------------------------------


class Goto(Command):
    """goto [[+|-]N]: goes to instruction N of the run, or N on or back; without
    N, says where the run is.

    Instructions are counted from reset, the firmware's included."""

    NAME = "goto"
    KIND = gdb.COMMAND_RUNNING

    def run(self, words: List[str]) -> None:
        if len(words) > 1:
            raise self.usage()
        if words:
            replay().seek(self.place(words[0]))
        where()

    def place(self, word: str) -> int:
        if not re.fullmatch(r"[+-]?\d[\d_,]*", word):
            raise self.usage()
        count = int(re.sub(r"[_,]", "", word))
        place = count + replay().now() if word[0] in "+-" else count
        if place < 0:
            raise gdb.GdbError(f"the run is only {replay().now()} instructions old")
        return place


class Rewind(Command):
    """rewind: back to the kernel's first line of C. Breakpoints stay."""

    NAME = "rewind"
    KIND = gdb.COMMAND_RUNNING

    def run(self, words: List[str]) -> None:
        if words:
            raise self.usage()
        first = replay()
        first.start()
        run_to("kernel_main")
        where("Back at")


def run_to(function: str) -> None:
    """Goes on to a function of the kernel; no other breakpoint counts."""
    with aside():
        stop = gdb.Breakpoint(function, temporary=True, internal=True)
        machine = replay()
        proceed()
        if stop.is_valid():
            stop.delete()
        machine.shown = len(machine.text())


class Back(Command):
    """back: to the last time, before now, that a breakpoint or watchpoint was
    hit: `continue`, but backwards."""

    NAME = "back"
    KIND = gdb.COMMAND_RUNNING

    def run(self, words: List[str]) -> None:
        if words:
            raise self.usage()
        if not any(b.enabled for b in gdb.breakpoints()):
            raise gdb.GdbError("there is no breakpoint to go back to")
        place = last_stop(replay().now(), lambda: True)
        if place is None:
            raise gdb.GdbError("no breakpoint was hit before; the run is where it was")
        replay().seek(place)
        where("Back at")


def last_stop(limit: int, counts: Callable[[], bool]) -> Optional[int]:
    """The count of the last stop before `limit` at which counts() is true.

    Looks through windows of the run, the last one first, each eight times as
    long as the one behind it. Afterwards the run is at `limit` again."""
    machine = replay()
    window, end = WINDOW, limit
    found: Optional[int] = None
    while end > 0 and found is None:
        start = max(0, end - window)
        machine.seek(start)
        found = last_in_window(machine, end, counts)
        end, window = start, window * 8
    if found is None:
        machine.seek(limit)
    return found


def last_in_window(
    machine: Replay, end: int, counts: Callable[[], bool]
) -> Optional[int]:
    found = None
    while True:
        machine.resume(end)
        now = machine.now()
        if now >= end:
            return found
        if counts():
            found = now


# --- Who wrote it ------------------------------------------------------------


@dataclass
class Watched:
    """Bytes of physical memory, and the addresses at which they are written."""

    physical: int
    size: int
    places: List[Tuple[int, int]]  # address, root of its space (0: the kernel's)

    def value(self) -> int:
        forget()
        return int.from_bytes(read_physical(self.physical, self.size), "little")


def watched(address: int, size: int) -> Watched:
    """What to watch for the bytes at an address, as the machine is now."""
    if address >= DIRECT_BASE:
        physical = address - DIRECT_BASE
    else:
        process = current_process()
        found = translate(space_root(process), address) if process else None
        if found is None:
            raise gdb.GdbError(f"{address:#x} is not mapped in the current process")
        physical = found
    places = [(DIRECT_BASE + physical, 0)]
    frame = physical - physical % decode.PAGE
    for process, page, entry in mappings(frame):
        if entry & 4:  # PTE_W
            places.append((page + physical - frame, space_root(process)))
    if address < DIRECT_BASE and address not in [place for place, _ in places]:
        process = current_process()
        assert process
        places.append((address, space_root(process)))
    return Watched(physical, size, places)


class LastWrite(Command):
    """last-write ADDRESS [BYTES]: goes back to the instruction that last changed
    memory: 1, 2, 4 or 8 bytes, 8 by default.

    As in `last-write &thread->state 4`. A user address is one of the current
    process. Finds also what the kernel wrote into a user page, and what another
    process wrote that shares it."""

    NAME = "last-write"
    KIND = gdb.COMMAND_RUNNING

    def run(self, words: List[str]) -> None:
        if len(words) not in (1, 2):
            raise self.usage()
        size = evaluate(words[1]) if len(words) == 2 else 8
        address = evaluate(words[0])
        if size not in (1, 2, 4, 8) or address % size:
            raise gdb.GdbError("BYTES is 1, 2, 4 or 8, and ADDRESS a multiple of it")
        limit = replay().now()
        target = watched(address, size)
        after = target.value()
        place = find_write(target, limit)
        if place is None:
            raise gdb.GdbError(f"{address:#x} has been {after:#x} since reset")
        replay().seek(place - 1)
        print(f"{address:#x} became {after:#x}, it was {target.value():#x}.")
        where("The instruction that wrote it is the next; this is")
        gdb.execute("x/i $pc")


WATCH_TYPES = {1: "char", 2: "short", 4: "int", 8: "long"}


def watchpoint(address: int, root: int, size: int) -> gdb.Breakpoint:
    """A watchpoint. GDB keeps the last value that it saw at an address, and tells
    of no store of that: in the kernel, where an address is one memory, that
    saves stops, but at a user's it may be another process's."""
    text = f"*(unsigned {WATCH_TYPES[size]} *){address & WORD:#x}"
    kind = gdb.WP_ACCESS if root else gdb.WP_WRITE
    return gdb.Breakpoint(text, gdb.BP_WATCHPOINT, kind, internal=True)


def find_write(target: Watched, limit: int) -> Optional[int]:
    """The count just behind the last instruction that changed the memory."""
    watches: List[gdb.Breakpoint] = []
    last = [target.value()]

    def changed() -> bool:
        before, last[0] = last[0], target.value()
        return before != last[0]

    with aside():
        for address, root in target.places:
            watches.append(watchpoint(address, root, target.size))
        try:
            return last_change(target, limit, last, changed, watches)
        finally:
            for watch in watches:
                watch.delete()


def last_change(
    target: Watched,
    limit: int,
    last: List[int],
    changed: Callable[[], bool],
    watches: List[gdb.Breakpoint],
) -> Optional[int]:
    machine = replay()
    window, end = WINDOW, limit
    while end > 0:
        start = max(0, end - window)
        for watch in watches:
            watch.enabled = False
        machine.seek(start)
        last[0] = target.value()
        for watch in watches:
            watch.enabled = True
        found = last_in_window(machine, end, changed)
        if found is not None:
            return found
        end, window = start, window * 8
    for watch in watches:
        watch.enabled = False
    machine.seek(limit)
    return None


class Console(Command):
    """console [LINES]: the last lines that the machine has printed, 20 by
    default."""

    NAME = "console"

    def run(self, words: List[str]) -> None:
        if len(words) > 1:
            raise self.usage()
        count = evaluate(words[0]) if words else 20
        for line in replay().text().splitlines()[-count:]:
            print(line)


COMMANDS = (Goto, Rewind, Back, LastWrite, Console)
