# SPDX-License-Identifier: MIT
"""Proves that a lab's tests are right: `make labs-check`.

For each lab: the student's tree builds; what is not the lab's is unchanged in
it, and no later lab's function can be read; with stubs every test that needs
them gives 0; the reference gets all points; each wrong solution loses points on
the tests that it names. proof.py runs all that, and reports."""
from __future__ import annotations

import html
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

import bootlib
import functions

from grading.octavo import lab as labs_module
from grading.octavo.lab import Lab, LabError
from labs import private, tree
from labs import wrong as wrongs
from labs.private import Grading, Tree
from labs.wrong import Wrong

BODY = 60  # characters of code, without spaces

Job = Tuple[str, Callable[[Tree], "Finding"]]


@dataclass
class Finding:
    """What came of one solution: its name, whether all is well, and why."""

    name: str
    good: bool
    text: str


# --- What can be said without running ----------------------------------------


def sources(where: Path) -> List[Path]:
    return sorted(
        path
        for path in (where / "kernel").rglob("*")
        if path.suffix in (".c", ".h", ".S")
    )


def changed_functions(lab: Lab, out: Path) -> List[str]:
    """Functions of the student's tree that differ but are in no lab's list."""
    plan = tree.Plan(lab)
    found = []
    for path in sources(out):
        name = str(path.relative_to(out))
        mine = set(lab.functions.get(name, [])) | set(plan.forwards.get(name, []))
        ours = (bootlib.TOP / name).read_text(encoding="utf-8")
        theirs = path.read_text(encoding="utf-8")
        known = {f.name: f.text for f in functions.all_in(ours)}
        for function in functions.all_in(theirs):
            if function.name in mine:
                continue
            if known.get(function.name) != function.text:
                found.append(f"{name}: {function.name} is not as in the whole tree")
    return found


def readable_solutions(lab: Lab, out: Path) -> List[str]:
    """Bodies of this lab's or later functions in the student's sources."""
    plan = tree.Plan(lab)
    every = set(tree.hidden(plan))
    for names in lab.functions.values():
        every |= set(names)
    found = []
    for path in sources(out):
        text = path.read_text(encoding="utf-8")
        for function in functions.all_in(text):
            body = function.text[len(function.head) :]
            yours = "is yours to write" in body or "prebuilt_" in body
            if function.name in every and not yours:
                name = path.relative_to(out)
                if owned(function.name, str(name), lab):
                    found.append(f"{name}: {function.name} can be read")
    return found


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def shown_text(path: Path) -> str:
    """What somebody reads in a file, without the space; nothing if it is no
    text."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
    if path.suffix == ".html":
        text = html.unescape(re.sub(r"<[^>]*>", "", text))
    return squeezed(text)


def bodies(lab: Lab) -> Dict[str, str]:
    """The code of this lab's and later functions, squeezed; not of those so
    small that they could stand anywhere."""
    found: Dict[str, str] = {}
    for other in labs_module.every():
        for path, names in (
            other.functions.items() if other.number >= lab.number else ()
        ):
            if path.endswith(".S"):
                continue
            text = (bootlib.TOP / path).read_text(encoding="utf-8")
            for name in names:
                function = functions.find(text, name)
                code = squeezed(function.text[len(function.head) :])
                if len(code) >= BODY:
                    found[name] = code
    return found


def quoted_solutions(lab: Lab, out: Path) -> List[str]:
    """The same bodies anywhere in the tree: in the book, in a document."""
    wanted = bodies(lab)
    found = []
    for path in sorted(out.rglob("*")):
        if not path.is_file() or ".git" in path.parts or "prebuilt" in path.parts:
            continue
        text = shown_text(path)
        for name, code in wanted.items():
            if code in text:
                found.append(f"{path.relative_to(out)}: {name} can be read")
    return found


def owned(function: str, path: str, lab: Lab) -> bool:
    """Whether this or a later lab takes the function from this file."""
    return any(
        function in other.functions.get(path, [])
        for other in labs_module.every()
        if other.number >= lab.number
    )


# --- What has to be run ------------------------------------------------------


def judge_stub(lab: Lab, result: Grading) -> Finding:
    problems = []
    for name, test in lab.tests.items():
        rows = result.cases(name)
        points = sum(int(str(row["points"])) for row in rows)
        if not rows or any(row["status"] == "infrastructure" for row in rows):
            problems.append(f"{name} has no verdict")
        elif test.stub == "fails" and points > 0:
            problems.append(f"{name} gives {points} points")
        elif test.stub == "passes" and any(r["status"] != "passed" for r in rows):
            problems.append(f"{name} fails, and needs none of the functions")
    return Finding("stubs", not problems, "; ".join(problems) or "0 points")


def judge_reference(lab: Lab, result: Grading) -> Finding:
    lost = [str(row["test"]) for row in result.rows if row["points"] != row["max"]]
    points, most = result.total("points"), result.total("max")
    if not result.rows:
        return Finding("reference", False, result.text[-2000:])
    why = f"; lost: {', '.join(lost)}" if lost else ""
    return Finding("reference", not lost, f"{points} of {most} points{why}")


def judge_wrong(wrong: Wrong, result: Grading) -> Finding:
    if not result.rows:
        return Finding(wrong.name, False, result.text[-2000:])
    if any("does not build" in str(row["message"]) for row in result.rows):
        return Finding(wrong.name, False, str(result.rows[0]["message"])[:1500])
    told = {test: result.lost(test) for test in wrong.tests}
    missed = [test for test, why in told.items() if why is None]
    if missed:
        return Finding(wrong.name, False, f"not noticed by {', '.join(missed)}")
    text = "; ".join(f"{test}: {why}" for test, why in told.items())
    return Finding(wrong.name, True, text)


def right_answers(lab: Lab) -> Dict[str, bytes]:
    """The file with the answers to a lab's questions, if it asks any."""
    right = lab.path / "answers-solution.toml"
    return {path: right.read_bytes() for path in lab.answers}


