# SPDX-License-Identifier: MIT
"""The file server: sessions, bad requests, dying clients, a full disk, cost."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import DEBUG, FAST, FOUR_HARTS, Check, Variant, programs
from grading.octavo.scoring import points


@points(1)
@programs("test_fs", variants=[FAST, DEBUG, FOUR_HARTS])
def test_fs_server(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """The file server: one check of a guest program."""
    judge(check, variant)


@points(2)
@programs("test_fs_cost", variants=[FAST])
def test_fs_cost(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """What is done to files stays within its budget of instructions."""
    judge(check, variant)
