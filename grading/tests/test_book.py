# SPDX-License-Identifier: MIT
"""The book: its commands run, its excerpts and references exist, and its figures
are those that tools/figures draws."""
from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional
from xml.etree import ElementTree

import pytest
from measure import curves, drawings, result, rows

from grading.octavo.machine import TOP

BOOK = TOP / "docs" / "book"
FIGURES = BOOK / "figures"
RUN = ("tools/boot", "tools/bench", "tools/cost")  # make is checked by make check
NUMBER = re.compile(r"^[\d.]+(Ki|Mi|k|M)?$")


# What may be another in each build: addresses, times, what came before.
VARIES = re.compile(r"0x[0-9a-f]+|(?<=before: )\d+|(?<=from )\d+|(?<=to )\d+")


def commands() -> Dict[str, List[str]]:
    """The commands of the book that a reader may type, and the lines that the
    book shows below each."""
    found: Dict[str, List[str]] = {}
    for page in sorted(BOOK.glob("*.md")):
        for block in re.findall(
            r"^```[^\n]*\n(.*?)^```", page.read_text(), re.M | re.S
        ):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                line, *shown = part.splitlines()
                if line.startswith(RUN):
                    found[line] = shown
    return found


def plain(text: str) -> str:
    """Without what varies, and with one space wherever there is any."""
    return " ".join(VARIES.sub("#", text).split())


@pytest.mark.parametrize("line", list(commands()))
def test_commands_run(line: str, tmp_path: Path) -> None:
    """A command of the book ends well, and prints what the book shows."""
    program, *arguments = shlex.split(line)
    if program == "tools/bench":
        arguments += ["--out", str(tmp_path)]
    text = run(program, "--no-build", *arguments)
    for name in re.findall(r"test_\w+ (\w+)", line):
        assert re.search(rf"^ok {name} \d+$", text, re.MULTILINE), text
    if "/sys/ipc/transfer" in line:
        before, after = map(int, re.findall(r"^pages_cowed +(\d+)", text, re.MULTILINE))
        assert after >= before + 2
    if "docs/book/examples" in line:
        assert commands()[line]
        for shown in commands()[line]:
            assert plain(shown) in plain(text), f"does not print: {shown}\n{text}"


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
    assert names == sorted(f"{name}.svg" for name in drawings.draw_all())
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


# ---- tools/book ----

CHAPTER = """# A title

{words}

```{{.c {attributes}}}
{inside}```
"""


def write_tree(
    folder: Path, attributes: str, words: str = "", inside: str = ""
) -> None:
    """A tree with a book of one chapter that has one excerpt."""
    for part in ("tools", "docs/book/figures", "kernel/vm", "labs/02-x"):
        (folder / part).mkdir(parents=True)
    for name in ("book", "functions.py"):
        shutil.copy(TOP / "tools" / name, folder / "tools" / name)
    book = folder / "docs/book"
    (book / "README.md").write_text("# A book\n")
    (book / "book.css").write_text("")
    (book / "02-x.md").write_text(
        CHAPTER.format(attributes=attributes, words=words, inside=inside)
    )
    (folder / "kernel/vm/x.h").write_text(
        "/* Adds; 0 is fine. */\nint x_add(int a);\nint x_two(void);\n"
        "struct x {\n    int a;\n} __attribute__((packed));\n"
    )
    (folder / "kernel/vm/x.c").write_text(
        "int x_add(int a) {\n    return x_two() + a;\n}\n\n"
        "int x_two(void) {\n    return 2;\n}\n"
    )


def book_of(
    folder: Path, *options: str, env: Optional[Dict[str, str]] = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "tools/book", *options],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
    )


def test_book_is_sound() -> None:
    """Each chapter's excerpts, links and figures exist."""
    done = book_of(TOP, "--check")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "attributes, code",
    [
        ('source="kernel/vm/x.c" function="x_two"', "int x_two(void) {\n    return 2;"),
        ('source="kernel/vm/x.h" struct="x"', "int a;\n} __attribute__((packed));"),
    ],
)
def test_excerpt_is_the_source(tmp_path: Path, attributes: str, code: str) -> None:
    """An excerpt shows the definition as the source has it, and nothing else."""
    write_tree(tmp_path, attributes)
    shown = book_of(tmp_path, "--show", "02-x").stdout
    assert code in shown and "x_add" not in shown


