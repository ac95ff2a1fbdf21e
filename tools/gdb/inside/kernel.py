# SPDX-License-Identifier: MIT
"""Reading the kernel's data from GDB, wherever the machine has stopped.

Idea        While a user program runs, the kernel's addresses cannot be read
            through the MMU. So its data is read by physical address, which lies
            at a fixed distance (arch/memory.h), and works anywhere. A page that
            was read is kept until the machine runs again.
Types       come from the kernel's own files: a user program may have types and
            variables of the same names.
Use         for at, process in processes(): print(number(process["pid"]))
            field(thread, "frame", "x")[REG_PC]
Invariant   A struct or field that this kernel does not have ends a command with
            a message that names it (class Command), never with a traceback."""
from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

import bootlib
import gdb

from inside import decode

KERNEL = bootlib.TOP / "kernel"

DIRECT_BASE = 0xFFFFFFC000000000  # arch/memory.h
RAM_BASE = 0x80000000
# A file with the RAM of a machine that has ended (grading/octavo/events.py).
MEMORY = os.environ.get("OCTAVO_MEMORY")
WORD = (1 << 64) - 1
REG_PC, REG_A0, REG_A1, REG_A7 = 0, 10, 11, 17


class Command(gdb.Command):
    """A command: its docstring is its help; `run` does the work."""

    NAME = ""
    KIND = gdb.COMMAND_STATUS

    def __init__(self) -> None:
        super().__init__(self.NAME, self.KIND)

    def invoke(self, argument: str, from_tty: bool) -> None:
        del from_tty
        try:
            self.run(gdb.string_to_argv(argument))
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"{self.NAME}: {error}; is the kernel up yet?") from None
        except gdb.error as error:
            raise gdb.GdbError(f"{self.NAME}: {explain(str(error))}") from None

    def run(self, words: List[str]) -> None:
        raise NotImplementedError

    def usage(self) -> gdb.GdbError:
        first = (self.__doc__ or "").partition(":")[0]
        return gdb.GdbError(f"usage: {first}; `help {self.NAME}` tells more")


class Quiet:
    """Set while the machine runs on behalf of a command: its stops are not the
    user's."""

    on = False


@contextmanager
def silence() -> Iterator[None]:
    """GDB prints nothing: its account of a stop goes past to_string."""
    outer, Quiet.on = Quiet.on, True
    gdb.flush()
    before = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        gdb.flush()
        for number_of, saved in enumerate(before, 1):
            os.dup2(saved, number_of)
            os.close(saved)
        Quiet.on = outer


def explain(text: str) -> str:
    """GDB's own message, and why it may have come."""
    if "No type named" in text:
        return f"{text} The file that has it came without debugging information?"
    if "no member named" in text:
        return f"{text} This kernel and tools/gdb do not fit together."
    return text


# --- Memory ------------------------------------------------------------------

_pages: Dict[int, bytes] = {}


def forget(_: object = None) -> None:
    """What was read may have changed."""
    _pages.clear()


gdb.events.cont.connect(forget)
gdb.events.memory_changed.connect(forget)


def read_page(frame: int) -> bytes:
    if frame not in _pages:
        _pages[frame] = peek(frame, decode.PAGE)
    return _pages[frame]


def peek(physical: int, size: int) -> bytes:
    """Physical memory, not by way of the pages that are kept: in the kernel
    through the direct map, which is quicker."""
    if MEMORY:
        return saved(physical, size)
    inferior = gdb.selected_inferior()
    if register("pc") >= DIRECT_BASE:
        try:
            return bytes(inferior.read_memory(DIRECT_BASE + physical, size))
        except gdb.MemoryError:
            pass  # a page that the kernel leaves out
    mode = "maintenance packet Qqemu.PhyMemMode:"
    gdb.execute(mode + "1", to_string=True)
    try:
        return bytes(inferior.read_memory(physical, size))
    finally:
        gdb.execute(mode + "0", to_string=True)


def saved(physical: int, size: int) -> bytes:
    """The same from the file, when there is no machine."""
    with open(MEMORY or "", "rb") as memory:
        memory.seek(max(0, physical - RAM_BASE))
        data = memory.read(size)
    if physical < RAM_BASE or len(data) < size:
        raise gdb.MemoryError(f"no memory at {physical:#x}")
    return data


