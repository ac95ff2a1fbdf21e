# SPDX-License-Identifier: MIT
"""Names the instructions of a log that QEMU wrote.

Idea        The log has the pc of each instruction. The kernel's are above all
            user memory. User programs lie at the same addresses as each other,
            so that a run of user instructions, from one entry into the kernel
            to the next, is given to the first program that could have executed
            it: each step must follow from the instruction before.
Use         listing = trim(read_log(path), program)
            for step in Namer(programs).name(listing): ..."""
from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

LOGGED = re.compile(r"Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
HEADING = re.compile(r"([0-9a-f]+) <(.+)>:$")
LINE = re.compile(r" *([0-9a-f]+):\t([0-9a-f]+) *\t(.*)$")
TARGET = re.compile(r"\b([0-9a-f]+) <")
REGISTER = re.compile(r"x\d+/(\w+) +([0-9a-f]+)")
OPERAND = re.compile(r"(-?\d+)?\((\w+)\)")
USER_TOP = 1 << 38

CONDITIONAL = re.compile(r"b[a-z]+$")
JUMPS = ("j", "jal", "tail", "call")
ANYWHERE = ("jr", "jalr", "ret")
LEAVES = re.compile(r"(ecall|ebreak|rd|csr|(c\.)?(f?[ls][bhwd]u?|lr|sc|amo\w*)\b)")


Registers = Dict[str, int]  # by name, as a0


@dataclass(frozen=True)
class Instruction:
    """One of a program's, as objdump shows it."""

    size: int
    text: str  # mnemonic, tab, operands
    function: str

    @property
    def mnemonic(self) -> str:
        return self.text.split("\t")[0]

    def leads_to(self, here: int, there: int) -> bool:
        target = TARGET.search(self.text)
        place = int(target.group(1), 16) if target else None
        if self.mnemonic in ANYWHERE:
            return True
        if self.mnemonic in JUMPS:
            return there == place
        follows = there == here + self.size
        return follows or (
            CONDITIONAL.match(self.mnemonic) is not None and there == place
        )


Code = Dict[int, Instruction]


@dataclass(frozen=True)
class Step:
    """One executed instruction."""

    pc: int
    program: str  # "" for the kernel, "?" if none fits
    function: str
    text: str


def disassemble(objdump: Sequence[str], elf: Path) -> Code:
    """A program's instructions by address."""
    done = subprocess.run(
        [*objdump, "-d", str(elf)], stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    code: Code = {}
    function = "?"
    for line in done.stdout.splitlines():
        heading = HEADING.match(line)
        if heading:
            # gcc marks its own variants of a function by a dot.
            function = heading.group(2).split(".")[0]
            continue
        found = LINE.match(line)
        if found:
            size = len(found.group(2)) // 2
            code[int(found.group(1), 16)] = Instruction(size, found.group(3), function)
    return code


def read_log(path: Path) -> List[int]:
    """The pcs of a log, in order."""
    with open(path, encoding="ascii", errors="replace") as log:
        return [int(m.group(1), 16) for m in map(LOGGED.match, log) if m]


def read_registers(path: Path) -> List[Registers]:
    """What the registers hold before each instruction of a log that has them."""
    found: List[Registers] = []
    with open(path, encoding="ascii", errors="replace") as log:
        for line in log:
            if LOGGED.match(line):
                found.append({})
            elif line.startswith(" x") and found:
                pairs = REGISTER.findall(line)
                found[-1].update((name, int(value, 16)) for name, value in pairs)
    return found


def address_of(text: str, registers: Registers) -> Optional[int]:
    """The address that an instruction of objdump's text reads or writes."""
    operand = OPERAND.search(text)
    if not operand or text.split("\t")[0] in ANYWHERE:
        return None
    return registers[operand.group(2)] + int(operand.group(1) or "0") & (1 << 64) - 1


def trim(pcs: List[int], program: Code) -> List[int]:
    """Where in the log lies what is between the first and the last read of
    instret: indexes into pcs.

    None of the two is counted: a figure is the difference less one. Nor is
    an instruction that faults, which is logged again when it has run."""
    reads = {pc for pc, i in program.items() if i.mnemonic == "rdinstret"}
    places = [index for index, pc in enumerate(pcs) if pc in reads]
    part = range(places[0] + 1, places[-1]) if places else range(0)
    parts = [list(group) for _, group in groupby(part, lambda i: pcs[i] < USER_TOP)]
    for here, there in zip(parts, parts[2:]):
        if pcs[here[-1]] == pcs[there[0]] < USER_TOP:
            here.pop()
    return [index for group in parts for index in group]


class Namer:
    """Knows the code of the kernel and of the programs that may have run."""

    def __init__(
        self, objdump: Sequence[str], kernel: Path, programs: Sequence[Path]
    ) -> None:
        self._objdump = objdump
        self._kernel = disassemble(objdump, kernel)
        self._programs = list(programs)
        self._known: Dict[Path, Code] = {}

    def name(self, pcs: Sequence[int]) -> Iterator[Step]:
        for is_user, group in groupby(pcs, lambda pc: pc < USER_TOP):
            part = list(group)
            path = self._owner(part) if is_user else None
            code = self.code(path) if path else {} if is_user else self._kernel
            program = path.name if path else "?" if is_user else ""
            for pc in part:
                found = code.get(pc, Instruction(4, "?", "?"))
                yield Step(pc, program, found.function, found.text)

    def code(self, path: Path) -> Code:
        if path not in self._known:
            self._known[path] = disassemble(self._objdump, path)
        return self._known[path]

    def _owner(self, pcs: List[int]) -> Optional[Path]:
        for path in self._programs:
            if could_run(self.code(path), pcs):
                return path
        return None


def could_run(code: Code, pcs: List[int]) -> bool:
    """True if the program may have executed these, and then left for the
    kernel by an ecall or a fault."""
    if any(pc not in code for pc in pcs):
        return False
    pairs = zip(pcs, pcs[1:])
    if not all(
        here == there or code[here].leads_to(here, there) for here, there in pairs
    ):
        return False
    return LEAVES.match(code[pcs[-1]].text) is not None
