# SPDX-License-Identifier: MIT
"""last-events: what the harts did last, from the rings of a debug build
(arch/event.h)."""
from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Tuple

import gdb

from inside import decode
from inside.kernel import (
    DIRECT_BASE,
    WORD,
    Command,
    constant,
    constants,
    error_names,
    kernel_type,
    name_of,
    number,
    pointer,
    process_type,
    read_kernel,
    show,
    thread_name,
    variable_address,
)
from inside.messages import number_of_harts

Row = Tuple[str, ...]
Event = Tuple[int, int, str, gdb.Value]  # time, hart, kind, what the ring has
PLACE = "hart_prepare"  # a function of the file that has the rings

INTERRUPTS = {1: "software interrupt", 5: "timer interrupt", 9: "device interrupt"}
CAUSES = {
    0: "jump to a misaligned address",
    1: "jump to no memory",
    2: "illegal instruction",
    3: "breakpoint",
    4: "misaligned load",
    5: "load from no memory",
    6: "misaligned store",
    7: "store to no memory",
    12: "page fault, execute",
    13: "page fault, load",
    15: "page fault, store",
}


class Names:
    """Who a thread's address was at a time: the memory of one that has ended
    may be another's by now, or nobody's."""

    def __init__(self, events: List[Event]) -> None:
        self.freed: Dict[int, List[Tuple[int, str]]] = {}
        for time, _, kind, event in events:
            if kind == "free":
                found = self.freed.setdefault(pointer(event["thread"]), [])
                found.append((time, freed_name(event)))

    def of(self, address: int, time: int) -> str:
        for end, name in self.freed.get(address, []):
            if time <= end:
                return name
        return thread_name(address)


def freed_name(event: gdb.Value) -> str:
    """`pid.tid NAME`, without the name if the process's memory is reused."""
    pid, tid = divmod(number(event["second"]), 1 << 32)
    process = read_kernel(number(event["first"]) & WORD, process_type())
    name = name_of(process) if number(process["pid"]) == pid else ""
    return f"{pid}.{tid} {name}".rstrip()


def message_text(receiver: str, tag: int) -> str:
    return f"to {receiver}: {decode.tag_text(tag)}"


def error_text(error: int, _: int) -> str:
    return error_names().get(error, str(error))


def trap_text(cause: int, value: int) -> str:
    if cause >> 63:
        return INTERRUPTS.get(cause & 63, f"interrupt {cause & 63}")
    text = CAUSES.get(cause, f"cause {cause}")
    return f"{text} at {value:#x}"


def exit_text(process_at: int, status: int) -> str:
    process = read_kernel(process_at, process_type())
    who = f"{number(process['pid'])} {name_of(process)}"
    return f"of process {who}, status {status - (status >> 63 << 64)}"


MESSAGES = ("message", "call", "reply")
DETAILS: Dict[str, Callable[[int, int], str]] = {
    "error": error_text,
    "trap": trap_text,
    "exit": exit_text,
}


def ring(hart: int) -> Iterator[gdb.Value]:
    """A hart's events, the oldest that is kept first."""
    kind = kernel_type("struct event_ring", PLACE)
    at = variable_address("event_rings", PLACE) + hart * kind.sizeof
    whole = read_kernel(at, kind)
    count, kept = number(whole["count"]), constant("EVENTS_KEPT", PLACE)
    for index in range(max(0, count - kept), count):
        yield whole["event"][index % kept]


def kind_of(kinds: Dict[int, str], event: gdb.Value) -> str:
    kind = number(event["kind"])
    return kinds.get(kind, f"kind {kind}")


def event_row(names: Names, entry: Event) -> Row:
    time, hart, kind, event = entry
    first, second = number(event["first"]) & WORD, number(event["second"]) & WORD
    if kind == "error" and not first:
        kind = "notice"  # CLOSED or SIGNAL, which begin so (ipc/message.c)
    detail = ""
    if kind in MESSAGES:
        detail = message_text(names.of(first, time), second)
    elif kind in DETAILS:
        detail = DETAILS[kind](first, second)
    at = pointer(event["thread"])
    who = names.of(at, time) if at >= DIRECT_BASE else "-"
    return str(time), str(hart), who, kind, detail


class LastEvents(Command):
    """last-events [COUNT]: the last messages, faults, interrupts, switches and
    exits of all harts, the newest last; 20 by default. For the DEBUG=1 build.

    A message that the fast path carried is a call or a reply; a notice is
    CLOSED or SIGNAL. A trap that repeats at once is shown once."""

    NAME = "last-events"

    def run(self, words: List[str]) -> None:
        if len(words) > 1 or (words and not words[0].isdigit()):
            raise self.usage()
        if not constant("DEBUG_BUILD", PLACE):
            raise gdb.GdbError(
                "a release keeps no events: start with make gdb DEBUG=1 ..."
            )
        kinds = constants("enum event_kind", "EVENT_", PLACE)
        found = [
            (number(event["time"]), hart, kind_of(kinds, event), event)
            for hart in range(number_of_harts())
            for event in ring(hart)
        ]
        found.sort(key=lambda entry: entry[0])
        names = Names(found)
        found = [entry for entry in found if entry[2] != "free"]
        count = int(words[0]) if words else 20
        rows: List[Row] = [("cycle", "hart", "thread", "event", "what")]
        rows += [event_row(names, entry) for entry in found[-count:] if count]
        show(rows, lambda: "Nothing has happened yet.")


COMMANDS = (LastEvents,)
