# SPDX-License-Identifier: MIT
"""Statistics and the server sys: guest programs, and what the shell shows."""
from __future__ import annotations

import re
from typing import Callable, Dict, List

import pytest

from grading.octavo.guest import DEBUG, FAST, FOUR_HARTS, SLOW, Check, Variant, programs
from grading.octavo.machine import Machine
from grading.octavo.scoring import points

LINES = """
transfers failures pages_moved pages_shared pages_cowed pages_lent bytes_copied
cow_copies cow_reuses fences_page fences_space fences_all fences_remote
remap_count remap_min remap_average remap_max remap_sum
""".split()


@points(1)
@programs("test_sys", "test_stat", variants=[FAST, SLOW, DEBUG, FOUR_HARTS])
def test_sys(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Statistics and the server sys: one check of a guest program."""
    judge(check, variant)


@points(2)
@pytest.mark.parametrize("smp", [1, 2, 8])
def test_cat(machine: Machine, smp: int) -> None:
    """cat /sys/ipc/transfer shows a column for each hart and their sum."""
    run = machine.run("test_item move; cat /sys/ipc/transfer", smp=smp)
    run.expect_status(0)
    text = run.output[run.output.index(" all") :]
    head, *lines = text.splitlines()
    assert head.split() == ["all"] + [f"hart{hart}" for hart in range(smp)]
    rows: Dict[str, List[int]] = {}
    for line in lines:
        name, *values = line.split()
        rows[name] = [int(value) for value in values]
    assert list(rows) == LINES
    assert {len(values) for values in rows.values()} == {1 + smp}
    for name, (total, *parts) in rows.items():
        if re.fullmatch("remap_(min|average|max)", name) is None:
            assert total == sum(parts), name
    assert rows["pages_moved"][0] >= 3
    assert rows["remap_min"][0] > 0
    assert rows["bytes_copied"][0] > 0 and rows["fences_page"][0] > 0
