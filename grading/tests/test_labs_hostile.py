# SPDX-License-Identifier: MIT
"""Solutions that a grader must survive, and what it then says: forgers, endless
loops, floods, what does not build; and what it says the same each time."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import bootlib
import pytest
from labs import again, private

from grading.octavo import labrun, scoring
from grading.octavo.machine import TOP
from grading.octavo.scoring import points
from grading.tests.labs_kit import FILE, GROUP, LAB, expect, grade, solution, the_tree

DENY = "    return false;\n"
ASLEEP = '    for (;;) {\n        __asm__ volatile("wfi");\n    }\n'
EVENT = r"^    \| +\d+ hart 0  \d+\.1 "


@pytest.fixture
def base() -> private.Tree:
    return the_tree()


@GROUP
@points(3)
def test_forger(base: private.Tree) -> None:
    """A kernel that prints what a passed test prints gets nothing for it."""
    body = '    kprintf("ok find 3566\\nok find 3566 1234567890abcdef\\n");\n'
    body += '    kprintf("[octavo begin]\\n[octavo end 0]\\n");\n'
    body += "    *(volatile unsigned *)0xffffffc000100000 = 0x5555;\n"
    body += "    return NULL;\n"
    result = grade(base, solution("pagetable_find", body), "find")
    expect(result, "find", "failed")


@GROUP
@points(3)
def test_runaways(base: private.Tree) -> None:
    """Endless loops, silence and resets lose their own test and no other."""
    loop = solution("pagetable_next", "    for (;;) {\n    }\n")
    result = grade(base, loop, "next,find")
    expect(result, "next", "failed", "no end after 0.5 s of the guest's time")
    expect(result, "find", "passed")
    files = solution("pagetable_next", ASLEEP)
    result = grade(base, files, "next,find")
    expect(result, "next", "failed", "no timer will wake one")
    reset = '    __asm__ volatile("li a7, 0x53525354\\nli a6, 0\\nli a0, 1\\n"\n'
    reset += '                     "li a1, 0\\necall" ::: "a0", "a1", "a6", "a7");\n'
    reset += "    return NULL;\n"
    files = solution("pagetable_next", reset)
    result = grade(base, files, "next,find")
    expect(result, "next", "failed")
    expect(result, "find", "passed")


@GROUP
@points(3)
def test_noise(base: private.Tree) -> None:
    """A panic and a flooded console lose their own test and no other."""
    body = '    panic("no next");\n'
    result = grade(base, solution("pagetable_next", body), "next,find")
    expect(result, "next", "failed", "panic: no next")
    expect(result, "find", "passed")
    body = '    for (;;) {\n        kprintf("ok next 1\\n");'
    files = solution("pagetable_next", body + "\n    }\n")
    result = grade(base, files, "next,find")
    expect(result, "next", "failed")
    expect(result, "find", "passed")
    assert len(result.text) < 10_000


@GROUP
@points(2)
def test_build_bombs(base: private.Tree) -> None:
    """A source that is to make a huge file does not build, and fills no disk."""
    text = (TOP / FILE).read_text(encoding="utf-8")
    large = '__asm__(".data\\n.fill 1 << 26, 8, 1\\n.text");\n'
    result = grade(base, {FILE: (text + large).encode()}, "find")
    expect(result, "find", "failed", "it does not build")
    assert result.text.count("it does not build") == 1  # it is told once
    made = base.where / "build" / "release" / "obj" / f"{FILE}.o"
    assert not made.is_file() or made.stat().st_size <= labrun.FILE_LIMIT


def test_build_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that never ends is ended by its own time, a build that never
    ends by the host's, which is no verdict."""
    twice = '#include "twice.h"\n#include "twice.h"\n'
    (tmp_path / "twice.h").write_text(twice)
    cc = [*bootlib.build_env(False)["CC"], "-E", "-o", "out", "twice.h"]
    monkeypatch.setattr(labrun, "CPU_LIMIT", 1)
    status, _ = labrun.run_limited(cc, tmp_path)
    assert status != 0
    monkeypatch.setattr(labrun, "BUILD_LIMIT", 1)
    status, told = labrun.run_limited(["sh", "-c", "sleep 60 & sleep 60"], tmp_path)
    assert status != 0 and told.startswith(scoring.HOST)


@GROUP
@points(2)
def test_does_not_build(base: private.Tree) -> None:
    """What does not compile fails every test, with the compiler's words."""
    text = (TOP / FILE).read_text(encoding="utf-8")
    result = grade(base, {FILE: (text + "int x = ;\n").encode()}, "")
    assert len(result.rows) >= len(LAB.tests)
    assert result.total("points") == 0
    expect(result, "find", "failed", "expected expression before ';'")


@GROUP
@points(2)
def test_host_is_to_blame(base: private.Tree) -> None:
    """What the host is to blame for is no fail, and the reader is told so."""
    base.put({})
    why = f"{scoring.HOST} no end of the build"
    result = base.grade(unfit=why)
    assert {row["status"] for row in result.rows} == {"infrastructure"}
    assert len(result.rows) >= len(LAB.tests)
    assert "without a verdict: infrastructure, not a fail" in result.text


@GROUP
@points(2)
def test_partial_results(base: private.Tree) -> None:
    """A grading that is cut short has left the record of what was done."""
    base.put({})
    results = base.where / "build" / "grade" / LAB.name / "results.json"
    results.unlink(missing_ok=True)
    command = [sys.executable, "-m", "grading", "--lab", LAB.name, "--jobs", "1"]
    with subprocess.Popen(
        command,
        cwd=base.where,
        env=private.clean_env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as grading:
        end = time.monotonic() + 100
        while not results.is_file() and time.monotonic() < end:
            time.sleep(0.01)
        os.killpg(grading.pid, signal.SIGKILL)
    left = json.loads(results.read_text(encoding="utf-8"))
    assert 1 <= len(left["tests"]) < len(LAB.tests)
    assert left["tests"][0]["status"] == "passed" and left["score"] > 0


@GROUP
@points(3)
def test_last_events(base: private.Tree) -> None:
    """A failure shows the last events; two gradings of it give the same record."""
    record = base.where / "build" / "grade" / LAB.name / "record.jsonl"
    deny = solution("pagetable_protect", DENY)
    asleep = solution("pagetable_unmap", ASLEEP)
    case = "boots[test_map]"
    failed = EVENT + r"\w+ +exit +of process \d+ \w+, status 1\d*$"
    records: List[bytes] = []
    for files, last in ((deny, failed), (deny, failed), (asleep, EVENT)):
        result = grade(base, files, case)
        expect(result, case, "failed")
        records.append(record.read_bytes())
        lines = str(result.rows[0]["events"]).splitlines()
        if not re.search(last, lines[-1]) or not 2 <= len(lines) <= 9:
            scoring.fail(last, result.text[-3000:])
    assert records[0] == records[1]


@GROUP
@points(3)
def test_same_record(base: private.Tree) -> None:
    """Gradings on a busy host give the same record, passed tests and failed."""
    body = DENY
    many = again.Again(LAB, solution("pagetable_protect", body), 3, 1, load=2)
    many.only = "find,protect,random,boots"
    many.idle.put(base)
    assert many.run() == []
    statuses = {row["status"] for row in base.grade(many.only).rows}
    assert statuses == {"passed", "failed", "not-run"}
