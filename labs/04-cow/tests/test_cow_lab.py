# SPDX-License-Identifier: MIT
"""Lab 4: references to frames, pages that are common, fork."""
from __future__ import annotations

import re

import pytest

from grading.octavo.labtests import Bench

# --- References --------------------------------------------------------------


def test_refs(bench: Bench) -> None:
    """References are counted up and down, however many there are."""
    bench.unit("refs")


def test_free(bench: Bench) -> None:
    """A frame is free when its last reference goes, and not before."""
    bench.unit("free")


def test_atomic(bench: Bench) -> None:
    """A count changes by one instruction, and is not looked at again."""
    bench.unit("atomic")


# --- Faults ------------------------------------------------------------------


def test_reuse(bench: Bench) -> None:
    """The last owner of a page gets W back, and copies nothing."""
    bench.unit("reuse")


def test_copy(bench: Bench) -> None:
    """A store to a common page makes a copy of all of it, to the last word."""
    bench.unit("copy")


def test_common(bench: Bench) -> None:
    """A load of a common page gets what it wants, but not W."""
    bench.unit("common")


def test_rights(bench: Bench) -> None:
    """No page gets a right that its region does not have."""
    bench.unit("rights")


def test_shared(bench: Bench) -> None:
    """Pages that others are meant to see, and devices' pages, are not copied."""
    bench.unit("shared")


def test_lent(bench: Bench) -> None:
    """A page that is lent gets no right, and is not copied."""
    bench.unit("lent")


def test_seen(bench: Bench) -> None:
    """A page that permits the access already is only forgotten by the hart."""
    bench.unit("seen")


def test_nothing(bench: Bench) -> None:
    """Without memory for a copy: ENOMEM, and the page is as it was."""
    bench.unit("nothing")


def test_fences(bench: Bench) -> None:
    """A copy takes one fence, and a right that is added none."""
    bench.unit("fences")


def test_order(bench: Bench) -> None:
    """The fence comes after the entry, and before the old frame goes."""
    bench.unit("order", debug=True)


def test_cost(bench: Bench) -> None:
    """A copy is made within the budget of instructions."""
    bench.unit("cost")
    bench.within_budget()


# --- The kernel's own accesses -----------------------------------------------


def test_resolve(bench: Bench) -> None:
    """space_resolve makes of a page what the kernel's access wants."""
    bench.unit("resolve")


def test_resolve_not(bench: Bench) -> None:
    """space_resolve refuses what a program could not do, and undoes nothing."""
    bench.unit("resolve_not")


def test_kernel_write(bench: Bench) -> None:
    """What the kernel writes for one, another does not see."""
    bench.unit("kernel_write")


# --- Fork --------------------------------------------------------------------


def test_fork(bench: Bench) -> None:
    """Fork makes pages common: one frame, two references, no W."""
    bench.unit("fork")


def test_read_only(bench: Bench) -> None:
    """Pages that may only be read are common, and stay as they are."""
    bench.unit("read_only")


def test_again(bench: Bench) -> None:
    """A page can be common to three, and a copy to others again."""
    bench.unit("again")


def test_fork_shared(bench: Bench) -> None:
    """Shared pages stay shared where that is meant, and are copied elsewhere."""
    bench.unit("fork_shared")


def test_fork_not(bench: Bench) -> None:
    """Devices' pages, and what is lent or borrowed, are not inherited."""
    bench.unit("fork_not")


def test_fork_large(bench: Bench) -> None:
    """A megapage becomes small pages, which are common."""
    bench.unit("fork_large")


def test_fork_steps(bench: Bench) -> None:
    """A long fork is done in steps, each within its budget."""
    bench.unit("fork_steps")


def test_fork_fences(bench: Bench) -> None:
    """Fork fences the pages that lose W, and no others."""
    bench.unit("fork_fences")


def test_fork_nothing(bench: Bench) -> None:
    """Whichever allocation of a fork fails, nothing is left of it."""
    bench.unit("fork_nothing")


def test_fork_quota(bench: Bench) -> None:
    """Whichever charge of a fork is refused, nothing is left of it."""
    bench.unit("fork_quota")


def test_fork_end(bench: Bench) -> None:
    """When the child ends, the parent has its pages for itself again."""
    bench.unit("fork_end")


@pytest.mark.parametrize("seed", [1, 2])
def test_random(bench: Bench, seed: int) -> None:
    """1,500 random steps of five processes agree with a model."""
    bench.unit("random", seed=seed)


# --- Programs ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "store_parent",
        "store_parent_2",
        "store_child",
        "store_child_2",
        "kernel_parent",
        "kernel_parent_2",
        "kernel_child",
        "kernel_child_2",
    ],
)
def test_apart(bench: Bench, name: str) -> None:
    """Whoever writes, by whatever way and in whatever order: the other's pages
    stay, to the last word."""
    bench.check("lab_cow", name, limit=2)


@pytest.mark.parametrize("name", ["store_nothing", "kernel_nothing"])
def test_no_memory(bench: Bench, name: str) -> None:
    """A write for which there is no memory is an error, and no panic."""
    bench.check("lab_cow", name, append="debug=1", limit=2)


def test_threads(bench: Bench) -> None:
    """A thread on another hart sees the copy, too."""
    bench.check("lab_cow", "threads", smp=2)


@pytest.mark.parametrize("seed", [1, 2])
def test_harts(bench: Bench, seed: int) -> None:
    """On four harts, nobody writes a page of the child after fork."""
    bench.check("test_fence", "forked", smp=4, seed=seed, append="debug=1")


def test_forks(bench: Bench) -> None:
    """Generations, 40 sharers and 300 forks in a row leave the pages right."""
    for name in ("generations", "many_sharers", "300_forks"):
        bench.check("test_cow", name)


@pytest.mark.parametrize("name", ["copied", "kept"])
def test_answers(bench: Bench, name: str) -> None:
    """The first question is answered as it comes out on this kernel."""
    run = bench.run("lab_family", append="debug=1", limit=2)
    found = re.findall(rf"(\d+) {name}", run.output)
    if len(found) != 4:
        run.fail("four lines of lab_family", f"{len(found)} of them")
    bench.answer(name, sum(int(count) for count in found))


@pytest.mark.parametrize(
    "program", ["test_fork", "test_map", "test_cow", "seq 500 > n; wc n"]
)
def test_boots(bench: Bench, program: str) -> None:
    """The system boots on these pages, and its programs work."""
    run = bench.run(program)
    run.expect_status(0)
