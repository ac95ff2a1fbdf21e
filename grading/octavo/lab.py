# SPDX-License-Identifier: MIT
"""Labs: what labs/NN-NAME/lab.toml says, read and checked.

    title = "Page tables"
    wrap = "kernel_map_init"       # where the unit kernel's tests take over
    unit_reference = "kernel/x.S"  # the unit kernel has the reference's object
    functions = ["kernel/vm/pagetable.c:pagetable_find", ...]   # to be written
    removed = ["kernel/vm/pagetable.c:descend", ...]   # helpers, not handed out
    objects = ["kernel/vm/x.c"]    # objects in the trees of labs before this
    debug = false                  # tests want the debug build, too

    [instead]                      # what a stub does, if it is not to panic
    "kernel/ipc/x.c:x_quickly" = "return x_slowly();"

    [test.walk]                    # test_walk in tests/test_*.py
    points = 6                     # of each case, if it has several
    share = "function"             # or robustness, regression
    needs = ["find"]               # tests without which it makes no sense
    looks_at = ["pagetable_walk"]  # where to look when it fails
    budget = 1200                  # guest instructions
    tiers = [300, 400]             # the same, each for a share of the points
    stub = "fails"                 # or passes: it needs none of the functions
    visibility = "visible"         # as in Gradescope's results
    hint = "Walking"               # a heading of README.md

Also how a failure looks into the lab: a test's line in lab.toml names the
functions, and this finds where they are."""
from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional

TOP = Path(__file__).resolve().parents[2]
LABS = TOP / "labs"

# In the environment: a grading with other seeds; one that does not repeat what
# failed to tell its last events.
SEED = "OCTAVO_SEED"
NO_EVENTS = "OCTAVO_NO_EVENTS"

SHARES = ("function", "robustness", "regression")
VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")
_TEST_KEYS = {
    "points",
    "share",
    "needs",
    "looks_at",
    "budget",
    "tiers",
    "stub",
    "visibility",
    "hint",
}
_LAB_KEYS = {
    "title",
    "hours",
    "wrap",
    "unit_reference",
    "functions",
    "removed",
    "objects",
    "debug",
    "instead",
    "test",
}


class LabError(Exception):
    """A lab is not as it should be; the text says how."""


@dataclass(frozen=True)
class Test:
    """One test's entry."""

    name: str  # without test_
    points: int
    share: str = "function"
    needs: tuple[str, ...] = ()
    looks_at: tuple[str, ...] = ()
    budget: Optional[int] = None
    tiers: tuple[int, ...] = ()
    stub: str = "fails"
    visibility: str = "visible"
    hint: str = ""


@dataclass
class Lab:
    number: int
    name: str
    path: Path
    title: str
    hours: str
    wrap: str
    functions: Dict[str, List[str]]  # by file
    removed: Dict[str, List[str]]
    objects: List[str]
    debug: bool = False
    instead: Dict[str, str] = field(default_factory=dict)  # by path:function
    tests: Dict[str, Test] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return self.path.name

    @property
    def files(self) -> List[str]:
        """The files that a student changes, and hands in."""
        return sorted({*self.functions, *self.removed})

    def bodies(self, path: str) -> Dict[str, str]:
        """What the stubs in a file do that do not panic, by function."""
        own = self.functions.get(path, [])
        entries = {name: self.instead.get(f"{path}:{name}") for name in own}
        return {name: body for name, body in entries.items() if body is not None}

    @property
    def answers(self) -> List[str]:
        """The file with a student's answers, if the lab asks questions."""
        name = f"labs/{self.folder}/answers.toml"
        return [name] if (TOP / name).is_file() else []

    @property
    def handed_in(self) -> List[str]:
        return self.files + self.answers

    def place_of(self, function: str) -> str:
        """FILE:LINE FUNCTION, as far as the source shows it."""
        path = self.file_of(function) or ""
        text = (TOP / path).read_text(encoding="utf-8") if path else ""
        found = re.search(rf"^(\w.*\b)?{function}\(|^{function}:", text, re.M)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        return f"{path}:{line} {function}"

    def file_of(self, function: str) -> Optional[str]:
        for path, names in self.functions.items():
            if function in names:
                return path
        return None


