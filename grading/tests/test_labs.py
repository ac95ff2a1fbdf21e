# SPDX-License-Identifier: MIT
"""The machinery of the labs: student's trees, grades, and who must not get any.

`make labs-check` is the proof for each lab; here one lab stands for all."""
from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import List
from xml.etree import ElementTree

import functions
import pytest
from labs import again, batch, check, private, source, tree, wrong

from grading.__main__ import chosen
from grading.octavo import guest, report
from grading.octavo import lab as labs
from grading.octavo.lab import Lab, LabError
from grading.octavo.machine import TOP
from grading.octavo.scoring import points
from grading.tests.labs_kit import FILE, GROUP, LAB, the_tree


@pytest.fixture
def base() -> private.Tree:
    return the_tree()


# --- Without booting ---------------------------------------------------------


def test_functions_are_found() -> None:
    """The parser finds each C function of the kernel, with its parameters."""
    for path in (TOP / "kernel").glob("*/*.[ch]"):
        text = path.read_text(encoding="utf-8")
        found = functions.all_in(text)
        for function in found:
            assert function.text.endswith("}\n"), function.name
            assert function.head.count("(") == function.head.count(")")
            assert all(name.isidentifier() for name in function.parameters)
        ends = sum(line == "}" for line in text.splitlines())
        odd = path.name == "ubsan.c"  # names with __
        assert odd or len(found) == ends, path


SOURCE = """#include "vm/x.h"

#include "vm/y.h"

/* Adds. */
static inline int add(const int *a, int (*f)(int, int)) {
    return f(*a, 1);
}

void done(void) REQUIRES(a) {
    add(0, 0);
}

int more(int a[2]) {
    return a[0];
}
"""


def test_stub() -> None:
    """A stub keeps comment and head, and names the lab; nothing else changes."""
    text = source.with_stubs(SOURCE, "kernel/vm/x.c", "demo", ["add"])
    assert '#include "lib/panic.h"\n' in text
    assert "/* Adds. */\nstatic inline int add(const int *a, int (*f)" in text
    assert 'panic("lab demo: add is yours to write");' in text
    assert "(void)a;\n    (void)f;" in text and "return f" not in text
    assert text.endswith(SOURCE[SOURCE.index("void done") :])


def test_stub_with_body() -> None:
    """A stub that does something else instead names the lab all the same."""
    instead = {"add": "return 0;"}
    text = source.with_stubs(SOURCE, "kernel/vm/x.c", "demo", ["add"], (), instead)
    assert "    /* Lab demo: add is yours to write. */\n    (void)a;" in text
    assert "    return 0;\n}\n" in text and "panic" not in text


def test_stub_of_assembly() -> None:
    """A label's code becomes a panic, and ends where the next label begins."""
    text = "a:\n    ret\n1:\n    ret\nb:\n    nop\n"
    stubbed = source.with_stubs(text, "kernel/x/x.S", "demo", ["a"])
    assert stubbed.startswith("a:\n    la a0, lab_stub_a\n    tail panic\n")
    assert stubbed.endswith("b:\n    nop\n") and "1:" not in stubbed


def test_forward() -> None:
    """A later lab's function becomes a call; its callee has the body alone."""
    text = source.with_forwards(SOURCE, ["more"], ["add"])
    assert "int prebuilt_more(int a[2]);\nint more(int a[2]) {\n" in text
    assert "return prebuilt_more(a);" in text and "Adds" not in text
    later = source.later_text(SOURCE, "kernel/vm/x.c", ["more"])
    assert "int prebuilt_more(int a[2]) {\n    return a[0];" in later
    assert "void done(void) REQUIRES(a);\n" in later


def test_no_such_function() -> None:
    """A function that is not there, or has another type, is an error."""
    with pytest.raises(functions.NoFunction):
        functions.find(SOURCE, "sub")
    with pytest.raises(functions.NoFunction):
        functions.substitute(SOURCE, {"more": "long more(int a[2]) {\n}\n"})


def test_substitute_assembly() -> None:
    """A label's code takes the place of that of the same label, and no more."""
    sound = "a:\n    nop\n    .size a, . - a\n    .globl b\nb:\n    ret\n"
    wrong_one = "a:\n1:  j 1b\n\n"
    text = functions.substitute(sound, {"a": wrong_one}, assembly=True)
    assert text == "a:\n1:  j 1b\n\n    .size a, . - a\n    .globl b\nb:\n    ret\n"


def check_answers(lab: Lab) -> None:
    """Each question has a place for its answer, an answer, and a test."""
    if not lab.answers:
        return
    given = tomllib.loads((lab.path / "answers.toml").read_text(encoding="utf-8"))
    right = tomllib.loads(check.right_answers(lab)[lab.answers[0]].decode())
    assert set(given) == set(right), "answers.toml and answers-solution.toml"
    assert all(given[key] != right[key] for key in right), "an answer is given away"
    tests = [path.read_text() for path in lab.path.glob("tests/test_*.py")]
    for key in right:
        assert f'"{key}"' in "".join(tests), f"no test looks at the answer {key}"


