# SPDX-License-Identifier: MIT
"""Octavo's own GDB commands; `make gdb` loads them.

  user PROGRAM   load a user program's symbols and stop in its main
  threads        every thread of every process: state, place, what it waits for
  handles PID    a process's handle table
  pt PID         a process's page table, as ranges of pages with equal rights
  $program()     the name of the process that this hart works for, as in
                 `break syscall_dispatch if $_streq($program(), "sh")`

Idea        While a user program runs, the kernel's addresses cannot be read
            through the MMU. So the kernel's data is read by physical address,
            which lies at a fixed distance (arch/memory.h), and works anywhere.
            Types come from the kernel's functions, since a user program may
            have types of the same names."""
from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import gdb

DIRECT_BASE = 0xFFFFFFC000000000  # arch/memory.h
PAGE = 4096


# --- Reading the kernel ------------------------------------------------------


def read_physical(address: int, size: int) -> bytes:
    mode = "maintenance packet Qqemu.PhyMemMode:"
    gdb.execute(mode + "1", to_string=True)
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    finally:
        gdb.execute(mode + "0", to_string=True)


def read_kernel(address: int, kind: gdb.Type) -> gdb.Value:
    """The object of this type at a kernel address."""
    return gdb.Value(read_physical(address - DIRECT_BASE, kind.sizeof), kind)


def symbol(name: str) -> gdb.Symbol:
    found = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
    if not found:
        raise gdb.GdbError(f"the kernel has no {name}: are its symbols loaded?")
    return found


def variable(name: str) -> gdb.Value:
    found = symbol(name)
    address = found.value().address
    assert found.type and address
    return read_kernel(int(address), found.type)


def result_type(function: str) -> gdb.Type:
    """What the kernel's function returns a pointer to."""
    kind = symbol(function).type
    assert kind
    return kind.target().target()


def pointed(pointer: gdb.Value, kind: gdb.Type) -> gdb.Value:
    return read_kernel(int(pointer), kind)


def offset_of(kind: gdb.Type, member: str) -> int:
    return kind[member].bitpos // 8


def each_linked(
    head: int, kind: gdb.Type, link: str
) -> Iterator[Tuple[int, gdb.Value]]:
    """The elements of the list at `head`: (address, value)."""
    pointer = kind[link].type
    assert pointer
    at = int(read_kernel(head, pointer)["next"])
    while at != head:
        address = at - offset_of(kind, link)
        element = read_kernel(address, kind)
        yield address, element
        at = int(element[link]["next"])


def names(prefix: str, enumeration: str) -> Dict[int, str]:
    """The constants of an enum, without their prefix."""
    fields = gdb.lookup_type(enumeration).fields()
    return {int(f.enumval): str(f.name)[len(prefix) :].lower() for f in fields}


# --- Processes and threads ---------------------------------------------------


def process_type() -> gdb.Type:
    return result_type("process_find")


def processes() -> Iterator[Tuple[int, gdb.Value]]:
    table = variable("pid_table")
    low, high = table.type.range()
    for index in range(low, high + 1):
        address = int(table[index])
        if address:
            yield address, read_kernel(address, process_type())


def process_by_pid(argument: str) -> Tuple[int, gdb.Value]:
    try:
        pid = int(argument, 0)
    except ValueError:
        raise gdb.GdbError("a process's number is needed; see `threads`") from None
    for address, process in processes():
        if int(process["pid"]) == pid:
            return address, process
    raise gdb.GdbError(f"no process {pid}")


def name_of(process: gdb.Value) -> str:
    return process["name"].string()


def running_thread() -> int:
    """The kernel address of the thread that the selected hart works for."""
    user = gdb.parse_and_eval("$sscratch")
    return int(user) & (2**64 - 1) or int(gdb.parse_and_eval("$tp")) & (2**64 - 1)


def describe_wait(thread: gdb.Value, state: str) -> str:
    places = {
        "receiving": ("endpoint", "at endpoint"),
        "sending": ("endpoint", "at endpoint"),
        "calling": ("server", "for thread"),
        "queued": ("wait_queue", "in queue"),
    }
    if state not in places:
        return ""
    field, text = places[state]
    return f"{text} {int(thread[field]):#x}"


def thread_line(address: int, thread: gdb.Value, process: gdb.Value) -> str:
    state = names("THREAD_", "enum thread_state")[int(thread["state"])]
    pc = int(thread["frame"]["x"][0])
    line = f"{int(process['pid']):4} {name_of(process):12} {int(thread['tid']):3} "
    line += f"{state:10} {int(thread['priority']):4}  {pc:#012x}  {address:#x}  "
    if address == running_thread():
        return line + "on this hart"
    return line + describe_wait(thread, state)