def places(entries: object, where: str) -> Dict[str, List[str]]:
    """`path:function` entries by path."""
    found: Dict[str, List[str]] = {}
    if not isinstance(entries, list):
        raise LabError(f"{where}: a list of path:function is wanted")
    for entry in entries:
        path, _, name = str(entry).partition(":")
        if not re.fullmatch(r"kernel/[\w/]+\.[chS]", path) or not name:
            raise LabError(f"{where}: {entry} is no kernel/DIR/FILE:FUNCTION")
        found.setdefault(path, []).append(name)
    return found


def test_from(name: str, entry: Dict[str, object], where: str) -> Test:
    unknown = set(entry) - _TEST_KEYS
    if unknown:
        raise LabError(f"{where}: test.{name} has unknown keys: {sorted(unknown)}")
    values = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry.items()
    }
    test = Test(name=name, **values)  # type: ignore[arg-type]
    if not isinstance(test.points, int) or test.points < 1:
        raise LabError(f"{where}: test.{name} wants 1 point or more")
    if test.share not in SHARES:
        raise LabError(f"{where}: test.{name}: a share is one of {SHARES}")
    if test.visibility not in VISIBILITIES:
        raise LabError(f"{where}: test.{name}: visibility is one of {VISIBILITIES}")
    if test.stub not in ("fails", "passes"):
        raise LabError(f"{where}: test.{name}: stub is `fails` or `passes`")
    return test


def read(path: Path) -> Lab:
    """The lab in a folder labs/NN-NAME."""
    where = f"{path.name}/lab.toml"
    try:
        data = tomllib.loads((path / "lab.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LabError(f"{where}: {error}") from error
    unknown = set(data) - _LAB_KEYS
    if unknown:
        raise LabError(f"{where}: unknown keys: {sorted(unknown)}")
    number, _, name = path.name.partition("-")
    try:
        lab = Lab(
            number=int(number),
            name=name,
            path=path,
            title=data["title"],
            hours=data.get("hours", ""),
            wrap=data.get("wrap", ""),
            functions=places(data["functions"], where),
            removed=places(data.get("removed", []), where),
            objects=data.get("objects", []),
            debug=data.get("debug", False),
            instead=data.get("instead", {}),
        )
        for key, entry in data["test"].items():
            lab.tests[key] = test_from(key, entry, where)
    except (KeyError, TypeError) as error:
        raise LabError(f"{where}: {error} is missing or wrong") from error
    check_names(lab, where)
    return lab


def check_names(lab: Lab, where: str) -> None:
    """What a lab names exists in it."""
    for entry in lab.instead:
        path, _, name = entry.partition(":")
        if name not in lab.functions.get(path, []):
            raise LabError(f"{where}: instead of {entry}: no function of the lab")
    for test in lab.tests.values():
        for need in test.needs:
            if need not in lab.tests:
                raise LabError(f"{where}: test.{test.name} needs {need}, unknown")
        for name in test.looks_at:
            if lab.file_of(name) is None:
                raise LabError(f"{where}: test.{test.name} looks at {name}, unknown")
    ordered(lab)


def ordered(lab: Lab) -> List[str]:
    """The tests' names, each behind what it needs; otherwise as in lab.toml."""
    done: List[str] = []
    pending = list(lab.tests)
    while pending:
        ready = [n for n in pending if all(x in done for x in lab.tests[n].needs)]
        if not ready:
            raise LabError(f"{lab.folder}: {', '.join(pending)} need each other")
        done.append(ready[0])
        pending.remove(ready[0])
    return done


def every() -> List[Lab]:
    """All labs of this tree, in order."""
    if not LABS.is_dir():
        return []
    folders = sorted(path.parent for path in LABS.glob("[0-9]*/lab.toml"))
    return sorted((read(path) for path in folders), key=lambda lab: lab.number)


def named(name: str) -> Lab:
    """The lab `pagetable`, also by `2` or `02-pagetable`."""
    labs = every()
    for lab in labs:
        if name in (lab.name, lab.folder, str(lab.number)):
            return lab
    known = ", ".join(lab.name for lab in labs) or "none"
    raise LabError(f"there is no lab {name or '(LAB=name is missing)'}; labs: {known}")
