# SPDX-License-Identifier: MIT
"""Kinds of figures for docs/book, drawn from short descriptions.

Use     graph("A walk", [Box("root", 20, 60, 90, ("root",))], [Arrow(...)])
        lanes("A call", ("client", "server"), [Step(0, 1, "call")])
        fields("A PTE", [("PPN", 44), ("flags", 10)])
Idea    Each returns the text of an SVG file, the same for the same
        description. Places are in pixels, from the upper left corner."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from measure.scenes import (
    BOX_H,
    FRAME,
    GREY,
    MARGIN,
    RECEIVER,
    SENDER,
    TOP,
    WIDTH,
    arrow,
    box,
    document,
    text,
)
from measure.svg import element

LINE = 15  # from one line of text to the next

COLOURS = {"blue": SENDER, "red": RECEIVER, "grey": "#888", "none": "#ccc"}


@dataclass(frozen=True)
class Box:
    """Text of several lines in a frame; its name is what arrows lead to."""

    name: str
    x: float
    y: float
    wide: float
    lines: Tuple[str, ...]
    colour: str = "blue"  # of COLOURS
    filled: bool = False

    @property
    def tall(self) -> float:
        return LINE * len(self.lines) + 13

    def side(self, where: str) -> Tuple[float, float]:
        """The middle of the side l, r, t or b."""
        across = {"l": 0.0, "r": self.wide}.get(where, self.wide / 2)
        down = {"t": 0.0, "b": self.tall}.get(where, self.tall / 2)
        return self.x + across, self.y + down


@dataclass(frozen=True)
class Arrow:
    """From a side of one box to a side of another: `a.r`, `b.l`."""

    start: str
    end: str
    words: str = ""
    colour: str = "blue"
    up: float = 0  # moves the words


def draw_box(what: Box) -> List[str]:
    colour = COLOURS[what.colour]
    fill = FRAME if what.filled else "white"
    parts = [box(what.x, what.y, what.wide, what.tall, colour, fill=fill)]
    middle = what.x + what.wide / 2
    ink = "#222" if what.colour in ("grey", "none") else colour
    for index, line in enumerate(what.lines):
        at = what.y + 19 + LINE * index
        parts.append(text(middle, at, line, text_anchor="middle", fill=ink))
    return parts


def draw_arrow(what: Arrow, boxes: Dict[str, Box]) -> List[str]:
    places = []
    for end in (what.start, what.end):
        name, _, side = end.partition(".")
        places.append(boxes[name].side(side))
    (x1, y1), (x2, y2) = places
    parts = [arrow(x1, y1, x2, y2, COLOURS[what.colour])]
    if what.words:
        x, y = (x1 + x2) / 2, (y1 + y2) / 2 - 5 - what.up
        flat = abs(y1 - y2) < abs(x1 - x2)
        anchor = {"text_anchor": "middle"} if flat else {}
        place = x if flat else x + 7
        parts.append(text(place, y, what.words, font_size=11, fill=GREY, **anchor))
    return parts


def graph(
    title: str,
    boxes: Sequence[Box],
    arrows: Sequence[Arrow] = (),
    notes: Sequence[Tuple[float, float, str]] = (),
) -> str:
    """Boxes and what leads from one to another; notes are grey words."""
    named = {what.name: what for what in boxes}
    parts: List[str] = []
    for what in boxes:
        parts += draw_box(what)
    for way in arrows:
        parts += draw_arrow(way, named)
    parts += [text(x, y, words, fill=GREY, font_size=11) for x, y, words in notes]
    low = [what.y + what.tall for what in boxes] + [y for _, y, _ in notes]
    return document(title, max(low) + 16, parts)


# ---- Who tells whom, from top to bottom ----


@dataclass(frozen=True)
class Step:
    """An arrow from one lane to another, or words in one if they are equal."""

    start: int
    end: int
    words: str


LANE_STEP = 34


def lanes(title: str, names: Sequence[str], steps: Sequence[Step]) -> str:
    half = 62.0
    between = (WIDTH - 2 * (MARGIN + half)) / max(1, len(names) - 1)
    places = [MARGIN + half + between * index for index in range(len(names))]
    colours = [SENDER, GREY if len(names) > 2 else RECEIVER, RECEIVER, "#27ae60"]
    end = TOP + BOX_H + LANE_STEP * len(steps) + 14
    parts: List[str] = []
    for name, x, colour in zip(names, places, colours):
        parts.append(box(x - half, TOP, 2 * half, BOX_H, colour))
        parts.append(text(x, TOP + 20, name, text_anchor="middle", fill=colour))
        line = {"x1": f"{x:g}", "y1": TOP + BOX_H, "x2": f"{x:g}", "y2": end}
        parts.append(element("line", "", **line, stroke="#ccc"))
    for row, step in enumerate(steps):
        y = TOP + BOX_H + LANE_STEP * (row + 1)
        x1, x2 = places[step.start], places[step.end]
        if step.start == step.end:
            parts += aside(x1, y, step.words, colours[step.start])
            continue
        parts.append(arrow(x1, y, x2, y, colours[step.start]))
        parts.append(text((x1 + x2) / 2, y - 5, step.words, text_anchor="middle"))
    return document(title, end + 12, parts)


def aside(x: float, y: float, words: str, colour: str) -> List[str]:
    """Words beside a lane, to the side where there is room."""
    left = x > WIDTH * 0.6
    dot = element("circle", cx=f"{x:g}", cy=f"{y - 4:g}", r=3, fill=colour)
    anchor = {"text_anchor": "end"} if left else {}
    return [dot, text(x - 9 if left else x + 9, y, words, fill=colour, **anchor)]


# ---- Bits ----

Field = Tuple[str, int]  # what it is called, how many bits


def strip(y: float, row: Sequence[Field], wide: Sequence[float]) -> List[str]:
    """One word, highest bits first, with the number of each border."""
    parts: List[str] = []
    x, high = float(MARGIN), sum(bits for _, bits in row) - 1
    for (name, bits), width in zip(row, wide):
        parts.append(box(x, y, width, BOX_H, SENDER, rx=0))
        middle = {"text_anchor": "middle", "fill": SENDER}
        parts.append(text(x + width / 2, y + 20, name, **middle))
        small = {"font_size": 10, "fill": GREY}
        low = high - bits + 1
        if bits == 1:
            parts.append(
                text(x + width / 2, y - 4, str(high), text_anchor="middle", **small)
            )
        else:
            parts.append(text(x + 2, y - 4, str(high), **small))
            parts.append(
                text(x + width - 2, y - 4, str(low), text_anchor="end", **small)
            )
        x, high = x + width, low - 1
    return parts


def widths(row: Sequence[Field]) -> List[float]:
    """Wider for more bits, but never too narrow for its name."""
    least = [max(24.0, 7.2 * len(name) + 8) for name, _ in row]
    spare = WIDTH - 2 * MARGIN - sum(least)
    total = sum(bits for _, bits in row)
    return [w + spare * bits / total for w, (_, bits) in zip(least, row)]


def fields(
    title: str, rows: Sequence[Tuple[str, Sequence[Field], Sequence[str]]]
) -> str:
    """Words of bits, each below its name and above its notes."""
    parts: List[str] = []
    y = float(TOP)
    for name, row, notes in rows:
        parts.append(text(MARGIN, y + 8, name, font_weight="bold"))
        parts += strip(y + 28, row, widths(row))
        y += 28 + BOX_H + 16
        for note in notes:
            parts.append(text(MARGIN, y, note, font_size=11, fill=GREY))
            y += LINE
        y += 14
    return document(title, y, parts)
