# SPDX-License-Identifier: MIT
"""The debugger: the kernel's first line of C, steps, user code, `make gdb`."""
from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace

import bootlib

from grading.octavo import gdb, scoring
from grading.octavo.machine import TOP, Machine
from grading.octavo.scoring import points


def debug(machine: Machine, script: list[str], command: str = "echo hi") -> str:
    return gdb.debug(command, machine.setup, script, machine.log_path())


def expect(text: str, pattern: str) -> None:
    if not re.search(pattern, text):
        scoring.fail(f"GDB prints {pattern!r}", "it does not", console=text)


@points(2)
def test_first_line(machine: Machine) -> None:
    """GDB stops at kernel_main with hart and device tree as arguments."""
    text = debug(machine, ["break kernel_main", "continue", "info args", "backtrace"])
    expect(text, r"Breakpoint 1, kernel_main")
    expect(text, r"kernel/boot/main\.c")


@points(2)
def test_kernel_step(machine: Machine) -> None:
    """Single steps in the kernel move through its source."""
    steps = ["break kernel_main", "continue", "next", "next", "info line"]
    expect(debug(machine, steps), r'Line \d+ of "kernel/boot/main\.c"')


@points(2)
def test_user_step(machine: Machine) -> None:
    """GDB stops in a user program's main and steps over a line of it."""
    program = bootlib.build_dir(machine.setup.debug) / "user" / "echo"
    script = ["break kernel_main", "continue", f"add-symbol-file {program}"]
    script += ["break user/bin/echo.c:main", "continue", "info registers priv"]
    script += ["stepi", "next", "info line"]
    text = debug(machine, script)
    expect(text, r"Breakpoint 2")
    expect(text, r"priv.*User")
    expect(text, r'Line \d+ of "user/bin/echo\.c"')


@points(2)
def test_ecall_step(machine: Machine) -> None:
    """A single step over ecall lands in the kernel's trap entry."""
    program = bootlib.build_dir(machine.setup.debug) / "user" / "echo"
    script = ["break kernel_main", "continue", f"add-symbol-file {program}"]
    script += ["break user/bin/echo.c:main", "continue"]
    script += [STEP_TO_ECALL, "info registers priv", "print/x $pc"]
    text = debug(machine, script)
    expect(text, r"priv.*Supervisor")
    expect(text, r"= 0xffffff")


# Steps until an ecall has been stepped over. One line, as GDB's -ex wants it.
STEP_TO_ECALL = (
    "python step = lambda: gdb.execute('stepi', to_string=True); "
    "list(iter(lambda: (gdb.execute('x/i $pc', to_string=True), step())[0]"
    ".count('ecall'), 1))"
)


@points(2)
def test_late_hart(machine: Machine) -> None:
    """A second hart that the firmware sends to _start becomes a second hart."""
    two = replace(machine.setup, smp=2)
    script = ["break *sbi_hart_start", "continue"]
    script += ["set $a1 = (unsigned long)&_start - 0xffffffc000000000", "delete"]
    script += ["break kernel_main", "break secondary_main", "continue"]
    text = gdb.debug("sleep 20", two, script, machine.log_path())
    expect(text, r"hit Breakpoint \d+, secondary_main")


@points(2)
def test_panic_text(machine: Machine) -> None:
    """A kernel panic tells its text, the thread and a backtrace with names."""
    script = ["break ipc_call", "continue", "set $a0 = (long)&symbol_names"]
    script += ["set $pc = panic", "continue"]
    log = machine.log_path()
    gdb.debug("echo hi", machine.setup, script, log)
    console = log.read_text(errors="replace")
    for pattern in (r"^panic: ", r"^backtrace:", r"pid \d+ \(", r" #0 0x\w+ \w+\+0x"):
        if not re.search(pattern, console, re.MULTILINE):
            scoring.fail(f"the console shows {pattern!r}", "it does not", console)


@points(2)
def test_kernel_trap(machine: Machine) -> None:
    """A trap in the kernel is reported with the registers that the kernel had."""
    script = ["break ipc_call", "continue", "print/x $tp"]
    script += ["set $s1 = 0x51515151", "set $s2 = 0x52525252"]
    script += ["set $t0 = 0x5050505", "set $pc = 0x10", "continue"]
    log = machine.log_path()
    text = gdb.debug("echo hi", machine.setup, script, log)
    tp = re.search(r"= 0x(\w+)", text)
    console = log.read_text(errors="replace")
    for pattern in (
        r"\bs1 +0000000051515151\b",
        r"\bs2 +0000000052525252\b",
        r"\bt0 +0000000005050505\b",
        rf"\btp +{tp[1] if tp else '?'}\b",
        r"^panic: trap in the kernel: cause 12, .*pc 0x0*10\b",
    ):
        if not re.search(pattern, console, re.MULTILINE):
            scoring.fail(f"the console shows {pattern!r}", "it does not", console)


@points(2)
def test_make_gdb() -> None:
    """`make gdb` stops at the kernel's first line of C."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "TEST"))}
    done = subprocess.run(
        ["make", "gdb", "GDBFLAGS=-batch -ex 'info line' -ex kill"],
        cwd=TOP,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
    )
    expect(done.stdout, r"kernel/boot/main\.c")