class Threads(gdb.Command):
    """threads: every thread of every process.

    The pc is that of its last trap."""

    def __init__(self) -> None:
        super().__init__("threads", gdb.COMMAND_STATUS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        kind = result_type("thread_create")
        print(" pid name         tid state      prio  pc            thread")
        for at, process in processes():
            head = at + offset_of(process_type(), "threads")
            for address, thread in each_linked(head, kind, "siblings"):
                print(thread_line(address, thread, process))


class Program(gdb.Function):
    """$program(): the name of the process that this hart works for."""

    def __init__(self) -> None:
        super().__init__("program")

    def invoke(self) -> str:
        address = running_thread()
        if address < DIRECT_BASE:
            return "(boot)"  # the kernel has not set up threads
        thread = read_kernel(address, result_type("thread_create"))
        if not int(thread["process"]):
            return "(idle)"
        return name_of(pointed(thread["process"], process_type()))


# --- Handles -----------------------------------------------------------------

RIGHTS = "SEND RECEIVE PASS GRANT READ WRITE EXECUTE MAP SIGNAL WAIT INHERIT REPLY"
RIGHTS += " CONTROL PHYSICAL"


def rights_text(rights: int) -> str:
    words = []
    for name in RIGHTS.split():
        if rights & int(gdb.parse_and_eval(f"(int)RIGHT_{name}")):
            words.append(name.lower())
    return " ".join(words)


def handle_line(slot: int, entry: gdb.Value) -> str:
    kind = names("HANDLE_", "enum handle_type")[int(entry["type"])]
    line = f"{slot:4} {kind:12} {int(entry['object']):#018x} "
    line += f"{int(entry['generation']):6}  {rights_text(int(entry['rights']))}"
    if kind == "session":
        session = pointed(entry["object"], gdb.lookup_type("struct session"))
        line += f" (badge {int(session['badge']):#x}"
        line += f" of endpoint {int(session['endpoint']):#x})"
    return line


class Handles(gdb.Command):
    """handles PID: the process's handles, with their rights."""

    def __init__(self) -> None:
        super().__init__("handles", gdb.COMMAND_STATUS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        _, process = process_by_pid(argument)
        print("slot type         object            generation  rights")
        table = process["handles"]["slot"]
        low, high = table.type.range()
        for slot in range(low, high + 1):
            if int(table[slot]["type"]):
                print(handle_line(slot, table[slot]))


# --- Page tables -------------------------------------------------------------


def leaves(table: int, level: int, base: int) -> Iterator[Tuple[int, int, int]]:
    """The leaves of a table in the user half: (address, entry, size)."""
    page = memoryview(read_physical(table, PAGE)).cast("Q")
    size = PAGE << (9 * level)
    for index in range(256 if level == 2 else 512):
        entry = page[index]
        if entry & 0xE:
            yield base + index * size, entry, size
        elif entry & 1:
            yield from leaves(entry >> 10 << 12, level - 1, base + index * size)


def flags_text(entry: int) -> str:
    """The low ten bits; S and L are the kernel's marks, shared and lent."""
    letters = "VRWXUGADSL"
    return "".join(c if entry >> i & 1 else "-" for i, c in enumerate(letters))


class PageTable(gdb.Command):
    """pt PID: what the process's page table maps, leaf flags as VRWXUGADSL."""

    def __init__(self) -> None:
        super().__init__("pt", gdb.COMMAND_STATUS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        _, process = process_by_pid(argument)
        space = pointed(process["space"], result_type("space_create"))
        ranges: List[List[int]] = []  # start, end, flags, first frame
        for address, entry, size in leaves(int(space["table"]["root"]), 2, 0):
            flags = entry & 0x3FF
            if ranges and ranges[-1][1] == address and ranges[-1][2] == flags:
                ranges[-1][1] += size
            else:
                ranges.append([address, address + size, flags, entry >> 10 << 12])
        print("from         to           pages flags       first frame")
        for start, end, flags, frame in ranges:
            pages = (end - start) // PAGE
            print(
                f"{start:#012x} {end:#012x} {pages:5} {flags_text(flags)}  {frame:#x}"
            )


# --- User programs -----------------------------------------------------------


def programs() -> Path:
    """The directory of the programs that belong to the loaded kernel."""
    return Path(gdb.objfiles()[0].filename or "").parent / "user"


class User(gdb.Command):
    """user PROGRAM: loads the symbols of a user program and stops in its main.

    All programs lie at the same address, so the stop is for processes of that
    name only."""

    def __init__(self) -> None:
        super().__init__("user", gdb.COMMAND_FILES)

    def complete(self, text: str, word: str) -> List[str]:
        found = (p.name for p in programs().iterdir() if p.is_file())
        return sorted(name for name in found if name.startswith(word))

    def invoke(self, argument: str, from_tty: bool) -> None:
        program = programs() / argument
        if not argument or not program.is_file():
            raise gdb.GdbError(
                f"user PROGRAM, one of: {' '.join(self.complete('', ''))}"
            )
        gdb.execute(f"add-symbol-file {program}", to_string=True)
        main = gdb.objfiles()[-1].lookup_global_symbol("main")
        if not main or not main.symtab:
            raise gdb.GdbError(f"{argument} has no main")
        where = f"{main.symtab.filename}:main"
        gdb.execute(f'break {where} if $_streq($program(), "{argument[:15]}")')


User()
Threads()
Handles()
PageTable()
Program()