class Check:
    """What there is to try for one lab; proof.py does it."""

    def __init__(self, lab: Lab, names: Sequence[str] = ()) -> None:
        self.lab = lab
        self.names = tuple(names)  # only wrong solutions that begin so
        self.work = private.WORK / lab.name

    def prepare(self) -> Finding:
        """Makes the base of the trees, and the student's tree."""
        self.plan = tree.Plan(self.lab)
        paths = self.lab.files
        self.texts = {path: tree.reference_text(self.plan, path) for path in paths}
        self.wrongs = [
            wrong
            for wrong in wrongs.every(self.lab)
            if not self.names or wrong.name.startswith(self.names)
        ]
        self.base = private.make_base(self.lab)
        return self.handout()

    def tree(self, number: int) -> Tree:
        """A tree of the lab's, for a worker."""
        return Tree(self.lab, self.base, self.work / str(number), brief=True)

    def encoded(self, texts: Dict[str, str]) -> Dict[str, bytes]:
        return {path: text.encode() for path, text in texts.items()}

    def stub_files(self) -> Dict[str, bytes]:
        plan = self.plan
        return self.encoded(
            {path: tree.student_text(plan, path, None) for path in self.lab.files}
        )

    def try_stub(self, where: Tree) -> Finding:
        where.put(self.stub_files())
        return judge_stub(self.lab, where.grade(no_needs=True))

    def try_reference(self, where: Tree) -> Finding:
        where.put({**self.encoded(self.texts), **right_answers(self.lab)})
        return judge_reference(self.lab, where.grade())

    def try_wrong(self, wrong: Wrong) -> Callable[[Tree], Finding]:
        def attempt(where: Tree) -> Finding:
            where.put(self.encoded(wrongs.apply(wrong, self.texts)))
            only = ",".join(wrong.tests)
            return judge_wrong(wrong, where.grade(only, no_needs=True))

        return attempt

    def jobs_to_do(self) -> List[Job]:
        found: List[Job] = []
        if not self.names:
            found = [("stubs", self.try_stub), ("reference", self.try_reference)]
        return found + [(wrong.name, self.try_wrong(wrong)) for wrong in self.wrongs]

    def handout(self) -> Finding:
        """The student's tree as it is handed out."""
        out = self.work / "handout"
        shutil.rmtree(out, ignore_errors=True)
        tree.make(self.lab, out, book=True)
        problems = changed_functions(self.lab, out)
        problems += readable_solutions(self.lab, out)
        problems += quoted_solutions(self.lab, out)
        text = "; ".join(problems) or "unchanged but for the stubs"
        return Finding("handout", not problems, text)
