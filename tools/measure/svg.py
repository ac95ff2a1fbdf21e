# SPDX-License-Identifier: MIT
"""Draws charts as SVG, the same bytes for the same figures.

Use     chart = Chart("Cost of a message", "bytes", "instructions")
        chart.line("copy", [(64, 903), (4096, 2099)])
        path.write_text(chart.text())
Idea    Scales are logarithmic unless a chart is made of bars. Colours differ
        in lightness too, and each line has a marker of its own."""
from __future__ import annotations

import math
from typing import Callable, List, Sequence, Tuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 50, 60
COLOURS = "#1b4f72 #c0392b #e67e22 #27ae60 #8e44ad #7f8c8d #16a085 #000000".split()
MARKERS = ("circle", "square", "diamond")

LABEL_WIDTH = 38  # below the axis

Points = List[Tuple[float, float]]


def element(name: str, text: str = "", **attributes: object) -> str:
    pairs = (f' {k.replace("_", "-")}="{v}"' for k, v in attributes.items())
    opening = f"<{name}{''.join(pairs)}"
    return f"{opening}>{escape(text)}</{name}>" if text else f"{opening}/>"


def number(value: float) -> str:
    """Short, with a prefix for powers of 1024 or of 1000, whichever fits."""
    prefixes = ((1 << 20, "Mi"), (1 << 10, "Ki"), (10**6, "M"), (10**3, "k"))
    for size, letters in prefixes:
        if value >= size and value % size == 0:
            return f"{value / size:g}{letters}"
    return f"{value:g}"


def marker(index: int, x: float, y: float, colour: str) -> str:
    shape = MARKERS[index % len(MARKERS)]
    if shape == "circle":
        return element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=4, fill=colour)
    turn = f"rotate(45 {x:.1f} {y:.1f})" if shape == "diamond" else ""
    return element(
        "rect",
        x=f"{x - 3.5:.1f}",
        y=f"{y - 3.5:.1f}",
        width=7,
        height=7,
        fill=colour,
        transform=turn,
    )


class Chart:
    """Lines over two logarithmic axes."""

    def __init__(self, title: str, across: str, up: str) -> None:
        self._title, self._across, self._up = title, across, up
        self._lines: List[Tuple[str, Points]] = []

    def line(self, name: str, points: Sequence[Tuple[float, float]]) -> None:
        """Points of at least 1 in each direction."""
        self._lines.append((name, list(points)))

    def text(self) -> str:
        xs = [x for _, points in self._lines for x, _ in points]
        ys = [y for _, points in self._lines for _, y in points]
        place_x = log_scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
        place_y = log_scale(min(ys), max(ys), HEIGHT - BOTTOM, TOP)
        parts = frame(self._title, self._across, self._up)
        last = float("-inf")
        for x in sorted(set(xs)):
            if place_x(x) >= last + LABEL_WIDTH:
                last = place_x(x)
                parts.append(tick_x(last, number(x)))
        for y in ticks(min(ys), max(ys)):
            parts.append(tick_y(place_y(y), number(y)))
        for index, (name, points) in enumerate(self._lines):
            placed = [(place_x(x), place_y(y)) for x, y in points]
            parts += series(index, name, placed)
        return document(parts)


def log_scale(
    low: float, high: float, start: float, end: float
) -> Callable[[float], float]:
    span = math.log(high / low) or 1.0
    return lambda value: start + (end - start) * math.log(value / low) / span


def ticks(low: float, high: float) -> List[float]:
    """1, 2, 5, 10, ... within the range."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    all_ticks = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
    return [tick for tick in all_ticks if low <= tick <= high]


def frame(title: str, across: str, up: str) -> List[str]:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    bottom = HEIGHT - BOTTOM
    return [
        element("text", title, x=LEFT, y=26, font_size=16),
        element(
            "text",
            across,
            x=(LEFT + WIDTH - RIGHT) / 2,
            y=HEIGHT - 14,
            text_anchor="middle",
        ),
        element(
            "text",
            up,
            x=18,
            y=middle,
            text_anchor="middle",
            transform=f"rotate(-90 18 {middle})",
        ),
        element("line", x1=LEFT, y1=bottom, x2=WIDTH - RIGHT, y2=bottom, stroke="#333"),
        element("line", x1=LEFT, y1=TOP, x2=LEFT, y2=bottom, stroke="#333"),
    ]


def tick_x(x: float, text: str) -> str:
    at = f"{x:.1f}"
    y = HEIGHT - BOTTOM
    return element("line", x1=at, y1=y, x2=at, y2=y + 5, stroke="#333") + element(
        "text", text, x=at, y=y + 20, text_anchor="middle"
    )


def tick_y(y: float, text: str) -> str:
    at = f"{y:.1f}"
    return element(
        "line", x1=LEFT, y1=at, x2=WIDTH - RIGHT, y2=at, stroke="#ddd"
    ) + element("text", text, x=LEFT - 8, y=f"{y + 4:.1f}", text_anchor="end")


def series(index: int, name: str, placed: Points) -> List[str]:
    colour = COLOURS[index % len(COLOURS)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    y = TOP + 20 * index
    return [
        element("polyline", points=path, fill="none", stroke=colour, stroke_width=2),
        *(marker(index, x, y_at, colour) for x, y_at in placed),
        marker(index, WIDTH - RIGHT + 20, y, colour),
        element("text", name, x=WIDTH - RIGHT + 32, y=y + 4),
    ]


def document(parts: Sequence[str], height: int = HEIGHT) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
    )
    white = element("rect", width=WIDTH, height=height, fill="white")
    return "\n".join([head, white, *parts, "</svg>", ""])


ROW_HEIGHT = 46
Bars = Sequence[Tuple[int, int]]  # by value, how many


def distributions(title: str, rows: Sequence[Tuple[str, Bars, str]]) -> str:
    """One strip of bars for each row: name, histogram, and a note beside it.

    Bars are as high as the logarithm of their count, or rare values, which are
    what one looks for here, would not be seen."""
    parts = [element("text", title, x=20, y=26, font_size=16)]
    for index, (name, bars, note) in enumerate(rows):
        parts += strip(TOP + ROW_HEIGHT * index, name, bars, note)
    return document(parts, TOP + ROW_HEIGHT * len(rows) + 20)


def strip(top: int, name: str, bars: Bars, note: str) -> List[str]:
    left, right, height = 190, WIDTH - 190, ROW_HEIGHT - 16
    low, high = bars[0][0], bars[-1][0]
    bottom = top + height
    most = math.log(1 + max(count for _, count in bars))
    parts = [
        element("text", name, x=left - 10, y=bottom - 2, text_anchor="end"),
        element("line", x1=left, y1=bottom, x2=right, y2=bottom, stroke="#999"),
        element("text", note, x=right + 10, y=bottom - 2),
    ]
    for value, count in bars:
        x = left + (right - left - 4) * (value - low) / max(1, high - low)
        tall = max(1.0, (height - 4) * math.log(1 + count) / most)
        parts.append(
            element(
                "rect",
                x=f"{x:.1f}",
                y=f"{bottom - tall:.1f}",
                width=4,
                height=f"{tall:.1f}",
                fill=COLOURS[0],
            )
        )
    return parts
