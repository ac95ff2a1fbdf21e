# SPDX-License-Identifier: MIT
"""Grades the same files many times and compares the records, byte for byte.

Idea        Several gradings run at a time, beside programs that do nothing but
            use the processors, so that the host is never as it was before.
Use         differences = Again(lab, files, 50, jobs=2, load=4).run()
Invariant   The processes that load the host end with the gradings."""
from __future__ import annotations

import json
import queue
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, Optional

from grading.octavo.lab import Lab
from labs import private
from labs.private import Tree

_SPIN = "while True: pass"


@contextmanager
def loaded(count: int) -> Iterator[None]:
    """The host does something else, too."""
    busy = [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def difference(first: bytes, other: bytes) -> str:
    """Where two records differ first; nothing if they do not."""
    if first == other:
        return ""
    left, right = first.splitlines(), other.splitlines()
    for one, two in zip(left, right):
        if one != two:
            a, b = json.loads(one), json.loads(two)
            keys = [key for key in a if a[key] != b.get(key)]
            was = "; ".join(f"{key}: {a[key]!r}, then {b.get(key)!r}" for key in keys)
            return f"{a['test']}: {was}"
    return f"{len(left)} tests, then {len(right)}"


class Again:
    """A number of gradings of one solution."""

    def __init__(
        self, lab: Lab, files: Dict[str, bytes], times: int, jobs: int, load: int
    ) -> None:
        self.lab = lab
        self.files = files
        self.times = times
        self.jobs = jobs
        self.load = load
        self.only = ""
        self.idle: "queue.Queue[Tree]" = queue.Queue()

    def trees(self) -> None:
        base = private.make_base(self.lab)
        for number in range(min(self.jobs, self.times)):
            where = private.WORK / self.lab.name / f"again{number}"
            self.idle.put(Tree(self.lab, base, where))

    def grade(self, number: int) -> bytes:
        """One grading's record; every second by two tests at a time."""
        where = self.idle.get()
        try:
            where.put(self.files)
            where.grade(self.only, jobs=1 + number % 2)
            record = where.where / "build" / "grade" / self.lab.name / "record.jsonl"
            return record.read_bytes() if record.is_file() else b""
        finally:
            self.idle.put(where)

    def run(self, tell: Optional[Callable[[str], None]] = None) -> List[str]:
        """What differed from the first grading, in a line each; `tell` hears how
        far it is."""
        if self.idle.empty():
            self.trees()
        found: List[str] = []
        with loaded(self.load), ThreadPoolExecutor(self.jobs) as pool:
            first = b""
            for number, record in enumerate(pool.map(self.grade, range(self.times))):
                first = first or record
                text = difference(first, record) if record else "no record"
                if text:
                    found.append(f"grading {number + 1}: {text}")
                if tell:
                    tell(f"{number + 1}/{self.times} {text or 'the same'}")
        return found
