# SPDX-License-Identifier: MIT
"""The POSIX layer and its servers: the guest programs of user/tests, each check a test."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import DEBUG, FAST, FOUR_HARTS, SLOW, Check, Variant, programs
from grading.octavo.scoring import points


@points(1)
@programs(
    "test_file",
    "test_disk",
    "test_pipe",
    "test_exec",
    variants=[FAST, SLOW, DEBUG, FOUR_HARTS],
)
def test_posix(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """The POSIX layer and its servers: one check of a guest program."""
    judge(check, variant)
