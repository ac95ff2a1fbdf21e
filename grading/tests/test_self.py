# SPDX-License-Identifier: MIT
"""The grader itself: wrong results must not pass."""
from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import bootlib
import pytest

from grading.octavo import guest, record
from grading.octavo.guest import Check, Report
from grading.octavo.machine import TOP, Machine, Run, Setup, rerun_command
from grading.octavo.scoring import points

CHECK = Check("test_x", "sizes", "each size arrives")


def make_run(log: str, completed: bool = True, panic: bool = False) -> Run:
    result = bootlib.Result(
        status=0,
        output=log,
        log=log,
        panic="panic: broken" if panic else None,
        timed_out=False,
        completed=completed,
        seconds=0.1,
    )
    return Run(result, "tools/boot -c test_x", TOP / "build" / "none.log", "test_x")


def judge(output: str, **how: bool) -> None:
    run = make_run(output, **how)
    report = Report(guest.read_verdicts(output), {"": run, "sizes": run})
    guest.judge(report, CHECK)


def test_ok_passes() -> None:
    """A guest's ok line is a pass, and its instructions are read."""
    judge("ok sizes 1234\n")
    assert guest.read_verdicts("ok sizes 1234\n")["sizes"].instructions == 1234


@pytest.mark.parametrize(
    "output",
    ["", "ok size\n", "okay sizes\n", "FAIL sizes: words, expected 8 got 7\n"]
    + ["ok sizes 3\nFAIL sizes: late, expected 0 got 1\n"]
    + ["FAIL sizes: early, expected 0 got 1\nok sizes 3\n", " ok sizes\n"],
)
def test_not_ok_fails(output: str) -> None:
    """Only an ok line without a FAIL of the same check is a pass."""
    with pytest.raises(pytest.fail.Exception) as failure:
        judge(output)
    assert "run it again with: tools/boot -c test_x" in str(failure.value)
    assert "the whole log: build/none.log" in str(failure.value)


def test_panic_is_told() -> None:
    """A failure for want of a verdict names the panic."""
    with pytest.raises(pytest.fail.Exception) as failure:
        judge("", completed=False, panic=True)
    assert "panic: broken" in str(failure.value)


def test_cut_short_has_no_output() -> None:
    """A run that did not end is not compared with anything."""
    with pytest.raises(pytest.fail.Exception):
        make_run("hi\n", completed=False).expect_output("hi")
    with pytest.raises(pytest.fail.Exception):
        make_run("hi\n", completed=False).expect_status(0)


def test_output_is_compared_whole() -> None:
    """expect_output wants all of the output, not a part."""
    make_run("hi\n").expect_output("hi")
    with pytest.raises(pytest.fail.Exception):
        make_run("hi there\n").expect_output("hi")


def test_rerun_command() -> None:
    """The command to run a test again holds what is not the default."""
    setup = Setup(smp=4, seed=3, append="a=1 b=2", debug=True)
    expected = "tools/boot -c 'ls; cat f' --smp 4 --seed 3 --append 'a=1 b=2' --debug"
    assert rerun_command("ls; cat f", setup) == expected
    assert rerun_command("ls", Setup()) == "tools/boot -c ls"


def test_table_of_checks() -> None:
    """Every guest program's table of checks can be read, with unique names."""
    programs = sorted(path.stem for path in guest.SOURCES.glob("*.c"))
    assert programs
    for program in programs:
        names = [check.name for check in guest.source_checks(program)]
        assert len(names) == len(set(names)), program


def test_all_programs_are_graded() -> None:
    """No guest test program is left out of the tests."""
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    for path in guest.SOURCES.glob("*.c"):
        assert f'"{path.stem}"' in text, f"{path.stem} is in no test file"


def test_record_totals() -> None:
    """Points are given for passes only, and the totals add up."""
    rows: list[dict[str, object]] = [
        {"test": "a.py::x", "status": "passed", "points": 2, "max": 2, "title": "x"},
        {"test": "a.py::y", "status": "failed", "points": 0, "max": 3, "title": "y"},
    ]
    lines = record.table(rows)
    assert lines[-1] == "2 of 5 points; 1 of 2 tests passed"
    assert any("FAIL" in line and line.endswith("y") for line in lines)


@points(2)
def test_hang_is_told(machine: Machine) -> None:
    """A run without an end is stopped at its limit, and is no result."""
    run = machine.run("cat", timeout=2)
    assert run.result.timed_out
    with pytest.raises(pytest.fail.Exception) as failure:
        run.expect_status(0)
    assert "no end after" in str(failure.value)


@points(2)
def test_log_and_rerun(machine: Machine) -> None:
    """What a failure says to run again does run the same again."""
    run = machine.run("echo same", smp=2, seed=4)
    words = shlex.split(run.command)
    done = subprocess.run(
        [sys.executable, *words, "--no-build"],
        cwd=TOP,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert done.stdout == run.output == "same\n"
    assert run.log.read_text().endswith("\n")
