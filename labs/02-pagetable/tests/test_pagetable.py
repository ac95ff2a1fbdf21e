# SPDX-License-Identifier: MIT
"""Lab 2: the functions of kernel/vm/pagetable.c, and the system on them."""
from __future__ import annotations

import re
import struct
from typing import Optional

import pytest

from grading.octavo.labtests import Bench
from grading.octavo.outside import A, D, R, U, V, W


def test_find(bench: Bench) -> None:
    """pagetable_find gives the entry at each level, and NULL where none is."""
    bench.unit("find")


def test_walk(bench: Bench) -> None:
    """pagetable_walk makes the tables that are missing, counts and charges them."""
    bench.unit("walk")


def test_walk_nothing(bench: Bench) -> None:
    """A walk without memory or quota makes no table and charges nothing."""
    bench.unit("walk_nothing")


def test_walk_reserve(bench: Bench) -> None:
    """The last frames make tables for essential quotas alone."""
    bench.unit("walk_reserve")


def test_map(bench: Bench) -> None:
    """pagetable_map and pagetable_fill write exactly the leaf that was asked for."""
    bench.unit("map")


def test_map_nothing(bench: Bench) -> None:
    """A page that cannot be mapped leaves table, quota and memory as they were."""
    bench.unit("map_nothing")


def test_large(bench: Bench) -> None:
    """pagetable_map_large writes one leaf at level 1."""
    bench.unit("large")


def test_unmap(bench: Bench) -> None:
    """pagetable_unmap empties a leaf, gives it back, and keeps the reference."""
    bench.unit("unmap")


def test_protect(bench: Bench) -> None:
    """pagetable_protect says whether a right went, and so a fence is due."""
    bench.unit("protect")


def test_next(bench: Bench) -> None:
    """pagetable_next finds each page in order, at the edges of tables, too."""
    bench.unit("next")


def test_next_budget(bench: Bench) -> None:
    """pagetable_next stops when its budget is used up and says how far it got."""
    bench.unit("next_budget")


def test_prune(bench: Bench) -> None:
    """pagetable_prune unlinks the tables that are empty, and only those."""
    bench.unit("prune")


def test_split(bench: Bench) -> None:
    """pagetable_split puts 512 pages with the same rights in a megapage's place."""
    bench.unit("split")


def test_dump(bench: Bench) -> None:
    """pagetable_dump prints each page with its rights, in order."""
    bench.unit("dump")
    log = bench.machine.runs[-1].result.log
    lines = re.findall(
        r"^([0-9a-f]{10}) -> [0-9a-f]{10} (\S{6}) refs (\d+)$", log, re.M
    )
    pages = [0, 0x1000, 0x1FF000, 0x200000, 0xC0A07000, 0x3FFFFFF000]
    rights = ["------", "vrw---"] * 3
    expected = [(f"{va:010x}", flags, "1") for va, flags in zip(pages, rights)]
    expected.insert(-1, ("00c0c00000", "vrw---", "0"))  # 2 MiB that are not RAM
    if lines != expected:
        bench.machine.runs[-1].fail(str(expected), str(lines))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random(bench: Bench, seed: int) -> None:
    """2,000 random steps agree with a model, and nothing is left at the end."""
    bench.unit("random", seed=seed)


@pytest.mark.parametrize("name", ["tables", "frames"])
def test_answers(bench: Bench, name: str) -> None:
    """The second question is answered as it comes out on these tables."""
    bench.unit("question")
    log = bench.machine.runs[-1].result.log
    counts = re.search(r"^question: (\d+) tables, (\d+) frames$", log, re.M)
    assert counts, "the unit test prints the counts"
    bench.answer(name, int(counts[1 if name == "tables" else 2]))


@pytest.mark.parametrize("program", ["test_map", "test_fork", "test_space"])
def test_boots(bench: Bench, program: str) -> None:
    """The system boots on these tables, and maps, forks and builds spaces."""
    run = bench.run(program)
    run.expect_status(0)


PLACE, PAGES = 0x501FE0000, 64
USER_RW, USER_R = V | R | W | U | A | D, V | R | U | A | D


def expected_flags(number: int) -> Optional[int]:
    """What lab_map leaves of a page; None: nothing."""
    if number % 4 == 0:
        return None
    return USER_R if number % 3 == 0 else USER_RW


def test_outside(bench: Bench) -> None:
    """The tables that a program leaves in memory, walked by the host, map its pages."""
    with bench.frozen("lab_map", r"^frozen", mem=16) as machine:
        space = machine.space_of(PLACE + 4096, struct.pack("<Q", 0x0C7A << 48 | 1))
        for number in range(PAGES):
            va = PLACE + 4096 * number
            leaf = space.leaf(va)
            got = leaf.flags if leaf else None
            if got != expected_flags(number):
                want = expected_flags(number)
                machine.fail(f"flags of page {va:#x}: {want}", str(got))
            word = struct.pack("<Q", (0x0C7A << 48) + number)
            if leaf and space.read(va, 8) != word:
                machine.fail(f"page {number} at {va:#x}", space.read(va, 8).hex())
