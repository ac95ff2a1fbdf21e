# SPDX-License-Identifier: MIT
"""Pagers and file mappings: the guest programs of user/tests, each check a
test."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import DEBUG, FAST, FOUR_HARTS, SLOW, Check, Variant, programs
from grading.octavo.scoring import points


@points(1)
@programs(
    "test_pager",
    "test_pager_end",
    "test_pager_way",
    "test_mmap",
    variants=[FAST, SLOW, DEBUG, FOUR_HARTS],
)
def test_pagers(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Pagers: one check of a guest program."""
    judge(check, variant)
