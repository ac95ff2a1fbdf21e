# SPDX-License-Identifier: MIT
"""The check of all labs at once: what it reports, and what it goes on after.

Labs are made up here; `make labs-check` is the real thing."""
from __future__ import annotations

import threading
from pathlib import Path
from typing import Callable, List, Sequence

import pytest
from labs import check, private, proof, tree
from labs.check import Finding, Job

from grading.octavo import lab as labs
from grading.octavo.lab import LabError


class MadeUp(check.Check):
    """A lab whose wrong solutions are functions."""

    def __init__(self, number: int, jobs: Sequence[Job], broken: str = "") -> None:
        name = f"made-{number}"
        path = private.WORK / name
        lab = labs.Lab(number, name, path, "Made up", "", "", {}, {}, [])
        super().__init__(lab)
        self.jobs, self.broken = list(jobs), broken

    def prepare(self) -> Finding:
        if self.broken:
            raise LabError(self.broken)
        return Finding("handout", True, "unchanged")

    def tree(self, number: int) -> private.Tree:
        return object.__new__(private.Tree)

    def jobs_to_do(self) -> List[Job]:
        return self.jobs


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(private, "WORK", tmp_path)
    monkeypatch.setattr(proof, "REPORT", tmp_path / "report.txt")
    monkeypatch.setattr(tree, "build_reference", lambda: None)
    return tmp_path


def ends(name: str, good: bool) -> Job:
    return name, lambda where: Finding(name, good, "why" if good else "survives")


def test_all_labs(place: Path) -> None:
    """One report for all labs names each survivor and counts the killed ones."""
    first = MadeUp(1, [ends("stubs", True), ends("a", True), ends("b", False)])
    second = MadeUp(2, [ends("c", True)])
    assert not proof.Proof([second, first], 2).run()
    text = (place / "report.txt").read_text()
    assert text.index("lab made-1: 1 of 2") < text.index("lab made-2: 1 of 1")
    assert "WRONG  b: survives" in text
    assert "2 labs, 2 of 3 wrong solutions lose points" in text
    own = (place / "made-1.txt").read_text()
    assert own.index("handout") < own.index("stubs") < own.index("a: why")
    assert proof.Proof([MadeUp(2, [ends("c", True)])], 1).run()


def test_broken_lab(place: Path) -> None:
    """A lab that cannot be prepared, and a solution that cannot be tried, are
    wrong; the others go on."""

    def fails(where: private.Tree) -> Finding:
        raise OSError("no room")

    labs_given = [
        MadeUp(1, [], "no such function"),
        MadeUp(2, [("full", fails), ends("a", True)]),
    ]
    assert not proof.Proof(labs_given, 2).run()
    text = (place / "report.txt").read_text()
    assert "WRONG  handout: no such function" in text
    assert "WRONG  full: no room" in text and "made-2: 1 of 2" in text


def test_no_worker_idles() -> None:
    """While a lab's last solution runs, the next lab is begun."""
    begun = threading.Event()

    def last(where: private.Tree) -> Finding:
        return Finding("last", begun.wait(20), "the next lab has begun")

    def first(where: private.Tree) -> Finding:
        begun.set()
        return Finding("first", True, "")

    both: List[Callable[[private.Tree], Finding]] = [last, first]
    given = [MadeUp(n, [(job.__name__, job)]) for n, job in enumerate(both, 1)]
    assert proof.Proof(given, 2).run()
