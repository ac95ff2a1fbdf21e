# SPDX-License-Identifier: MIT
"""Lab 10: COPY, check by check; the guest programs are those of user/tests."""
from __future__ import annotations

import pytest

from grading.octavo.labtests import Bench


def test_in(bench: Bench) -> None:
    """Bytes come in, of every size and alignment, and no others."""
    bench.check("test_copy", "in")


def test_out(bench: Bench) -> None:
    """Bytes go out, of every size and alignment, and no others."""
    bench.check("test_copy", "out")


def test_directions(bench: Bench) -> None:
    """A window grants reading, writing or both, and no more than that."""
    bench.check("test_copy", "directions")


def test_arguments(bench: Bench) -> None:
    """Malformed arguments are EINVAL."""
    bench.check("test_copy", "arguments")


def test_precedence(bench: Bench) -> None:
    """Of several errors the one is told that the contract puts first."""
    bench.check("test_copy", "precedence")


def test_offsets(bench: Bench) -> None:
    """Offsets at the window's end are fine, and beyond it ERANGE."""
    bench.check("test_copy", "offsets")


@pytest.mark.parametrize("name", ["overflow", "overflow_out"])
def test_overflow(bench: Bench, name: str) -> None:
    """A copy that goes beyond the window stops exactly at its end: EOVERFLOW."""
    bench.check("test_copy", name)


@pytest.mark.parametrize("name", ["own_hole", "peer_hole"])
def test_holes(bench: Bench, name: str) -> None:
    """A hole on either side: its own error, and an exact count."""
    bench.check("test_copy", name)


@pytest.mark.parametrize("name", ["read_only", "peer_read_only"])
def test_rights(bench: Bench, name: str) -> None:
    """Pages that may only be read are not written by a copy."""
    bench.check("test_copy", name)


@pytest.mark.parametrize("name", ["lazy", "own_lazy"])
def test_lazy(bench: Bench, name: str) -> None:
    """Pages that nobody has touched are filled in on either side."""
    bench.check("test_copy", name)


@pytest.mark.parametrize("name", ["cow", "own_cow"])
def test_cow(bench: Bench, name: str) -> None:
    """A copy into a copy-on-write page leaves the other sharers' bytes alone."""
    bench.check("test_copy", name)


def test_handles(bench: Bench) -> None:
    """A handle that is no reply is EBADF, and one call's is not another's."""
    bench.check("test_window", "handles")


def test_implicit(bench: Bench) -> None:
    """Without a handle, the newest call's window is meant, if it is open."""
    bench.check("test_window", "implicit")


def test_items(bench: Bench) -> None:
    """Four windows in one call are kept apart."""
    bench.check("test_window", "items")


def test_same_space(bench: Bench) -> None:
    """Within one space, ranges may not overlap; others may be copied."""
    bench.check("test_window", "same_space")


@pytest.mark.parametrize("name", ["dead_client", "timed_out", "saved", "thief"])
def test_ends(bench: Bench, name: str) -> None:
    """A window ends with its call, and is the server's alone."""
    bench.check("test_window", name)


@pytest.mark.parametrize("program", ["test_copy_time", "test_window"])
def test_meanwhile(bench: Bench, program: str) -> None:
    """A client that goes away during a copy: EPIPE, and an exact count."""
    name = "meanwhile" if program == "test_copy_time" else "killed_meanwhile"
    bench.check(program, name)


def test_yields(bench: Bench) -> None:
    """A long copy lets others run."""
    bench.check("test_copy_time", "yields")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_at_once(bench: Bench, seed: int) -> None:
    """Four processes copy at once on four harts, each its own bytes."""
    bench.check("test_copy_time", "copies", smp=4, seed=seed)


def test_files(bench: Bench) -> None:
    """The system boots, and its servers read and write files and pipes."""
    run = bench.run("seq 500 > n; wc n; cat n | wc; rm n")
    run.expect_output("500 500 1892 n\n500 500 1892")
    run = bench.run("test_file; test_pipe")
    run.expect_status(0)
