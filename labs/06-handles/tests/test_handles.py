# SPDX-License-Identifier: MIT
"""Lab 6: the table of handles, sessions minted and revoked, and the system."""
from __future__ import annotations

import pytest

from grading.octavo.labtests import Bench


def test_slot(bench: Bench) -> None:
    """slot_fill and slot_empty write a slot whole, and count what it lost."""
    bench.unit("slot")


def test_lookup(bench: Bench) -> None:
    """handle_lookup tells no handle (EBADF) from a missing right (EPERM)."""
    bench.unit("lookup")


def test_outside(bench: Bench) -> None:
    """No number beyond the table is taken for a handle, however large it is."""
    bench.unit("outside")


def test_take(bench: Bench) -> None:
    """handle_take adds a reference, under the table's lock, if it succeeds."""
    bench.unit("take")


def test_changed(bench: Bench) -> None:
    """handle_changed sees another object, another generation, and a free slot."""
    bench.unit("changed")


def test_insert(bench: Bench) -> None:
    """handle_insert takes the lowest free slot at or above the bound."""
    bench.unit("insert")


def test_insert_full(bench: Bench) -> None:
    """A full table is ENOSPC; it and the caller's reference stay as they are."""
    bench.unit("insert_full")


def test_remove(bench: Bench) -> None:
    """handle_remove hands the reference over; handle_close drops it, unlocked."""
    bench.unit("remove")


def test_forget(bench: Bench) -> None:
    """handle_forget empties a slot only if it still holds this entry."""
    bench.unit("forget")


def test_dup(bench: Bench) -> None:
    """A copy has the rights that are in both, and one reference more."""
    bench.unit("dup")


def test_dup_lowest(bench: Bench) -> None:
    """With DUP_LOWEST the slot is a lower bound."""
    bench.unit("dup_lowest")


def test_dup_errors(bench: Bench) -> None:
    """A dup that fails changes neither source, nor target, nor a count."""
    bench.unit("dup_errors")


def test_move(bench: Bench) -> None:
    """A move empties its source and takes the reference along."""
    bench.unit("move")


def test_replace(bench: Bench) -> None:
    """What is replaced is closed, after the lock has been given back."""
    bench.unit("replace")


def test_same(bench: Bench) -> None:
    """Dup into the same slot narrows the rights and keeps the reference."""
    bench.unit("same")


def test_inherit(bench: Bench) -> None:
    """A child gets the handles with INHERIT, in the same slots; no unique ones."""
    bench.unit("inherit")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random(bench: Bench, seed: int) -> None:
    """2,000 random steps agree with a model, in slots, rights and references."""
    bench.unit("random", seed=seed)


def test_mint(bench: Bench) -> None:
    """A session has the rights and the badge asked for, and no others at all."""
    bench.check("test_error", "mint")
    bench.check("test_handle", "badge_hidden")


def test_mint_failed(bench: Bench) -> None:
    """A mint that fails keeps no session, and sends no notice."""
    bench.check("lab_revoke", "refused")
    bench.check("lab_revoke", "full")


def test_revoke(bench: Bench) -> None:
    """All copies of a revoked session are stale, in every process."""
    bench.check("test_revoke", "session")
    bench.check("test_revoke", "reuse")
    bench.check("lab_revoke", "copy")


def test_revoke_all(bench: Bench) -> None:
    """Revoking an endpoint makes all its sessions stale, but no later ones."""
    bench.check("test_revoke", "endpoint")
    bench.check("test_revoke", "receiver_waits")


def test_waiters(bench: Bench) -> None:
    """Who waits in a call through what is revoked gets ESTALE; others stay."""
    for name in ("waiters", "endpoint_waiters", "open"):
        bench.check("test_revoke", name, limit=2)


def test_holder(bench: Bench) -> None:
    """Only the endpoint's holder revokes a session, whatever slot it is in."""
    bench.check("lab_revoke", "anywhere")
    bench.check("lab_revoke", "other")
    bench.check("test_revoke", "stranger")


def test_closed(bench: Bench) -> None:
    """A revoke holds no reference afterwards: CLOSED comes at the last close."""
    bench.check("lab_revoke", "closed")
    bench.check("lab_revoke", "closed_refused")


@pytest.mark.parametrize("program", ["test_handle", "test_closed", "test_fork"])
def test_boots(bench: Bench, program: str) -> None:
    """The system boots on these handles, and its programs work."""
    run = bench.run(program)
    run.expect_status(0)


def test_pipe(bench: Bench) -> None:
    """Files, pipes and children: each handle is closed when its time comes."""
    run = bench.run("echo piped | cat", limit=2)
    run.expect_status(0)
