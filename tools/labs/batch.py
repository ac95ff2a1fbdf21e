# SPDX-License-Identifier: MIT
"""Grades a folder of submissions: tools/grade-all.

A submission is a folder, or an archive as `make submit` makes it; its name is
the student's. Each is graded in a confined tree of the staff's (private.py).
What came is kept in OUT/NAME/; who has been graded already, with the same files
and tests, is not graded again. At the end OUT/grades.csv has a line for each
submission, and OUT/tests.txt says how each test went."""
from __future__ import annotations

import csv
import hashlib
import json
import os
import queue
import shutil
import sys
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, Optional

from grading.octavo.lab import SEED, Lab, LabError
from grading.octavo import report
from labs import private
from labs.private import Row, Tree

ARCHIVES = (".tar.gz", ".tgz", ".tar")
BAR = 30


class Submission:
    """One student's files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        for ending in ARCHIVES:
            self.name = self.name.removesuffix(ending)

    def files(self, lab: Lab) -> Dict[str, bytes]:
        if self.path.is_dir():
            return private.submitted(lab, inner(self.path))
        return archived(lab, self.path)


def inner(path: Path) -> Path:
    """The folder itself, or the only folder in it, if that is the tree."""
    if (path / "kernel").is_dir():
        return path
    parts = [part for part in path.iterdir() if (part / "kernel").is_dir()]
    return parts[0] if len(parts) == 1 else path


def archived(lab: Lab, path: Path) -> Dict[str, bytes]:
    """The lab's files in an archive, which is never unpacked."""
    found: Dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if not member.isfile() or name not in lab.handed_in:
                    continue
                if member.size > private.FILE_LIMIT:
                    raise LabError(f"{name} is too large")
                data = archive.extractfile(member)
                found[name] = data.read() if data else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise LabError(f"{path.name} is no archive: {error}") from error
    missing = [name for name in lab.files if name not in found]
    if missing:
        raise LabError(f"{path.name} does not have {', '.join(missing)}")
    return found


def submissions(where: Path) -> List[Submission]:
    found = [
        Submission(path)
        for path in sorted(where.iterdir())
        if not path.name.startswith(".")
        and (path.is_dir() or path.name.endswith(ARCHIVES))
    ]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise LabError(f"two submissions are called {name}")
    if not found:
        raise LabError(f"{where} holds no submissions")
    return found


class Batch:
    """All of it."""

    def __init__(self, lab: Lab, where: Path, out: Path, jobs: int) -> None:
        self.lab = lab
        self.out = out
        self.jobs = jobs
        self.all = submissions(where)
        self.tests = report.versions(lab)["tests"]
        self.idle: "queue.Queue[Tree]" = queue.Queue()
        self.lock = threading.Lock()
        self.done = 0
        self.began = time.monotonic()

    def stamp(self, files: Dict[str, bytes]) -> str:
        """What a grading depends on."""
        seed = os.environ.get(SEED, "")
        total = hashlib.sha256(f"{self.tests} {seed}".encode())
        for name, data in sorted(files.items()):
            total.update(name.encode() + b"\0" + data + b"\0")
        return total.hexdigest()

    def kept(self, one: Submission, stamp: str) -> Optional[List[Row]]:
        """The rows of an earlier grading of the same files."""
        place = self.out / one.name
        try:
            if (place / "stamp").read_text() != stamp:
                return None
            lines = (place / "record.jsonl").read_text().splitlines()
        except OSError:
            return None
        return [json.loads(line) for line in lines]

    def grade(self, one: Submission) -> List[Row]:
        files, unfit = {}, ""
        try:
            files = one.files(self.lab)
        except (LabError, OSError) as error:
            unfit = str(error)
        stamp = self.stamp(files)
        rows = self.kept(one, stamp) or self.try_one(one, files, stamp, unfit)
        self.progress(one, rows)
        return rows

    def try_one(
        self, one: Submission, files: Dict[str, bytes], stamp: str, unfit: str
    ) -> List[Row]:
        place = self.out / one.name
        tree = self.idle.get()
        try:
            tree.put(files)
            result = tree.grade(unfit=unfit)
            if not result.rows:
                return report.broken_rows(self.lab, result.text)
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(tree.where / "build" / "grade" / self.lab.name, place)
        finally:
            self.idle.put(tree)
        if all(row["status"] != report.BROKEN for row in result.rows):
            (place / "stamp").write_text(stamp)
        return result.rows

    def progress(self, one: Submission, rows: List[Row]) -> None:
        with self.lock:
            self.done += 1
            points, most = report.total(rows), report.total(rows, "max")
            text = f"{one.name}: {points} of {most}"
            if not sys.stderr.isatty():
                print(f"  {self.done}/{len(self.all)} {text}", file=sys.stderr)
                return
            filled = BAR * self.done // len(self.all)
            left = (time.monotonic() - self.began) / self.done
            left *= len(self.all) - self.done
            bar = "#" * filled + "." * (BAR - filled)
            line = f"[{bar}] {self.done}/{len(self.all)} {left:.0f} s left; {text}"
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    def run(self) -> None:
        base = private.make_base(self.lab)
        prefix = private.confinement()
        if not prefix:
            print("grade-all: this host cannot confine programs", file=sys.stderr)
        work = private.WORK / self.lab.name
        for number in range(self.jobs):
            self.idle.put(Tree(self.lab, base, work / f"batch{number}", prefix))
        self.out.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(self.jobs) as pool:
            rows = dict(zip((s.name for s in self.all), pool.map(self.grade, self.all)))
        if sys.stderr.isatty():
            print(file=sys.stderr)
        self.write_csv(rows)
        text = self.summary(rows)
        (self.out / "tests.txt").write_text(text)
        print(text, end="")

    def write_csv(self, every: Dict[str, List[Row]]) -> None:
        tests = self.names(every)
        with open(self.out / "grades.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["submission", "points", "max", "remark", *tests])
            for name, rows in every.items():
                points = {str(row["test"]): row["points"] for row in rows}
                line = [points.get(test, 0) for test in tests]
                most = report.total(rows, "max")
                writer.writerow([name, report.total(rows), most, remark(rows), *line])

    def names(self, every: Dict[str, List[Row]]) -> List[str]:
        """The tests, with their cases, in order."""
        longest = max(every.values(), key=len)
        return [str(row["test"]) for row in longest]

    def summary(self, every: Dict[str, List[Row]]) -> str:
        lines = [f"lab {self.lab.number}, {self.lab.title}: {len(every)} submissions"]
        for test in self.names(every):
            passed = sum(
                row["test"] == test and row["status"] == report.PASSED
                for rows in every.values()
                for row in rows
            )
            lines.append(f"  {passed:4} of {len(every)} pass {test}")
        totals = sorted(report.total(rows) for rows in every.values())
        mean = sum(totals) / len(totals)
        middle = totals[len(totals) // 2]
        lines.append(f"points: mean {mean:.1f}, median {middle}, best {totals[-1]}")
        return "\n".join(lines) + "\n"


def remark(rows: List[Row]) -> str:
    """What the staff should know of a submission."""
    broken = [row for row in rows if row["status"] == report.BROKEN]
    if broken:
        return f"infrastructure: {len(broken)} tests have no verdict"
    messages = {str(row["message"]) for row in rows}
    if len(messages) == 1 and rows[0]["status"] == report.FAILED:
        return " ".join(str(rows[0]["message"]).split())[:200]
    return ""
