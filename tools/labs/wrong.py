# SPDX-License-Identifier: MIT
"""Wrong solutions: labs/NN-NAME/wrong/*.c, and *.S for assembly.

    /*
     * leaf-level: walk stops one level early: a table is taken for a leaf.
     * File: kernel/vm/pagetable.c
     * Caught by: walk, map
     */
    pte_t *pagetable_walk(...) {
        ...
    }

Whole functions take the place of those of the same name and type. Each test
that is named must take points away. `Mutant: M-147` in place of code and file
takes both from grading/mutants."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

import functions

from grading.octavo.lab import TOP, Lab, LabError

MUTANTS = TOP / "grading" / "mutants"

# A wrong solution's comment, and what is between it and the next one's.
_HEAD = re.compile(
    r"^/\*\n \* ([a-z][a-z0-9-]*): ((?:(?!\*/).)*?)\n \*/\n", re.M | re.S
)
_MUTANT = re.compile(r"^/\*\n \* ([A-Z]+-[a-z0-9-]+): (.*?)\n \*/\n", re.M | re.S)
_FIELD = re.compile(r"(File|Caught by|Mutant): ")


@dataclass(frozen=True)
class Wrong:
    name: str
    says: str  # what is wrong, and its symptom
    files: Tuple[str, ...]
    tests: Tuple[str, ...]
    code: Dict[str, str]  # functions by name
    assembly: bool = False


def one(lab: Lab, name: str, comment: str, code: str, assembly: bool = False) -> Wrong:
    words = " ".join(line[3:] for line in ("\n * " + comment).splitlines()[1:])
    says, *fields = _FIELD.split(" ".join(words.split()))
    pairs = list(zip(fields[::2], (text.strip() for text in fields[1::2])))
    files = tuple(text for key, text in pairs if key == "File")
    named = ", ".join(text for key, text in pairs if key == "Caught by")
    tests = tuple(text.strip() for text in named.split(",") if text.strip())
    for key, text in pairs:
        if key == "Mutant":
            more, code = mutant(text)
            files += more
    parts = functions.labels_in(code) if assembly else functions.all_in(code)
    found = {f.name: f.text for f in parts}
    if not files or not tests or not found:
        raise LabError(f"wrong/{name}: wants a File, a Caught by, and a function")
    for test in tests:
        if test.partition("[")[0] not in lab.tests:
            raise LabError(f"wrong/{name}: there is no test {test}")
    return Wrong(name, says.strip(), files, tests, found, assembly)


def mutant(name: str) -> Tuple[Tuple[str, ...], str]:
    """The files and the code of one in grading/mutants."""
    for path in sorted(MUTANTS.glob("*.c")):
        pieces = _MUTANT.split(path.read_text(encoding="utf-8"))[1:]
        for i in range(0, len(pieces), 3):
            if pieces[i] == name:
                files = re.findall(r"File: (\S+)", pieces[i + 1])
                return tuple(files), pieces[i + 2]
    raise LabError(f"there is no mutant {name}")


def every(lab: Lab) -> List[Wrong]:
    """All wrong solutions of a lab, in order of file and place."""
    found: List[Wrong] = []
    for path in sorted((lab.path / "wrong").glob("*.[cS]")):
        pieces = _HEAD.split(path.read_text(encoding="utf-8"))[1:]
        for i in range(0, len(pieces), 3):
            name, comment, code = pieces[i : i + 3]
            found.append(one(lab, name, comment, code, path.suffix == ".S"))
    names = [wrong.name for wrong in found]
    for name in names:
        if names.count(name) > 1:
            raise LabError(f"lab {lab.name}: two wrong solutions are called {name}")
    return found


def apply(wrong: Wrong, texts: Dict[str, str]) -> Dict[str, str]:
    """The files, by path, with the wrong functions; only those that change."""
    changed: Dict[str, str] = {}
    pending = dict(wrong.code)
    for path in wrong.files:
        if path not in texts:
            raise LabError(f"wrong/{wrong.name}: {path} is no file of the lab's")
        text = texts[path]
        assembly = wrong.assembly
        own = {n: c for n, c in pending.items() if functions.has(text, n, assembly)}
        try:
            changed[path] = functions.substitute(text, own, assembly)
        except functions.NoFunction as error:
            raise LabError(f"wrong/{wrong.name}: {path}: {error}") from error
        pending = {n: code for n, code in pending.items() if n not in own}
    if pending:
        raise LabError(f"wrong/{wrong.name}: no such function: {', '.join(pending)}")
    return changed
