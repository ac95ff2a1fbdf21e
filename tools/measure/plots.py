# SPDX-License-Identifier: MIT
"""The drawings of a whole run, and what is said of curves below the table."""
from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Tuple

from measure import svg
from measure.programs import Samples, Source
from measure.result import Figure
from measure.rows import PAGE, Curve, pairs, size_curves, times, transfer_modes

Points = List[Tuple[float, float]]

TIMEBASE_MHZ = 10  # of QEMU's virt machine


def sources() -> List[Source]:
    """What the drawings need beside the rows."""
    curves = [*size_curves().values(), *transfer_modes().values()]
    on_curves = [source for curve in curves for _, source in curve]
    return on_curves + list(times().values()) + list(pairs().values())


def points(curve: Curve, samples: Samples) -> Points:
    return [(size, samples[source].median) for size, source in curve]


def draw(folder: Path, figures: Sequence[Figure], samples: Samples) -> None:
    """Writes the SVG files."""
    strips = [
        (figure.row.name, figure.sample.histogram, note_of(figure))
        for figure in figures
        if figure.sample.rounds > 1 and figure.sample.histogram
    ]
    text = svg.distributions(
        "Instructions of each round: least / median / 99th percentile", strips
    )
    (folder / "latency.svg").write_text(text, encoding="utf-8")
    by_size = svg.Chart(
        "A request with this many bytes, round trip", "bytes", "instructions"
    )
    for name, curve in size_curves().items():
        by_size.line(name, points(curve, samples))
    (folder / "size.svg").write_text(by_size.text(), encoding="utf-8")
    by_pages = svg.Chart("A call that hands pages over", "pages", "instructions")
    for name, curve in transfer_modes().items():
        by_pages.line(name, [(x / PAGE, y) for x, y in points(curve, samples)])
    (folder / "pages.svg").write_text(by_pages.text(), encoding="utf-8")

    harts = svg.Chart(
        "A call, with a client and a server on each hart", "harts", "instructions"
    )
    harts.line("Octavo", [(n, cost) for n, cost in scaling(samples)])
    (folder / "harts.svg").write_text(harts.text(), encoding="utf-8")


def scaling(samples: Samples) -> Points:
    return [(n, samples[source].median / 100) for n, source in pairs().items()]


def note_of(figure: Figure) -> str:
    sample = figure.sample
    return f"{sample.min:g} / {sample.median:g} / {sample.p99:g}"


def report(samples: Samples) -> str:
    """Which way is the cheapest at each size, and what it means on this host."""
    curves = {n: dict(points(c, samples)) for n, c in size_curves().items()}
    sizes = sorted({size for curve in curves.values() for size in curve})
    lines = [f"{'bytes':>9} " + " ".join(f"{name:>9}" for name in curves)]
    for size in sizes:
        cells = [
            f"{c[size]:9.0f}" if size in c else f"{'-':>9}" for c in curves.values()
        ]
        best = min((c[size], n) for n, c in curves.items() if size in c)[1]
        lines.append(f"{size:9.0f} " + " ".join(cells) + f"  {best}")
    lines.append(f"cheaper than a copy: {', '.join(crossovers(samples))}")
    costs = scaling(samples)
    growth = ", ".join(f"{n:g}: {cost:.1f}" for n, cost in costs)
    most = max(cost for _, cost in costs) / costs[0][1] - 1
    lines.append(f"a call when all harts make calls: {growth} ({100 * most:+.1f} %)")
    spent = [
        f"{samples[source].median / TIMEBASE_MHZ:.1f} us {how}"
        for how, source in times().items()
    ]
    lines.append(f"a call with 1 MiB, host time without icount: {', '.join(spent)}")
    return "\n".join(lines)


def crossovers(samples: Samples) -> List[str]:
    """From which of the sizes on each way costs less than a copy."""
    curves = {n: dict(points(c, samples)) for n, c in size_curves().items()}
    copied = curves["copy"]
    found = []
    for name, curve in curves.items():
        better = [size for size, cost in curve.items() if cost < copied.get(size, 0)]
        if name not in ("copy", "registers"):
            at = f"{min(better):.0f} bytes" if better else "no size"
            found.append(f"{name} from {at}")
    return found
