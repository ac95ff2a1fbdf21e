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

LOCKS = """
tree process irq endpoint handles loan space wait timer slab frame
pool plic console oracle
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


def table(text: str, name: str) -> Dict[str, List[int]]:
    """A table of /sys whose first line begins with `name`, by line."""
    start = re.search(rf"^ +{name}\b.*$", text, re.MULTILINE)
    assert start, text
    lines: Dict[str, List[int]] = {}
    for line in text[start.end() + 1 :].splitlines():
        found = re.match(r"(from \d+|\w+)((?: +\d+)+)$", line)
        if not found:
            break
        lines[found.group(1)] = [int(value) for value in found.group(2).split()]
    return lines


def assert_times(lines: Dict[str, List[int]]) -> None:
    """Count, least, average, most and the histogram are of the same values."""
    buckets = {int(n[5:]): v for n, v in lines.items() if n.startswith("from ")}
    for column, count in enumerate(lines["count"]):
        used = [(start, values[column]) for start, values in buckets.items()]
        used = [(start, number) for start, number in used if number > 0]
        least, average, most = (lines[n][column] for n in ("min", "average", "max"))
        assert sum(number for _, number in used) == count
        assert least <= average <= most
        if used:
            assert used[0][0] <= least < 2 * used[0][0]
            assert used[-1][0] <= most
            assert most < 2 * used[-1][0] or used[-1][0] == 1 << 23


@points(2)
@pytest.mark.parametrize("path", ["", " fastpath=0"])
def test_latency(machine: Machine, path: str) -> None:
    """With stats=1 a call takes as long as the bench says it does without."""
    bench = "bench_ipc ipc_rtt_8w notify_signal copy/64"
    plain = machine.run(bench, append=path)
    exact = [int(n) for n in re.findall(r"^row .* (\d+) \d+ \d+$", plain.output, re.M)]
    shown = machine.run(f"{bench}; cat /sys/ipc/latency", append="stats=1" + path)
    lines = table(shown.output, "call")
    names = "call reply_recv send recv reply copy signal wait_signal".split()
    assert_times(lines)
    found = [lines["min"][names.index(name)] for name in ("call", "signal")]
    assert found == exact[:2]
    assert all(lines["count"][names.index(n)] >= 1000 for n in ("call", "copy"))
    column = [values[names.index("copy")] for values in lines.values()]
    assert max(column[4:]) >= 1000  # of one size, in one bucket
    for output in (plain.output, shown.output):
        assert "octavo: panic" not in output


@points(2)
@pytest.mark.parametrize("smp", [1, 4])
def test_switch(machine: Machine, smp: int) -> None:
    """With stats=1 switches are timed, each hart's and their sum."""
    run = machine.run("test_thread; cat /sys/sched/switch", smp=smp, append="stats=1")
    lines = table(run.output, "all")
    assert {len(values) for values in lines.values()} == {1 + smp}
    assert_times(lines)
    for name, (total, *parts) in lines.items():
        if name == "count" or name.startswith("from "):
            assert total == sum(parts) > 0 or name != "count"
    assert lines["count"][0] >= 100 and lines["min"][0] > 50


def test_nothing_is_timed_unasked(machine: Machine) -> None:
    """Without stats=1 the files say what they need."""
    run = machine.run("cat /sys/sched/switch /sys/ipc/latency")
    run.expect_status(0)
    assert run.output.count("off: needs the boot argument stats=1") == 2


@points(2)
def test_locks(machine: Machine) -> None:
    """/sys/locks counts how often a hart found a lock taken."""
    alone = machine.run("test_message; cat /sys/locks")
    assert not any(
        value for line in table(alone.output, "all").values() for value in line
    )
    run = machine.run(
        "bench_harts crowd/8; cat /sys/locks", smp=8, append="tick=100 seed=1"
    )
    lines = table(run.output, "all")
    assert list(lines) == [f"lock_{name}" for name in LOCKS]
    for name, (total, *parts) in lines.items():
        assert total == sum(parts), name
    assert lines["lock_endpoint"][0] > 0
