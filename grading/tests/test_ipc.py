# SPDX-License-Identifier: MIT
"""IPC: the guest programs of user/tests, each check a test."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import DEBUG, FAST, FOUR_HARTS, SLOW, Check, Variant, programs
from grading.octavo.scoring import points


@points(1)
@programs(
    "test_message",
    "test_error",
    "test_dead",
    "test_deadline",
    "test_revoke",
    "test_reply",
    "test_closed",
    "test_transfer",
    "test_order",
    "test_cycle",
    "test_signal",
    "test_path",
    variants=[FAST, SLOW, DEBUG, FOUR_HARTS],
)
def test_ipc(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """IPC: one check of a guest program."""
    judge(check, variant)
