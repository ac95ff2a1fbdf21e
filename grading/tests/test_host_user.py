# SPDX-License-Identifier: MIT
"""The user library's pure parts, on the host under the sanitizers."""
from __future__ import annotations

import subprocess
from pathlib import Path

from grading.octavo.machine import TOP

HOST = TOP / "grading" / "host"

FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-builtin"]
FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def run(work: Path, test: str, *sources: str) -> None:
    """Compiles a test with the sources it is about, and runs it."""
    program = work / test
    include = [HOST / "user" / "shim", HOST / "servers", TOP / "user", TOP / "kernel"]
    command = ["gcc", *FLAGS, *(f"-I{path}" for path in include)]
    command += ["-o", str(program), str(HOST / "user" / f"{test}.c")]
    command += [str(TOP / "user" / source) for source in sources]
    built = subprocess.run(command, stderr=subprocess.PIPE, encoding="utf-8")
    assert built.returncode == 0, f"gcc failed:\n{built.stderr}"
    done = subprocess.run(
        [str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, f"{test} failed:\n{done.stdout}"


def test_command(tmp_path: Path) -> None:
    """The shell's language: forms, errors, quoting, and random texts."""
    run(tmp_path, "command", "lib/command.c")


def test_string(tmp_path: Path) -> None:
    """Memory and strings at every alignment agree with byte loops."""
    run(tmp_path, "string")


def test_format(tmp_path: Path) -> None:
    """printf makes what the host's makes, cut at any size."""
    run(tmp_path, "format", "lib/format.c")


def test_malloc(tmp_path: Path) -> None:
    """Random allocations keep their bytes, and freed memory is whole again."""
    run(tmp_path, "malloc")
