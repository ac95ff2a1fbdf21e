# SPDX-License-Identifier: MIT
"""Backtraces from the kernel into the program that called it.

Idea        Below the kernel's outermost function lies the code of trap/entry.S,
            and below that, on another stack, the program. For GDB this is like
            a signal handler's frame: `frame_file` writes an ELF file whose call
            frame information says, for each instruction of trap/entry.S, where
            the program's registers are, and GDB loads it like symbols.
How         The code is read from GDB's disassembler, instruction by instruction:
            a store of register n to 8 * n(tp) moves it into the frame
            (arch/frame.h). At a label that is jumped to, what is known there
            is given in STATES.
Invariant   A wrong guess costs a wrong line of a backtrace and nothing else."""
from __future__ import annotations

import re
import struct
import tempfile
from contextlib import contextmanager
from typing import Dict, Iterator, List, Optional, Tuple

import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder  # type: ignore[attr-defined]

from inside.decode import USER_END
from inside.kernel import DIRECT_BASE, WORD, read_physical, silence

NAMES = (
    "pc ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 "
    "s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
).split()
KEPT = ["gp", "s0"] + [f"s{n}" for n in range(2, 12)]
NUMBERS = {name: number for number, name in enumerate(NAMES)}
NUMBERS["s0"] = NUMBERS["fp"]

# --- Where the registers are -------------------------------------------------

LIVE, FRAME = "live", "frame"  # else the name of the register that has it
State = Dict[str, str]


def all_live() -> State:
    """Right behind the trap: nothing has moved; the pc is in sepc."""
    state = {name: LIVE for name in NUMBERS if name != "fp"}
    state["pc"] = "sepc"
    return state


def entered() -> State:
    """tp is the kernel's, and s1 is saved."""
    return {**all_live(), "tp": "sscratch", "s1": FRAME}


def light() -> State:
    """What C functions may change is in the frame, and the pc in sepc."""
    state = {name: FRAME for name in NUMBERS if name != "fp"}
    state.update({name: LIVE for name in KEPT}, pc="sepc")
    return state


def message() -> State:
    """The message's registers are still where they were."""
    state = full()
    state.update({name: LIVE for name in NUMBERS if name[0] in "at" and name != "tp"})
    return state


def full() -> State:
    return {name: FRAME for name in NUMBERS if name != "fp"}


STATES = {
    "trap_entry_plain": all_live,
    "trap_entry": all_live,
    "trap_ecall": entered,
    "trap_other": entered,
    "trap_syscall": entered,
    "trap_full": entered,
    "light_gives_way": light,
    "trap_fast_leave": message,
    "trap_item_leave": message,
    "trap_not_fast": message,
    "trap_not_words": message,
    "trap_slow": message,
    "trap_fault_leave": full,
    "syscall_dispatch": full,
    "trap_leave": full,
    "trap_resume": full,
}
ECALL = 8  # scause
FIRST, LAST = "trap_entry_plain", "trap_from_kernel"


def labels() -> Dict[int, str]:
    """The places in trap/entry.S that have a name."""
    found: Dict[int, str] = {}
    for name in (*STATES, LAST):
        try:
            place = gdb.parse_and_eval(f"(unsigned long)&{name}")
        except gdb.error:
            continue  # this kernel's entry has no such way
        found[int(place) & WORD] = name
    return found


def advance(state: State, instruction: str) -> State:
    """Where the registers are behind an instruction."""
    after = dict(state)
    stored = re.match(r"(?:c\.)?sd\s+(\w+),(-?\d+)\(tp\)", instruction)
    if stored:
        name, offset = stored.groups()
        if offset == "0":
            after["pc"] = FRAME
        elif offset == "32" and after["tp"] == name:
            after["tp"] = FRAME
        elif name in NUMBERS and int(offset) == 8 * NUMBERS[name]:
            after["s0" if name == "fp" else name] = FRAME
    elif re.match(r"csrrw\s+tp,sscratch,tp", instruction):
        after["tp"] = "sscratch"
    elif re.match(r"csrrw\s+s1,sscratch,tp", instruction):
        after["tp"] = "s1"
    return after


def states() -> Iterator[Tuple[int, int, State]]:
    """For each instruction: its address, the next one's, the state before it."""
    named = labels()
    places = {name: at for at, name in named.items()}
    if FIRST not in places or LAST not in places:
        return
    frame = gdb.selected_inferior().architecture()
    state = all_live()
    for line in frame.disassemble(places[FIRST], places[LAST] - 1):
        at, text = int(line["addr"]) & WORD, str(line["asm"])
        if at in named and named[at] in STATES:
            state = STATES[named[at]]()
        now = all_live() if text.startswith("sret") else state
        yield at, at + int(line["length"]), now
        state = advance(state, text)


