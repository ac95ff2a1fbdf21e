# SPDX-License-Identifier: MIT
"""Several harts at once: the guest programs of user/tests, each check a test."""
from __future__ import annotations

from typing import Callable

from grading.octavo.guest import Check, Variant, SEEDS, programs
from grading.octavo.scoring import points


@points(1)
@programs("test_stress", variants=[*SEEDS])
def test_stress(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Several harts at once: one check of a guest program."""
    judge(check, variant)
