# SPDX-License-Identifier: MIT
"""A program that dies: the host adds the function to the kernel's line."""
from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import Dict, Optional

import bootlib
import pexpect
import pytest
from symbols import FaultLines, Symbols

from grading.octavo.machine import TOP, Machine
from grading.octavo.scoring import points

CRASH = """
static void __attribute__((noinline)) wrong_store(void) {
    int *volatile nowhere = (int *)0x10;
    *nowhere = 1;
}

int main(void) {
    wrong_store();
    return 0;
}
"""
NAMED = r"killed pid \d+ \(wrong\) .*, pc 0x[0-9a-f]{16} <wrong_store\+0x[0-9a-f]+>"
DIED = "octavo: killed pid 8 ({}) thread 1: store to memory it may not write, "
DIED += "address 0x0000000000000010, pc 0x{:016x}"


class Known(Symbols):
    """Knows one function of one program."""

    def where(self, program: str, pc: int) -> Optional[str]:
        return f"f+{pc - 0x100:#x}" if program == "prog" and pc >= 0x100 else None


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    source = tmp_path / "wrong.c"
    source.write_text(CRASH)
    return source


@points(2)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_pieces(tmp_path: Path, size: int) -> None:
    """Lines in pieces of any size, other lines, and unknown programs."""
    known, other = DIED.format("prog", 0x108), DIED.format("other", 0x108)
    outside = DIED.format("prog", 0x10)
    text = f"o{known}\r\n{other}\r\n{outside}\n{known}x\n{known}"
    faults = FaultLines(Known(tmp_path))
    out = "".join(faults.feed(text[at : at + size]) for at in range(0, len(text), size))
    want = f"o{known} <f+0x8>\r\n{other}\r\n{outside}\n{known}x\n{known}"
    assert out == want


def nm_functions(path: Path) -> Dict[str, int]:
    command = [*bootlib.build_env(False)["NM"], str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    rows = (line.split() for line in done.stdout.splitlines())
    return {name: int(at, 16) for at, kind, name in rows if kind == "T"}


@points(2)
def test_symbols(tmp_path: Path) -> None:
    """The functions of a program are those that nm finds in it."""
    programs = bootlib.build_dir(False) / "user"
    symbols = Symbols(programs)
    for name, start in nm_functions(programs / "cat").items():
        where = symbols.where("cat", start + 2) or ""
        assert re.fullmatch(r"\w+\+0x2", where), (name, where)
    for address in (0, 0x1000, 1 << 40):
        assert symbols.where("cat", address) is None
    assert symbols.where("../../kernel.elf", 0xFFFFFFC080201000) is None
    (tmp_path / "cut").write_bytes((programs / "cat").read_bytes()[:5000])
    assert Symbols(tmp_path).where("cut", 0x10200) is None


@points(2)
def test_scripted(machine: Machine, wrong: Path) -> None:
    """A scripted run names the function, also of a program just added."""
    run = machine.run("wrong; test_fault >f 2>g", add=(str(wrong),))
    if not re.search(NAMED + "$", run.output, re.MULTILINE):
        run.fail("a line with <wrong_store+...>", run.output)


@points(2)
def test_interactive(wrong: Path) -> None:
    """A session at the terminal does too; Ctrl-A X leaves it as it was."""
    script = f"tools/boot --no-build --virtio --add {wrong}; echo left with $?; cat"
    child = pexpect.spawn("/bin/sh", ["-c", script], cwd=str(TOP), encoding="latin-1")
    child.delaybeforesend = None
    try:
        child.expect(r"\n\$ ", timeout=60)
        child.send("wrong\r")
        child.expect(NAMED + r"\r+\n", timeout=30)
        child.expect(r"\n?\$ ", timeout=30)
        child.send("o")  # the first letter of such a line, at once
        child.expect("o", timeout=30)
        child.send("\x01x")
        child.expect("left with 0", timeout=30)
        child.send("typed\r")
        child.expect("typed.*typed", timeout=10)
    finally:
        child.kill(signal.SIGKILL)
        child.close()
