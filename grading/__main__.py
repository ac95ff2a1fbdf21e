# SPDX-License-Identifier: MIT
"""Grades the system: `python3 -m grading`, or `make grade`.

Boots Octavo many times under QEMU and says, test by test, what works. Writes
build/grade.json (a record a test), build/grade.xml (JUnit) and build/grade/ (the
serial log of each boot). With --lab, grades a lab instead, and writes what
grading/octavo/report.py says to build/grade/LAB. The exit status is 0 when every
test passed."""
from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

TOP = Path(__file__).resolve().parents[1]
RECORD = TOP / "build" / "grade.json"
sys.path.insert(0, str(TOP / "tools"))

import bootlib  # noqa: E402

from grading.octavo import lab as labs  # noqa: E402
from grading.octavo import labrun  # noqa: E402


def parse(argv: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="grading", description=__doc__)
    arg = parser.add_argument
    arg("--test", metavar="NAME", help="only tests whose name contains NAME")
    arg("--lab", metavar="NAME", help="grade this lab")
    arg("--submission", metavar="DIR", help="grade the solution in this tree")
    arg("--no-needs", action="store_true", help="run tests whatever they need")
    arg("--seed", type=int, metavar="N", help="a lab: other seeds than students have")
    arg("--unfit", metavar="WHY", default="", help="fail every test, and say why")
    arg("--debug", action="store_true", help="grade the DEBUG=1 build")
    arg("--smp", type=int, action="append", metavar="N", help="only on N harts")
    arg("--jobs", type=int, default=2, metavar="N", help="tests at a time")
    arg("--no-build", action="store_true", help="do not run make first")
    arg("more", nargs="*", metavar="PYTEST_ARG", help="after --: for pytest")
    return parser.parse_args(argv)


def pytest_command(args: argparse.Namespace) -> List[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-c", "grading/pytest.ini"]
    command += ["--rootdir", str(TOP), f"--junitxml={TOP / 'build' / 'grade.xml'}"]
    command += [f"--record={RECORD}"]
    if args.jobs > 1 and importlib.util.find_spec("xdist"):
        command += ["-n", str(args.jobs), "--dist", "loadgroup"]
    if args.test:
        command += ["-k", args.test]
    if args.debug:
        command += ["--octavo-debug"]
    for harts in args.smp or []:
        command += [f"--harts={harts}"]
    return command + args.more + ["grading/tests"]


def build(debug: bool) -> None:
    """Builds what is graded: the debug build always has tests of its own."""
    if not debug:
        bootlib.make(["all"], debug=False)
    bootlib.make(["all"], debug=True)


def grade_lab(args: argparse.Namespace) -> int:
    try:
        lab = labs.named(args.lab)
        if args.submission:
            return grade_submission(lab, Path(args.submission), args.jobs)
        if args.seed is not None:
            os.environ[labs.SEED] = str(args.seed)
        only = chosen(lab, args.test or "")
        return labrun.grade(lab, args.jobs, only, args.no_needs, args.unfit)
    except (labs.LabError, bootlib.BootError) as error:
        print(f"grading: {error}", file=sys.stderr)
        return 2


def chosen(lab: labs.Lab, text: str) -> str:
    """The names of the lab's tests in "a,b[case]" or "a or b", between commas."""
    names = [name for name in re.split(r"\s*,\s*|\s+or\s+", text.strip()) if name]
    for name in names:
        if name.partition("[")[0] not in lab.tests:
            known = " ".join(lab.tests)
            raise labs.LabError(f"{lab.name} has no test {name}; it has: {known}")
    return ",".join(names)


def grade_submission(lab: labs.Lab, where: Path, jobs: int) -> int:
    """For staff: in a tree of the staff's, with the solution's files."""
    if importlib.util.find_spec("labs") is None:
        raise labs.LabError("--submission wants the staff's tree")
    status: int = importlib.import_module("labs.private").grade(lab, where, jobs)
    return status


def main(argv: List[str]) -> int:
    args = parse(argv)
    if args.lab:
        return grade_lab(args)
    RECORD.unlink(missing_ok=True)
    try:
        if not args.no_build:
            build(args.debug)
    except bootlib.BootError as error:
        print(f"grading: {error}", file=sys.stderr)
        return 2
    return subprocess.run(pytest_command(args), cwd=TOP).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
