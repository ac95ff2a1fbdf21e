# SPDX-License-Identifier: MIT
"""The kept run, docs/bench-baseline.json, with which every other is compared.

It changes only by a commit that says why. `make check` reads the history for
that, and sees to it that the file has just the rows that are measured. What
the documents show of tools/cost changes together with it."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import List

import bootlib
from measure import curves, result, rows
from measure.programs import Sample

FILE = bootlib.TOP / "docs" / "bench-baseline.json"
DOCS = bootlib.TOP / "docs"
FLOOR = DOCS / "performance.md"
SHOWING = (FLOOR, DOCS / "bench.md", DOCS / "book" / "08-fastpath.md")
SHOWN = re.compile(
    r"^\$ (tools/cost .*)\n\w+: \d+ instr.*\n((?:(?!```).*\n)*)", re.MULTILINE
)
FIGURES = bootlib.TOP / "README.md"
BENCH = re.compile(r"^\$ tools/bench (.*)\n(row (?:(?!```).*\n)*)", re.MULTILINE)
TOTAL = re.compile(r"^(\w+): (\d+) instructions$", re.MULTILINE)
ALL = re.compile(r"^all +(\d+) +(\d+) +(\d+) +(\d+)", re.MULTILINE)
ABOVE = re.compile(r"^\| [a-z ]+ \|.*\| (\d+) \| (\d+) \|$", re.MULTILINE)
RULE = "commit it with a line 'Bench: WHY' in the message"
REASON = re.compile(r"^Bench: \S", re.MULTILINE)


def check() -> List[str]:
    """What is wrong with the file, and with the commits that changed it."""
    table = rows.table()
    measured = {row.name for row in table + curves.points(table)}
    kept = {str(entry["name"]) for entry in result.read_json(FILE)}
    return [
        *(f"{FILE.name}: has no {name}: make bench KEEP=1" for name in measured - kept),
        *(f"{FILE.name}: {name} is not measured" for name in kept - measured),
        *unexplained(messages()),
        *unfounded(FLOOR.read_text(encoding="utf-8")),
        *(line for page in SHOWING for line in outdated(page)),
        *(
            f"{FIGURES.name}: shows other figures than are kept: make bench KEEP=1"
            for names, shown in BENCH.findall(FIGURES.read_text(encoding="utf-8"))
            if shown != table_of(names.split())
        ),
    ]


def unfounded(text: str) -> List[str]:
    """Where the document does not explain each instruction above the floor."""
    call, floor, reply, least = map(int, ALL.findall(text)[0])
    parts = [(int(one), int(other)) for one, other in ABOVE.findall(text)]
    sums = tuple(sum(column) for column in zip(*parts))
    return [
        f"{FLOOR.name}: the table explains {sums}, not {call - floor, reply - least}"
        for _ in range(sums != (call - floor, reply - least))
    ]


def outdated(page: Path) -> List[str]:
    """Where the document shows another total than is kept."""
    kept = {str(entry["name"]): entry["value"] for entry in result.read_json(FILE)}
    return [
        f"{page.name}: {name} is shown with {total}: make bench KEEP=1"
        for name, total in TOTAL.findall(page.read_text(encoding="utf-8"))
        if kept.get(name) != int(total)
    ]


def table_of(names: List[str]) -> str:
    """What tools/bench prints of these rows, from the kept run."""
    kept = {str(entry["name"]): entry for entry in result.read_json(FILE)}
    table = rows.table()
    figures = [
        result.Figure(rows.find(name, table), sample_of(kept[name]), "")
        for name in names
    ]
    return result.render(figures) + "\n"


def sample_of(entry: result.Json) -> Sample:
    least, median, p99 = (float(entry[field]) for field in ("min", "median", "p99"))
    return Sample(1, least, median, p99)


def refresh() -> None:
    """Runs the commands that the documents show, and replaces their output."""

    def output(found: "re.Match[str]") -> str:
        command = [*found.group(1).split(), "--no-build"]
        done = subprocess.run(
            command,
            cwd=bootlib.TOP,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        return f"$ {found.group(1)}\n{done.stdout}"

    for page in SHOWING:
        text = page.read_text(encoding="utf-8")
        page.write_text(SHOWN.sub(output, text), encoding="utf-8")
    text = FIGURES.read_text(encoding="utf-8")
    FIGURES.write_text(BENCH.sub(tabled, text), encoding="utf-8")


def tabled(found: "re.Match[str]") -> str:
    return f"$ tools/bench {found.group(1)}\n{table_of(found.group(1).split())}"


def messages() -> List[str]:
    """Of the commits that changed the file, newest first: HASH SUBJECT and body;
    none outside a git repository."""
    command = ["git", "log", "--format=%h %B%x00", "--", str(FILE)]
    done = subprocess.run(
        command,
        cwd=bootlib.TOP,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    return [text.strip() for text in done.stdout.split("\0") if text.strip()]


def unexplained(found: List[str]) -> List[str]:
    return [
        f"{text.splitlines()[0]}: changes {FILE.name} without a line 'Bench: WHY'"
        for text in found
        if not REASON.search(text)
    ]
