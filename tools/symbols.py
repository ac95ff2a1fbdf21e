# SPDX-License-Identifier: MIT
"""Names the functions in which user programs died.

Idea        The kernel prints where a process died as a bare pc: it does not
            have the symbols of user programs, the host does. A FaultLines
            passes the serial line on and adds ` <FUNCTION+OFFSET>` to the end
            of such lines. Programs are found by the name in the line.
Use         faults = FaultLines(Symbols(build / "user"))
            out.write(faults.feed(text))    # pieces of any size
Invariant   Nothing is held back or changed: what comes out is what went in,
            with insertions. So keys echo at once in an interactive session."""
from __future__ import annotations

import re
import struct
from bisect import bisect_right
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

NAME_MAX = 16  # bytes of a program's name that the kernel keeps
LINE_MAX = 1000  # a longer line is none of the kernel's

# The kernel's line; programs write to the same port, perhaps in front of it.
FAULT = re.compile(r"octavo: killed pid \d+ \(([^()]+)\) thread .*, pc 0x([0-9a-f]+)$")
END = re.compile(r"[\r\n]")

SHT_SYMTAB = 2
SHF_EXECINSTR = 4
STT_NOTYPE, STT_FUNC = 0, 2
SHN_LORESERVE = 0xFF00


def elf_span(elf: bytes) -> Tuple[int, int]:
    """The physical addresses where a kernel begins and ends."""
    (table,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    headers = [
        struct.unpack_from("<IIQQQQQQ", elf, table + i * size) for i in range(count)
    ]
    loads = [(h[4], h[4] + h[6]) for h in headers if h[0] == 1]
    return min(start for start, _ in loads), max(end for _, end in loads)


def elf_functions(elf: bytes) -> List[Tuple[int, int, str]]:
    """Start, end and name of each function of a 64-bit ELF file, in order.

    A label of assembly code has no size: it ends where the next one starts."""
    (table,) = struct.unpack_from("<Q", elf, 40)
    size, count = struct.unpack_from("<HH", elf, 58)
    sections = [
        struct.unpack_from("<IIQQQQIIQQ", elf, table + i * size) for i in range(count)
    ]
    found: Dict[int, Tuple[int, int, str]] = {}
    for section in sections:
        if section[1] != SHT_SYMTAB:
            continue
        names = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, info, _, index, value, length = struct.unpack_from("<IBBHQQ", elf, at)
            if not 0 < index < SHN_LORESERVE or info & 15 not in (STT_NOTYPE, STT_FUNC):
                continue
            home = sections[index]
            if not home[2] & SHF_EXECINSTR:
                continue
            start = names + name
            text = elf[start : elf.index(b"\0", start)].decode("ascii", "replace")
            end = value + length if length else home[3] + home[5]
            if text and text[0] not in ".$" and (length or value not in found):
                # gcc marks its own variants of a function by a dot.
                found[value] = (value, end, text.split(".")[0])
    return [found[value] for value in sorted(found)]


class Symbols:
    """The functions of the programs in a directory, and of `extra` ones."""

    def __init__(
        self, programs: Path, extra: Optional[Mapping[str, Path]] = None
    ) -> None:
        self._programs = programs
        self._extra = dict(extra or {})
        self._read: Dict[str, List[Tuple[int, int, str]]] = {}

    def where(self, program: str, pc: int) -> Optional[str]:
        """FUNCTION+OFFSET, or None if the pc is in no known function."""
        if program not in self._read:
            self._read[program] = self._functions(program)
        functions = self._read[program]
        index = bisect_right(functions, (pc, 1 << 64, "")) - 1
        if index < 0 or pc >= functions[index][1]:
            return None
        return f"{functions[index][2]}+{pc - functions[index][0]:#x}"

    def _functions(self, program: str) -> List[Tuple[int, int, str]]:
        path = self._find(program)
        try:
            return elf_functions(path.read_bytes()) if path else []
        except (OSError, ValueError, IndexError, struct.error):
            return []  # no program of ours: the pc stays bare

    def _find(self, program: str) -> Optional[Path]:
        """The program's file; a name as long as the kernel's may be cut."""
        files = dict(self._extra)
        if self._programs.is_dir():
            for path in self._programs.iterdir():
                files.setdefault(path.name, path)
        if program in files or len(program) < NAME_MAX - 1:
            return files.get(program)
        cut = [path for name, path in files.items() if name.startswith(program)]
        return cut[0] if len(cut) == 1 else None


class FaultLines:
    """Adds functions to the kernel's lines about dead processes."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._line = ""  # what has come of the unfinished line

    def feed(self, text: str) -> str:
        """Takes the next piece; returns it with what is to be added."""
        pieces: List[str] = []
        start = 0
        for end in END.finditer(text):
            self._line += text[start : end.start()]
            pieces += [text[start : end.start()], self._addition(), end.group()]
            self._line = ""
            start = end.end()
        self._line = (self._line + text[start:])[-LINE_MAX:]
        return "".join(pieces) + text[start:]

    def _addition(self) -> str:
        fault = FAULT.search(self._line)
        if not fault:
            return ""
        where = self._symbols.where(fault.group(1), int(fault.group(2), 16))
        return f" <{where}>" if where else ""
