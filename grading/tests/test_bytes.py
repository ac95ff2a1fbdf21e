# SPDX-License-Identifier: MIT
"""Messages with any number of bytes: each check of the programs a test."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import DEBUG, FAST, FOUR_HARTS, SLOW, Check, Variant, programs
from grading.octavo.scoring import points


@points(1)
@programs(
    "test_bytes",
    "test_bytes_src",
    "test_bytes_srv",
    variants=[FAST, SLOW, DEBUG, FOUR_HARTS],
)
def test_bytes(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Messages with bytes: one check of a guest program."""
    judge(check, variant)