# --- As call frame information -----------------------------------------------

SAME_VALUE, REGISTER, CFA_EXPRESSION, EXPRESSION, VAL_EXPRESSION = 8, 9, 15, 16, 22
BREG, DEREF, LITERAL, MINUS = 0x70, b"\x06", 0x30, b"\x1c"  # DW_OP_
CSR = {"sepc": 4096 + 0x141, "sscratch": 4096 + 0x140}
RETURN_COLUMN = 64
SP, TP = 2, 4
BELOW = 16


# The pc in the frame; but sepc if that is the `ecall` just before it, since the
# frame says where to go on: perhaps in the next function.
#   breg4 0, deref, bregx sepc 0, over, over, minus, lit4, eq, bra +1, drop
PC = b"\x74\0\x06\x92\xc1\x22\0\x14\x14\x1c\x34\x29\x28\x01\0\x13"


def uleb(value: int) -> bytes:
    out = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def sleb(value: int) -> bytes:
    """Of a number from 0 on: as unsigned, but the last byte has its bit 6 clear."""
    out = uleb(value)
    return out[:-1] + bytes([out[-1] | 0x80, 0]) if out[-1] & 0x40 else out


def in_frame(name: str) -> bytes:
    """The address of a register in the trap frame."""
    return bytes([BREG + TP]) + sleb(8 * NUMBERS[name])


def block(code: bytes) -> bytes:
    return uleb(len(code)) + code


def rules(state: State) -> bytes:
    """The instructions for one state. The CFA, which names the frame, is just
    below the program's stack: a caller's frame is never an inner one."""
    sp = bytes([BREG + SP, 0]) if state["sp"] == LIVE else in_frame("sp") + DEREF
    code = bytes([CFA_EXPRESSION]) + block(sp + bytes([LITERAL + BELOW]) + MINUS)
    for name, place in state.items():
        number = uleb(RETURN_COLUMN if name == "pc" else NUMBERS[name])
        if place == LIVE:
            code += bytes([SAME_VALUE]) + number
        elif place == FRAME and name == "pc":
            code += bytes([VAL_EXPRESSION]) + number + block(PC)
        elif place == FRAME:
            code += bytes([EXPRESSION]) + number + block(in_frame(name))
        else:
            source = CSR[place] if place in CSR else NUMBERS[place]
            code += bytes([REGISTER]) + number + uleb(source)
    return code


def entry(body: bytes) -> bytes:
    body += bytes(-len(body) % 8)  # DW_CFA_nop
    return struct.pack("<I", len(body)) + body


def frame_section() -> bytes:
    """.debug_frame: one CIE, of signal frames, and an FDE for each state."""
    head = struct.pack("<I", 0xFFFFFFFF) + b"\x03S\0"
    data = entry(head + uleb(1) + uleb(8) + uleb(RETURN_COLUMN))
    for start, end, state in merged():
        data += entry(struct.pack("<IQQ", 0, start, end - start) + rules(state))
    return data


def merged() -> List[Tuple[int, int, State]]:
    """Neighbours of equal state as one."""
    found: List[Tuple[int, int, State]] = []
    for start, end, state in states():
        if found and found[-1][2] == state and found[-1][1] == start:
            found[-1] = (found[-1][0], end, state)
        else:
            found.append((start, end, state))
    return found


def elf_file(section: bytes) -> bytes:
    """An ELF file with .debug_frame, and a .text that holds nothing."""
    names = b"\0.text\0.debug_frame\0.shstrtab\0"
    body = 64
    strings = body + len(section)
    table = strings + len(names) + -(strings + len(names)) % 8
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 243, 1, 0, 0, table, 0, 64, 0, 0, 64, 4, 3)
    rows = [
        (0, 0, 0, 0, 0, 0),
        (1, 8, 6, 16, body, 2),  # NOBITS, ALLOC+EXECINSTR
        (7, 1, 0, 0, body, len(section)),
        (names.index(b".shstrtab"), 3, 0, 0, strings, len(names)),
    ]
    headers = b"".join(struct.pack("<IIQQQQIIQQ", *row, 0, 0, 1, 0) for row in rows)
    whole = head + section + names
    return whole + bytes(table - len(whole)) + headers


@contextmanager
def from_file() -> Iterator[None]:
    """The kernel's code is read from its file: at reset no address is mapped."""
    gdb.execute("set trust-readonly-sections on")
    try:
        yield
    finally:
        gdb.execute("set trust-readonly-sections off")


