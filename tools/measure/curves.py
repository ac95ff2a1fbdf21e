# SPDX-License-Identifier: MIT
"""Curves: figures of one operation at several sizes.

Each point is a row that is measured, kept and compared like those of the table,
but not printed there; its name has a slash."""
from __future__ import annotations

from typing import Dict, Iterable, List, Tuple

from measure.programs import Source
from measure.rows import Row

PAGE = 4096
MIB = 1 << 20
PAGE_COUNTS = (1, 2, 4, 16, 32, 64, 256, 512)
AGAIN_COUNTS = (1, 2, 3, 4, 16, 64, 256)
COPIED = (64, 512, 4096, 8192, 12288, 16384, 65536, 262144, MIB)
HARTS = (1, 2, 4, 8)
CLIENTS = (1, 2, 4, 8)
TICKS = "tick=100"  # boot argument of whatever shares harts

# Points of a curve: what goes across (bytes, pages, harts), and the row.
Curve = List[Tuple[float, Row]]


def point(program: str, row: str) -> Row:
    return Row(row, Source(program, row))


def by_pages(mode: str, counts: Iterable[int] = PAGE_COUNTS) -> Curve:
    return [(count, point("bench_items", f"{mode}/{count}")) for count in counts]


def page_curves() -> Dict[str, Curve]:
    """Calls that hand pages over, by the number of pages."""
    return {mode: by_pages(mode) for mode in ("move", "share", "cow", "lend")}


def size_curves() -> Dict[str, Curve]:
    """Ways to give bytes to a server: in registers, copied by it, as pages.

    Refill is MOVE and rewrite is COW, with what the server takes to unmap the
    pages and the client to write to pages at the same place again. Send and
    give are the library's choice of a way, with all that it does."""
    pages = {
        "cow": by_pages("cow"),
        "rewrite": by_pages("rewrite", AGAIN_COUNTS),
        "move": by_pages("move"),
        "refill": by_pages("refill", AGAIN_COUNTS),
    }
    return {
        "registers": [(64, point("bench_ipc", "ipc_rtt_8w"))],
        "copy": [(size, point("bench_items", f"call/{size}")) for size in COPIED],
        **{
            way: [(size, point("bench_bytes", f"{way}/{size}")) for size in sizes]
            for way, sizes in (("send", COPIED), ("give", COPIED[2:]))
        },
        **{n: [(x * PAGE, row) for x, row in curve] for n, curve in pages.items()},
    }


def hart_curve() -> Curve:
    """A call when every hart makes calls. Short ticks that differ let QEMU's
    harts take turns, which is not the same to the instruction in each run."""

    def pairs(harts: int) -> Row:
        source = Source("bench_harts", f"pairs/{harts}", TICKS, harts=harts)
        return Row(f"pairs/{harts}", source, over=100, slack=0.02)

    return [(harts, pairs(harts)) for harts in HARTS]


def crowd_curve() -> Curve:
    """A call when so many clients share a server and a hart; when a tick comes
    makes a little difference."""

    def crowd(clients: int) -> Row:
        row = f"crowd/{clients}"
        return Row(row, Source("bench_harts", row, TICKS), over=100, slack=0.02)

    return [(clients, crowd(clients)) for clients in CLIENTS]


def crowd_rows() -> Dict[str, Row]:
    """What else is asked of the largest crowd."""
    source = Source("bench_harts", f"crowd/{CLIENTS[-1]}", TICKS, harts=HARTS[-1])
    fair = Source("bench_harts", f"fairness/{CLIENTS[-1]}", TICKS)
    return {
        "harts": Row(f"{source.row}/harts", source, over=100, slack=0.1),
        "fairness": Row(fair.row, fair, over=1000, slack=0.05, unit="ratio"),
    }


def points(known: List[Row]) -> List[Row]:
    """Every row of a curve that is not known yet, once."""
    curves = [*size_curves().values(), *page_curves().values(), hart_curve()]
    curves += [crowd_curve(), [(0, row) for row in crowd_rows().values()]]
    names = {row.name for row in known}
    found = {row.name: row for curve in curves for _, row in curve}
    return [row for name, row in found.items() if name not in names]


def times() -> Dict[str, Source]:
    """Host time, which depends on the host, of what is measured without icount."""
    return {
        "copied": Source("bench_items", "time_copy_1m", exact=False),
        "moved": Source("bench_items", "time_move_1m", exact=False),
    }
