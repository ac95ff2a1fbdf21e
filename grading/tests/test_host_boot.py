# SPDX-License-Identifier: MIT
"""The kernel's low folders on the host: what boot reads, strings, printing.

The programs in grading/host/boot are built from the kernel's own sources with
sanitizers. `test_mutant` breaks a source in one place and requires that its
program notices: so they can fail."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple

import pytest

from grading.octavo.machine import TOP

HOST = TOP / "grading" / "host" / "boot"
KERNEL = TOP / "kernel"
FLAGS = ["-std=gnu11", "-DDEBUG=1", "-Wall", "-Wextra", "-Werror", "-O1", "-g"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
TIMEOUT = 120

# The host has functions of these names, too: the kernel's get other ones.
RENAMED = "memcpy memmove memset memcmp strlen strcmp strncmp".split()

SOURCES: Dict[str, List[str]] = {
    "tree": ["dev/fdt.c"],
    "args": ["dev/bootargs.c"],
    "text": ["lib/print.c", "lib/string.c"],
    "stat": [],
}


class Mutant(NamedTuple):
    """One mistake: `old` in `file` becomes `new`; `program` must notice."""

    program: str
    file: str
    old: str
    new: str


MUTANTS = [
    Mutant("tree", "dev/fdt.c", "len > (uint64_t)(tree->structure_end - at)", "0"),
    Mutant("tree", "dev/fdt.c", "len > size - offset", "0"),
    Mutant("tree", "dev/fdt.c", "offset >= tree->strings_len", "0"),
    Mutant("tree", "dev/fdt.c", "address * WORD, size", "0, size"),
    Mutant("args", "dev/bootargs.c", "(behind == end || *behind == '=')", "1"),
    Mutant("args", "dev/bootargs.c", "(UINT64_MAX - digit) / base", "UINT64_MAX"),
    Mutant("args", "dev/bootargs.c", "&& value == end", ""),
    Mutant("text", "lib/string.c", ">= len)", ">= 0)"),
    Mutant("text", "lib/print.c", "int i = len;", "int i = 0;"),
    Mutant("text", "lib/print.c", "len != out->precision && ", ""),
    Mutant("stat", "arch/stat.h", "first || ", ""),
    Mutant("stat", "arch/stat.h", "value > stat->max", "first"),
    Mutant("stat", "arch/stat.h", "to->sequence % 2 == 0 &&", ""),
    Mutant("stat", "arch/stat.h", "RELAXED) == to->sequence", "RELAXED) != 1"),
    Mutant("stat", "arch/stat.h", "sequence + 2", "0"),
]


def build(work: Path, program: str, kernel: Path) -> Path:
    """Compiles a test program with the sources it is about."""
    objects: List[str] = []
    for name in [*SOURCES[program], "main", "panic"]:
        if name in ("main", "panic"):
            source = HOST / f"{program if name == 'main' else name}.c"
            extra: List[str] = []
        else:
            source = kernel / name
            extra = [f"-D{old}=kernel_{old}" for old in RENAMED]
            extra = extra if name == "lib/string.c" else []
        output = work / f"{source.stem}.o"
        places = (HOST / "shim", HOST, kernel)
        command = ["gcc", *FLAGS, *SANITIZE, *extra, *(f"-I{p}" for p in places)]
        # A mistake may leave a variable unused; that is not how it is found.
        command += [] if kernel == KERNEL else ["-w"]
        command += ["-fno-builtin", "-c", str(source), "-o", str(output)]
        compiled = subprocess.run(command, stderr=subprocess.PIPE, encoding="utf-8")
        assert compiled.returncode == 0, f"gcc failed:\n{compiled.stderr}"
        objects.append(str(output))
    target = work / program
    subprocess.run(["gcc", *SANITIZE, "-o", str(target), *objects], check=True)
    return target


def run(target: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(target), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=TIMEOUT,
    )


def make_tree(work: Path) -> Path:
    """The device tree of QEMU's machine."""
    tree = work / "virt.dtb"
    command = ["qemu-system-riscv64", "-M", f"virt,dumpdtb={tree}"]
    command += ["-smp", "2", "-m", "128M", "-display", "none"]
    subprocess.run(
        command, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return tree


def arguments(work: Path, program: str) -> List[str]:
    return [str(make_tree(work))] if program == "tree" else []


def check(work: Path, program: str) -> None:
    done = run(build(work, program, KERNEL), *arguments(work, program))
    assert done.returncode == 0, f"{program} failed:\n{done.stdout}"


def test_tree(tmp_path: Path) -> None:
    """A device tree is read right, and a damaged one never outside its block."""
    check(tmp_path, "tree")


def test_args(tmp_path: Path) -> None:
    """The kernel's boot arguments, good and bad."""
    check(tmp_path, "args")


def test_text(tmp_path: Path) -> None:
    """The kernel's strings and printing agree with the host's."""
    check(tmp_path, "text")


def test_stat(tmp_path: Path) -> None:
    """A hart's measurements are read whole while it adds to them."""
    check(tmp_path, "stat")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.program}-{m.old[:12]}")
def test_mutant(tmp_path: Path, mutant: Mutant) -> None:
    """The host tests notice this mistake."""
    kernel = tmp_path / "kernel"
    shutil.copytree(KERNEL, kernel)
    path = kernel / mutant.file
    text = path.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.file}: {mutant.old!r} is not there"
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    done = run(
        build(tmp_path, mutant.program, kernel), *arguments(tmp_path, mutant.program)
    )
    assert done.returncode != 0, "the test does not notice the mistake"