def read_physical(address: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        at = address + len(data)
        start = at % decode.PAGE
        data += read_page(at - start)[start : start + size - len(data)]
    return data


def read_kernel(address: int, kind: gdb.Type) -> gdb.Value:
    """The object of this type at a kernel address."""
    if not DIRECT_BASE <= address:
        raise gdb.GdbError(f"{address:#x} is no kernel address")
    return gdb.Value(read_physical(address - DIRECT_BASE, kind.sizeof), kind)


# --- Names -------------------------------------------------------------------


def file_block(function: str) -> gdb.Block:
    """The scope of the file that defines this function of the kernel. If that
    came as an object without debugging information, as in a lab's tree: one with
    the types of all headers."""
    found = kernel_symbol(function)
    return found.symtab.static_block() if found and found.symtab else header_block()


HEADERS = (
    "abi/syscall.h arch/event.h arch/stack.h cap/handle.h ipc/endpoint.h "
    "ipc/notification.h proc/process.h proc/sched.h vm/frame.h vm/loan.h "
    "vm/memory.h vm/quota.h vm/region.h vm/slab.h vm/space.h"
).split()
MARKER = "octavo_headers"
_kept: List[object] = []  # GDB reads a file of symbols when it first needs it


def header_block() -> gdb.Block:
    """The scope of a C file that includes the kernel's headers."""
    if not _kept:
        compile_headers()
    found = gdb.lookup_global_symbol(MARKER)
    if not found or not found.symtab:
        raise gdb.GdbError("the kernel's headers do not tell of its types")
    return found.symtab.static_block()


def compile_headers() -> None:
    folder = tempfile.TemporaryDirectory(prefix="octavo-")
    _kept.append(folder)
    source, made = Path(folder.name, "headers.c"), Path(folder.name, "headers.o")
    lines = [f'#include "{h}"' for h in HEADERS if (KERNEL / h).exists()]
    source.write_text("\n".join([*lines, f"int {MARKER};", ""]))
    debug = "debug" in Path(gdb.objfiles()[0].filename or "").parent.name
    env = bootlib.build_env(debug)
    command = [*env["CC"], *env["KERNEL_CFLAGS"], "-w", "-c", str(source)]
    command += ["-fno-eliminate-unused-debug-types", "-o", str(made)]
    bootlib.run_tool(command, "compiling the kernel's headers")
    with silence():
        gdb.execute(f"add-symbol-file {made} 0")


def kernel_symbol(name: str) -> Optional[gdb.Symbol]:
    """A function or variable that is global in the kernel."""
    files = gdb.objfiles()  # the kernel's is the first
    return files[0].lookup_global_symbol(name) if files else None


def kernel_type(name: str, function: str) -> gdb.Type:
    """A type, as the file that defines the function sees it."""
    return gdb.lookup_type(name, file_block(function))


def variable(name: str, function: str) -> gdb.Value:
    """A variable, as the file that defines the function sees it."""
    found = gdb.lookup_symbol(name, file_block(function))[0]
    if not found or not found.type:
        raise gdb.GdbError(f"no debugging information tells of the variable {name}")
    return read_kernel(variable_address(name, function), found.type)


def variable_address(name: str, function: str) -> int:
    found = gdb.lookup_symbol(name, file_block(function))[0]
    value = found.value().address if found else None
    if value is None:  # without debugging information there is the linker's
        value = gdb.parse_and_eval(f"(unsigned long)&{name}")
    return int(value) & WORD


def number(value: gdb.Value) -> int:
    return int(value)


def pointer(value: gdb.Value) -> int:
    return int(value) & WORD


def field(value: gdb.Value, *names: str) -> gdb.Value:
    for name in names:
        value = value[name]
    return value


def has(value: gdb.Value, name: str) -> bool:
    """Whether the struct has such a member."""
    return any(member.name == name for member in flat_fields(value.type))


def flat_fields(kind: gdb.Type) -> Iterator[gdb.Field]:
    """The members of a struct, with those of nameless structs inside it."""
    for member in kind.fields():
        if member.name or not member.type:
            yield member
        else:
            yield from flat_fields(member.type)


def offset_of(kind: gdb.Type, member: str) -> int:
    return kind[member].bitpos // 8


def constants(enumeration: str, prefix: str, function: str) -> Dict[int, str]:
    """The constants of an enum, without their prefix, in lower case."""
    fields = kernel_type(enumeration, function).fields()
    return {int(f.enumval): str(f.name)[len(prefix) :].lower() for f in fields}


def constant(name: str, function: str = "kernel_main") -> int:
    found = gdb.lookup_symbol(name, file_block(function))[0]
    if not found:
        raise gdb.GdbError(f"the kernel has no constant {name}")
    return int(found.value())


def linked(head: int, kind: gdb.Type, link: str) -> Iterator[Tuple[int, gdb.Value]]:
    """The elements of the list at `head`: (address, value)."""
    node = kind[link].type
    assert node
    at = pointer(read_kernel(head, node)["next"])
    for _ in range(1 << 16):
        if at in (head, 0):
            return
        address = at - offset_of(kind, link)
        element = read_kernel(address, kind)
        yield address, element
        at = pointer(element[link]["next"])
    raise gdb.GdbError(f"the list at {head:#x} has no end")


# --- Kinds of objects --------------------------------------------------------


def process_type() -> gdb.Type:
    return kernel_type("struct process", "process_find")


def thread_type() -> gdb.Type:
    return kernel_type("struct thread", "thread_create")


def endpoint_type() -> gdb.Type:
    return kernel_type("struct endpoint", "endpoint_create")


def session_type() -> gdb.Type:
    return kernel_type("struct session", "endpoint_create")


def notification_type() -> gdb.Type:
    return kernel_type("struct notification", "notification_create")


def space_type() -> gdb.Type:
    return kernel_type("struct space", "space_create")


def rights_names() -> Dict[int, str]:
    """Bit -> word, from abi/handle.h: RIGHT_SEND and so on."""
    names = {}
    for kind in anonymous_enum("RIGHT_SEND", "endpoint_create"):
        if kind.name != "RIGHT_ALL":
            names[int(kind.enumval)] = str(kind.name)[len("RIGHT_") :].lower()
    return names


def anonymous_enum(member: str, function: str) -> List[gdb.Field]:
    """The constants of the nameless enum that has this one."""
    found = gdb.lookup_symbol(member, file_block(function))[0]
    if not found or not found.type:
        raise gdb.GdbError(f"the kernel has no constant {member}")
    return list(found.type.fields())


def error_names() -> Dict[int, str]:
    fields = anonymous_enum("EBADF", "endpoint_create")
    return {int(f.enumval): str(f.name) for f in fields}


# --- Processes and threads ---------------------------------------------------


def processes() -> Iterator[Tuple[int, gdb.Value]]:
    at = variable_address("pid_table", "process_find") - DIRECT_BASE
    size = constant("PROCESS_MAX", "process_find") * 8
    found = memoryview(read_physical(at, size)).cast("Q")
    kind = process_type()
    all_of_them = [(at, read_kernel(at, kind)) for at in found if at]
    yield from sorted(all_of_them, key=lambda entry: number(entry[1]["pid"]))


def process_by_pid(word: str) -> Tuple[int, gdb.Value]:
    try:
        pid = int(word, 0)
    except ValueError:
        raise gdb.GdbError(f"{word}: not a process's number; see `ps`") from None
    for address, process in processes():
        if number(process["pid"]) == pid:
            return address, process
    raise gdb.GdbError(f"no process {pid}; see `ps`")


def threads_of(process_at: int) -> Iterator[Tuple[int, gdb.Value]]:
    head = process_at + offset_of(process_type(), "threads")
    yield from linked(head, thread_type(), "siblings")


def thread_at(address: int) -> Optional[gdb.Value]:
    return read_kernel(address, thread_type()) if address else None


def name_of(process: gdb.Value) -> str:
    return str(process["name"].string(errors="replace"))


def thread_process(thread: gdb.Value) -> Optional[gdb.Value]:
    at = pointer(thread["process"])
    return read_kernel(at, process_type()) if at else None


def thread_name(address: int) -> str:
    """`pid.tid NAME` of the thread at an address."""
    if not address:
        return "nobody"
    thread = read_kernel(address, thread_type())
    process = thread_process(thread)
    if process is None:
        idle = constant("THREAD_IDLE", "thread_create")
        return "idle" if number(thread["flags"]) & idle else "gone"
    return f"{number(process['pid'])}.{number(thread['tid'])} {name_of(process)}"


def state_of(thread: gdb.Value) -> str:
    states = constants("enum thread_state", "THREAD_", "thread_create")
    return states.get(number(thread["state"]), f"state {number(thread['state'])}")


def register(name: str) -> int:
    return int(gdb.parse_and_eval(f"${name}")) & WORD


def current_thread() -> int:
    """The thread that the selected hart works for; 0: none yet.

    In the kernel tp points at it, but in the way in and out, where tp is the
    program's; there, and in user mode, sscratch does (arch/frame.h)."""
    at = register("tp")
    if register("pc") < DIRECT_BASE or at < DIRECT_BASE:
        at = register("sscratch")
    return at if at >= DIRECT_BASE else 0


def program_name() -> str:
    """The name of the process that the hart works for, quickly: conditions of
    breakpoints ask for it at each hit."""
    at = current_thread()
    if not at or register("satp") == 0:
        return "(none)"
    place = at + offset_of(thread_type(), "process") - DIRECT_BASE
    process = int.from_bytes(peek(place, 8), "little")
    if process < DIRECT_BASE:
        return "(none)"
    member = process_type()["name"]
    size = member.type.sizeof if member.type else 0
    text = peek(process + member.bitpos // 8 - DIRECT_BASE, size)
    return text.partition(b"\0")[0].decode(errors="replace")


def current_process() -> Optional[gdb.Value]:
    at = current_thread()
    if not at or register("satp") == 0:
        return None
    return thread_process(read_kernel(at, thread_type()))


# --- Output ------------------------------------------------------------------


def show(rows: List[Tuple[str, ...]], empty: Callable[[], str] = lambda: "") -> None:
    """Prints rows in columns; without any but the heading, what `empty` says."""
    if len(rows) <= 1 and empty():
        print(empty())
        return
    for line in decode.columns(rows):
        print(line)
