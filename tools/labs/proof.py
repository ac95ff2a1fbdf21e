# SPDX-License-Identifier: MIT
"""Checks labs side by side, and reports: which wrong solutions lose points.

Idea        Workers take one solution after another, of one lab at a time. When
            a lab has none left to take, the next lab is prepared while the
            last ones still run, so that no processor waits at a lab's end. Each
            worker has a tree of the lab of its own.
Use         good = Proof([Check(lab, names) for lab in labs], jobs).run()
Invariant   A lab that cannot be prepared is wrong, and the others go on."""
from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from typing import Deque, List, Optional, Sequence, Tuple

import bootlib

from grading.octavo.lab import Lab, LabError
from labs import private, tree
from labs.check import Check, Finding, Job
from labs.private import Tree

FIXED = ("handout", "stubs", "reference")  # findings that are no wrong solution
REPORT = private.WORK / "report.txt"


class Course:
    """A lab on its way through the check."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.waiting: Deque[Job] = deque()
        self.running = 0
        self.found: List[Tuple[int, Finding]] = []  # with its place in the order
        self.order: List[str] = []
        self.began = time.monotonic()
        self.seconds = 0.0

    @property
    def lab(self) -> Lab:
        return self.check.lab

    def add(self, finding: Finding) -> None:
        place = self.order.index(finding.name) if finding.name in self.order else -1
        self.found.append((place, finding))

    def findings(self) -> List[Finding]:
        return [finding for _, finding in sorted(self.found, key=lambda f: f[0])]

    def tried(self) -> List[Finding]:
        return [f for f in self.findings() if f.name not in FIXED]

    @property
    def good(self) -> bool:
        return all(finding.good for finding in self.findings())

    def killed(self) -> str:
        tried = self.tried()
        killed = sum(finding.good for finding in tried)
        return f"{killed} of {len(tried)} wrong solutions lose points"

    def report(self) -> str:
        lines = [f"lab {self.lab.number}, {self.lab.title}"]
        lines += [f"  {line_of(finding)}" for finding in self.findings()]
        lines.append(f"  {self.killed()} ({self.seconds:.0f} s)")
        return "\n".join(lines) + "\n"


def line_of(finding: Finding) -> str:
    return f"{'ok' if finding.good else 'WRONG':6} {finding.name}: {finding.text}"


class Proof:
    """All labs that are to be checked."""

    def __init__(self, checks: Sequence[Check], jobs: int) -> None:
        self.pending = deque(checks)
        self.jobs = jobs
        self.many = len(checks) > 1
        self.active: List[Course] = []
        self.done: List[Course] = []
        self.preparing = False
        self.change = threading.Condition()
        self.began = time.monotonic()

    def run(self) -> bool:
        tree.build_reference()
        workers = [
            threading.Thread(target=self.work, args=(number,), daemon=True)
            for number in range(self.jobs)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.done.sort(key=lambda course: course.lab.number)
        if self.many:
            print(self.summary(), end="")
            REPORT.write_text(self.summary() + "\n" + self.whole(), encoding="utf-8")
        return all(course.good for course in self.done)

    def work(self, number: int) -> None:
        """A worker: solutions and preparations until nothing is left."""
        mine: Optional[Tuple[Course, Tree]] = None
        while True:
            taken = self.take()
            if taken is None:
                return
            course, job = taken
            if job is None:
                self.prepare(course)
                continue
            if mine is None or mine[0] is not course:
                mine = course, course.check.tree(number)
            self.finish(course, attempt(job, mine[1]))

    def take(self) -> Optional[Tuple[Course, Optional[Job]]]:
        """The next solution, or a lab to prepare; None: all is done."""
        with self.change:
            while True:
                for course in self.active:
                    if course.waiting:
                        course.running += 1
                        return course, course.waiting.popleft()
                if self.pending and not self.preparing:
                    self.preparing = True
                    return Course(self.pending.popleft()), None
                if not self.pending and not self.preparing:
                    return None
                self.change.wait()

    def prepare(self, course: Course) -> None:
        """Makes the lab's base and handout, and its solutions wait."""
        jobs: List[Job] = []
        try:
            finding = course.check.prepare()
            jobs = course.check.jobs_to_do()
        except (LabError, bootlib.BootError, OSError) as error:
            finding = Finding("handout", False, str(error))
        with self.change:
            self.say(course, finding, 0)
            course.order = ["handout", *(name for name, _ in jobs)]
            course.add(finding)
            course.waiting = deque(jobs)
            self.preparing = False
            if jobs:
                self.active.append(course)
            else:
                self.end(course)
            self.change.notify_all()

    def finish(self, course: Course, ended: Tuple[Finding, float]) -> None:
        with self.change:
            self.say(course, *ended)
            course.add(ended[0])
            course.running -= 1
            if not course.waiting and not course.running:
                self.active.remove(course)
                self.end(course)

    def end(self, course: Course) -> None:
        """Keeps a lab's report; its trees go."""
        course.seconds = time.monotonic() - course.began
        self.done.append(course)
        private.WORK.mkdir(parents=True, exist_ok=True)
        place = private.WORK / f"{course.lab.name}.txt"
        place.write_text(course.report(), encoding="utf-8")
        left = len(self.pending) + len(self.active) + self.preparing
        more = f"; {left} labs to go" if self.many else ""
        name = f"lab {course.lab.number}, {course.lab.title}"
        print(f"{name}: {course.killed()} ({course.seconds:.0f} s){more}", flush=True)
        if self.many:
            shutil.rmtree(course.check.work, ignore_errors=True)

    def say(self, course: Course, finding: Finding, seconds: float) -> None:
        word = "ok" if finding.good else "WRONG"
        count = f"{len(course.found)}/{len(course.order)}" if course.order else ""
        where = f"{course.lab.name} {count}"
        line = f"  {word:6} {where:16} {seconds:5.1f} s  {finding.name}: {finding.text}"
        print(line, flush=True)

    def summary(self) -> str:
        """One line a lab, every survivor, and the totals."""
        lines = []
        for course in self.done:
            word = "ok" if course.good else "WRONG"
            lines.append(f"{word:6} lab {course.lab.folder}: {course.killed()}")
            bad = [f for f in course.findings() if not f.good]
            lines += [f"         {line_of(finding)}" for finding in bad]
        tried = [f for course in self.done for f in course.tried()]
        killed = sum(finding.good for finding in tried)
        minutes = (time.monotonic() - self.began) / 60
        lines.append(
            f"{len(self.done)} labs, {killed} of {len(tried)} wrong solutions lose "
            f"points; {minutes:.1f} minutes, {self.jobs} at a time"
        )
        return "\n".join(lines) + "\n"

    def whole(self) -> str:
        return "\n".join(course.report() for course in self.done)


def attempt(job: Job, where: Tree) -> Tuple[Finding, float]:
    """Tries a solution; and how long that took."""
    began = time.monotonic()
    try:
        finding = job[1](where)
    except (LabError, OSError) as error:
        finding = Finding(job[0], False, str(error))
    return finding, time.monotonic() - began
