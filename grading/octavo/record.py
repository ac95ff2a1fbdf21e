# SPDX-License-Identifier: MIT
"""Keeps the record of a grading run and shows it.

build/grade.json holds one object a test and is written anew after each, so
that a run cut short still leaves what was done:

    test, title, points, max, status (passed failed skipped error),
    guest_instructions, seed, command (repeats the run), log, message

A record is kept when pytest is given --record, as `python3 -m grading` does.
Only pytest's controlling process keeps a record; under xdist the workers' facts
reach it as user properties of the reports."""
from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Dict, List

import pytest
from _pytest.terminal import TerminalReporter

KEYS = ("title", "max", "guest_instructions", "seed", "command", "log")


def plain_id(nodeid: str) -> str:
    """A test's name without the group that xdist appends to it."""
    return re.sub(r"@[^@\]]*$", "", nodeid)


class Recorder:
    """A pytest plugin: collects reports, writes the record, prints the table."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: Dict[str, Dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = plain_id(report.nodeid)
        row = self.rows.get(name)
        if row is None:
            row = {"test": name, "status": "passed", "message": ""}
            self.rows[name] = row
        for key, value in report.user_properties:
            if key in KEYS:
                row[key] = value
        if report.skipped and row["status"] == "passed":
            row["status"] = "skipped"
        if report.failed:
            row["status"] = "failed" if report.when == "call" else "error"
            row["message"] = str(report.longrepr)
        if report.when == "teardown":
            self.save()

    def finished_rows(self) -> List[Dict[str, object]]:
        """The rows in order of test, each with all its keys."""
        rows = []
        for _, row in sorted(self.rows.items()):
            full: Dict[str, object] = {key: row.get(key) for key in KEYS}
            full.update(row)
            worth = int(str(row.get("max", 1)))
            full["max"] = worth
            full["points"] = worth if row["status"] == "passed" else 0
            rows.append(full)
        return rows

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = self.path.with_suffix(f".{os.getpid()}")
        whole.write_text(json.dumps(self.finished_rows(), indent=1) + "\n")
        os.replace(whole, self.path)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        rows = self.finished_rows()
        for line in table(rows):
            terminalreporter.write_line(line)


def table(rows: List[Dict[str, object]]) -> List[str]:
    """The readable summary: a heading a file, a line a test, the totals."""
    lines: List[str] = []
    heading = ""
    words = {"passed": "PASS", "skipped": "SKIP"}
    for row in rows:
        path = str(row["test"]).partition("::")[0]
        if path != heading:
            heading = path
            lines += ["", heading_of(path)]
        verdict = words.get(str(row["status"]), "FAIL")
        lines.append(
            f"  {verdict}  {row['points']:>2}/{row['max']:<2}  {row['title'] or ''}"
        )
    got = sum(int(str(row["points"])) for row in rows)
    worth = sum(int(str(row["max"])) for row in rows)
    passed = sum(row["status"] == "passed" for row in rows)
    lines += ["", f"{got} of {worth} points; {passed} of {len(rows)} tests passed"]
    return lines


def heading_of(path: str) -> str:
    return Path(path).stem.removeprefix("test_").replace("_", " ")
