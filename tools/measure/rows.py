# SPDX-License-Identifier: MIT
"""The rows of the table: what each is, its limit, and what its peers cost.

A row is what a guest program measures, or a slope: the difference between two
such figures over the difference of their sizes. Names with a slash are points
of curves, not rows. The peers' figures were measured in the same way: guest
instructions, one hart, QEMU with -icount shift=0, medians; seL4 16.0.0-dev,
release build, not MCS, without FPU; xv6-riscv of 2025-09 with its own flags."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

import bootlib
from measure.programs import Source

COUNT = "instructions"
PAGE = 4096
MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    what: str
    limit: Optional[float]  # at most
    sel4: Optional[float]
    xv6: Optional[float]
    high: Optional[Source]  # None: measured in a way of its own
    low: Optional[Source] = None  # a slope: high less low ...
    over: float = 1  # ... divided by this
    unit: str = COUNT
    method: str = ""  # of a row without a source
    exact: bool = True  # the same in each run


def ipc(row: str, append: str = "") -> Source:
    return Source("bench_ipc", row, append)


def memory(row: str) -> Source:
    return Source("bench_memory", row)


def items(row: str, exact: bool = True) -> Source:
    return Source("bench_items", row, exact=exact)


def system(row: str) -> Source:
    return Source("bench_system", row)


def rows_of_messages() -> List[Row]:
    slow = "fastpath=0"
    return [
        Row("null_syscall", "system call: getpid", 70, 296, 1077, ipc("null_syscall")),
        Row("ipc_rtt_0w", "call, empty", 200, 512, None, ipc("ipc_rtt_0w")),
        Row("ipc_rtt_8w", "call, 8 words each way", 200, 1840, None, ipc("ipc_rtt_8w")),
        Row(
            "ipc_rtt_8w_same_space",
            "the same to a thread of its process",
            190,
            1840,
            None,
            ipc("ipc_rtt_8w_same_space"),
        ),
        Row(
            "ipc_rtt_slow_8w",
            "the same, fast path off",
            700,
            1801,
            None,
            ipc("ipc_rtt_8w", slow),
        ),
        Row(
            "ipc_rtt_4caps",
            "call with 4 handles",
            900,
            1302,
            None,
            ipc("ipc_rtt_4caps"),
        ),
        Row(
            "send_oneway",
            "send to a higher priority",
            None,
            None,
            None,
            ipc("send_oneway"),
        ),
        Row(
            "notify_signal", "signal, nobody waits", 90, 422, None, ipc("notify_signal")
        ),
        Row(
            "notify_pingpong",
            "signal and be signalled",
            700,
            2619,
            None,
            ipc("notify_pingpong"),
        ),
        Row(
            "thread_switch", "yield to a thread", None, None, None, ipc("thread_switch")
        ),
        Row("yield_switch", "yield to a process", None, 446, None, ipc("yield_switch")),
    ]


def per_page(name: str, mode: str, limit: float) -> Row:
    what = f"each further page by {mode.upper()}"
    return Row(
        name, what, limit, None, None, items(f"{mode}/32"), items(f"{mode}/1"), 31
    )


def rows_of_transfers() -> List[Row]:
    return [
        Row("move_rtt_1p", "call that moves a page", 600, 2339, None, items("move/1")),
        per_page("move_per_page", "move", 24),
        per_page("share_per_page", "share", 30),
        per_page("cow_per_page", "cow", 36),
        Row(
            "move_2m",
            "call that moves aligned 2 MiB",
            900,
            None,
            None,
            items("move/512"),
        ),
    ]


def rows_of_memory() -> List[Row]:
    return [
        Row(
            "cow_fault_reuse",
            "copy-on-write fault, last owner",
            220,
            None,
            None,
            memory("cow_fault_reuse"),
        ),
        Row(
            "cow_fault_copy",
            "copy-on-write fault, copied",
            1350,
            None,
            None,
            memory("cow_fault_copy"),
        ),
        Row("copy_64b", "SYS_COPY of 64 bytes", 350, None, None, ipc("copy/64")),
        Row(
            "copy_per_byte",
            "SYS_COPY beyond 4 KiB, a byte",
            0.30,
            None,
            None,
            ipc("copy/65536"),
            ipc("copy/4096"),
            65536 - 4096,
        ),
        Row(
            "lazy_fault",
            "first store to a page",
            900,
            None,
            25759,
            memory("lazy_fault"),
        ),
    ]


def rows_of_programs() -> List[Row]:
    return [
        Row(
            "fork_exit_wait",
            "fork, exit, wait",
            40000,
            None,
            514874,
            system("fork_exit_wait"),
        ),
        Row(
            "fork_exec_wait",
            "fork, exec of true, wait",
            150000,
            None,
            1755463,
            system("fork_exec_wait"),
        ),
        Row(
            "pipe_rtt_1b",
            "a byte there and back by pipes",
            4000,
            None,
            90285,
            system("pipe_rtt_1b"),
        ),
        Row(
            "pipe_per_kb",
            "pipe, a KiB more",
            None,
            None,
            692 * 1024,
            system("pipe/65536"),
            system("pipe/1024"),
            63,
        ),
        Row(
            "file_create_unlink",
            "file: create, close, unlink",
            400000,
            None,
            6236306,
            system("file_create_unlink"),
        ),
        Row(
            "file_read_256k",
            "file: read 256 KiB by 4 KiB",
            300000,
            None,
            32728477,
            system("file_read_256k"),
        ),
        Row(
            "file_read_256k_per_kb",
            "the same, a KiB",
            None,
            None,
            127845,
            system("file_read_256k"),
            None,
            256,
        ),
        Row("open_close", "file: open, close", None, None, None, system("open_close")),
    ]


def rows_of_the_machine() -> List[Row]:
    log = "QEMU's log of a program that writes to a virtio disk"
    return [
        Row(
            "irq_to_driver",
            "trap to first driver instruction",
            450,
            599,
            None,
            None,
            method=log,
        ),
        Row(
            "boot_to_shell",
            "kernel entry to the shell's prompt",
            30000000,
            None,
            432000000,
            None,
            method="minstret by the GDB stub, one boot",
        ),
    ]


def table() -> List[Row]:
    return (
        rows_of_messages()
        + rows_of_transfers()
        + rows_of_memory()
        + rows_of_programs()
        + rows_of_the_machine()
    )


# Points of a curve: (bytes, source).
Curve = List[Tuple[float, Source]]
PAGE_COUNTS = (1, 2, 4, 16, 32, 64, 256, 512)
COPIED = (64, 512, 4096, 8192, 16384, 65536, 262144, MIB)


def transfer_modes() -> Dict[str, Curve]:
    """Calls that hand pages over."""
    return {
        mode: [(count * PAGE, items(f"{mode}/{count}")) for count in PAGE_COUNTS]
        for mode in ("move", "share", "cow", "lend")
    }


def size_curves() -> Dict[str, Curve]:
    """Ways to give bytes to a server: in registers, copied by it, as pages.

    Refill is MOVE and rewrite is COW, with what the server takes to unmap the
    pages and the client to write to pages at the same place again."""
    copy: Curve = [(size, items(f"call/{size}")) for size in COPIED]
    modes = transfer_modes()
    again: Dict[str, Curve] = {
        name: [(n * PAGE, items(f"{name}/{n}")) for n in (1, 2, 4, 16, 64, 256)]
        for name in ("cow", "rewrite", "move", "refill")
    }
    again["cow"], again["move"] = modes["cow"], modes["move"]
    return {"registers": [(64, ipc("ipc_rtt_8w"))], "copy": copy, **again}


HARTS = (1, 2, 4, 8)


def pairs() -> Dict[int, Source]:
    """Calls made on all harts at once, by the number of harts: the figures are
    hundredths. Short ticks that differ let QEMU's harts take turns."""
    ticks = "tick=100 seed=1"
    return {n: Source("bench_harts", f"pairs/{n}", ticks, harts=n) for n in HARTS}


def times() -> Dict[str, Source]:
    """Host time, which depends on the host, of what is measured without icount."""
    return {
        "copied": items("time_copy_1m", exact=False),
        "moved": items("time_move_1m", exact=False),
    }


def source(name: str) -> Source:
    """Where the figure of a row or of a point comes from."""
    known = {row.name: row.high for row in table() if row.high}
    for curve in size_curves().values():
        known.update((point.row, point) for _, point in curve)
    if name not in known:
        raise bootlib.BootError(f"no row {name}; there are: {' '.join(known)}")
    return known[name]
