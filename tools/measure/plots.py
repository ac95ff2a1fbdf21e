# SPDX-License-Identifier: MIT
"""The drawings of a whole run, and what is said of curves below the table.

Both are made from the figures of build/bench.json; the distributions need the
histograms as well, which only a run has."""
from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Tuple

from measure import svg
from measure.curves import (
    Curve,
    crowd_curve,
    crowd_rows,
    hart_curve,
    page_curves,
    size_curves,
)
from measure.result import Figure

RAW = ("registers", "copy", "cow", "rewrite", "move", "refill")  # the kernel's ways

Points = List[Tuple[float, float]]
Values = Mapping[str, float]  # by the name of the row


def placed(curve: Curve, values: Values) -> Points:
    return [(x, values[row.name]) for x, row in curve]


def draw(folder: Path, values: Values) -> None:
    """Writes the SVG files of curves."""
    charts = {
        "size": ("A request with this many bytes, round trip", "bytes", size_curves()),
        "pages": ("A call that hands pages over", "pages", page_curves()),
        "harts": (
            "A call, with a client and a server on each hart",
            "harts",
            {"Octavo": hart_curve()},
        ),
        "clients": (
            "A call, with clients of one server on one hart",
            "clients",
            {"Octavo": crowd_curve()},
        ),
    }
    for file, (title, across, curves) in charts.items():
        chart = svg.Chart(title, across, "instructions")
        for name, curve in curves.items():
            chart.line(name, placed(curve, values))
        (folder / f"{file}.svg").write_text(chart.text(), encoding="utf-8")


def draw_latency(folder: Path, figures: Sequence[Figure]) -> None:
    """Writes latency.svg, of the rows that have a distribution."""
    strips = [
        (figure.row.name, figure.sample.histogram, note_of(figure))
        for figure in figures
        if figure.sample.rounds > 1 and figure.sample.histogram
    ]
    text = svg.distributions(
        "Instructions of each round: least / median / 99th percentile", strips
    )
    (folder / "latency.svg").write_text(text, encoding="utf-8")


def note_of(figure: Figure) -> str:
    sample = figure.sample
    return f"{sample.min:g} / {sample.median:g} / {sample.p99:g}"


def report(values: Values) -> str:
    """Which way is the cheapest at each size, and what more harts cost."""
    curves = {n: dict(placed(c, values)) for n, c in size_curves().items()}
    sizes = sorted({size for curve in curves.values() for size in curve})
    lines = [f"{'bytes':>9} " + " ".join(f"{name:>9}" for name in curves)]
    for size in sizes:
        cells = [
            f"{c[size]:9.0f}" if size in c else f"{'-':>9}" for c in curves.values()
        ]
        ways = [(c[size], n) for n, c in curves.items() if size in c and n in RAW]
        best = min(ways)[1]
        lines.append(f"{size:9.0f} " + " ".join(cells) + f"  {best}")
    lines.append(f"cheaper than a copy: {', '.join(crossovers(curves))}")
    costs = placed(hart_curve(), values)
    growth = ", ".join(f"{n:g}: {cost:.1f}" for n, cost in costs)
    most = max(cost for _, cost in costs) / costs[0][1] - 1
    lines.append(f"a call when all harts make calls: {growth} ({100 * most:+.1f} %)")
    return "\n".join([*lines, report_crowd(values)])


def report_crowd(values: Values) -> str:
    """What it costs that many share a server, and whether they share fairly."""
    (_, alone), *_, (clients, crowd) = placed(crowd_curve(), values)
    harts, fairness = (values[crowd_rows()[n].name] for n in ("harts", "fairness"))
    return (
        f"a call when {clients:g} clients have one server: {crowd:.1f} on one hart "
        f"({crowd / alone:.2f} of one client's), {harts:.1f} on several; "
        f"the most calls over the fewest: {fairness:.2f}"
    )


def crossovers(curves: Mapping[str, Dict[float, float]]) -> List[str]:
    """From which of the sizes on each way costs less than a copy."""
    copied = curves["copy"]
    found = []
    for name, curve in curves.items():
        better = [size for size, cost in curve.items() if cost < copied.get(size, 0)]
        if name in RAW and name not in ("copy", "registers"):
            at = f"{min(better):.0f} bytes" if better else "no size"
            found.append(f"{name} from {at}")
    return found
