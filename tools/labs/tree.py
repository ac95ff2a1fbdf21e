# SPDX-License-Identifier: MIT
"""Makes a student's tree of a lab out of the whole.

Idea        Each file that some lab takes functions from is one of: the
            student's (it has functions of this lab, or of an earlier one: then
            functions of later labs in it are forwards), or ready made (it has
            functions of later labs only: the source stays behind). Objects
            are below prebuilt/, for both builds; handout.mk tells the
            Makefile.
Invariant   What is the staff's alone (STAFF) is never copied, and no body of a
            later lab's function is in any source file."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

import bootlib
import functions

from grading.octavo import lab as labs_module
from grading.octavo.lab import Lab, LabError
from labs import source, texts

TOP = bootlib.TOP
STAFF = (
    ".ci",
    "docs/bench-baseline.json",
    "docs/book",
    "docs/grading.md",
    "docs/howto/write-a-lab.md",
    "docs/howto/write-a-test.md",
    "grading/guest",
    "grading/host",
    "grading/mutants",
    "grading/tests",
    "labs",
    "tools/book",
    "tools/grade-again",
    "tools/grade-all",
    "tools/gradescope",
    "tools/handout",
    "tools/labs",
    "tools/labs-check",
    "tools/mutants",
)
SKIPPED = (".git", "build", "__pycache__", ".mypy_cache", ".pytest_cache", "tags")
LAB_PARTS = ("README.md", "answers.toml", "lab.toml", "tests")
VARIANTS = ("release", "debug")


def tracked() -> List[str]:
    """The files of the whole tree."""
    found: List[str] = []
    for folder, names, files in os.walk(TOP):
        names[:] = sorted(name for name in names if name not in SKIPPED)
        for name in sorted(files):
            found.append(str((Path(folder) / name).relative_to(TOP)))
    return found


def is_staff(path: str) -> bool:
    return any(path == part or path.startswith(part + "/") for part in STAFF)


def is_chapter(path: str, last: int) -> bool:
    """Whether it is a chapter of the book up to the lab's own."""
    found = re.fullmatch(r"docs/book/(\d+)-\w+\.md", path)
    return found is not None and int(found[1]) <= last


class Plan:
    """What becomes of each file that a lab takes functions from."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ready: List[str] = []  # files that come as objects
        self.stubs = lab.functions
        self.forwards: Dict[str, List[str]] = {}
        self.gone: Dict[str, List[str]] = {}  # later labs' helpers
        every = labs_module.every()
        early = [other for other in every if other.number <= lab.number]
        self.seen = {path for other in early for path in other.files}
        for other in every:
            if other.number > lab.number:
                self.add_later(other)
        self.ready = sorted({*self.ready})

    def add_later(self, later: Lab) -> None:
        for path in later.objects:
            if path in self.seen:
                raise LabError(f"{path} is to be an object, and {later.name} shares it")
            self.ready.append(path)
        for path, names in later.functions.items():
            names = [n for n in names if n not in self.lab.functions.get(path, [])]
            if path in self.seen or path.endswith(".h"):
                if path.endswith(".S"):
                    raise LabError(f"{path} is of two labs: assembly cannot be")
                mine = self.forwards.setdefault(path, [])
                mine += [name for name in names if name not in mine]
                self.gone.setdefault(path, []).extend(later.removed.get(path, []))
            else:
                self.ready.append(path)

    def later_objects(self) -> List[str]:
        """Names of the objects with the forwards' callees."""
        return [later_name(path) for path in sorted(self.forwards)]


def later_name(path: str) -> str:
    """kernel/vm/later_fault_c.c, for kernel/vm/fault.c."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/later_{name.replace('.', '_')}.c"


# --- Objects -----------------------------------------------------------------


def strip(path: Path, debug: bool) -> None:
    """Leaves no debugging information but where frames are, for backtraces."""
    command = [*bootlib.build_env(debug)["OBJCOPY"], "--strip-debug"]
    command += [f"--keep-section={name}.debug_frame" for name in ("", ".rela")]
    bootlib.run_tool([*command, str(path)], f"stripping {path}")


def copy_object(path: str, variant: str, out: Path) -> None:
    """The reference's object of a source file."""
    made = TOP / "build" / variant / "obj" / f"{path}.o"
    goal = out / "prebuilt" / variant / f"{path}.o"
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made, goal)
    strip(goal, variant == "debug")


def compile_later(path: str, names: List[str], variant: str, out: Path) -> None:
    """The object with the callees of a file's forwards."""
    debug = variant == "debug"
    env = bootlib.build_env(debug)
    goal = out / "prebuilt" / variant / f"{later_name(path)}.o"
    goal.parent.mkdir(parents=True, exist_ok=True)
    text = source.later_text((TOP / path).read_text(encoding="utf-8"), path, names)
    with bootlib.working_directory() as work:
        code = work / "later.c"
        code.write_text(text, encoding="utf-8")
        command = [*env["CC"], *env["KERNEL_CFLAGS"], "-w", "-c", str(code)]
        bootlib.run_tool([*command, "-o", str(goal)], f"compiling a part of {path}")
    refuse_state(goal, path, debug)
    strip(goal, debug)


def refuse_state(made: Path, path: str, debug: bool) -> None:
    """A forward's object with variables of its own would have its own state."""
    command = [*bootlib.build_env(debug)["NM"], str(made)]
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8")
    for line in done.stdout.splitlines():
        kind, name = line.split()[-2:]
        if kind in "bBdDC":
            raise LabError(
                f"{path} has a variable {name}: its functions of later labs "
                "cannot be forwards; list the file under `objects` there"
            )


