# SPDX-License-Identifier: MIT
"""The figures of docs/book that explain: page-table entries and frames.

Idea    A scene is a row of panels, before, during and after. A panel has the
        entry of each side and the frames that they lead to, with their counts.
Use     draw_all()["move"] is the text of docs/book/figures/move.svg."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from measure.svg import element

SENDER, RECEIVER, FRAME, GREY = "#1b4f72", "#c0392b", "#e9e4d4", "#666"
WIDTH = 720
MARGIN, PANEL, GAP = 12, 220, 18  # three panels across
TOP, ROW = 44, 176
ENTRY_W, BOX_H, FRAME_W = 62, 30, 46


@dataclass(frozen=True)
class Entry:
    """What one side's page table says of the page; `to` is a frame or empty."""

    text: str
    to: str = ""


@dataclass(frozen=True)
class Panel:
    title: str
    sender: Entry
    receiver: Entry
    frames: Sequence[Tuple[str, str]]  # name, what stands below it
    notes: Sequence[str]
    sides: Tuple[str, str] = ("sender", "receiver")


def text(x: float, y: float, words: str, **more: object) -> str:
    return element("text", words, x=f"{x:g}", y=f"{y:g}", **more)


def box(x: float, y: float, w: float, h: float, colour: str, **more: object) -> str:
    where = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{w:g}", "height": f"{h:g}"}
    style: Dict[str, object] = {**where, "fill": "white", "stroke": colour, "rx": 3}
    style.update(more)
    return element("rect", "", **style)


def labelled(x: float, y: float, w: float, words: str, colour: str) -> List[str]:
    """A box with words in it; dashed and empty if there are none."""
    dashes = {} if words else {"stroke_dasharray": "4 3"}
    found = [box(x, y, w, BOX_H, colour, **dashes)]
    if words:
        middle = {"text_anchor": "middle", "fill": colour}
        found.append(text(x + w / 2, y + 20, words, **middle))
    return found


def arrow(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    """A line with a head at its second end."""
    length = math.hypot(x2 - x1, y2 - y1)
    along, up = (x2 - x1) / length, (y2 - y1) / length
    x, y = x2 - 7 * along, y2 - 7 * up  # where the head begins
    corners = [(x2, y2), (x - 4 * up, y + 4 * along), (x + 4 * up, y - 4 * along)]
    ends = {"x1": f"{x1:g}", "y1": f"{y1:g}", "x2": f"{x:.1f}", "y2": f"{y:.1f}"}
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    line = element("line", **ends, stroke=colour, stroke_width=1.5)
    return line + element("polygon", points=head, fill=colour)


def document(title: str, height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}"'
        f' viewBox="0 0 {WIDTH} {height:g}" font-family="sans-serif" font-size="12">'
    )
    white = element("rect", width=WIDTH, height=f"{height:g}", fill="white")
    name = text(MARGIN, 24, title, font_size=16)
    return "\n".join([head, white, name, *parts, "</svg>", ""])


# ---- Panels ----


def panel(x: float, y: float, what: Panel) -> List[str]:
    """One panel with its upper left corner there."""
    left, right = x + 8, x + PANEL - 8 - ENTRY_W
    middle = x + (PANEL - FRAME_W) / 2
    parts = [
        box(x, y, PANEL, ROW - 14, "#ccc"),
        text(x + 8, y + 18, what.title, font_weight="bold"),
        text(left, y + 40, what.sides[0], fill=SENDER),
        text(right, y + 40, what.sides[1], fill=RECEIVER),
        *labelled(left, y + 46, ENTRY_W, what.sender.text, SENDER),
        *labelled(right, y + 46, ENTRY_W, what.receiver.text, RECEIVER),
    ]
    places = {}
    for index, (name, count) in enumerate(what.frames):
        at = y + 46 + index * (BOX_H + 16)
        places[name] = at + BOX_H / 2
        parts.append(box(middle, at, FRAME_W, BOX_H, "#888", fill=FRAME))
        parts.append(text(middle + FRAME_W / 2, at + 14, name, text_anchor="middle"))
        small = {"text_anchor": "middle", "font_size": 10, "fill": GREY}
        parts.append(text(middle + FRAME_W / 2, at + 26, count, **small))
    entry = y + 46 + BOX_H / 2
    if what.sender.to:
        ends = (left + ENTRY_W, entry, middle, places[what.sender.to])
        parts.append(arrow(*ends, SENDER))
    if what.receiver.to:
        ends = (right, entry, middle + FRAME_W, places[what.receiver.to])
        parts.append(arrow(*ends, RECEIVER))
    for index, note in enumerate(what.notes):
        parts.append(text(x + 8, y + ROW - 36 + 14 * index, note, fill=GREY))
    return parts


