# SPDX-License-Identifier: MIT
"""Checks on compiled code: the layers of the kernel, and the fast path."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Set, Tuple

from checks.base import BUILDS, TOP, Build, Problems, allowed, files, output, read

# The sources with reserved registers, by the Makefile's name for those.
FASTPATHS = {
    "FASTPATH_REGS": "kernel/ipc/fastpath.c",
    "SIGNAL_REGS": "kernel/ipc/signal.c",
}
EXITS = {"trap_fast_leave", "trap_not_fast"}  # in trap/entry.S


def kernel_objects(build: Build) -> List[Path]:
    """The kernel's objects, of the sources that there are now."""
    found = build.path("obj/kernel").glob("*/*.o")
    root = build.path("obj")
    return sorted(
        o for o in found if (TOP / o.relative_to(root).with_suffix("")).exists()
    )


def symbols(build: Build, objects: List[Path]) -> List[Tuple[str, str, str]]:
    """Of each object: (source file, kind, name) of its symbols, as nm says."""
    root = build.path("obj")
    found = []
    for line in output([*build.env["NM"], "-A", *map(str, objects)]).splitlines():
        path, _, rest = line.partition(":")
        *_, kind, name = rest.split()
        found.append((str(Path(path).relative_to(root).with_suffix("")), kind, name))
    return found


def check_layers() -> Problems:
    """A kernel folder refers only to symbols of itself and earlier ones."""
    upward: Dict[str, str] = {}
    for build in BUILDS:
        upward.update(upward_references(build))
    exceptions = allowed("layers.allow")
    problems = [upward[entry] for entry in sorted(set(upward) - set(exceptions))]
    if (TOP / "handout.mk").exists():
        return problems  # a student's tree: stubs need fewer exceptions
    for entry in sorted(set(exceptions) - set(upward)):
        problems.append(
            f"tools/layers.allow:{exceptions[entry]}: is not needed: {entry}"
        )
    return problems


def upward_references(build: Build) -> Dict[str, str]:
    """The references to a higher folder: `SOURCE SYMBOL`, and what is wrong."""
    order = build.env["KERNEL_DIRS"]
    table = symbols(build, kernel_objects(build))
    home = {name: folder(path) for path, kind, name in table if kind in "TDBRVWG"}
    found = {}
    for path, kind, name in table:
        if kind not in "Uw" or name not in home:
            continue
        if order.index(home[name]) > order.index(folder(path)):
            what = f"refers to {name}, which is above it in {home[name]}/"
            found[f"{path} {name}"] = f"{path}: {what}"
    return found


def folder(path: str) -> str:
    return Path(path).parts[1]


def check_fastpath() -> Problems:
    """The fast path calls nothing and writes no message register."""
    return [
        problem
        for build in BUILDS
        for registers, source in FASTPATHS.items()
        for problem in fastpath_faults(build, source, set(build.env[registers]))
    ]


def fastpath_faults(build: Build, source: str, kept: Set[str]) -> Problems:
    table = symbols(build, [build.path(f"obj/{source}.o")])
    names = [name for _, kind, name in table if kind in "Tt" and name[0] not in ".$"]
    problems = [] if names else [f"{source}: has no function"]
    targets = set(names) | functions_without_return() | EXITS
    for name in names:
        for line in disassembly(build, name):
            what = fault(line, targets, kept)
            if what:
                where = f"{build.path('kernel.elf').relative_to(TOP)}: {name}"
                problems.append(f"{where}: {what}: {' '.join(line.split())}")
    return problems


def functions_without_return() -> Set[str]:
    """Those of lib/ and sync/ that end in a panic: calling one loses nothing."""
    found: Set[str] = set()
    for path in files(("kernel/lib", "kernel/sync"), ".h"):
        for declaration in re.findall(r"_Noreturn[^;{}]*", read(path)):
            found.update(re.findall(r"\b(\w+)\(", declaration))
    return found


def disassembly(build: Build, name: str) -> List[str]:
    """A function's instructions in the linked kernel, without aliases."""
    command = [*build.env["OBJDUMP"], "-M", "no-aliases", f"--disassemble={name}"]
    text = output([*command, str(build.path("kernel.elf"))])
    return [line for line in text.splitlines() if re.match(r"[0-9a-f ]+:\t", line)]


# Instructions whose first operand is not written.
READS_FIRST = re.compile(r"(c\.)?(s[bhwd]|fs[wd]|b[a-z]+|j|jr|sdsp|swsp|fsdsp|fswsp)$")


def fault(line: str, may_jump: Set[str], kept: Set[str]) -> str:
    """What is wrong with an instruction in the fast path, or nothing."""
    _, _, *rest = line.split("\t")
    name, operands = rest[0].strip(), rest[1] if len(rest) > 1 else ""
    first = re.match(r"[a-z0-9]*", operands)
    target = first.group(0) if first else ""
    label = re.search(r"<([^+>]+)", operands)
    goes_to = label.group(1) if label else ""
    call = name in ("c.jal", "c.jalr") or (name == "jalr" and target != "zero")
    if call or (name == "jal" and target != "zero"):
        return "" if goes_to in may_jump else "a call"
    if name in ("jal", "c.j") and goes_to not in may_jump:
        return "a jump out of the fast path"
    if READS_FIRST.match(name):
        return ""
    return "a write" if target in kept else ""