# --- Trees -------------------------------------------------------------------


def copy_tree(lab: Lab, out: Path) -> None:
    """Everything that students may have, as it is."""
    parts = [f"labs/{lab.folder}/{part}" for part in LAB_PARTS]
    parts += ["docs/book/figures"]
    for path in tracked():
        own = any(path == part or path.startswith(part + "/") for part in parts)
        own |= is_chapter(path, lab.number)
        if own or not is_staff(path):
            goal = out / path
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / path, goal)


def reference_text(plan: Plan, path: str) -> str:
    """A file with this lab's functions written, and forwards for later ones."""
    text = (TOP / path).read_text(encoding="utf-8")
    if path in plan.forwards:
        gone = plan.gone.get(path, [])
        text = source.with_forwards(text, plan.forwards[path], gone)
    return text


def student_text(plan: Plan, path: str, mine: Optional[Path]) -> str:
    """What a student gets of a file with functions of this or earlier labs."""
    theirs = mine / path if mine else None
    own = theirs is not None and theirs.is_file()
    try:
        if theirs is not None and own:
            text = theirs.read_text(encoding="utf-8")
        else:
            text = reference_text(plan, path)
        if path in plan.stubs:
            removed = [
                name
                for name in plan.lab.removed.get(path, [])
                if functions.has(text, name)
            ]
            names = plan.stubs[path]
            bodies = plan.lab.bodies(path)
            text = source.with_stubs(text, path, plan.lab.name, names, removed, bodies)
    except functions.NoFunction as error:
        raise LabError(f"{theirs if own else path}: {error}") from error
    return text


def student_sources(lab: Lab) -> Iterator[Tuple[str, str]]:
    """Each file of C that a handout changes, and its text there."""
    plan = Plan(lab)
    for path in sorted({*plan.stubs, *plan.forwards}):
        if path not in plan.ready and not path.endswith(".S"):
            yield path, student_text(plan, path, None)


def write_sources(plan: Plan, out: Path, mine: Optional[Path]) -> None:
    for path in sorted({*plan.stubs, *plan.forwards, *(plan.seen if mine else ())}):
        if path not in plan.ready:
            text = student_text(plan, path, mine)
            (out / path).write_text(text, encoding="utf-8")
    for path in plan.ready:
        (out / path).unlink(missing_ok=True)


def reference_files(lab: Lab) -> List[str]:
    """What REFERENCE=1 takes ready made: the lab's files, and what has read the
    headers among them."""
    headers = {path for path in lab.files if path.endswith(".h")}
    found = {*lab.files} - headers
    for path in tracked():
        made = TOP / "build" / "release" / "obj" / f"{path}.d"
        if headers and path.startswith("kernel/") and made.is_file():
            if headers & {*made.read_text(encoding="utf-8").split()}:
                found.add(path)
    return sorted(found)


def write_objects(plan: Plan, out: Path) -> None:
    for variant in VARIANTS:
        for path in sorted({*plan.ready, *reference_files(plan.lab)}):
            copy_object(path, variant, out)
        for path, names in plan.forwards.items():
            compile_later(path, names, variant, out)


def write_book(plan: Plan, out: Path) -> None:
    """The book up to the lab's chapter, as pages and as text, with the excerpts
    in it, but no body of a function that a lab asks for or that is ready made."""
    with bootlib.working_directory() as work:
        command = [sys.executable, "tools/book", "--no-pdf", "--text"]
        command += ["--out", str(work / "book"), "--until", str(plan.lab.number)]
        for path in plan.ready:
            command += ["--hide", path]
        done = subprocess.run(
            command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if done.returncode != 0:
            raise LabError(f"making the book failed: {done.stdout.decode()}")
        for made in sorted((work / "book").iterdir()):
            if made.is_file():
                shutil.copyfile(made, out / "docs" / "book" / made.name)


def commit(out: Path, lab: Lab) -> None:
    """A history of one commit, the same for everybody."""
    env = dict(os.environ)
    for who in ("AUTHOR", "COMMITTER"):
        env[f"GIT_{who}_NAME"] = "Octavo"
        env[f"GIT_{who}_EMAIL"] = "octavo@localhost"
        env[f"GIT_{who}_DATE"] = "2026-01-01T00:00:00Z"
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-q", "-m", f"Lab {lab.number}: {lab.title}"],
    ):
        subprocess.run(["git", *words], cwd=out, env=env, check=True)


def make(
    lab: Lab,
    out: Path,
    mine: Optional[Path] = None,
    git: bool = True,
    book: bool = False,
) -> None:
    """Makes the student's tree of a lab in `out`, which must not be there yet.

    Both builds of the whole tree must be up to date."""
    if out.exists() and any(out.iterdir()):
        raise LabError(f"{out} is there already, and not empty")
    plan = Plan(lab)
    out.mkdir(parents=True, exist_ok=True)
    copy_tree(lab, out)
    write_sources(plan, out, mine)
    write_objects(plan, out)
    ready = [*plan.ready, *plan.later_objects()]
    texts.write(lab, ready, reference_files(lab), [*STAFF, *plan.ready], out)
    if book:
        write_book(plan, out)
    if git:
        commit(out, lab)


def build_reference() -> None:
    """Both builds of the whole tree, from which the objects are."""
    for debug in (False, True):
        bootlib.make(["all"], debug)


def hidden(plan: Plan) -> Iterable[str]:
    """Names of the later labs' functions: none may be defined in a source."""
    for other in labs_module.every():
        if other.number > plan.lab.number:
            for names in other.functions.values():
                yield from names