def scene(title: str, rows: Sequence[Sequence[Panel]]) -> str:
    parts: List[str] = []
    for down, row in enumerate(rows):
        for across, what in enumerate(row):
            place = MARGIN + across * (PANEL + GAP)
            parts += panel(place, TOP + down * ROW, what)
    return document(title, TOP + len(rows) * ROW, parts)


OWN = Entry("R W", "F")
NOTHING = Entry("")
BEFORE = Panel("before", OWN, NOTHING, [("F", "1 ref")], ["the sender's alone"])

MOVE = [
    BEFORE,
    Panel(
        "delivered",
        NOTHING,
        OWN,
        [("F", "1 ref")],
        ["sender's entry is empty, and fenced;", "the count never changes"],
    ),
    Panel(
        "after the reply",
        NOTHING,
        OWN,
        [("F", "1 ref")],
        ["a touch by the sender is a fault;", "the range is free for other use"],
    ),
]
SHARE = [
    BEFORE,
    Panel(
        "delivered",
        Entry("R W  s", "F"),
        Entry("R W  s", "F"),
        [("F", "2 refs")],
        ["both marked (s), no right lost,", "so no fence"],
    ),
    Panel(
        "the sender has exited",
        NOTHING,
        Entry("R W  s", "F"),
        [("F", "1 ref")],
        ["the frame lives on"],
    ),
]
COW = [
    BEFORE,
    Panel(
        "delivered",
        Entry("R", "F"),
        Entry("R", "F"),
        [("F", "2 refs")],
        ["neither may write;", "the sender is fenced once"],
    ),
    Panel(
        "receiver writes, then sender",
        OWN,
        Entry("R W", "G"),
        [("F", "1 ref"), ("G", "1 ref")],
        ["first writer: a copy, G;", "last owner: F, in place"],
    ),
]
LEND_ALL = [
    Panel("before", OWN, NOTHING, [("F", "1 ref")], ["the item has READ and WRITE"]),
    Panel(
        "until the reply",
        Entry("none  l", "F"),
        Entry("R W  l", "F"),
        [("F", "2 refs")],
        ["the entry keeps its frame,", "but no right: loads fault, too"],
    ),
    Panel(
        "after the reply",
        OWN,
        NOTHING,
        [("F", "1 ref")],
        ["receiver emptied and fenced first,", "then the sender may again"],
    ),
]
LEND_READ = [
    Panel("before", OWN, NOTHING, [("F", "1 ref")], ["the item has READ alone"]),
    Panel(
        "until the reply",
        Entry("R  l", "F"),
        Entry("R  l", "F"),
        [("F", "2 refs")],
        ["both read the same bytes,", "and nobody can change them"],
    ),
    Panel("after the reply", OWN, NOTHING, [("F", "1 ref")], ["as before"]),
]


# ---- Steps of a transfer ----

STEPS = (
    ("check", "regions, rights,", "overlap", "may fail"),
    ("reserve", "place, regions, quota,", "tables, frames", "may fail: taken back"),
    ("commit", "entries, then the", "sender's regions", "cannot fail"),
    ("fence", "the sender's harts,", "once for all items", "cannot fail"),
    ("free", "tables that became", "empty", "cannot fail"),
)


def steps() -> str:
    wide = (WIDTH - 2 * MARGIN) / len(STEPS)
    parts = []
    for index, (name, what, more, fails) in enumerate(STEPS):
        x = MARGIN + index * wide
        colour = SENDER if index < 2 else RECEIVER
        parts.append(box(x, 44, wide - 18, BOX_H, colour))
        middle = {"text_anchor": "middle", "fill": colour}
        parts.append(text(x + (wide - 18) / 2, 64, name, **middle))
        parts.append(text(x, 94, what, font_size=11))
        parts.append(text(x, 108, more, font_size=11))
        parts.append(text(x, 126, fails, font_size=11, fill=GREY))
        if index + 1 < len(STEPS):
            parts.append(arrow(x + wide - 18, 59, x + wide, 59, GREY))
    under = "Both spaces are locked from the first step to the last."
    parts.append(text(MARGIN, 152, under, fill=GREY))
    return document("A transfer", 166, parts)


# ---- Partial pages ----

PAGE_W = 110


def pages(x: float, y: float, names: Sequence[str], colour: str) -> List[str]:
    """Pages beside each other; those whose name starts with * are shaded."""
    parts = []
    for index, name in enumerate(names):
        at = x + index * PAGE_W
        fill = FRAME if name.startswith("*") else "white"
        parts.append(box(at, y, PAGE_W, BOX_H, colour, fill=fill, rx=0))
        words = text(at + PAGE_W / 2, y + 20, name.lstrip("*"), text_anchor="middle")
        parts.append(words)
    return parts


