# SPDX-License-Identifier: MIT
"""The kept run, docs/bench-baseline.json, with which every other is compared.

It changes only by a commit that says why. `make check` reads the history for
that, and sees to it that the file has just the rows that are measured."""
from __future__ import annotations

import re
import subprocess
from typing import List

import bootlib
from measure import curves, result, rows

FILE = bootlib.TOP / "docs" / "bench-baseline.json"
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
    ]


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