def test_lab_is_not_given_away(tmp_path: Path) -> None:
    """Of a function that a lab takes out, the book has the contract alone."""
    write_tree(tmp_path, 'source="kernel/vm/x.c" function="x_add"')
    shown = book_of(tmp_path, "--show", "02-x").stdout
    assert "return x_two" in shown
    lab = tmp_path / "labs/02-x/lab.toml"
    lab.write_text('functions = ["kernel/vm/x.c:x_add"]\n')
    shown = book_of(tmp_path, "--show", "02-x").stdout
    assert "/* Adds; 0 is fine. */\nint x_add(int a);" in shown
    assert "return" not in shown


@pytest.mark.parametrize(
    "attributes, words, inside, says",
    [
        (
            'source="kernel/vm/x.c" function="y"',
            "",
            "",
            "02-x.md:5: kernel/vm/x.c has no function y",
        ),
        ('source="kernel/vm/y.c" function="x"', "", "", "no such file: kernel/vm/y.c"),
        ('source="kernel/vm/x.c" lines="1-2"', "", "", "wants a source and one of"),
        ('function="x_two"', "", "", "wants a source and one of"),
        ('source="kernel/vm/x.c" function="x_two"', "", "old\n", "must be empty"),
        ('source="kernel/vm/x.h" struct="x"', "[a](b.md)", "", "no such page: b.md"),
        (
            'source="kernel/vm/x.h" struct="x"',
            "`x_add()` `x_three`",
            "",
            "02-x.md:3: no source has x_three",
        ),
        (
            'source="kernel/vm/x.h" struct="x"',
            "![a](b.svg)",
            "",
            "no such figure: b.svg",
        ),
    ],
)
def test_wrong_book_is_told(
    tmp_path: Path, attributes: str, words: str, inside: str, says: str
) -> None:
    """What a chapter refers to and is not there ends with where and why."""
    write_tree(tmp_path, attributes, words, inside)
    done = book_of(tmp_path, "--check")
    assert done.returncode == 1 and says in done.stdout, done.stdout
    assert not (tmp_path / "build").exists()


def programs(folder: Path, **scripts: str) -> Dict[str, str]:
    """An environment in which only Python and these programs are."""
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_pages(tmp_path: Path) -> None:
    """Each chapter becomes a page with its number, between its neighbours; all of
    them are in the index and in one document."""
    tree = tmp_path / "tree"
    write_tree(tree, 'source="kernel/vm/x.h" struct="x"', "[other](10-y.md)")
    (tree / "docs/book/10-y.md").write_text("# Another\n\n## Part\n")
    (tree / "docs/book/figures/f.svg").write_text("<svg/>")
    env = programs(tmp_path / "bin", pandoc="cat", weasyprint="cp $2 $3")
    done = book_of(tree, env=env)
    assert done.returncode == 0 and "2 chapters" in done.stdout, done.stdout
    made = tree / "build/book"
    first, second = ((made / f"{n}.html").read_text() for n in ("02-x", "10-y"))
    assert "# 2. A title" in first and "[other](10-y.html)" in first
    assert 'Next: <a href="10-y.html">Another</a>' in first and "Before" not in first
    assert 'Before: <a href="02-x.html">A title</a>' in second
    index = (made / "index.html").read_text()
    assert '<li value="10"><a href="10-y.html">Another</a><br><small>Part' in index
    whole = (made / "octavo.pdf").read_text()
    assert whole.index("# 2. A title") < whole.index("# 10. Another")
    assert 'href="#10-y"' in whole
    assert (made / "figures/f.svg").exists()


def test_book_without_pandoc(tmp_path: Path) -> None:
    """Without a program that it needs, make book says how to get it, and keeps the
    book that is there."""
    tree = tmp_path / "tree"
    write_tree(tree, 'source="kernel/vm/x.h" struct="x"')
    (tree / "build/book").mkdir(parents=True)
    (tree / "build/book/index.html").write_text("before")
    env = programs(tmp_path / "bin", pandoc="/bin/cat")
    env["PATH"] = str(tmp_path / "bin")
    done = book_of(tree, env=env)
    assert done.returncode == 1 and "tools/setup book" in done.stdout, done.stdout
    assert (tree / "build/book/index.html").read_text() == "before"
    assert [path.name for path in (tree / "build").iterdir()] == ["book"]
