# SPDX-License-Identifier: MIT
"""Several harts at once: the guest programs of user/tests, each check a test."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import (
    DEBUG_SEEDS,
    SEEDS,
    SLOW_SEEDS,
    Check,
    Variant,
    programs,
)
from grading.octavo.scoring import points


@points(1)
@programs("test_stress", variants=[*SEEDS, *SLOW_SEEDS, *DEBUG_SEEDS])
def test_stress(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Several harts at once: one check of a guest program."""
    judge(check, variant)


@points(1)
@programs("test_fuzz", variants=[*SEEDS, *SLOW_SEEDS, *DEBUG_SEEDS])
def test_fuzz(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """System calls with random arguments: one check of a guest program."""
    judge(check, variant)


@points(1)
@programs("test_race", variants=[*SEEDS, *SLOW_SEEDS, *DEBUG_SEEDS])
def test_race(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """What must not be lost when two things meet: one check of a program."""
    judge(check, variant)
