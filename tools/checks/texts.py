# SPDX-License-Identifier: MIT
"""Checks on prose and scripts: spelling, shell, Python, what docs refer to."""
from __future__ import annotations

import re
import shlex
from typing import List, Set

from measure import baseline

from checks.base import ALL_DIRS, TOP, Problems, files, read, run, scripts

CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
# A file of the tree: with a folder, and :function or :line behind it perhaps.
PATH = re.compile(r"\b((?:[a-z0-9_.-]+/)+[A-Za-z0-9_.-]+)(?::([A-Za-z_]\w*))?")


def check_spell() -> Problems:
    """codespell finds no mistake."""
    texts = files(ALL_DIRS, ".c", ".h", ".S", ".py", ".md", ".sh", ".ld", ".toml")
    texts += [name for name in ("README.md", "Makefile") if (TOP / name).exists()]
    texts += scripts("bash") + scripts("python3")
    return run(["codespell", "--ignore-words", "tools/spell.allow", *texts])


def check_shell() -> Problems:
    """shellcheck finds nothing in the shell scripts."""
    return run(["shellcheck", "--format=gcc", *scripts("bash")])


def python_files() -> List[str]:
    return files(("tools", "grading", "labs"), ".py")


def check_black() -> Problems:
    """black would change nothing in the Python files."""
    found = run(["black", "--check", *python_files(), *scripts("python3")])
    return [line for line in found if line.startswith(("would", "error"))]


def check_types() -> Problems:
    """mypy finds no mistake in the Python files' types."""
    command = ["mypy", "--config-file=tools/mypy.ini", "--no-error-summary"]
    command += ["--cache-dir=build/mypy", *python_files(), *scripts("python3")]
    return run(["env", "MYPYPATH=tools:.", *command])


def documents() -> List[str]:
    found = files(("docs", "labs"), ".md")
    return (["README.md"] if (TOP / "README.md").exists() else []) + found


def check_generated() -> Problems:
    """docs/syscalls.md is what tools/docs makes of the headers."""
    return run(["tools/docs", "--check"])


def check_baseline() -> Problems:
    """docs/bench-baseline.json has all rows, and each change its reason."""
    return baseline.check()


def check_docs() -> Problems:
    """Commands, files and functions that the documents quote exist."""
    targets = set(
        re.findall(r"^# (?:help|staff): make ([a-z-]+)", read("Makefile"), re.MULTILINE)
    )
    problems = []
    for path in documents():
        text = read(path)
        for quote in CODE.finditer(text):
            line = text.count("\n", 0, quote.start()) + 1
            code = quote.group(1) or quote.group(2) or ""
            for what in wrong_quotes(code, targets):
                problems.append(f"{path}:{line}: {what}")
    return problems


def check_book() -> Problems:
    """What the book's chapters show and name exists."""
    if not (TOP / "docs" / "book").is_dir():
        return []
    return run(["tools/book", "--check"])


def wrong_quotes(code: str, targets: Set[str]) -> Problems:
    problems = []
    for line in code.splitlines():
        problems += wrong_command(re.sub(r"^\s*\$ ", "", line), targets)
        for name, symbol in PATH.findall(line):
            problems += wrong_reference(name, symbol)
    return problems


def wrong_command(line: str, targets: Set[str]) -> Problems:
    """`make TARGET` has a target; `tools/X --option` has the option."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return []
    if len(words) > 1 and words[0] == "make":
        goals = [word for word in words[1:] if re.match(r"[a-z]", word)]
        return [f"no such target: make {goal}" for goal in goals if goal not in targets]
    if not words or not words[0].startswith("tools/") or not (TOP / words[0]).is_file():
        return []
    text = read(words[0])
    options = [word.partition("=")[0] for word in words[1:] if word.startswith("--")]
    known = [o for o in options if o in text or o.replace("--no-", "--") in text]
    return [f"{words[0]} has no option {o}" for o in options if o not in known]


def is_absent(name: str) -> bool:
    """Whether a file is one that a student's tree does not have."""
    handout = TOP / "handout.mk"
    if not handout.exists():
        return False
    absent = re.search(r"^ABSENT := (.*)$", read("handout.mk"), re.MULTILINE)
    parts = absent[1].split() if absent else []
    return any(name == part or name.startswith(part + "/") for part in parts)


def wrong_reference(name: str, symbol: str) -> Problems:
    """A path below one of the tree's folders exists, and has the symbol."""
    if name.split("/")[0] not in ALL_DIRS:
        return []
    path = TOP / name
    if not path.exists() and is_absent(name):
        return []
    if not path.exists():
        return [f"no such file: {name}"]
    if symbol and path.is_file() and not re.search(rf"\b{symbol}\b", read(name)):
        return [f"{name} has no {symbol}"]
    return []