@pytest.mark.parametrize("lab", labs.every(), ids=lambda lab: str(lab.name))
def test_lab_is_whole(lab: Lab) -> None:
    """A lab's functions exist, belong to no other, and its wrong solutions fit."""
    for other in labs.every():
        for path, names in lab.functions.items():
            shared = set(names) & set(other.functions.get(path, []))
            assert other.name == lab.name or not shared, shared
    plan = tree.Plan(lab)
    texts = {path: tree.reference_text(plan, path) for path in lab.files}
    for path in lab.files:
        assert "is yours to write" in tree.student_text(plan, path, None)
    for one in wrong.every(lab):
        assert wrong.apply(one, texts) != texts, one.name
    for part in ("README.md", "solution-notes.md"):
        assert (lab.path / part).is_file(), part
    check_answers(lab)


def test_bad_lab(tmp_path: Path) -> None:
    """What is wrong in a lab.toml is said."""
    folder = tmp_path / "07-demo"
    folder.mkdir()
    good = 'title = "T"\nfunctions = ["kernel/a/b.c:f"]\n[test.a]\npoints = 1\n'
    cases = {
        good.replace("points = 1", "points = 0"): "1 point or more",
        good + 'needs = ["b"]\n': "needs b, unknown",
        good + 'needs = ["a"]\n': "need each other",
        good + 'share = "style"\n': "a share is one of",
        good.replace("b.c:f", "b.c"): "is no kernel/DIR/FILE:FUNCTION",
        good.replace("title", "heading"): "unknown keys",
    }
    for text, message in cases.items():
        (folder / "lab.toml").write_text(text)
        with pytest.raises(LabError, match=message):
            labs.read(folder)


KEY = "00000000deadbeef"


def test_verdict_wants_its_code() -> None:
    """With a key, a line without the right code is no verdict."""
    code = guest.code_of("a 12", KEY)
    assert guest.read_verdicts(f"ok a 12 {code}\n", KEY)["a"].passed
    for line in ("ok a 12\n", f"ok a 13 {code}\n", f"ok b 12 {code}\n", "ok a\n"):
        assert not guest.read_verdicts(line, KEY)


def test_reports() -> None:
    """The record's other forms agree with it, and are what their readers want."""
    rows = report.broken_rows(LAB, "no host")
    rows[0].update(status="passed", points=rows[0]["max"])
    rows[1].update(status="failed", message="expected: 1\x00\ngot:      <2>")
    results = report.gradescope(LAB, rows)
    tests = results["tests"]
    assert isinstance(tests, list) and len(tests) == len(rows)
    assert results["score"] == sum(test["score"] for test in tests)
    allowed = {"passed", "failed"}
    assert {str(test["status"]) for test in tests} <= allowed
    json.dumps(results)
    suite = ElementTree.fromstring(report.junit(LAB, rows))[0]
    assert suite.get("failures") == "1"
    assert suite.get("errors") == str(len(rows) - 2)
    assert "make grade LAB=pagetable TEST=" in report.summary(LAB, rows)


def test_names_of_tests() -> None:
    """TEST takes several tests of a lab, and says which there are."""
    first, second = list(LAB.tests)[:2]
    assert chosen(LAB, f" {first} or {second}[x]") == f"{first},{second}[x]"
    assert chosen(LAB, "") == ""
    with pytest.raises(LabError, match=f"no test nosuch; it has: {first} "):
        chosen(LAB, f"{first},nosuch")


def test_places() -> None:
    """Where to look is a line with the function's name, wherever its head is."""
    for lab in labs.every():
        for path, names in lab.functions.items():
            lines = (TOP / path).read_text(encoding="utf-8").splitlines()
            for name in names:
                place = lab.place_of(name)
                line = int(place.removeprefix(f"{path}:").split()[0])
                assert name in lines[line - 1], place


