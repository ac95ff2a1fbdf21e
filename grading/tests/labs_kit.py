# SPDX-License-Identifier: MIT
"""What the tests of the labs' machinery share: one lab, which stands for all,
and solutions of it."""
from __future__ import annotations

from functools import lru_cache
from typing import Dict

import functions
import pytest
from labs import private

from grading.octavo import lab as labs
from grading.octavo import scoring
from grading.octavo.machine import TOP

LAB = labs.named("pagetable")
FILE = "kernel/vm/pagetable.c"
GROUP = pytest.mark.xdist_group("labs")


@lru_cache(maxsize=None)
def the_tree() -> private.Tree:
    """A tree of the lab to put solutions in; only tests of GROUP may."""
    made = private.make_base(LAB)
    return private.Tree(LAB, made, private.WORK / LAB.name / "tests")


def solution(name: str, body: str) -> Dict[str, bytes]:
    """The reference with another body for one function, which uses none of its
    parameters."""
    text = (TOP / FILE).read_text(encoding="utf-8")
    found = functions.find(text, name)
    unused = "".join(f"    (void){word};\n" for word in found.parameters)
    code = found.head + " {\n" + unused + body + "}\n"
    return {FILE: functions.replace(text, found, code).encode()}


def grade(where: private.Tree, files: Dict[str, bytes], only: str) -> private.Grading:
    where.put(files)
    return where.grade(only, no_needs=True)


def expect(result: private.Grading, test: str, status: str, got: str = "") -> None:
    rows = result.cases(test)
    if not rows or any(row["status"] != status for row in rows):
        scoring.fail(f"{test}: {status}", result.text[-3000:])
    if got not in str(rows[0]["message"]):
        scoring.fail(f"{test}: {got!r}", str(rows[0]["message"])[-3000:])
