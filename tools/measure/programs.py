# SPDX-License-Identifier: MIT
"""Runs the guest's bench programs and reads what they print.

The format is in user/bench/common/bench.h. Rows of one program run in one boot,
each in a process of its own, so that a row alone has the same figure as in the
whole table."""
from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Tuple

import bootlib

TEXT_MAX = 700  # of a command; the kernel takes 1023 bytes of boot arguments
TIMEOUT_S = 400.0  # on a busy host

# By value, the number of rounds; None: those above all others.
Histogram = List[Tuple[int, int]]


@dataclass(frozen=True)
class Source:
    """A row of a guest program, and how to boot for it."""

    program: str
    row: str
    append: str = ""  # boot arguments
    exact: bool = True  # time counts instructions
    harts: int = 1


@dataclass(frozen=True)
class Sample:
    """The distribution of one row."""

    rounds: int
    min: float
    median: float
    p99: float
    width: int = 0  # of the histogram's columns
    histogram: Tuple[Tuple[int, int], ...] = ()  # by the column's least value


Samples = Dict[Source, Sample]


def symbol(elf: Path, name: str, debug: bool) -> int:
    """The address of a function."""
    command = [*bootlib.build_env(debug)["NM"], str(elf)]
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    found = re.search(rf"^([0-9a-f]+) \w {name}$", done.stdout, re.MULTILINE)
    if not found:
        raise bootlib.BootError(f"{elf.name} has no {name}")
    return int(found.group(1), 16)


def measure(sources: Iterable[Source], debug: bool, jobs: int) -> Samples:
    """Runs all sources, in as few boots as they need."""
    boots: Dict[Tuple[str, bool, int], List[List[Source]]] = {}
    for source in sorted(set(sources), key=lambda s: (s.program, s.row)):
        parts = boots.setdefault((source.append, source.exact, source.harts), [[]])
        if len(command_of([*parts[-1], source])) > TEXT_MAX:
            parts.append([])
        parts[-1].append(source)
    samples: Samples = {}
    with ThreadPoolExecutor(jobs) as pool:
        for found in pool.map(
            lambda part: run(part, debug), (p for ps in boots.values() for p in ps)
        ):
            samples.update(found)
    return samples


def command_of(part: List[Source]) -> str:
    return " && ".join(f"{source.program} {source.row}" for source in part)


def run(part: List[Source], debug: bool) -> Samples:
    """One boot."""
    options = bootlib.Options(
        command=command_of(part),
        append=part[0].append,
        icount=part[0].exact,
        smp=part[0].harts,
        debug=debug,
        timeout=TIMEOUT_S,
    )
    result = bootlib.boot(options, build=False)
    found = parse(result.output)
    missing = [source.row for source in part if source.row not in found]
    if result.status != 0 or missing:
        text = result.panic or result.output[-400:]
        raise bootlib.BootError(f"no figure of {' '.join(missing)}:\n{text}")
    return {source: found[source.row] for source in part}


def parse(output: str) -> Dict[str, Sample]:
    """The rows of a program's output, by name."""
    found: Dict[str, Sample] = {}
    for line in output.splitlines():
        words = line.split()
        if len(words) == 7 and words[0] == "row":
            rounds, least, median, p99, _ = map(int, words[2:])
            found[words[1]] = Sample(rounds, least, median, p99)
        elif len(words) > 3 and words[0] == "hist" and words[1] in found:
            columns = [word.split(":") for word in words[3:] if word[0] != "+"]
            pairs = tuple((int(value), int(count)) for value, count in columns)
            row = found[words[1]]
            found[words[1]] = Sample(
                row.rounds, row.min, row.median, row.p99, int(words[2]), pairs
            )
    return found
