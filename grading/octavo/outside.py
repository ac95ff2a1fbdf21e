# SPDX-License-Identifier: MIT
"""A machine seen from outside: stopped by QEMU's monitor, its memory in a file.

What a kernel prints about itself need not be true. Here the host reads the
harts' registers and the physical memory, and walks page tables as the hardware
does.
Use     with Frozen(setup, "lab_map freeze", r"^frozen", log) as machine:
            space = machine.space_of(0x500000000, b"a word that is there")
            leaf = space.leaf(0x500000000)
Invariant   Nothing of the kernel's own structures is believed, and none of its
            symbols used."""
from __future__ import annotations

import re
import struct
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Iterator, List, Optional, Type

import bootlib
from guestclock import Monitor

from grading.octavo import scoring
from grading.octavo.machine import Setup

RAM = 0x80000000
PAGE = 4096
LIMIT_S = 120  # host seconds until the pattern shows
V, R, W, X, U, G, A, D = (1 << bit for bit in range(8))


@dataclass(frozen=True)
class Leaf:
    """A page as the hardware finds it."""

    va: int
    pa: int
    flags: int
    size: int


class Space:
    """An Sv39 page table in a memory."""

    def __init__(self, memory: bytes, root: int) -> None:
        self.memory = memory
        self.root = root

    def entry(self, table: int, index: int) -> int:
        at = table - RAM + 8 * index
        if not 0 <= at <= len(self.memory) - 8:
            return 0
        (value,) = struct.unpack_from("<Q", self.memory, at)
        return int(value)

    def leaf(self, va: int) -> Optional[Leaf]:
        """The page at an address, or None."""
        table = self.root
        for level in (2, 1, 0):
            shift = 12 + 9 * level
            entry = self.entry(table, va >> shift & 511)
            pa = entry >> 10 << 12 & (1 << 56) - 1
            if not entry & V or entry & W and not entry & R:
                return None
            if entry & (R | X):
                size = 1 << shift
                return Leaf(va & -size, pa, entry & 0x3FF, size)
            table = pa
        return None

    def read(self, va: int, size: int) -> bytes:
        """Bytes of one page; nothing where no page is."""
        leaf = self.leaf(va)
        if leaf is None:
            return b""
        at = leaf.pa + va - leaf.va - RAM
        return self.memory[at : at + size] if at >= 0 else b""

    def leaves(self, table: Optional[int] = None, level: int = 2) -> Iterator[Leaf]:
        """All pages of the user's half."""
        yield from self._leaves(self.root, 2, 0)

    def _leaves(self, table: int, level: int, base: int) -> Iterator[Leaf]:
        size = 1 << 12 + 9 * level
        for index in range(256 if level == 2 else 512):
            entry = self.entry(table, index)
            pa = entry >> 10 << 12 & (1 << 56) - 1
            if not entry & V:
                continue
            if entry & (R | X):
                yield Leaf(base + index * size, pa, entry & 0x3FF, size)
            elif level > 0:
                yield from self._leaves(pa, level - 1, base + index * size)


class Frozen:
    """A machine that runs a command until its console shows a pattern, and is
    stopped there."""

    def __init__(self, setup: Setup, command: str, pattern: str, log: Path) -> None:
        self.setup = replace(setup, limit=1.0)
        self.command = command
        self.pattern = re.compile(pattern, re.MULTILINE)
        self.log = log
        self.memory = b""
        self.text = ""
        self._work = bootlib.working_directory()

    def __enter__(self) -> "Frozen":
        work = self._work.__enter__()
        options = self.setup.options(self.command)
        options.monitor = str(work / "monitor")
        serial = work / "serial.log"
        serial.touch()
        media = bootlib.prepare_media(options, work)
        command = bootlib.qemu_command(options, media, serial)
        self.qemu = bootlib.start_qemu(command)
        self.monitor = Monitor(Path(options.monitor))
        try:
            self._wait(serial)
            self._look(work)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._end()

    def _end(self) -> None:
        self.monitor.close()
        bootlib.stop_qemu(self.qemu)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_text(self.text)
        self._work.__exit__(None, None, None)

    def _wait(self, serial: Path) -> None:
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            ended = self.qemu.poll() is not None
            self.text = serial.read_text(encoding="utf-8", errors="replace")
            if self.pattern.search(self.text):
                return
            if ended or "panic: " in self.text:
                self.fail(f"the console shows {self.pattern.pattern}", "it stopped")
            time.sleep(0.01)
        raise scoring.Infrastructure(f"{self.command}: not there in {LIMIT_S} s")

    def _look(self, work: Path) -> None:
        self.monitor.ask("stop")
        self.registers = self.monitor.ask("info registers -a")
        dump = work / "memory"
        size = self.setup.mem << 20
        self.monitor.ask(f'pmemsave {RAM:#x} {size:#x} "{dump}"')
        self.memory = dump.read_bytes()

    def fail(self, expected: str, got: str) -> None:
        text = self.text[max(self.text.find("\noctavo: ") + 1, 0) :]
        scoring.fail(expected, got, console=text)

    def satps(self) -> List[int]:
        """What each hart has in satp."""
        found = re.findall(r"^\s*satp\s+(?:0x)?([0-9a-f]+)", self.registers, re.M)
        return [int(value, 16) for value in found]

    def spaces(self) -> List[Space]:
        """The page tables in use, one a hart."""
        return [
            Space(self.memory, (satp & (1 << 44) - 1) << 12)
            for satp in self.satps()
            if satp >> 60 == 8
        ]

    def space_of(self, va: int, content: bytes) -> Space:
        """The table in use under which these bytes are at an address."""
        for space in self.spaces():
            if space.read(va, len(content)) == content:
                return space
        self.fail(f"{content!r} at {va:#x} in the program's memory", "not there")
        raise AssertionError("unreachable")
