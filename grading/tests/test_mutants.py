# SPDX-License-Identifier: MIT
"""Mutants: that `make mutants` tells those that the tests notice from those
that they do not, and the guest programs that mutants have called
for."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

from grading.octavo import scoring
from grading.octavo.guest import DEBUG, FAST, FOUR_HARTS, SLOW, Check, Variant, programs
from grading.octavo.machine import TOP
from grading.octavo.scoring import points

MUTANTS = TOP / "grading" / "mutants"
ORACLE = Variant("oracle", debug=True, append="oracle=1")

# A mutant that any test of COW notices: its comment.
WRONG = """
/*
 * X-wrong: the sender keeps the right to write.
 * File: kernel/vm/run.h
 * Killed by: test_item cow
 */
"""
# One that is as good as what it replaces.
RIGHT = """
/*
 * X-right: one page is one page.
 * File: kernel/vm/copy.h
 * Killed by: test_copy in
 */
static inline uint64_t page_rest(va_t va, uint64_t n) {
    uint64_t rest = PAGE_SIZE - (va & (PAGE_SIZE - 1));
    return n < rest ? n : rest;
}
"""


@points(1)
@programs(
    "test_item_more",
    "test_item_held",
    "test_copy_time",
    variants=[FAST, SLOW, DEBUG, FOUR_HARTS, ORACLE],
)
def test_item_more(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """More memory items: one check of a guest program."""
    judge(check, variant)


def mutants(*words: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        [sys.executable, "tools/mutants", *words],
        cwd=TOP,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=600,
    )


def function_of(file: str, name: str) -> str:
    text = (TOP / file).read_text(encoding="utf-8")
    found = re.search(rf"^static [^;{{}}]*\b{name}\(.*?^}}\n", text, re.M | re.S)
    assert found, name
    return found[0]


def test_mutants_apply() -> None:
    """Each mutant's functions exist, and the tests that are to notice it."""
    done = mutants("--list")
    if done.returncode != 0:
        scoring.fail("all mutants apply", done.stdout)


@points(3)
@pytest.mark.xdist_group("planted")
def test_verdicts(tmp_path: Path) -> None:
    """A wrong solution is killed, and one that is right survives."""
    cow = function_of("kernel/vm/run.h", "run_cow")
    wrong = cow.replace("~(pte_t)(PTE_W | PTE_SHARED)", "~(pte_t)PTE_SHARED")
    assert wrong != cow
    source = tmp_path / "two.c"
    source.write_text(WRONG + wrong + RIGHT, encoding="utf-8")
    done = mutants("--no-build", "--from", str(source))
    assert done.returncode == 1, done.stdout
    assert re.search(r"^X-wrong +killed by test_item cow: FAIL", done.stdout, re.M)
    assert re.search(r"^X-right +SURVIVES: not noticed by", done.stdout, re.M)
    assert "1 of 2 mutants killed" in done.stdout


@pytest.mark.parametrize(
    "old, new, told",
    [
        ("uint64_t n)", "uint32_t n)", "has another type now"),
        ("page_rest", "page_best", "has 0 x page_best"),
        ("test_copy in", "test_copy inn", "has no check inn"),
        ("vm/copy.h", "vm/kopy.h", "there is no file"),
    ],
)
def test_stale(tmp_path: Path, old: str, new: str, told: str) -> None:
    """A mutant that does not apply any more is an error, not a survivor."""
    source = tmp_path / "stale.c"
    source.write_text(RIGHT.replace(old, new), encoding="utf-8")
    done = mutants("--list", "--from", str(source))
    assert done.returncode == 2
    assert told in done.stdout


def test_rows() -> None:
    """Each known defect of page transfers, fences and copies has a mutant, or a
    line that says why there is none."""
    text = (MUTANTS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (M-\d+) \| (.*) \|$", text, re.M)
    names = {line.split()[0] for line in mutants("--list").stdout.splitlines()}
    assert rows
    for row, why in rows:
        has = any(re.fullmatch(rf"{row}(-[a-z-]+)?", name) for name in names)
        assert has or why.startswith("none: "), f"{row}: {why}"
