# SPDX-License-Identifier: MIT
"""Guest test programs: C programs of checks, and their verdicts.

A program lists its checks in a table of rows

    {"name", "what the check shows, as a sentence", function},

and prints for each check one line, with the guest instructions it took:

    ok NAME INSTRUCTIONS CODE
    FAIL NAME: what, expected X got Y

CODE, under the grader, proves that the program itself printed the line.

Idea        The table is read from the C source when pytest collects, so that
            each check is a test of its own with its own sentence and points.
            One boot runs all checks of a program; the tests share it.
Invariant   A check passes only by its own `ok` line in a run that ended. If
            the run broke, each check without a verdict is booted by itself,
            so that one bad check does not hide the others."""
from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import pytest

from grading.octavo import machine
from grading.octavo.machine import Run, Setup

SOURCES = machine.TOP / "user" / "tests"

_ROW = re.compile(r'\{\s*"([a-z0-9_]+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*\w+\s*\}')
_OK = re.compile(r"^ok ((\S+)(?: (\d+))?)(?: ([0-9a-f]+))?$")
_FAIL = re.compile(r"^FAIL (\S+): (.*)$")
_LONELY_TIMEOUT = 120.0


@dataclass(frozen=True)
class Check:
    program: str
    name: str
    title: str


@dataclass(frozen=True)
class Variant:
    """One machine on which programs run, as changes to the basic one."""

    name: str
    smp: int = 1
    seed: Optional[int] = None
    debug: bool = False
    append: str = ""

    def apply(self, base: Setup) -> Setup:
        return replace(
            base,
            smp=self.smp,
            seed=self.seed,
            debug=base.debug or self.debug,
            append=f"{base.append} {self.append}".strip(),
        )


FAST = Variant("fast")
SLOW = Variant("slow", append="fastpath=0")
DEBUG = Variant("debug", debug=True)
FOUR_HARTS = Variant("smp4", smp=4, seed=1)
SEEDS = tuple(Variant(f"smp4-seed{n}", smp=4, seed=n) for n in range(1, 9))
SLOW_SEEDS = tuple(
    Variant(f"slow-smp4-seed{n}", smp=4, seed=n, append="fastpath=0") for n in (1, 2)
)
DEBUG_SEEDS = tuple(
    Variant(f"debug-smp4-seed{n}", smp=4, seed=n, debug=True) for n in (1, 2)
)


@dataclass
class Verdict:
    passed: bool
    text: str  # what the guest said if it failed
    instructions: Optional[int] = None


@dataclass
class Report:
    """The verdicts of one program on one machine, and the runs they are from."""

    verdicts: Dict[str, Verdict] = field(default_factory=dict)
    runs: Dict[str, Run] = field(default_factory=dict)

    def run_of(self, check: Check) -> Run:
        return self.runs.get(check.name, self.runs[""])


def source_checks(program: str) -> List[Check]:
    """The checks that a program's source lists."""
    path = SOURCES / f"{program}.c"
    rows = _ROW.findall(path.read_text(encoding="utf-8"))
    if not rows:
        raise ValueError(f"{path} lists no checks")
    return [Check(program, name, join_strings(title)) for name, title in rows]


def join_strings(text: str) -> str:
    """Adjacent C string literals as one string."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"')


def code_of(words: str, key: str) -> str:
    """What proves that a line is from a program that was given the key."""
    secret = int(key, 16)
    code = secret
    for byte in words.encode():
        code = ((code ^ byte) * 0x100000001B3) % (1 << 64)
        code ^= code >> 29
    return f"{code ^ secret:x}"


def read_verdicts(output: str, key: str = "") -> Dict[str, Verdict]:
    """Reads the lines of a program; a FAIL outweighs an ok of the same name. With
    a key, an ok without its code is none."""
    verdicts: Dict[str, Verdict] = {}
    for line in output.splitlines():
        found = _FAIL.match(line)
        if found:
            if found[1] not in verdicts or verdicts[found[1]].passed:
                verdicts[found[1]] = Verdict(False, found[2])
            continue
        found = _OK.match(line)
        if not found or found[2] in verdicts:
            continue
        if not key or found[4] == code_of(found[1], key):
            count = int(found[3]) if found[3] else None
            verdicts[found[2]] = Verdict(True, "", count)
    return verdicts


def programs(*names: str, variants: Sequence[Variant]) -> pytest.MarkDecorator:
    """Decorator: the test is repeated for each check of the programs and each
    variant; it takes the parameters `check` and `variant`."""
    return pytest.mark.programs(*names, variants=variants)


def cases(
    names: Sequence[str], variants: Sequence[Variant], harts: Sequence[int]
) -> List[object]:
    """The parameters of @programs; harts, if any, replace the variants' own."""
    if harts:
        variants = [
            replace(v, smp=n, name=f"{v.name}-{n}harts")
            for v in variants
            for n in harts
        ]
    found: List[object] = []
    for name in names:
        for variant in variants:
            group = pytest.mark.xdist_group(f"{name}-{variant.name}")
            for check in source_checks(name):
                label = f"{name}-{check.name}-{variant.name}"
                found.append(pytest.param(check, variant, id=label, marks=group))
    return found


class Suite:
    """Runs programs, each once on each machine, and remembers what came."""

    def __init__(self) -> None:
        self._reports: Dict[Tuple[str, Setup], Report] = {}

    def report(self, program: str, setup: Setup, logs: Path) -> Report:
        key = (program, setup)
        if key not in self._reports:
            self._reports[key] = self._run_all(program, setup, logs)
        return self._reports[key]

    def _run_all(self, program: str, setup: Setup, logs: Path) -> Report:
        logs.mkdir(parents=True, exist_ok=True)
        run = machine.boot(program, setup, logs / f"{program}.log")
        report = Report(read_verdicts(run.output, run.key))
        report.runs = {name: run for name in report.verdicts}
        report.runs[""] = run
        if run.broken:
            self._run_missing(program, setup, logs, report)
        return report

    def _run_missing(
        self, program: str, setup: Setup, logs: Path, report: Report
    ) -> None:
        alone = replace(setup, timeout=min(setup.timeout, _LONELY_TIMEOUT))
        for check in source_checks(program):
            if check.name in report.verdicts:
                continue
            log = logs / f"{program}-{check.name}.log"
            run = machine.boot(f"{program} {check.name}", alone, log)
            report.runs[check.name] = run
            if not run.broken:
                report.verdicts.update(read_verdicts(run.output, run.key))


def judge(report: Report, check: Check) -> Verdict:
    """The check's verdict; fails the test if it is not a pass."""
    run = report.run_of(check)
    verdict = report.verdicts.get(check.name)
    if verdict is None:
        run.fail(f"a verdict on {check.name}", run.broken or "no line about it")
        raise AssertionError("unreachable")
    if not verdict.passed:
        run.fail(check.title, verdict.text)
    return verdict
