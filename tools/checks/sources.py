# SPDX-License-Identifier: MIT
"""Checks on C sources: format, headers, includes, lock contracts, sizes."""
from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import List, Optional, Tuple

from checks.base import C_DIRS, TOP, Build, Problems, files, for_each, read, run

FUNCTION_LINES = 60
FILE_LINES = 500


def check_format() -> Problems:
    """clang-format would change nothing."""
    command = [*Build().env["CLANG_FORMAT"], "--dry-run", "-Werror"]
    sources = files(C_DIRS, ".c", ".h")
    halves = [sources[0::2], sources[1::2]]  # a process costs more than a file
    found = for_each(halves, lambda half: run([*command, *half]))
    return [line for line in found if "-Wclang-format-violations" in line]


def check_handouts() -> Problems:
    """Nor would it in what students get of the sources."""
    sys.path.insert(0, str(TOP))
    tree = importlib.import_module("labs.tree")
    command = [*Build().env["CLANG_FORMAT"], "--dry-run", "-Werror"]
    texts = [
        (f"lab {lab.number}: {path}", path, text)
        for lab in tree.labs_module.every()
        for path, text in tree.student_sources(lab)
    ]

    def problems(one: Tuple[str, str, str]) -> Problems:
        where, path, text = one
        found = run([*command, f"--assume-filename={path}"], text)
        return [
            where + line.removeprefix(path).removeprefix("<stdin>")
            for line in found
            if "-Wclang-format-violations" in line
        ]

    return for_each(texts, problems)


def compiler_for(path: str) -> List[str]:
    """The compiler and flags with which a file of this folder is compiled."""
    env = Build().env
    if path.startswith("kernel/"):
        return env["CC"] + env["KERNEL_CFLAGS"]
    if path.startswith(("labs/", "grading/unit/")) and "/lab_" not in path:
        return env["CC"] + env["KERNEL_CFLAGS"] + ["-Igrading/unit"]
    if path.startswith(("labs/", "user/")):
        return env["CC"] + env["USER_CFLAGS"]
    folder = Path(path).parent
    own = [f"-I{place}" for place in (folder / "shim", folder, folder.parent)]
    return env["HOSTCC"] + own + env["HOST_CFLAGS"]


def check_headers() -> Problems:
    """Each header compiles alone, and each source includes its own first."""
    problems = for_each(files(C_DIRS, ".h"), header_alone)
    for path in files(("kernel", "user", "mkfs"), ".c"):
        own = Path(path).with_suffix(".h")
        first = re.search(r'^#include ["<]([^">]*)', read(path), re.MULTILINE)
        if (TOP / own).exists() and first and not str(own).endswith(first.group(1)):
            problems.append(f"{path}: includes {first.group(1)} before {own}")
    return problems


def header_alone(path: str) -> Problems:
    command = [*compiler_for(path), "-fsyntax-only", "-x", "c", "-I.", "-"]
    found = run(command, f'#include "{path}"\n')
    return [line for line in found if "error:" in line]


def check_includes() -> Problems:
    """Of the kernel, user code includes only abi/; the kernel no user code."""
    problems = []
    for path in files(("kernel", "user"), ".c", ".h", ".S"):
        for number, line in enumerate(read(path).splitlines(), 1):
            name = re.match(r'#include "([^"]+)"', line)
            if name and not may_include(path, name.group(1)):
                problems.append(f"{path}:{number}: may not include {name.group(1)}")
    return problems


def may_include(path: str, name: str) -> bool:
    if path.startswith("kernel/"):
        return (TOP / "kernel" / name).exists()
    places = [Path(path).parent / name, Path("user") / name]
    if name.startswith("abi/"):
        places.append(Path("kernel") / name)
    return any((TOP / place).exists() for place in places)


def check_threads() -> Problems:
    """Locks are held as the functions' contracts say (clang)."""
    env = Build().env
    command = env["CLANG"] + "--target=riscv64 -march=rv64imac -mabi=lp64".split()
    command += "-std=gnu11 -ffreestanding -nostdlibinc -fsyntax-only".split()
    command += "-Wthread-safety -Wthread-safety-beta -Werror -ferror-limit=0".split()
    command += ["-Ikernel"]
    sources = files(("kernel",), ".c")
    found = for_each(sources, lambda path: run([*command, path]))
    return [line for line in found if "error:" in line]


def check_sizes() -> Problems:
    """Functions have at most 60 lines, files 500."""
    problems = []
    for path in files(C_DIRS + ("tools",), ".c", ".h", ".S", ".py"):
        lines = read(path).splitlines()
        if len(lines) > FILE_LINES:
            problems.append(f"{path}: {len(lines)} lines, more than {FILE_LINES}")
        if path.endswith((".c", ".h")):
            problems += long_functions(path, lines)
    return problems


def long_functions(path: str, lines: List[str]) -> Problems:
    """Relies on the format: a function starts and ends in the first column."""
    problems = []
    start: Optional[Tuple[int, str]] = None
    for number, line in enumerate(lines, 1):
        if re.match(r"[A-Za-z]", line) and start is None:
            start = (number, line)
        if line.endswith(";") and start and start[0] == number:
            start = None
        if line[:1] != "}":
            continue
        if start and line == "}" and number - start[0] >= FUNCTION_LINES:
            size = number - start[0] + 1
            problems.append(f"{path}:{start[0]}: {size} lines: {start[1]}")
        start = None
    return problems
