# SPDX-License-Identifier: MIT
"""Lab 9: pages that go with messages; the guest programs are those of
user/tests."""
from __future__ import annotations

import pytest

from grading.octavo.labtests import Bench


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
