# SPDX-License-Identifier: MIT
"""Backtraces from the kernel into the program that called it.

Idea        Below the kernel's outermost function lies no kernel frame but the
            trap frame of the thread (arch/frame.h), which tp points at. For
            GDB, the code of trap/entry.S is a function whose caller is the user
            code that trapped; this says what the registers were there.
Places      early   registers are the user's, but for s1, tp and t0
            light   what C functions save is still in its register, the rest is
                    in the frame; the pc is in sepc
            full    everything is in the frame
Invariant   A wrong guess costs a wrong line of a backtrace and nothing else."""
from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder  # type: ignore[attr-defined]

from inside import decode
from inside.kernel import DIRECT_BASE, WORD, field, read_kernel, thread_type

NAMES = (
    "pc ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 "
    "s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
).split()
KEPT = ["gp", "fp"] + [f"s{n}" for n in range(2, 12)]
ECALL = 8  # scause

_exact: Dict[int, bool] = {}  # pcs of faults: not the place behind a call


class Entry:
    """Where in trap/entry.S the ways through it begin and end."""

    def __init__(self) -> None:
        self.plain = address("trap_entry_plain")
        self.ecall = address("trap_ecall")
        self.light_end = address("light_gives_way")
        self.other = address("trap_other")
        self.entry = address("trap_entry")
        self.end = address("trap_from_kernel")
        self.swaps = [self.find(at, r"csrrw\s+s1,sscratch") for at in self.starts()]
        self.other_saved = self.find(self.other, r"sd\s+s3,")

    def starts(self) -> Tuple[int, ...]:
        return self.plain, self.other, self.entry, address("trap_full")

    def find(self, start: int, pattern: str) -> int:
        """The first instruction from `start` on that looks so; else start."""
        text = gdb.execute(f"x/60i {start:#x}", to_string=True)
        for line in text.splitlines():
            place = re.search(r"0x([0-9a-f]+)", line)
            if place and re.search(pattern, line):
                return int(place.group(1), 16)
        return start

    def contains(self, pc: int) -> bool:
        return self.plain <= pc < self.end

    def early(self, pc: int) -> bool:
        """The user's tp is still in sscratch, or has not moved at all."""
        return any(
            start <= pc <= swap for start, swap in zip(self.starts(), self.swaps)
        )

    def light(self, pc: int) -> bool:
        return self.ecall <= pc < self.light_end or self.other <= pc <= self.other_saved


def address(label: str) -> int:
    return int(gdb.parse_and_eval(f"(unsigned long)&{label}")) & WORD


class FrameId:
    def __init__(self, sp: int, pc: int) -> None:
        self.sp = gdb.Value(sp)
        self.pc = gdb.Value(pc)


class TrapUnwinder(Unwinder):
    """Finds the caller of trap/entry.S."""

    def __init__(self) -> None:
        super().__init__("octavo-trap")
        self.entry: Optional[Entry] = None

    def __call__(self, pending: "gdb.PendingFrame") -> Optional["gdb.UnwindInfo"]:
        pc = read(pending, "pc")
        if pc < DIRECT_BASE:
            return None
        try:
            if self.entry is None:
                self.entry = Entry()
            if not self.entry.contains(pc):
                return None
            return self.unwind(pending, pc, self.entry)
        except (gdb.error, gdb.GdbError):
            return None

    def unwind(
        self, pending: "gdb.PendingFrame", pc: int, entry: Entry
    ) -> Optional["gdb.UnwindInfo"]:
        registers = user_registers(pending, pc, entry)
        if registers is None or not 0 < registers["pc"] < decode.USER_END:
            return None
        sp = read(pending, "sp")
        info = pending.create_unwind_info(FrameId(sp, entry.plain))
        like = pending.read_register("pc").type
        word = gdb.lookup_type("unsigned long")
        for name, value in registers.items():
            kind = pending.read_register(name).type
            info.add_saved_register(
                name, gdb.Value(value).cast(word).cast(kind or like)
            )
        return info


def read(pending: "gdb.PendingFrame", name: str) -> int:
    return int(pending.read_register(name)) & WORD


def user_registers(
    pending: "gdb.PendingFrame", pc: int, entry: Entry
) -> Optional[Dict[str, int]]:
    """The registers of the user code that trapped; None: they are not known."""
    live = {name: read(pending, name) for name in NAMES}
    scratch = read(pending, "sscratch")
    early = entry.early(pc)
    swapped = early and live["tp"] >= DIRECT_BASE
    base = scratch if early and not swapped else live["tp"]
    if base < DIRECT_BASE:
        return None
    saved = frame_registers(base)
    cause = read(pending, "scause")
    if not early and not entry.light(pc):
        _exact[saved["pc"]] = cause != ECALL
        return saved
    result = live if early else saved
    if early:
        result["tp"] = scratch if swapped else live["tp"]
        result["s1"] = (
            saved["s1"] if swapped and pc > entry_store(entry, pc) else live["s1"]
        )
    else:
        result.update({name: live[name] for name in KEPT})
    sepc = read(pending, "sepc")
    result["pc"] = sepc + 4 if cause == ECALL else sepc
    _exact[result["pc"]] = cause != ECALL
    return result


def entry_store(entry: Entry, pc: int) -> int:
    """Where, before `pc`, s1 was saved: two instructions behind the swap."""
    start = max(at for at in (entry.plain, entry.entry, 0) if at <= pc)
    return start + 6


def frame_registers(frame: int) -> Dict[str, int]:
    values = field(read_kernel(frame, thread_type()), "frame", "x")
    return {name: int(values[i]) & WORD for i, name in enumerate(NAMES)}


# --- How they are shown ------------------------------------------------------


class FaultFrame(FrameDecorator):
    """A frame whose pc is where it faulted: its line is that of the pc, not
    that of the instruction before, as for a call."""

    def line(self) -> Optional[int]:
        pc = self.inferior_frame().pc()
        sal = gdb.find_pc_line(pc)
        return sal.line or super().line()


class FaultFilter:
    """Decorates the user frames that faulted."""

    name = "octavo-fault"
    enabled = True
    priority = 100

    def filter(self, frames: "gdb.FrameIterator") -> "List[object]":
        return map(decorate, frames)  # type: ignore[return-value]


def decorate(decorator: FrameDecorator) -> FrameDecorator:
    frame = decorator.inferior_frame()
    older = frame.level() > 0
    if older and frame.pc() < decode.USER_END and _exact.get(frame.pc()):
        return FaultFrame(decorator)
    return decorator


def install() -> None:
    gdb.unwinder.register_unwinder(None, TrapUnwinder(), replace=True)
    gdb.frame_filters["octavo-fault"] = FaultFilter()
