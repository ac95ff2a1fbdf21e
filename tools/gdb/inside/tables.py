# SPDX-License-Identifier: MIT
"""Commands that list processes, threads and what they hold: ps, threads,
handles, caps, regions."""
from __future__ import annotations

from typing import Dict, Iterator, List, Tuple

import gdb

from inside import decode
from inside.kernel import (
    REG_PC,
    Command,
    constant,
    constants,
    current_thread,
    endpoint_type,
    field,
    has,
    kernel_type,
    linked,
    name_of,
    notification_type,
    number,
    offset_of,
    pointer,
    process_by_pid,
    process_type,
    processes,
    read_kernel,
    rights_names,
    session_type,
    show,
    space_type,
    state_of,
    thread_name,
    thread_type,
    threads_of,
)

Row = Tuple[str, ...]


class Ps(Command):
    """ps: every process: parent, state, threads, memory, time.

    frames is what it is charged for, and its limit; time is in units of the
    `time` register. A zombie is dead and waits for its parent."""

    NAME = "ps"

    def run(self, words: List[str]) -> None:
        lives = constants("enum life", "LIFE_", "process_find")
        rows: List[Row] = [
            ("pid", "parent", "name", "state", "threads", "frames", "objects", "time")
        ]
        for at, process in processes():
            life = lives.get(number(process["life"]), "?")
            rows.append(process_row(at, process, life))
        show(rows, lambda: "There is no process yet.")


def process_row(at: int, process: gdb.Value, life: str) -> Row:
    parent_at = pointer(process["parent"])
    parent = number(read_kernel(parent_at, process_type())["pid"]) if parent_at else 0
    frames = objects = "-"
    if pointer(process["quota"]):
        kind = kernel_type("struct quota", "quota_create")
        quota = read_kernel(pointer(process["quota"]), kind)
        frames = f"{number(quota['frames'])}/{number(quota['frames_max'])}"
        objects = f"{number(quota['objects'])}/{number(quota['objects_max'])}"
    time = number(process["time"])
    count = 0
    for _, thread in threads_of(at):
        time += number(thread["time"])
        count += 1
    pid = str(number(process["pid"]))
    name = name_of(process)
    return pid, str(parent), name, life, str(count), frames, objects, str(time)


def wait_text(thread: gdb.Value, state: str) -> str:
    """What a waiting thread waits for."""
    if state in ("receiving", "sending"):
        return f"at endpoint {pointer(thread['endpoint']):#x}"
    if state == "calling":
        server = pointer(thread["server"])
        whom = thread_name(server) if server else "a saved reply"
        return f"for {whom}, endpoint {pointer(thread['endpoint']):#x}"
    if state in ("queued", "signalled"):
        return queue_text(pointer(thread["wait_queue"]), pointer(thread["process"]))
    return ""


def queue_text(queue: int, process: int) -> str:
    """What the threads of a queue wait for."""
    if queue == process + offset_of(process_type(), "waiters"):
        return "for a child"
    if queue == process + offset_of(process_type(), "joiners"):
        return "for a thread of its own"
    return f"in queue {queue:#x}"


def thread_row(address: int, thread: gdb.Value, process: gdb.Value) -> Row:
    state = state_of(thread)
    priority = str(number(thread["priority"]))
    if number(thread["priority"]) != number(thread["base"]):
        priority += f" (base {number(thread['base'])})"
    what = wait_text(thread, state)
    if address == current_thread():
        what = "on this hart"
    elif state == "running":
        hart = kernel_type("struct hart", "hart_prepare")
        what = f"on hart {number(read_kernel(pointer(thread['frame']['hart']), hart)['id'])}"
    pc = number(field(thread, "frame", "x")[REG_PC])
    who = f"{number(process['pid'])}.{number(thread['tid'])}"
    return who, name_of(process), state, priority, f"{pc:#x}", f"{address:#x}", what


class Threads(Command):
    """threads [PID]: every thread, or those of one process.

    The first column is PID.TID; pc is where it last entered the kernel; thread
    is the address of its struct thread, as in `print *(struct thread *)0x...`."""

    NAME = "threads"

    def run(self, words: List[str]) -> None:
        if len(words) > 1:
            raise self.usage()
        found = [process_by_pid(words[0])] if words else processes()
        rows: List[Row] = [
            ("who", "name", "state", "priority", "pc", "thread", "waits")
        ]
        for at, process in found:
            for address, thread in threads_of(at):
                rows.append(thread_row(address, thread, process))
        show(rows, lambda: "There is no thread.")


# --- Handles -----------------------------------------------------------------


def slots(process: gdb.Value) -> Iterator[Tuple[int, gdb.Value]]:
    """The used slots of a process's handle table."""
    table = process["handles"]["slot"]
    low, high = table.type.range()
    for slot in range(low, high + 1):
        if number(table[slot]["type"]):
            yield slot, table[slot]


def handle_types() -> Dict[int, str]:
    return constants("enum handle_type", "HANDLE_", "endpoint_create")


def entry_object(entry: gdb.Value) -> int:
    """What a slot or an entry names. A slot has the kind in the low bits."""
    return (
        pointer(entry["word"]) & ~3 if has(entry, "word") else pointer(entry["object"])
    )


def entry_type(entry: gdb.Value) -> str:
    return handle_types().get(number(entry["type"]), f"type {number(entry['type'])}")


def session_text(at: int, generation: int) -> str:
    session = read_kernel(at, session_type())
    if number(session["generation"]) != generation:
        return "stale: it was revoked or has ended"
    endpoint_at = pointer(session["endpoint"])
    endpoint = read_kernel(endpoint_at, endpoint_type())
    text = f"badge {number(session['badge']):#x}, endpoint {endpoint_at:#x}"
    if number(endpoint["generation"]) == 0:
        return text + ", whose server is gone"
    if number(session["epoch"]) != number(endpoint["epoch"]):
        return text + ", stale: revoked"
    return text


