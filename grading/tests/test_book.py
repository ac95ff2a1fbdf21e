# SPDX-License-Identifier: MIT
"""The book: its commands run, and its figures are those that tools/figures draws."""
from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import List
from xml.etree import ElementTree

import pytest
from measure import curves, result, rows, scenes

from grading.octavo.machine import TOP

BOOK = TOP / "docs" / "book"
FIGURES = BOOK / "figures"
RUN = ("tools/boot", "tools/bench", "tools/cost")  # make is checked by make check
NUMBER = re.compile(r"^[\d.]+(Ki|Mi|k|M)?$")


def commands() -> List[str]:
    """The commands of the book that a reader may type."""
    found = []
    for page in sorted(BOOK.glob("*.md")):
        found += re.findall(r"^\$ (.*)$", page.read_text(), re.MULTILINE)
    return [line for line in found if line.startswith(RUN)]


@pytest.mark.parametrize("line", commands())
def test_commands_run(line: str, tmp_path: Path) -> None:
    """A command of the book ends well, and shows what the book says."""
    program, *arguments = shlex.split(line)
    if program == "tools/bench":
        arguments += ["--out", str(tmp_path)]
    text = run(program, "--no-build", *arguments)
    for name in re.findall(r"test_\w+ (\w+)", line):
        assert re.search(rf"^ok {name} \d+$", text, re.MULTILINE), text
    if "/sys/ipc/transfer" in line:
        before, after = map(int, re.findall(r"^pages_cowed +(\d+)", text, re.MULTILINE))
        assert after >= before + 2


def run(*command: str) -> str:
    done = subprocess.run(
        command,
        cwd=TOP,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def draw(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["tools/figures", *arguments],
        cwd=TOP,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
    )


def kept_run(path: Path, cost: float = 1000) -> Path:
    """A file like build/bench.json in which all points cost the same and more."""
    table = rows.table()
    entries = []
    for number, row in enumerate(table + curves.points(table)):
        entry = {field: "" for field in result.FIELDS}
        entries.append({**entry, "name": row.name, "value": cost + number})
    path.write_text(json.dumps(entries))
    return path


def words_of(path: Path) -> List[str]:
    """The texts of a drawing, but for numbers."""
    texts = [item.text or "" for item in ElementTree.parse(path).getroot().iter()]
    return [text for text in texts if text.strip() and not NUMBER.match(text)]


def test_figures_are_drawn(tmp_path: Path) -> None:
    """Every explaining figure is, byte for byte, what tools/figures draws."""
    assert draw("--out", str(tmp_path)).returncode == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(f"{name}.svg" for name in scenes.draw_all())
    for name in names:
        assert (FIGURES / name).read_text() == (tmp_path / name).read_text()


def test_crossover_is_drawn(tmp_path: Path) -> None:
    """The kept crossover figure has the lines and points of a run's."""
    base = kept_run(tmp_path / "bench.json")
    assert draw(str(base), "--out", str(tmp_path)).returncode == 0
    kept, drawn = FIGURES / "crossover.svg", tmp_path / "crossover.svg"
    assert words_of(kept) == words_of(drawn)
    for shape in ("polyline", "circle", "rect"):
        assert kept.read_text().count(f"<{shape}") == drawn.read_text().count(
            f"<{shape}"
        )


def test_figures_show_the_run(tmp_path: Path) -> None:
    """Other costs lead to another figure, the same costs to the same."""
    first, again, other = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    for folder, cost in ((first, 1000.0), (again, 1000.0), (other, 5000.0)):
        folder.mkdir()
        base = kept_run(folder / "bench.json", cost)
        assert draw(str(base), "--out", str(folder)).returncode == 0
    drawn = [(f / "crossover.svg").read_text() for f in (first, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_part_of_a_run_is_told(tmp_path: Path) -> None:
    """A run of some rows, or no run at all, draws nothing."""
    part = tmp_path / "bench.json"
    part.write_text("[]")
    done = draw(str(part), "--out", str(tmp_path))
    assert done.returncode == 2 and "bench.json has no " in done.stdout
    done = draw(str(tmp_path / "none.json"), "--out", str(tmp_path))
    assert done.returncode == 2 and "is no kept run" in done.stdout
    assert not (tmp_path / "crossover.svg").exists()


def test_documents_show_their_figures() -> None:
    """Each figure is shown in the book, and each that is shown is there."""
    shown = set()
    for page in BOOK.glob("*.md"):
        shown |= set(re.findall(r"\]\(figures/([\w-]+\.svg)\)", page.read_text()))
    assert shown == {path.name for path in FIGURES.iterdir()}
