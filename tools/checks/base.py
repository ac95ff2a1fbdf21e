# SPDX-License-Identifier: MIT
"""What all checks share: the tree's files, and running programs on them.

A check is a function without arguments that returns its problems, one line of
text each, best as FILE:LINE: WHAT; none means that it passed."""
from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Sequence, TypeVar

import bootlib

TOP = bootlib.TOP
C_DIRS = ("kernel", "user", "mkfs", "grading", "labs")
ALL_DIRS = C_DIRS + ("tools", "docs", ".ci")

Problems = List[str]
Check = Callable[[], Problems]


class Build:
    """One of the two builds: the release unless it says debug."""

    def __init__(self, debug: bool = False) -> None:
        self.debug = debug

    @property
    def env(self) -> Dict[str, List[str]]:
        return bootlib.build_env(self.debug)

    def path(self, name: str) -> Path:
        return bootlib.build_dir(self.debug) / name


BUILDS = (Build(), Build(debug=True))


def files(dirs: Iterable[str], *suffixes: str) -> List[str]:
    """The files below dirs with these suffixes, relative to the top, sorted."""
    found = [path for folder in dirs for path in (TOP / folder).rglob("*")]
    return sorted(
        str(path.relative_to(TOP))
        for path in found
        if path.is_file()
        and path.suffix in suffixes
        and "__pycache__" not in path.parts
    )


def scripts(interpreter: str) -> List[str]:
    """The files whose first line names the interpreter."""
    found = []
    for path in files(("tools", ".ci", "grading", "labs", "mkfs"), "", ".sh"):
        with open(TOP / path, "rb") as file:
            if re.match(rb"#!.*\b%s\b" % interpreter.encode(), file.readline()):
                found.append(path)
    return found


def read(path: str) -> str:
    return (TOP / path).read_text(encoding="utf-8")


def run(command: Sequence[str], text: str = "") -> Problems:
    """A program's complaints: its output if it fails, line by line."""
    done = subprocess.run(
        command,
        cwd=TOP,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode == 0:
        return []
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return lines or [f"{command[0]} fails with status {done.returncode}"]


def output(command: Sequence[str]) -> str:
    """A program's output; the program must succeed."""
    return subprocess.run(
        command, cwd=TOP, stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout


Item = TypeVar("Item")


def for_each(items: Sequence[Item], check: Callable[[Item], Problems]) -> Problems:
    """check on each item, as many at a time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for found in pool.map(check, items) for problem in found]


def allowed(name: str) -> Dict[str, int]:
    """The entries of an allow-list, with their lines; # starts a comment."""
    entries: Dict[str, int] = {}
    for number, line in enumerate(read(f"tools/{name}").splitlines(), 1):
        entry = " ".join(line.partition("#")[0].split())
        if entry:
            entries[entry] = number
    return entries
