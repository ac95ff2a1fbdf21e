# SPDX-License-Identifier: MIT
"""Figures: from the samples of guest programs to the table and the JSON file.

Use     figures = [figure_of(row, samples) for row in table()]
        print(render(figures)); path.write_text(to_json(figures))"""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union

import bootlib
from measure.programs import Sample, Samples
from measure.rows import Row

Json = Dict[str, Union[str, float]]
FIELDS = ("name", "value", "unit", "min", "median", "p99", "method")


@dataclass(frozen=True)
class Figure:
    """One line of the table with what was measured."""

    row: Row
    sample: Sample
    method: str

    @property
    def value(self) -> float:
        return self.sample.median

    def json(self) -> Json:
        return {
            "name": self.row.name,
            "value": self.value,
            "unit": self.row.unit,
            "min": self.sample.min,
            "median": self.sample.median,
            "p99": self.sample.p99,
            "method": self.method,
        }


def figure_of(row: Row, samples: Samples) -> Figure:
    """The figure of a row with a source."""
    assert row.high
    high = samples[row.high]
    if row.low is None and row.over == 1:
        return Figure(row, high, f"rdinstret, median of {high.rounds} rounds")
    low = samples[row.low] if row.low else Sample(0, 0, 0, 0)
    less = f" less {row.low.row}" if row.low else ""
    slope = Sample(
        high.rounds,
        tidy((high.min - low.min) / row.over),
        tidy((high.median - low.median) / row.over),
        tidy((high.p99 - low.p99) / row.over),
    )
    return Figure(row, slope, f"medians, ({row.high.row}{less}) / {row.over:g}")


def tidy(value: float) -> float:
    """With four decimals, so that a division does not make a figure differ."""
    return round(value, 4)


def to_json(figures: Sequence[Figure]) -> str:
    lines = ",\n".join(f"  {json.dumps(figure.json())}" for figure in figures)
    return f"[\n{lines}\n]\n"


def read_json(path: Path) -> List[Json]:
    """A kept run; BootError if the file is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for entry in found:
            if sorted(entry) != sorted(FIELDS):
                raise ValueError(f"not the fields of a row: {entry}")
            float(entry["value"])
    except (OSError, TypeError, ValueError) as error:
        raise bootlib.BootError(f"{path} is no kept run: {error}") from error
    return list(found)


# --- The comparison with a kept run ------------------------------------------


def worse(figures: Sequence[Figure], base: Sequence[Json], whole: bool) -> List[str]:
    """What got worse, one line each; whole: a row that is gone is worse too.

    A row that is not exact may vary by its slack."""
    kept = {str(entry["name"]): entry for entry in base}
    problems = []
    for figure in figures:
        entry = kept.pop(figure.row.name, None)
        if entry and entry["unit"] != figure.row.unit:
            problems.append(f"{figure.row.name}: its unit was {entry['unit']}")
        elif entry:
            was = float(entry["value"])
            if figure.value > was * (1 + figure.row.slack):
                problems.append(
                    f"{figure.row.name}: {figure.value:.10g}, was {was:.10g}"
                )
    if whole:
        problems += [f"{name}: is not measured any more" for name in kept]
    return problems


def changes(figures: Sequence[Figure], base: Sequence[Json]) -> List[str]:
    """Every difference between two runs, one line each, the better ones too."""
    was = {str(entry["name"]): float(entry["value"]) for entry in base}
    now = {figure.row.name: figure.value for figure in figures}
    return [
        f"{name}: {short(was.get(name))} -> {short(now.get(name))}"
        for name in {**was, **now}
        if was.get(name) != now.get(name)
    ]


# --- The table ---------------------------------------------------------------


def render(figures: Sequence[Figure]) -> str:
    lines = [
        f"{'row':22} {'what':36} {'ours':>9} {'limit':>9}   "
        f"{'seL4':>6} {'xv6':>10} {'ratio':>7}"
    ]
    lines += [line_of(figure) for figure in figures]
    return "\n".join(lines)


def line_of(figure: Figure) -> str:
    row = figure.row
    over = "!" if row.limit is not None and figure.value > row.limit else " "
    peers = [peer for peer in (row.sel4, row.xv6) if peer is not None]
    ratio = f"{min(peers) / figure.value:.1f}" if peers else "-"
    return (
        f"{row.name:22} {row.what:36} {short(figure.value):>9} "
        f"{short(row.limit):>9} {over} {short(row.sel4):>6} "
        f"{short(row.xv6):>10} {ratio:>7}"
    )


def short(value: Optional[float]) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"
