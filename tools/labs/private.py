# SPDX-License-Identifier: MIT
"""Trees in which solutions are built and graded, below build/labs.

Idea        A base is a student's tree with its builds: those of the whole
            tree, brought up to date, so that little is compiled. A Tree is a
            copy of the base into which a solution's files are put; what does
            not change is not built again. Tests and harness are the base's,
            that is the staff's.
Invariant   Of a submission nothing is taken but the files that the lab lists,
            as plain files of a sane size."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional

import bootlib

from grading.octavo.lab import NO_EVENTS, Lab, LabError
from labs import tree

BUILD = bootlib.TOP / "build"
WORK = BUILD / "labs"
GRADE_LIMIT = 1200  # host seconds for one grading
MEMORY = 8 << 30  # bytes of address space for each process
FILE_LIMIT = 256 << 10  # bytes of a submitted file

Row = Dict[str, object]


def make_base(lab: Lab) -> Path:
    """A fresh base of a lab, with the reference in it, built."""
    tree.build_reference()
    base = WORK / lab.name / "base"
    shutil.rmtree(base, ignore_errors=True)
    base.parent.mkdir(parents=True, exist_ok=True)
    tree.make(lab, base, git=False)
    for name in ("release", "debug", "host", "config.mk"):
        copy(BUILD / name, base / "build" / name)
    plan = tree.Plan(lab)
    for path in plan.ready:
        for variant in tree.VARIANTS:  # the reference's wants the source
            made = base / "build" / variant / "obj" / f"{path}.o"
            made.with_suffix(".d").unlink(missing_ok=True)
    for path in lab.files:
        text = tree.reference_text(plan, path)
        (base / path).write_text(text, encoding="utf-8")
    run(base, ["make", "-s", "all", "units"])
    if lab.debug:
        run(base, ["make", "-s", "DEBUG=1", "all", "units"])
    return base


def copy(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, goal, symlinks=True)
    else:
        shutil.copy2(source, goal)


def clean_env() -> Dict[str, str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    for name in ("TEST", "LAB", "OUT", "MINE", "SUBMISSION"):
        env.pop(name, None)
    return env


def run(where: Path, words: List[str]) -> None:
    done = subprocess.run(
        words,
        cwd=where,
        env=clean_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        raise LabError(f"{' '.join(words)} in {where} failed:\n{done.stdout[-3000:]}")


# In a name space of its own: no network, sources and tests read-only.
_CONFINED = """
for part in grading kernel labs mkfs prebuilt tools user; do
    mount --bind "$part" "$part" && mount -o remount,bind,ro "$part" || exit 125
done
exec "$@"
"""


def confinement() -> List[str]:
    """What is put in front of a command to confine it; nothing where the host
    does not allow that."""
    test = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    try:
        done = subprocess.run([*test, "mount", "--bind", "/tmp", "/tmp"])
    except OSError:
        return []
    if done.returncode != 0:
        return []
    limits = ["prlimit", f"--fsize={1 << 30}", f"--as={MEMORY}", "--core=0"]
    return [*test, "sh", "-c", _CONFINED, "sh", *limits]


class Tree:
    """A copy of a base, for one solution at a time."""

    def __init__(
        self,
        lab: Lab,
        base: Path,
        where: Path,
        prefix: Optional[List[str]] = None,
        brief: bool = False,
    ) -> None:
        """With `brief`, a failure is told without what happened before it."""
        self.lab = lab
        self.where = where
        self.prefix = prefix or []
        self.brief = brief
        shutil.rmtree(where, ignore_errors=True)
        needless = ["debug"] if brief and not lab.debug else []
        ignore = shutil.ignore_patterns(*needless)
        shutil.copytree(base / "build", where / "build", symlinks=True, ignore=ignore)
        outside = shutil.ignore_patterns("build")
        shutil.copytree(base, where, symlinks=True, ignore=outside, dirs_exist_ok=True)
        self.sound = {path: (base / path).read_bytes() for path in lab.handed_in}

    def put(self, files: Dict[str, bytes]) -> None:
        """Puts a solution's files in; other files of the lab are the base's."""
        for path, sound in {**self.sound, **files}.items():
            goal = self.where / path
            if goal.read_bytes() != sound:
                goal.write_bytes(sound)

    def grade(
        self, only: str = "", no_needs: bool = False, jobs: int = 1, unfit: str = ""
    ) -> "Grading":
        """Builds and grades what was put in, or fails it for being unfit."""
        words = [*self.prefix, sys.executable, "-m", "grading"]
        words += ["--lab", self.lab.name]
        words += ["--jobs", str(jobs)]
        words += ["--test", only] if only else []
        words += ["--no-needs"] if no_needs else []
        words += ["--unfit", unfit] if unfit else []
        try:
            done = subprocess.run(
                words,
                cwd=self.where,
                env={**clean_env(), **({NO_EVENTS: "1"} if self.brief else {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=GRADE_LIMIT,
            )
        except subprocess.TimeoutExpired:
            return Grading([], f"no end after {GRADE_LIMIT} s")
        record = self.where / "build" / "grade" / self.lab.name / "record.jsonl"
        rows: List[Row] = []
        if record.is_file():
            lines = record.read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines]
        return Grading(rows, done.stdout)


class Grading:
    """What came of one grading."""

    def __init__(self, rows: List[Row], text: str) -> None:
        self.rows = rows
        self.text = text

    def total(self, key: str) -> int:
        return sum(int(str(row[key])) for row in self.rows)

    def cases(self, test: str) -> List[Row]:
        """The rows of a test: one, or one a case."""
        return [
            row
            for row in self.rows
            if test in (row["test"], str(row["test"]).partition("[")[0])
        ]

    def lost(self, test: str) -> Optional[str]:
        """Why a test lost points; None: it did not."""
        for row in self.cases(test):
            if row["status"] == "failed" or row["points"] != row["max"]:
                return str(row["first_divergence"] or row["message"]).split("\n")[0]
        return None


def submitted(lab: Lab, where: Path) -> Dict[str, bytes]:
    """The files of a submission: a tree, or a folder with them alone."""
    found: Dict[str, bytes] = {}
    for path in lab.handed_in:
        file = where / path
        if file.is_symlink() or not file.is_file():
            continue
        if file.stat().st_size > FILE_LIMIT:
            raise LabError(f"{path} is larger than {FILE_LIMIT >> 10} KiB")
        found[path] = file.read_bytes()
    missing = [path for path in lab.files if path not in found]
    if missing:
        raise LabError(f"{where} does not have {', '.join(missing)}")
    return found


def grade(lab: Lab, where: Path, jobs: int) -> int:
    """Grades one submission, and shows what came."""
    files = submitted(lab, where)
    private = Tree(lab, make_base(lab), WORK / lab.name / "submission")
    private.put(files)
    result = private.grade(jobs=jobs)
    print(result.text, end="")
    full = result.rows and result.total("points") == result.total("max")
    return 0 if full else 1
