# SPDX-License-Identifier: MIT
"""Lab 3: regions, pages that come when they are touched, the heap."""
from __future__ import annotations

import re
import struct

import pytest

from grading.octavo.labtests import Bench
from grading.octavo.outside import A, D, R, U, V, W

# --- Regions -----------------------------------------------------------------


def test_search(bench: Bench) -> None:
    """region_after and region_search find what is there, to the byte."""
    bench.unit("search")


def test_free(bench: Bench) -> None:
    """region_is_free sees each region that a range touches, and no other."""
    bench.unit("free")


def test_guard(bench: Bench) -> None:
    """The page below a stack is not free, and not a part of the stack."""
    bench.unit("guard")


def test_link(bench: Bench) -> None:
    """Regions stand in the order of their addresses, however they were added."""
    bench.unit("link")


def test_place(bench: Bench) -> None:
    """region_place gives the lowest gap that is long enough, aligned."""
    bench.unit("place")


def test_place_full(bench: Bench) -> None:
    """Where no gap is long enough, region_place says so."""
    bench.unit("place_full")


def test_stacks(bench: Bench) -> None:
    """A stack is mapped above a guard, and nothing into one."""
    bench.unit("stacks")


def test_split(bench: Bench) -> None:
    """A split region's parts meet, and the guard is the lower one's."""
    bench.unit("split")


def test_split_parts(bench: Bench) -> None:
    """Both parts of a split region keep what belongs to their pages."""
    bench.unit("split_parts")


def test_split_nothing(bench: Bench) -> None:
    """A region that cannot be split is as it was."""
    bench.unit("split_nothing")


# --- Faults ------------------------------------------------------------------


def test_fill(bench: Bench) -> None:
    """A missing page becomes a page of zeros with the region's rights."""
    bench.unit("fill")


def test_zero(bench: Bench) -> None:
    """What a frame held before is never seen."""
    bench.unit("zero")


def test_rights(bench: Bench) -> None:
    """An access that no region permits is EFAULT, and makes no page."""
    bench.unit("rights")


def test_again(bench: Bench) -> None:
    """A page that is there stays, with its bytes, and gains the right."""
    bench.unit("again")


def test_memory(bench: Bench) -> None:
    """A page of a memory object is the object's own."""
    bench.unit("memory")


def test_pager(bench: Bench) -> None:
    """A missing page of a region with a pager is asked for, and not made."""
    bench.unit("pager")


def test_large(bench: Bench) -> None:
    """A megapage is filled step by step where one can be."""
    bench.unit("large")


def test_nothing(bench: Bench) -> None:
    """Whichever allocation fails: ENOMEM, and nothing is lost or left."""
    bench.unit("nothing")


def test_quota(bench: Bench) -> None:
    """A page that the quota does not allow is ENOMEM, and nothing is left."""
    bench.unit("quota")


def test_provide(bench: Bench) -> None:
    """The kernel's own accesses make pages in the same way."""
    bench.unit("provide")


def test_provide_not(bench: Bench) -> None:
    """What cannot be provided has its error, and never the kernel a pager."""
    bench.unit("provide_not")


def test_cost(bench: Bench) -> None:
    """A page is made within the budget of instructions."""
    bench.unit("cost")
    bench.within_budget()


# --- The heap ----------------------------------------------------------------


def test_heap(bench: Bench) -> None:
    """The heap grows and shrinks by pages."""
    bench.unit("heap")


def test_heap_bytes(bench: Bench) -> None:
    """The heap grows and shrinks by bytes; its region ends at a page."""
    bench.unit("heap_bytes")


def test_heap_lazy(bench: Bench) -> None:
    """Growing takes no memory: touching does."""
    bench.unit("heap_lazy")


def test_heap_shrink(bench: Bench) -> None:
    """What is given back is gone, and comes back as zeros."""
    bench.unit("heap_shrink")


def test_heap_steps(bench: Bench) -> None:
    """The heap's end moves when the last step of a long shrink is done."""
    bench.unit("heap_steps")


def test_heap_errors(bench: Bench) -> None:
    """Impossible amounts are refused, and the heap stays as it is."""
    bench.unit("heap_errors")


def test_heap_room(bench: Bench) -> None:
    """The heap stops at other regions, their guards, and the quota."""
    bench.unit("heap_room")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_heap_random(bench: Bench, seed: int) -> None:
    """600 random steps agree with a model, and nothing is left at the end."""
    bench.unit("heap_random", seed=seed)


# --- Programs ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["loads", "stores", "jumps", "write_text", "execute_data"]
)
def test_deaths(bench: Bench, name: str) -> None:
    """A program that touches what is not its own dies of it, and alone."""
    bench.check("test_fault", name, limit=2)


@pytest.mark.parametrize("name", ["stack", "guard", "map_guard"])
def test_stack(bench: Bench, name: str) -> None:
    """A stack grows on demand, and ends at its guard."""
    bench.check("test_fault", name, limit=2)


def test_recovery(bench: Bench) -> None:
    """A fault in the range that a program named goes on at its handler."""
    bench.check("test_fault", "recovery", limit=2)


def test_traps(bench: Bench) -> None:
    """A trap that is no page fault is not taken for one."""
    bench.check("test_fault", "instructions", limit=2)
    bench.check("test_fpu", "first_use", limit=2)


@pytest.mark.parametrize("seed", [1, 2])
def test_harts(bench: Bench, seed: int) -> None:
    """A page that four threads touch at once is made once."""
    bench.check("lab_touch", "together", smp=4, seed=seed)


PLACE, FIXED, PAGES = 0x501FE0000, 0x601FE0000, 64
USER_RW, USER_R = V | R | W | U | A | D, V | R | U | A | D


def test_outside(bench: Bench) -> None:
    """In the tables in memory, walked by the host, are the pages touched alone."""
    with bench.frozen("lab_lazy", r"^frozen", mem=16) as machine:
        word = struct.pack("<Q", 0x1A27 << 48 | 8)
        space = machine.space_of(PLACE + 8 * 4096, word)
        for number in range(PAGES):
            loaded, stored = number % 5 == 0, number % 8 == 0
            for base, flags in ((PLACE, USER_RW), (FIXED, USER_R)):
                va = base + 4096 * number
                leaf = space.leaf(va)
                got = leaf.flags if leaf else None
                there = loaded or (stored and base == PLACE)
                want = flags if there else None
                if got != want:
                    machine.fail(f"flags of page {va:#x}: {want}", str(got))
                if leaf and not stored and any(space.read(va, 4096)):
                    machine.fail(f"a page of zeros at {va:#x}", "other bytes")


def test_died_at(bench: Bench) -> None:
    """The first question is answered as the kernel says."""
    run = bench.run("lab_deep", limit=1)
    said = re.search(r"killed pid.*address (0x[0-9a-f]+)", run.result.log)
    if not said:
        run.fail("the kernel's line on the death of lab_deep", "no such line")
    assert said
    bench.answer("died_at", int(said[1], 16))


def test_tables(bench: Bench) -> None:
    """The second question is answered as it comes out on these tables."""
    run = bench.run("lab_sparse", limit=1)
    charged = re.search(r"^five pages: (\d+) frames", run.output, re.M)
    if not charged:
        run.fail("lab_sparse says how many frames it was charged", "no such line")
    assert charged
    bench.answer("tables", int(charged[1]) - 5)


@pytest.mark.parametrize(
    "program", ["test_map", "test_mmap", "test_pager", "ls; wc README"]
)
def test_boots(bench: Bench, program: str) -> None:
    """The system boots on these faults, and its programs work."""
    run = bench.run(program)
    run.expect_status(0)
