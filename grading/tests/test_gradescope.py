# SPDX-License-Identifier: MIT
"""Gradescope's side of a grading: the form of results.json, and the archive's
script, run in a root of its own as it would be run there."""
from __future__ import annotations

import json
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

import bootlib
import pytest
from labs import private

from grading.octavo import lab as labs
from grading.octavo import report, scoring
from grading.octavo.machine import TOP
from grading.octavo.scoring import points

LAB = labs.named("pagetable")
FILE = "kernel/vm/pagetable.c"
GROUP = pytest.mark.xdist_group("labs")

# --- The form, from Gradescope's specification -------------------------------

Rule = Tuple[type | Tuple[type, ...], Optional[Tuple[str, ...]]]
FORMATS = ("text", "html", "simple_format", "md", "ansi")
VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")
NUMBER = (int, float)
WHOLE: Dict[str, Rule] = {
    "score": (NUMBER, None),
    "execution_time": (NUMBER, None),
    "output": (str, None),
    "output_format": (str, FORMATS),
    "test_output_format": (str, FORMATS),
    "test_name_format": (str, FORMATS),
    "visibility": (str, VISIBILITIES),
    "stdout_visibility": (str, VISIBILITIES),
    "extra_data": (dict, None),
    "tests": (list, None),
    "leaderboard": (list, None),
}
TEST: Dict[str, Rule] = {
    "score": (NUMBER, None),
    "max_score": (NUMBER, None),
    "status": (str, ("passed", "failed")),
    "name": (str, None),
    "name_format": (str, FORMATS),
    "number": (str, None),
    "output": (str, None),
    "output_format": (str, FORMATS),
    "tags": (list, None),
    "visibility": (str, VISIBILITIES),
    "extra_data": (dict, None),
}
PLACE: Dict[str, Rule] = {
    "name": (str, None),
    "value": ((int, float, str), None),
    "order": (str, ("asc", "desc")),
}


def broken(entry: object, rules: Dict[str, Rule], where: str) -> Iterator[str]:
    """What is not as the rules say, in an object."""
    if not isinstance(entry, dict):
        yield f"{where} is no object"
        return
    for key, value in entry.items():
        if key not in rules:
            yield f"{where}: {key} is unknown"
            continue
        kind, allowed = rules[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            yield f"{where}: {key} is {value!r}"
        elif allowed and value not in allowed:
            yield f"{where}: {key} is {value!r}"


def complaints(results: object) -> List[str]:
    found = list(broken(results, WHOLE, "results"))
    if not isinstance(results, dict):
        return found
    for number, test in enumerate(results.get("tests", [])):
        found += broken(test, TEST, f"test {number}")
        if not {"score", "max_score", "name"} <= set(test):
            found.append(f"test {number} lacks score, max_score or name")
        if not all(isinstance(tag, str) for tag in test.get("tags", [])):
            found.append(f"test {number} has a tag that is no text")
    for number, place in enumerate(results.get("leaderboard", [])):
        found += broken(place, PLACE, f"place {number}")
        if not {"name", "value"} <= set(place):
            found.append(f"place {number} lacks name or value")
    return found


@pytest.mark.parametrize("lab", labs.every(), ids=lambda lab: str(lab.name))
def test_form(lab: labs.Lab) -> None:
    """results.json has the specified form, whatever the verdicts."""
    rows = report.broken_rows(lab, "no host\x00")
    for row, status in zip(rows, (report.PASSED, report.FAILED, report.NOT_RUN)):
        row.update(status=status, guest_instructions=5, budget=9)
    text = json.dumps(report.gradescope(lab, rows))
    assert complaints(json.loads(text)) == []


def test_form_is_strict() -> None:
    """The checker finds what Gradescope would not take."""
    good = report.gradescope(LAB, report.broken_rows(LAB, ""))
    cases: List[Callable[[Dict[str, object]], object]] = [
        lambda d: d.update(score="12"),
        lambda d: d.update(points=1),
        lambda d: d.update(stdout_visibility="never"),
        lambda d: d["tests"][0].update(status="error"),  # type: ignore[index]
        lambda d: d["tests"][0].pop("max_score"),  # type: ignore[index]
        lambda d: d.update(leaderboard=[{"name": "a", "value": 1, "order": "up"}]),
    ]
    for spoil in cases:
        copy = json.loads(json.dumps(good))
        spoil(copy)
        assert complaints(copy), spoil


# --- The archive -------------------------------------------------------------


class Autograder:
    """What Gradescope has after setup.sh: /autograder, below another root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.results = root / "results" / "results.json"
        root.mkdir()
        archive = root / "archive.zip"
        command = [*bootlib.build_env(False)["PYTHON"], "tools/gradescope", LAB.name]
        command += ["--out", str(archive)]
        subprocess.run(command, cwd=TOP, check=True, stdout=subprocess.DEVNULL)
        source = root / "source"
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(source)
            for info in packed.infolist():
                (source / info.filename).chmod(info.external_attr >> 16 & 0o777)
        # In place of setup.sh, which installs tools and builds from nothing.
        base = private.make_base(LAB)
        self.tree = source / "octavo"
        private.copy(base / "build", self.tree / "build")
        self.fresh = {path: (self.tree / path).read_bytes() for path in LAB.handed_in}

    def grade(self, fill: Callable[[Path], object]) -> Dict[str, object]:
        """results.json of a submission that `fill` puts into its folder."""
        where = self.root / "submission"
        subprocess.run(["rm", "-rf", str(where), str(self.results)], check=True)
        where.mkdir()
        for path, data in self.fresh.items():  # each has a machine of its own
            (self.tree / path).write_bytes(data)
        fill(where)
        env = {**private.clean_env(), "AUTOGRADER": str(self.root)}
        done = subprocess.run(
            [str(self.root / "source" / "run_autograder")],
            cwd=self.root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        if done.returncode != 0 or not self.results.is_file():
            scoring.fail("results.json", done.stdout[-3000:])
        results: Dict[str, object] = json.loads(self.results.read_text())
        assert complaints(results) == []
        return results


def most(results: Dict[str, object]) -> object:
    tests = results["tests"]
    assert isinstance(tests, list)
    return sum(test["max_score"] for test in tests)


def pack(where: Path) -> None:
    """As `make submit` packs it, with a file more that must not count."""
    with tarfile.open(where / "pagetable-submission.tar.gz", "w:gz") as archive:
        archive.add(TOP / FILE, FILE)
        for path in LAB.answers:
            archive.add(LAB.path / "answers-solution.toml", path)
        archive.add(TOP / "README.md", "grading/octavo/labtests.py")


def loose(where: Path) -> None:
    """A file by its name alone, and a link to one that is not the student's."""
    (where / "answers.toml").symlink_to(LAB.path / "answers-solution.toml")
    text = (TOP / FILE).read_text(encoding="utf-8")
    (where / "pagetable.c").write_text(text)


@GROUP
@points(3)
def test_archive(tmp_path: Path) -> None:
    """The archive's script grades an archive, loose files, and nothing at all."""
    there = Autograder(tmp_path / "autograder")
    results = there.grade(pack)
    assert results["score"] == most(results)
    results = there.grade(loose)
    tests = {str(t["name"]).partition(":")[0]: t for t in results["tests"]}  # type: ignore
    assert tests["answers[tables]"]["status"] == "failed"
    assert tests["random[1]"]["status"] == "passed"
    results = there.grade(lambda where: None)
    assert results["score"] == 0
