# SPDX-License-Identifier: MIT
"""Budgets: guest instructions of what programs do most."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import FAST, SLOW, Check, Variant, programs
from grading.octavo.scoring import points


@points(2)
@programs("test_cost", variants=[FAST, SLOW])
def test_cost(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Budgets: one check of a guest program."""
    judge(check, variant)
