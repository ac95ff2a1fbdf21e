# SPDX-License-Identifier: MIT
"""The debugger: a batch of GDB commands on a machine stopped at reset.

QEMU and GDB meet on a Unix socket in a private directory, so that runs in
parallel cannot meet each other's. Time is real: with -icount, QEMU 7.2 never
ends a single step."""
from __future__ import annotations

import subprocess
from pathlib import Path
from typing import List, Sequence

import bootlib

from grading.octavo import scoring
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
