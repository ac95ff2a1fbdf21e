# SPDX-License-Identifier: MIT
"""The debugger: a batch of GDB commands on a machine stopped at reset.

QEMU and GDB meet on a Unix socket in a private directory, so that runs in
parallel cannot meet each other's. Time is real: with -icount, QEMU 7.2 never
ends a single step."""
from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Dict, List, Sequence

import bootlib

from grading.octavo import remote, scoring
from grading.octavo.machine import TOP, Setup

LIMIT = 60  # host seconds for the whole batch


def debug(command: str, setup: Setup, script: Sequence[str], log: Path) -> str:
    """Runs GDB's commands over a scripted boot; returns what GDB printed."""
    with bootlib.working_directory() as work:
        options = setup.options(command)
        options.icount = False
        options.gdb = str(work / "gdb.sock")
        media = bootlib.prepare_media(options, work)
        serial = work / "serial.log"
        serial.touch()
        qemu = bootlib.start_qemu(bootlib.qemu_command(options, media, serial))
        try:
            remote.connected(work / "gdb.sock").close()
            text = run_gdb(options, script)
        finally:
            bootlib.stop_qemu(qemu)
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(serial.read_bytes())
    return text


def gdb_command(options: bootlib.Options, script: Sequence[str]) -> List[str]:
    program = bootlib.build_env(options.debug)["GDB"]
    kernel = bootlib.build_dir(options.debug) / "kernel.elf"
    lines = ["set pagination off", "set confirm off", "set osabi none"]
    lines += ["set architecture riscv:rv64", f"file {kernel}"]
    lines += [f"target remote {options.gdb}", *script, "kill"]
    command = [*program, "-q", "-nx", "-batch"]
    for line in lines:
        command += ["-ex", line]
    return command


def run_gdb(options: bootlib.Options, script: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            gdb_command(options, script),
            cwd=TOP,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
        text = output.decode() if isinstance(output, bytes) else output
        scoring.fail(f"GDB ends within {LIMIT} s", "it did not", console=text)
    return done.stdout


# --- As students use it ------------------------------------------------------

MARK = "echo \\n--\\n"  # a command
AT_EXIT = ['break sys_exit if $_streq($program(), "echo")', "continue"]
LEAVE_OUT = ("MAKE", "TEST", "RUN", "APPEND", "LIVE", "GDBFLAGS", "LAB", "PYTHONUN")


def session(script: Sequence[str], *options: str, **more: str) -> str:
    """What `make gdb` prints for these commands of GDB, the settings of
    make in the environment; `options` are those of tools/gdb/run."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(LEAVE_OUT)}
    flags = ["-batch"]
    for line in script:
        flags += ["-ex", line]
    env.update(more, GDBFLAGS=shlex.join(flags))
    python = bootlib.build_env(debug=False)["PYTHON"]
    try:
        done = subprocess.run(
            [*python, "tools/gdb/run", *options],
            cwd=TOP,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
        text = output.decode() if isinstance(output, bytes) else output
        scoring.fail(f"GDB ends within {LIMIT} s", "it did not", console=text)
    return done.stdout


def ask(script: Sequence[str], *commands: str, run: str = "echo hi") -> List[str]:
    """What each of the commands prints where the script has led, in a recorded
    run."""
    lines = list(script)
    for command in commands:
        lines += [MARK, command]
    text = session(lines, RUN=run)
    found = parts(text)
    if len(found) != len(commands) + 1:
        scoring.fail("GDB runs all commands", "it stopped early", console=text)
    return found[1:]


def expect(text: str, pattern: str) -> "re.Match[str]":
    found = re.search(pattern, text, re.M)
    if not found:
        scoring.fail(f"GDB prints {pattern!r}", "it does not", console=text)
    return found


def parts(text: str) -> List[str]:
    """What was printed between the marks that `echo --\\n` in a script makes."""
    return [part.strip("\n") for part in re.split(r"^--$", text, flags=re.M)]


def rows(part: str) -> List[Dict[str, str]]:
    """A table with a heading, as rows: column -> cell."""
    lines = part.splitlines()
    if not lines:
        return []
    names = re.split(r"\s{2,}", lines[0].strip())
    found = []
    for line in lines[1:]:
        cells = re.split(r"\s{2,}", line.strip())
        found.append(dict(zip(names, cells)))
    return found
