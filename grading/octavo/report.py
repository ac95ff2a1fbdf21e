# SPDX-License-Identifier: MIT
"""A lab's record, and what is made of it.

record.jsonl is the record: an object a line and test, in the order of the
tests, without anything that differs between two gradings of the same files.
From it come junit.xml, results.json (Gradescope), summary.md (a GitHub job's
summary) and the text on the terminal. All are written anew after each test, so
that a grading which is cut short leaves what was done."""
from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Dict, List, Optional
from xml.etree import ElementTree

import bootlib
import pytest
from _pytest.terminal import TerminalReporter

from grading.octavo import lab as labs
from grading.octavo.lab import TOP, Lab, Test
from grading.octavo.record import plain_id

Row = Dict[str, object]

RESULTS = "OCTAVO_RESULTS"  # in the environment: another place for results.json

# Events of several harts are not quite the same in two gradings, and so are
# shown but no part of the record.
ROUGH = "rough_events"

PASSED, FAILED, NOT_RUN, BROKEN = "passed", "failed", "not-run", "infrastructure"
_WORDS = {PASSED: "pass", FAILED: "FAIL", NOT_RUN: "not run", BROKEN: "BROKEN"}


# --- The record --------------------------------------------------------------


def versions(lab: Lab) -> Dict[str, str]:
    """What a verdict depends on: QEMU, the tests, the solution."""
    tests = [lab.path / "lab.toml", *sorted(lab.path.glob("tests/*.*"))]
    solution = [TOP / path for path in lab.handed_in]
    return {
        "qemu": qemu_version(),
        "tests": digest(tests),
        "solution": digest(solution),
    }


def qemu_version() -> str:
    try:
        command = [*bootlib.build_env(False)["QEMU"], "--version"]
        done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8")
    except (bootlib.BootError, OSError):
        return "unknown"
    found = re.search(r"version (\S+)", done.stdout)
    return found[1] if found else "unknown"


