# SPDX-License-Identifier: MIT
"""Allocation failures: the guest programs of user/tests, each check a test."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import DEBUG, FAST, SLOW, Check, Variant, programs
from grading.octavo.scoring import points


@points(1)
@programs("test_alloc", variants=[FAST, SLOW, DEBUG])
def test_alloc(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Allocation failures: one check of a guest program."""
    judge(check, variant)