def install() -> None:
    """Tells GDB about the frames of trap/entry.S of the loaded kernel."""
    file = tempfile.NamedTemporaryFile(suffix=".elf")
    with from_file():
        file.write(elf_file(frame_section()))
    file.flush()
    FILES.append(file)
    with silence():
        gdb.execute(f"add-symbol-file {file.name}")
    with from_file():
        gdb.unwinder.register_unwinder(None, TopUnwinder(), replace=True)
    gdb.frame_filters["octavo-entry"] = EntryFilter()


FILES: List[object] = []  # GDB reads the file when it first needs it


# --- The innermost frame -----------------------------------------------------

# A signal frame on top would be shown as such: `stepi` into the kernel should
# show the line of trap/entry.S. So there, an ordinary frame with the same rules,
# and the same name: `finish` looks for that.


# Functions in C that trap/entry.S branches to, and which return to nobody.
FAST = ("fastpath_call", "fastpath_reply_recv")


def area(name: str) -> range:
    """The addresses of a function; none if the kernel has no such function."""
    found = gdb.lookup_global_symbol(name)
    block = gdb.block_for_pc(int(found.value().address)) if found else None
    return range(int(block.start), int(block.end)) if block else range(0)


class FrameId:
    def __init__(self, sp: int, pc: int) -> None:
        self.sp = gdb.Value(sp)
        self.pc = gdb.Value(pc)


class TopUnwinder(Unwinder):
    """The caller of trap/entry.S, while the hart is in it."""

    def __init__(self) -> None:
        super().__init__("octavo-entry")
        self.table = merged()
        self.fast = [area(name) for name in FAST]

    def __call__(self, pending: "gdb.PendingFrame") -> Optional["gdb.UnwindInfo"]:
        pc = read(pending, "pc")
        if any(pc in place for place in self.fast):
            return self.unwind(pending, message())
        if pending.level() != 0:
            return None
        for start, end, state in self.table:
            if start <= pc < end:
                return self.unwind(pending, state)
        return None

    def unwind(
        self, pending: "gdb.PendingFrame", state: State
    ) -> Optional["gdb.UnwindInfo"]:
        values = {name: value_of(pending, state, name) for name in state}
        if state["pc"] == "sepc" and read(pending, "scause") == ECALL:
            values["pc"] += 4  # as behind a call
        if not 0 < values["pc"] < USER_END:
            return None
        function = function_start(read(pending, "pc"))
        info = pending.create_unwind_info(FrameId(values["sp"] - BELOW, function))
        word = gdb.lookup_type("unsigned long")
        for name, value in values.items():
            register = "fp" if name == "s0" else name
            kind = pending.read_register(register).type
            info.add_saved_register(register, gdb.Value(value).cast(word).cast(kind))
        return info


def function_start(pc: int) -> int:
    """Where the function of trap/entry.S begins, as GDB sees it."""
    block = gdb.block_for_pc(pc)
    if block and block.function:
        return int(block.start)
    text = gdb.execute(f"info symbol {pc:#x}", to_string=True)
    offset = re.match(r"\S+ \+ (\d+) ", text)
    return pc - int(offset.group(1)) if offset else pc


def read(pending: "gdb.PendingFrame", name: str) -> int:
    return int(pending.read_register("fp" if name == "s0" else name)) & WORD


def value_of(pending: "gdb.PendingFrame", state: State, name: str) -> int:
    """The program's value of a register."""
    place = state[name]
    if place == FRAME:
        at = read(pending, "tp") + 8 * NUMBERS[name]
        return int.from_bytes(read_physical(at - DIRECT_BASE, 8), "little")
    return read(pending, name if place == LIVE else place)


# --- How they are shown ------------------------------------------------------


class EntryFrame(FrameDecorator):
    """The frame of trap/entry.S: a function, not a signal's handler."""

    def function(self) -> str:
        return str(self.inferior_frame().name() or FIRST)

    def filename(self) -> Optional[str]:
        sal = gdb.find_pc_line(self.inferior_frame().pc())
        return sal.symtab.filename if sal.symtab else None

    def line(self) -> Optional[int]:
        return gdb.find_pc_line(self.inferior_frame().pc()).line or None


class EntryFilter:
    """Decorates those frames."""

    name = "octavo-entry"
    enabled = True
    priority = 100

    def filter(self, frames: Iterator[FrameDecorator]) -> Iterator[FrameDecorator]:
        return map(decorate, frames)


def decorate(decorator: FrameDecorator) -> FrameDecorator:
    if decorator.inferior_frame().type() == gdb.SIGTRAMP_FRAME:
        return EntryFrame(decorator)
    return decorator