def endpoint_text(at: int, generation: int) -> str:
    endpoint = read_kernel(at, endpoint_type())
    if number(endpoint["generation"]) != generation:
        return "stale"
    return f"{number(endpoint['refs']) - 1} sessions"


def memory_text(at: int, _: int) -> str:
    memory = read_kernel(at, kernel_type("struct memory", "memory_create_dma"))
    kind = "dma" if memory["owner"] else "device or initrd"
    return f"{kind}, {number(memory['pages'])} pages at {number(memory['base']):#x}"


def notification_text(at: int, _: int) -> str:
    notification = read_kernel(at, notification_type())
    text = f"bits {number(notification['bits']):#x}"
    bound = pointer(notification["endpoint"])
    return text + (f", bound to endpoint {bound:#x}" if bound else "")


def reply_text(at: int, generation: int) -> str:
    caller = read_kernel(at, thread_type())
    if number(caller["call_sequence"]) != generation & 0xFFFFFFFF:
        return "stale: the call has ended"
    return f"answers {thread_name(at)}"


DETAILS = {
    "session": session_text,
    "endpoint": endpoint_text,
    "memory": memory_text,
    "notification": notification_text,
    "reply": reply_text,
}


def entry_detail(entry: gdb.Value) -> str:
    kind = entry_type(entry)
    at = entry_object(entry)
    if kind == "irq":
        return f"line {at}"
    tell = DETAILS.get(kind)
    return tell(at, number(entry["generation"])) if tell and at else ""


class Handles(Command):
    """handles PID: a process's handle table, with what each slot is good for."""

    NAME = "handles"

    def run(self, words: List[str]) -> None:
        if len(words) != 1:
            raise self.usage()
        _, process = process_by_pid(words[0])
        rights = rights_names()
        rows: List[Row] = [("slot", "type", "object", "rights", "what")]
        for slot, entry in slots(process):
            rows.append(
                (
                    str(slot),
                    entry_type(entry),
                    f"{entry_object(entry):#x}",
                    decode.rights_text(number(entry["rights"]), rights),
                    entry_detail(entry),
                )
            )
        show(rows, lambda: "The table is empty.")


class Caps(Command):
    """caps [TYPE]: every object that handles name, and who holds it with which
    rights; TYPE is endpoint, session, memory, ...

    PID:SLOT says which process holds it where. A session is listed with its
    endpoint and badge."""

    NAME = "caps"

    def run(self, words: List[str]) -> None:
        if len(words) > 1:
            raise self.usage()
        if words and words[0] not in handle_types().values():
            raise gdb.GdbError(
                f"no such type; one of: {' '.join(handle_types().values())}"
            )
        rights = rights_names()
        holders: Dict[Tuple[str, int], List[str]] = {}
        details: Dict[Tuple[str, int], str] = {}
        for _, process in processes():
            for slot, entry in slots(process):
                key = (entry_type(entry), entry_object(entry))
                names = decode.rights_text(number(entry["rights"]), rights)
                holders.setdefault(key, []).append(
                    f"{number(process['pid'])}:{slot} ({names})"
                )
                details[key] = entry_detail(entry)
        for key in sorted(holders):
            if not words or key[0] == words[0]:
                print(f"{key[0]} {key[1]:#x} {details[key]}".rstrip())
                print("    held by " + ", ".join(holders[key]))


# --- Regions -----------------------------------------------------------------

PROT = "rwx"


def prot_text(prot: int) -> str:
    return "".join(c if prot >> i & 1 else "-" for i, c in enumerate(PROT))


def region_kind(region: gdb.Value, flags: Dict[int, str]) -> str:
    if pointer(region["memory"]):
        text = "memory object, " + memory_text(pointer(region["memory"]), 0)
    elif pointer(region["pager"]["session"]):
        session = pointer(region["pager"]["session"])
        text = (
            f"paged by session {session:#x} from offset {number(region['offset']):#x}"
        )
    else:
        text = "zero on demand"
    words = [n for bit, n in flags.items() if number(region["flags"]) & bit]
    return ", ".join([text, *words])


def regions_of(process: gdb.Value) -> Iterator[gdb.Value]:
    space = pointer(process["space"])
    if not space:
        raise gdb.GdbError(f"process {number(process['pid'])} has no space any more")
    head = space + offset_of(space_type(), "regions")
    kind = kernel_type("struct region", "space_create")
    for _, region in linked(head, kind, "link"):
        yield region


class Regions(Command):
    """regions PID: what the process's space means to map, range by range.

    max is what SYS_PROTECT may give. What is mapped now tells `pagetable`."""

    NAME = "regions"

    def run(self, words: List[str]) -> None:
        if len(words) != 1:
            raise self.usage()
        _, process = process_by_pid(words[0])
        flags = constants("enum region_flags", "REGION_", "region_search")
        rows: List[Row] = [("from", "to", "pages", "prot", "max", "what")]
        for region in regions_of(process):
            start, end = number(region["start"]), number(region["end"])
            rows.append(
                (
                    f"{start:#x}",
                    f"{end:#x}",
                    str((end - start) // constant("PAGE_SIZE")),
                    prot_text(number(region["prot"])),
                    prot_text(number(region["max"])),
                    region_kind(region, flags),
                )
            )
        show(rows, lambda: "There is no region.")


COMMANDS = (Ps, Threads, Handles, Caps, Regions)