# --- With a student's tree ---------------------------------------------------


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something makes pages of text: cat, where there is no pandoc."""
    cat = shutil.which("cat")
    if cat and not shutil.which("pandoc"):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "pandoc").write_text(f"#!/bin/sh\nexec {cat}\n")
        (tmp_path / "bin" / "pandoc").chmod(0o755)
        path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
        monkeypatch.setenv("PATH", path)


@GROUP
@points(3)
@pytest.mark.usefixtures("pages")
def test_handout(base: private.Tree, tmp_path: Path) -> None:
    """A student's tree has the stubs, one commit, and nothing of the staff's."""
    out = tmp_path / "mine"
    tree.make(LAB, out, book=True)
    assert check.changed_functions(LAB, out) == []
    assert check.readable_solutions(LAB, out) == []
    assert check.quoted_solutions(LAB, out) == []
    for part in (*tree.STAFF, f"labs/{LAB.folder}/wrong"):
        left = [p for p in (out / part).rglob("*") if p.is_file()]
        assert part in ("labs", "docs/book") or not left, part
    assert [path.name for path in (out / "labs").iterdir()] == [LAB.folder]
    log = subprocess.run(["git", "log", "--oneline"], cwd=out, stdout=subprocess.PIPE)
    assert len(log.stdout.splitlines()) == 1
    told = subprocess.run(["make", "help"], cwd=out, stdout=subprocess.PIPE)
    assert b"make submit" in told.stdout and b"labs-check" not in told.stdout
    with pytest.raises(LabError, match="not empty"):
        tree.make(LAB, out)


@GROUP
@points(3)
@pytest.mark.usefixtures("pages")
def test_book(tmp_path: Path) -> None:
    """The book in a student's tree ends with the lab's chapter, has the excerpts
    in it, and no body of a function to be written; one that had is noticed."""
    out = tmp_path / "mine"
    tree.make(LAB, out, git=False, book=True)
    book = out / "docs" / "book"
    names = sorted(path.name for path in book.iterdir() if path.is_file())
    chapters = [name for name in names if name[0].isdigit()]
    assert chapters == ["01-boot.html", "01-boot.md", *chapters[2:]]
    assert chapters[2:] == ["02-pagetable.html", "02-pagetable.md"]
    assert "index.html" in names and "README.md" in names
    page = (book / "02-pagetable.html").read_text(encoding="utf-8")
    text = (book / "02-pagetable.md").read_text(encoding="utf-8")
    for name in ("02-pagetable.html", "02-pagetable.md"):
        assert "structpagetable{pa_troot;" in check.shown_text(book / name)
    assert 'source="' not in text and "03-faults.html" not in page
    body = functions.find((TOP / FILE).read_text(), "pagetable_walk").text
    for name in ("02-pagetable.html", "02-pagetable.md"):
        shown = html.escape(body) if name.endswith("html") else body
        whole = (book / name).read_text(encoding="utf-8")
        (book / name).write_text(f"{whole}\n```\n{shown}\n```\n", encoding="utf-8")
    found = [f"docs/book/{name}: pagetable_walk can be read" for name in chapters[2:]]
    assert check.quoted_solutions(LAB, out) == found


@GROUP
@points(3)
def test_stub_and_reference(base: private.Tree) -> None:
    """Stubs get no point and the reference all, twice the same, byte for byte."""
    plan = tree.Plan(LAB)
    stubs = tree.student_text(plan, FILE, None).encode()
    base.put({FILE: stubs})
    finding = check.judge_stub(LAB, base.grade(no_needs=True))
    assert finding.good, finding.text
    base.put(check.right_answers(LAB))
    record = base.where / "build" / "grade" / LAB.name / "record.jsonl"
    records: List[bytes] = []
    for jobs in (1, 2):
        finding = check.judge_reference(LAB, base.grade(jobs=jobs))
        assert finding.good, finding.text
        records.append(record.read_bytes())
    assert records[0] == records[1]


def test_differences() -> None:
    """Two records that differ in anything are told apart, and where."""
    record = b'{"test": "a", "points": 1}\n{"test": "b", "points": 1}\n'
    other = record.replace(b'"b", "points": 1', b'"b", "points": 0')
    assert again.difference(record, record) == ""
    assert again.difference(record, other) == "b: points: 1, then 0"
    assert again.difference(record, record[:27]) == "2 tests, then 1"


@GROUP
@points(2)
def test_batch(
    base: private.Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of submissions gives a table; who is graded is not graded again."""
    where = tmp_path / "all"
    sound = where / "ada" / FILE
    sound.parent.mkdir(parents=True)
    sound.write_bytes((TOP / FILE).read_bytes())
    for path, answers in check.right_answers(LAB).items():
        (where / "ada" / path).parent.mkdir(parents=True)
        (where / "ada" / path).write_bytes(answers)
    (where / "bob").mkdir()
    (where / "cyd.tar.gz").write_bytes(b"no archive")
    out = tmp_path / "out"
    monkeypatch.setattr(private, "make_base", lambda lab: base.where)
    base.put({})
    for _ in range(2):
        batch.Batch(LAB, where, out, 1).run()
        lines = (out / "grades.csv").read_text().splitlines()
        most = lines[1].split(",")[2]
        assert lines[1].startswith(f"ada,{most},{most},")
        assert lines[2].startswith(f"bob,0,{most},") and "does not have" in lines[2]
        assert lines[3].startswith(f"cyd,0,{most},") and "no archive" in lines[3]
        times = [path.stat().st_mtime for path in out.glob("*/stamp")]
        assert len(times) == 3