def ends() -> str:
    """How bytes that fill no whole number of pages cross."""
    x = 150.0
    middles = [x + (index + 0.5) * PAGE_W for index in range(4)]
    parts = [text(MARGIN, 64, "client's memory", fill=SENDER)]
    parts += pages(
        x, 44, ["other | head", "*page 1", "*page 2", "tail | other"], SENDER
    )
    parts.append(text(MARGIN, 134, "stage: two pages", fill=SENDER))
    parts += pages(x, 114, ["0 0 0 | head"], SENDER)
    parts += pages(x + 3 * PAGE_W, 114, ["tail | 0 0 0"], SENDER)
    parts.append(text(MARGIN, 204, "server's window", fill=RECEIVER))
    row = ["0 0 0 | head", "*page 1", "*page 2", "tail | 0 0 0"]
    parts += pages(x, 184, row, RECEIVER)
    for index, at in enumerate(middles):
        if index in (0, 3):
            parts.append(arrow(at, 76, at, 112, GREY))
            parts.append(text(at + 6, 97, "copied", fill=GREY))
            parts.append(arrow(at, 146, at, 182, SENDER))
            parts.append(text(at + 6, 167, "COW", fill=SENDER))
        else:
            parts.append(arrow(at, 76, at, 182, SENDER))
            if index == 1:
                parts.append(text(at + 6, 132, "COW or MOVE", fill=SENDER))
    return document("Bytes with ends", 230, parts)


# ---- A table that moves ----


def relink() -> str:
    """2 MiB: the entry above the leaves changes, the leaves do not."""
    parts = []
    for index, title in enumerate(("before", "after")):
        x = MARGIN + index * 354.0
        parts.append(box(x, TOP, 342, 176, "#ccc"))
        parts.append(text(x + 8, TOP + 18, title, font_weight="bold"))
        for side, colour, at in (
            ("sender", SENDER, TOP + 36),
            ("receiver", RECEIVER, TOP + 106),
        ):
            holds = (side == "sender") == (index == 0)
            parts.append(text(x + 8, at + 8, f"{side}, level 1", fill=colour))
            parts += labelled(x + 8, at + 14, 84, "table" if holds else "", colour)
            if holds:
                parts.append(arrow(x + 92, at + 29, x + 128, TOP + 100, colour))
        parts.append(box(x + 128, TOP + 60, 92, 80, "#888", fill=FRAME))
        parts.append(text(x + 174, TOP + 96, "512 leaves", text_anchor="middle"))
        parts.append(text(x + 174, TOP + 112, "untouched", text_anchor="middle"))
        parts.append(arrow(x + 220, TOP + 100, x + 250, TOP + 100, GREY))
        parts.append(text(x + 256, TOP + 98, "up to 512"))
        parts.append(text(x + 256, TOP + 112, "frames"))
    return document("MOVE of 2 MiB, aligned to 2 MiB on both sides", TOP + 188, parts)


# ---- A fault that a pager answers ----

FAULT = (  # from and to which of the three, and what
    (0, 1, "1. touches a page that is missing"),
    (1, 2, "2. call: offset, access, pages"),
    (2, 1, "3. reply with items"),
    (1, 0, "4. mapped; the instruction runs again"),
)


def pager() -> str:
    """Who tells whom, from top to bottom."""
    ways = (
        ("program", MARGIN + 60.0, SENDER),
        ("kernel", WIDTH / 2, GREY),
        ("pager", WIDTH - MARGIN - 60.0, RECEIVER),
    )
    parts = []
    for name, x, colour in ways:
        parts += labelled(x - 45, TOP, 90, name, colour)
        line = {"x1": f"{x:g}", "y1": TOP + BOX_H, "x2": f"{x:g}", "y2": TOP + 190}
        parts.append(element("line", "", **line, stroke="#ccc"))
    for row, (start, end, words) in enumerate(FAULT):
        y = TOP + 68 + 36 * row
        x1, x2 = ways[start][1], ways[end][1]
        parts.append(arrow(x1, y, x2, y, ways[start][2]))
        middle = (x1 + x2) / 2
        parts.append(text(middle, y - 6, words, text_anchor="middle"))
    return document("A fault that a pager answers", TOP + 206, parts)


def draw_all() -> Dict[str, str]:
    """Each figure's text, by its name."""
    return {
        "move": scene("MOVE", [MOVE]),
        "share": scene("SHARE, with READ and WRITE", [SHARE]),
        "cow": scene("COW", [COW]),
        "lend": scene("LEND", [LEND_ALL, LEND_READ]),
        "steps": steps(),
        "ends": ends(),
        "table": relink(),
        "pager": pager(),
    }
