# SPDX-License-Identifier: MIT
"""Checks on compiled code: the layers of the kernel, and the fast path."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Set, Tuple

from checks.base import TOP, Build, Problems, allowed, output, read

FASTPATH = "kernel/ipc/fastpath.c"


def kernel_objects() -> List[Path]:
    """The kernel's objects, of the sources that there are now."""
    found = Build.path("obj/kernel").glob("*/*.o")
    root = Build.path("obj")
    return sorted(
        o for o in found if (TOP / o.relative_to(root).with_suffix("")).exists()
    )


def symbols(objects: List[Path]) -> List[Tuple[str, str, str]]:
    """Of each object: (source file, kind, name) of its symbols, as nm says."""
    root = Build.path("obj")
    found = []
    for line in output([*Build.env()["NM"], "-A", *map(str, objects)]).splitlines():
        path, _, rest = line.partition(":")
        *_, kind, name = rest.split()
        found.append((str(Path(path).relative_to(root).with_suffix("")), kind, name))
    return found


def check_layers() -> Problems:
    """A kernel folder refers only to symbols of itself and earlier ones."""
    order = Build.env()["KERNEL_DIRS"]
    table = symbols(kernel_objects())
    home = {name: folder(path) for path, kind, name in table if kind in "TDBRVWG"}
    exceptions = allowed("layers.allow")
    used: Set[str] = set()
    problems = []
    for path, kind, name in table:
        if kind not in "Uw" or name not in home:
            continue
        if order.index(home[name]) <= order.index(folder(path)):
            continue
        used.add(f"{path} {name}")
        if f"{path} {name}" not in exceptions:
            problems.append(
                f"{path}: refers to {name}, which is above it in {home[name]}/"
            )
    for entry in sorted(set(exceptions) - used):
        problems.append(
            f"tools/layers.allow:{exceptions[entry]}: is not needed: {entry}"
        )
    return problems


def folder(path: str) -> str:
    return Path(path).parts[1]


def check_fastpath() -> Problems:
    """The fast path calls nothing and writes no message register."""
    if not (TOP / FASTPATH).exists():
        return []
    table = symbols([Build.path(f"obj/{FASTPATH}.o")])
    names = [name for _, kind, name in table if kind in "Tt" and name[0] not in ".$"]
    if not names:
        return [f"{FASTPATH}: has no function"]
    tails = set(re.findall(r"^ \* Tail +(.*)$", read(FASTPATH), re.MULTILINE))
    may_jump = set(names) | {
        word.strip(",.") for line in tails for word in line.split()
    }
    problems = []
    for name in names:
        for line in disassembly(name):
            what = fault(line, may_jump)
            if what:
                problems.append(f"{FASTPATH}: {name}: {what}: {' '.join(line.split())}")
    return problems


def disassembly(name: str) -> List[str]:
    """A function's instructions in the linked kernel, without aliases."""
    command = [*Build.env()["OBJDUMP"], "-M", "no-aliases", f"--disassemble={name}"]
    text = output([*command, str(Build.path("kernel.elf"))])
    return [line for line in text.splitlines() if re.match(r"[0-9a-f ]+:\t", line)]


# Instructions whose first operand is not written.
READS_FIRST = re.compile(r"(c\.)?(s[bhwd]|fs[wd]|b[a-z]+|j|jr|sdsp|swsp|fsdsp|fswsp)$")


def fault(line: str, may_jump: Set[str]) -> str:
    """What is wrong with an instruction in the fast path, or nothing."""
    _, _, *rest = line.split("\t")
    name, operands = rest[0].strip(), rest[1] if len(rest) > 1 else ""
    first = re.match(r"[a-z0-9]*", operands)
    target = first.group(0) if first else ""
    if name in ("c.jal", "c.jalr") or (name in ("jal", "jalr") and target != "zero"):
        return "a call"
    leaves = re.search(r"<([^+>]+)", operands)
    if leaves and name in ("jal", "c.j") and leaves.group(1) not in may_jump:
        return "a jump out of the fast path"
    if READS_FIRST.match(name):
        return ""
    return "a write" if target in Build.env()["FASTPATH_REGS"] else ""
