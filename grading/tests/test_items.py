# SPDX-License-Identifier: MIT
"""Memory items: the guest programs of user/tests, each check a test."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import (
    DEBUG,
    DEBUG_SEEDS,
    FAST,
    FOUR_HARTS,
    SEEDS,
    SLOW,
    SLOW_SEEDS,
    Check,
    Variant,
    programs,
)
from grading.octavo.scoring import points


@points(1)
@programs(
    "test_contract",
    "test_item",
    "test_item_big",
    "test_item_cow",
    "test_item_end",
    "test_item_give",
    "test_item_next",
    "test_item_room",
    "test_item_self",
    "test_large",
    "test_lend",
    "test_lend_rule",
    variants=[FAST, SLOW, DEBUG, FOUR_HARTS],
)
def test_items(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Memory items: one check of a guest program."""
    judge(check, variant)


@points(1)
@programs("test_sweep", "test_sweep_two", variants=[FAST, SLOW, DEBUG])
def test_item_failures(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Transfers whose allocations fail: one check of a guest program."""
    judge(check, variant)


@points(2)
@programs("test_churn", variants=[*SEEDS[:2], *SLOW_SEEDS[:1], *DEBUG_SEEDS[:1]])
def test_churn(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Random transfers, faults, forks and kills: one check of a program."""
    judge(check, variant)
