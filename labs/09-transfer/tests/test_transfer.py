# SPDX-License-Identifier: MIT
"""Lab 9: pages that go with messages; the guest programs are those of
user/tests."""
from __future__ import annotations

import pytest

from grading.octavo.labtests import Bench


@pytest.mark.parametrize("name", ["run_move", "run_move_rights"])
def test_run_move(bench: Bench, name: str) -> None:
    """run_move: entries change places, and no page gains a right."""
    bench.unit(name)


def test_run_share(bench: Bench) -> None:
    """run_share: one reference more, both entries marked, nothing lost."""
    bench.unit("run_share")


def test_run_cow(bench: Bench) -> None:
    """run_cow: one reference more, and neither may write."""
    bench.unit("run_cow")


def test_valid(bench: Bench) -> None:
    """Items that are wrong by themselves are refused, and named."""
    bench.unit("valid")


def test_clash(bench: Bench) -> None:
    """Of ranges that overlap only SHARE with SHARE and COW with COW pass."""
    bench.unit("clash")


def test_ranges(bench: Bench) -> None:
    """Holes and rights that a region lacks are found, wherever they are."""
    bench.unit("regions")


def test_locked(bench: Bench) -> None:
    """What is lent, borrowed or a memory object's does not pass the check."""
    bench.unit("locked")


def test_first(bench: Bench) -> None:
    """Two pages move from one space to another, before there is a program."""
    bench.unit("first")


def test_sweep(bench: Bench) -> None:
    """Whichever allocation fails, regions and quotas are as they were."""
    bench.unit("sweep")


def test_move(bench: Bench) -> None:
    """A moved page is the receiver's alone: same frame, not the sender's any more."""
    bench.check("test_item", "move")


def test_share(bench: Bench) -> None:
    """A shared page is one frame for both, with no more rights than were given."""
    bench.check("test_item", "share")


def test_cow(bench: Bench) -> None:
    """Neither side sees what the other writes after a COW, and both may write."""
    bench.check("test_item", "cow")


def test_errors(bench: Bench) -> None:
    """Malformed items and rights that the sender lacks are refused."""
    bench.check("test_item", "errors")


@pytest.mark.parametrize(
    "name", ["quick_move", "quick_share", "quick_cow", "quick_lazy"]
)
def test_short(bench: Bench, name: str) -> None:
    """One item in one table goes the short way, with the same results."""
    bench.check("test_item_more", name)


def test_lazy(bench: Bench) -> None:
    """Pages that nobody has touched go along, and are not counted."""
    bench.check("test_item_room", "lazy")


def test_hole(bench: Bench) -> None:
    """A range with a hole is refused, and nothing moves."""
    bench.check("test_item_room", "hole")


def test_regions(bench: Bench) -> None:
    """A range over several regions goes as one."""
    bench.check("test_item_room", "regions")


def test_named(bench: Bench) -> None:
    """The item that failed is named, and the others stayed."""
    bench.check("test_item_room", "named")


def test_overlap(bench: Bench) -> None:
    """Ranges of one message overlap only where nothing is taken away."""
    bench.check("test_item_room", "overlap")


@pytest.mark.parametrize("name", ["rights", "execute"])
def test_rights(bench: Bench, name: str) -> None:
    """The receiver gets no right that was not given: not to write, not to execute."""
    bench.check("test_item_held", name)


@pytest.mark.parametrize("name", ["rights", "lower"])
def test_cow_rights(bench: Bench, name: str) -> None:
    """COW of pages that can only be read gives no right to write."""
    bench.check("test_item_cow", name)


@pytest.mark.parametrize("name", ["move_common", "share_common", "once_shared"])
def test_marks(bench: Bench, name: str) -> None:
    """Common pages stay common, and marks go when nobody else has the page."""
    bench.check("test_item_cow", name)


def test_held(bench: Bench) -> None:
    """What is lent or borrowed can be transferred by nobody."""
    bench.check("test_item_held", "lent")


def test_lend(bench: Bench) -> None:
    """Lent pages are the server's until it replies, then the client's again."""
    bench.check("test_lend", "lend")


@pytest.mark.parametrize("name", ["self", "beside", "bound"])
def test_self(bench: Bench, name: str) -> None:
    """Within one space pages go, too, and what is too much ends in an error."""
    bench.check("test_item_self", name)


def test_large(bench: Bench) -> None:
    """A part of a megapage goes as small pages."""
    bench.check("test_large", "part")


def test_paged(bench: Bench) -> None:
    """Pages that a pager has go with what it has for them."""
    bench.check("test_pager_end", "items")


def test_counts(bench: Bench) -> None:
    """The pages of each mode are counted."""
    bench.check("test_stat", "modes")


@pytest.mark.parametrize(
    "name", ["undo_tables", "undo_regions", "undo_quota", "undo_copies"]
)
def test_undo(bench: Bench, name: str) -> None:
    """After a failure tables, regions, quota and frames are as they were."""
    bench.check("test_item_more", name)


@pytest.mark.parametrize("name", ["undo", "pages"])
def test_big(bench: Bench, name: str) -> None:
    """Large ranges move by whole tables, and are taken back as such."""
    bench.check("test_item_big", name)


@pytest.mark.parametrize("name", ["move", "move_table", "share", "cow"])
def test_fences(bench: Bench, name: str) -> None:
    """One fence for a message that takes rights away, none for one that does not."""
    bench.check("test_fence", name)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_harts(bench: Bench, seed: int) -> None:
    """On four harts, no hart writes to a page after it was taken away."""
    bench.check("test_fence", "taken", smp=4, seed=seed)


def test_boots(bench: Bench) -> None:
    """The system boots, and programs are loaded, forked and piped."""
    run = bench.run("seq 500 > n; cat n | wc; rm n")
    run.expect_output("500 500 1892")
    run = bench.run("test_exec; test_pipe")
    run.expect_status(0)