def digest(paths: List[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        if path.is_file():
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:12]


def empty_row(lab: Lab, test: Test, name: str) -> Row:
    """A test without a verdict yet."""
    return {
        "lab": lab.name,
        "test": name,
        "title": name,
        "points": 0,
        "max": test.points,
        "status": NOT_RUN,
        "share": test.share,
        "guest_instructions": None,
        "budget": max(test.tiers) if test.tiers else test.budget,
        "seed": None,
        "message": "",
        "first_divergence": None,
        "events": None,
        ROUGH: None,
        "replay": f"make grade LAB={lab.name} TEST={shlex.quote(name)}",
        "gdb": f"make gdb LAB={lab.name} TEST={shlex.quote(name)}",
        "boot": None,
        "log": None,
        "looks_at": [lab.place_of(function) for function in test.looks_at],
        "hint": f"labs/{lab.folder}/README.md" + (f": {test.hint}" * bool(test.hint)),
        "visibility": test.visibility,
    }


def broken_rows(lab: Lab, message: str) -> List[Row]:
    """The record when the host is why nothing could be run."""
    rows = []
    for name in labs.ordered(lab):
        row = empty_row(lab, lab.tests[name], name)
        row.update(status=BROKEN, message=message)
        rows.append(row)
    return rows


class LabRecorder:
    """A pytest plugin: collects the reports of a lab's tests."""

    def __init__(self, lab: Lab, out: Path) -> None:
        self.lab = lab
        self.out = out
        self.rows: Dict[str, Row] = {}
        self.versions = versions(lab)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """The table tells each failure; pytest need not, too."""
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        setattr(reporter, "summary_failures", lambda: None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        facts = dict(report.user_properties)
        if "entry" not in facts:
            return
        key = plain_id(report.nodeid)
        entry = self.lab.tests[str(facts["entry"])]
        row = self.rows.setdefault(key, empty_row(self.lab, entry, str(facts["name"])))
        row["title"] = facts["title"]
        for key in ("seed", "guest_instructions", "log", "events", ROUGH):
            row[key] = facts.get(key, row[key])
        row["boot"] = facts.get("command", row["boot"])
        self.judge(row, report, entry)
        if report.when == "teardown":
            self.save()

    def judge(self, row: Row, report: pytest.TestReport, entry: Test) -> None:
        text = str(report.longrepr) if report.longrepr else ""
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else text
            row["message"] = reason.removeprefix("Skipped: ")
        elif report.failed:
            broken = report.when != "call" or "scoring.Infrastructure" in text
            row.update(status=BROKEN if broken else FAILED, points=0, message=text)
            row["first_divergence"] = divergence(text)
            missing = re.search(r"panic: lab \S+: (\w+) is yours to write", text)
            if missing and self.lab.file_of(missing[1]):
                row["looks_at"] = [self.lab.place_of(missing[1])]
        elif report.when == "call":
            row["status"] = PASSED
        if report.when == "teardown" and row["status"] == PASSED:
            row["points"] = dict(report.user_properties).get("earned", row["max"])
            if row["points"] != row["max"]:
                row["message"] = tiers_text(entry, row)

    def ordered(self) -> List[Row]:
        order = labs.ordered(self.lab)
        rows = list(self.rows.values())
        return sorted(
            rows,
            key=lambda r: (order.index(str(r["test"]).partition("[")[0]), r["test"]),
        )

    def save(self) -> None:
        write_all(self.lab, self.ordered(), self.versions, self.out)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        for line in table(self.ordered()):
            terminalreporter.write_line(line)


def tiers_text(test: Test, row: Row) -> str:
    """Why a test with tiers gave part of its points."""
    count = int(str(row["guest_instructions"]))
    better = [tier for tier in sorted(test.tiers, reverse=True) if tier < count]
    return f"{count} guest instructions; more points from {better[0]} on"


def divergence(text: str) -> Optional[str]:
    """The first thing that was not as expected, in a line."""
    expected = re.search(r"^expected: (.*)$", text, re.M)
    got = re.search(r"^got: +(.*)$", text, re.M)
    return f"expected {expected[1]}; got {got[1]}" if expected and got else None


# --- Files -------------------------------------------------------------------


def write_all(lab: Lab, rows: List[Row], facts: Dict[str, str], out: Path) -> None:
    """Writes the record and everything that is made of it."""
    out.mkdir(parents=True, exist_ok=True)
    lines = [record_line(row, facts) for row in rows]
    put(out / "record.jsonl", "".join(line + "\n" for line in lines))
    put(out / "junit.xml", junit(lab, rows))
    results = json.dumps(gradescope(lab, rows), indent=1) + "\n"
    put(out / "results.json", results)
    if os.environ.get(RESULTS):
        put(Path(os.environ[RESULTS]), results)
    put(out / "summary.md", summary(lab, rows))


def record_line(row: Row, facts: Dict[str, str]) -> str:
    kept = {key: value for key, value in row.items() if key != ROUGH}
    return json.dumps({**kept, "versions": facts}, sort_keys=True)


def put(path: Path, text: str) -> None:
    """Writes a file so that others see the old one or the new one."""
    whole = path.with_suffix(f".{os.getpid()}")
    whole.write_text(text, encoding="utf-8")
    os.replace(whole, path)


def total(rows: List[Row], key: str = "points") -> int:
    return sum(int(str(row[key])) for row in rows)


def junit(lab: Lab, rows: List[Row]) -> str:
    suite = ElementTree.Element("testsuite", name=lab.folder, tests=str(len(rows)))
    counts = [FAILED, BROKEN, NOT_RUN]
    for name, status in zip(("failures", "errors", "skipped"), counts):
        suite.set(name, str(sum(row["status"] == status for row in rows)))
    for row in rows:
        add_case(suite, lab, row)
    whole = ElementTree.Element("testsuites")
    whole.append(suite)
    ElementTree.indent(whole)
    return ElementTree.tostring(whole, encoding="unicode") + "\n"


def add_case(suite: ElementTree.Element, lab: Lab, row: Row) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=lab.folder, name=str(row["test"])
    )
    facts = ElementTree.SubElement(case, "properties")
    for key in ("points", "max", "share", "guest_instructions", "budget"):
        if row[key] is not None:
            ElementTree.SubElement(facts, "property", name=key, value=str(row[key]))
    tags = {FAILED: "failure", BROKEN: "error", NOT_RUN: "skipped"}
    if row["status"] in tags:
        message = str(row["first_divergence"] or row["message"]).splitlines()
        tag = tags[str(row["status"])]
        text = plain((message or [""])[0])
        verdict = ElementTree.SubElement(case, tag, message=text)
        if tag != "skipped":
            verdict.set("type", str(row["status"]))
        verdict.text = plain("\n".join(explain(row)))


def plain(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", text)


def gradescope(lab: Lab, rows: List[Row]) -> Row:
    """The object that Gradescope reads."""
    tests = []
    for number, row in enumerate(rows, 1):
        passed = row["status"] == PASSED
        tests.append(
            {
                "score": row["points"],
                "max_score": row["max"],
                "status": PASSED if passed else FAILED,
                "name": f"{row['test']}: {row['title']}",
                "name_format": "text",
                "number": str(number),
                "output": "\n".join(explain(row)),
                "output_format": "text",
                "tags": [str(row["share"])],
                "visibility": row["visibility"],
            }
        )
    counted = [row for row in rows if row["budget"] and row["guest_instructions"]]
    board = [
        {"name": row["test"], "value": row["guest_instructions"], "order": "asc"}
        for row in counted
    ]
    return {
        "score": total(rows),
        "output": shares(rows),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        "tests": tests,
        "leaderboard": board,
    }


def summary(lab: Lab, rows: List[Row]) -> str:
    """What a GitHub job shows."""
    lines = [f"## Lab {lab.number}: {lab.title}", "", f"**{shares(rows)}**", ""]
    lines += ["| test | points | | what |", "|---|---|---|---|"]
    for row in rows:
        word = _WORDS[str(row["status"])]
        score = f"{row['points']}/{row['max']}"
        lines.append(f"| {row['test']} | {score} | {word} | {row['title']} |")
    for row in rows:
        if row["status"] != PASSED:
            text = "\n".join(explain(row))
            lines += ["", f"### {row['test']}", "```", text, "```"]
    return "\n".join(lines) + "\n"


# --- Text --------------------------------------------------------------------


def shares(rows: List[Row]) -> str:
    """The points, whole and by share."""
    parts = []
    for share in labs.SHARES:
        some = [row for row in rows if row["share"] == share]
        if some:
            parts.append(f"{share} {total(some)} of {total(some, 'max')}")
    broken = sum(row["status"] == BROKEN for row in rows)
    text = f"{total(rows)} of {total(rows, 'max')} points: {', '.join(parts)}"
    if broken:
        text += f" ({broken} tests without a verdict: infrastructure, not a fail)"
    return text


def explain(row: Row) -> List[str]:
    """Why a test did not pass, and what to do next."""
    lines = str(row["message"]).splitlines()
    if row["status"] != FAILED:
        return lines
    lines += str(row["events"] or row.get(ROUGH) or "").splitlines()
    for place in row["looks_at"] if isinstance(row["looks_at"], list) else []:
        lines.append(f"look at:  {place}")
    lines += [f"read:     {row['hint']}", f"again:    {row['replay']}"]
    return lines + [f"debugger: {row['gdb']}"]


def table(rows: List[Row]) -> List[str]:
    """The readable result: a line a test, and why those failed that did."""
    lines = [""]
    for row in rows:
        word = _WORDS[str(row["status"])]
        score = f"{row['points']}/{row['max']}"
        lines.append(f"  {word:8}{score:>6}  {row['test']}: {row['title']}")
        if row["points"] != row["max"]:
            lines += ["          " + line for line in explain(row)]
    return lines + ["", shares(rows)]
