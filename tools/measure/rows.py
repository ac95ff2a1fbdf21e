# SPDX-License-Identifier: MIT
"""The rows of the table: what each is, its limit, and what its peers cost.

A row is what a guest program measures, or a slope: the difference between two
such figures over the difference of their sizes. The peers' figures were
measured in the same way: guest instructions, one hart, QEMU with -icount
shift=0, medians; seL4 16.0.0-dev, release build, not MCS, without FPU;
xv6-riscv of 2025-09 with its own flags."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Optional

import bootlib
from measure.programs import Source

# Source: PROGRAM ROW [less ROW] [over N] [with BOOT ARGUMENT], "= METHOD" for
# what special.py measures, with {} for the number of rounds.
TABLE = """
null_syscall          | system call: getpid                 |   70 |  296 | 1077 | bench_ipc null_syscall
ipc_rtt_0w            | call, empty                         |  200 |  512 |    - | bench_ipc ipc_rtt_0w
ipc_rtt_8w            | call, 8 words each way              |  200 | 1840 |    - | bench_ipc ipc_rtt_8w
ipc_rtt_8w_same_space | the same to a thread of its process |  190 | 1840 |    - | bench_ipc ipc_rtt_8w_same_space
ipc_rtt_slow_8w       | the same, fast path off             |  700 | 1801 |    - | bench_ipc ipc_rtt_8w with fastpath=0
ipc_rtt_4caps         | call with 4 handles                 |  900 | 1302 |    - | bench_ipc ipc_rtt_4caps
send_oneway           | send to a higher priority           |    - |    - |    - | bench_ipc send_oneway
notify_signal         | signal, nobody waits                |   90 |  422 |    - | bench_ipc notify_signal
notify_pingpong       | signal and be signalled             |  700 | 2619 |    - | bench_ipc notify_pingpong
thread_switch         | yield to a thread                   |    - |    - |    - | bench_ipc thread_switch
yield_switch          | yield to a process                  |    - |  446 |    - | bench_ipc yield_switch
irq_to_driver         | trap to first driver instruction    |  450 |  599 |    - | = rdinstret, median of {} rounds
move_rtt_1p           | call that moves a page              |  600 | 2339 |    - | bench_items move/1
move_per_page         | each further page by MOVE           |   24 |    - |    - | bench_items move/32 less move/1 over 31
share_per_page        | each further page by SHARE          |   30 |    - |    - | bench_items share/32 less share/1 over 31
cow_per_page          | each further page by COW            |   36 |    - |    - | bench_items cow/32 less cow/1 over 31
move_2m               | call that moves aligned 2 MiB       |  900 |    - |    - | bench_items move/512
cow_fault_reuse       | copy-on-write fault, last owner     |  220 |    - |    - | bench_memory cow_fault_reuse
cow_fault_copy        | copy-on-write fault, copied         | 1350 |    - |    - | bench_memory cow_fault_copy
copy_64b              | SYS_COPY of 64 bytes                |  350 |    - |    - | bench_ipc copy/64
copy_per_byte         | SYS_COPY beyond 4 KiB, a byte       | 0.30 |    - |    - | bench_ipc copy/65536 less copy/4096 over 61440
pager_fault           | fault served by a pager             |  900 | 2155 |    - | bench_memory pager_fault
lazy_fault            | first store to a page               |  900 |    - | 25759 | bench_memory lazy_fault
fork_exit_wait        | fork, exit, wait                    | 40000 |   - | 514874 | bench_system fork_exit_wait
fork_exec_wait        | fork, exec of true, wait            | 150000 |  - | 1755463 | bench_system fork_exec_wait
pipe_rtt_1b           | a byte there and back by pipes      | 4000 |    - | 90285 | bench_system pipe_rtt_1b
pipe_per_kb           | pipe, a KiB more                    |    - |    - | 708608 | bench_system pipe/65536 less pipe/1024 over 63
file_create_unlink    | file: create, close, unlink         | 400000 |  - | 6236306 | bench_system file_create_unlink
file_read_256k        | file: read 256 KiB by 4 KiB         | 300000 |  - | 32728477 | bench_system file_read_256k
file_read_256k_per_kb | the same, a KiB                     |    - |    - | 127845 | bench_system file_read_256k over 256
open_close            | file: open, close                   |    - |    - |    - | bench_system open_close
boot_to_shell         | kernel entry to the shell's prompt  | 30000000 | - | 432000000 | = counted by QEMU as it records, {} boots, nearly all equal
"""
SOURCE = re.compile(
    r"(?P<program>\w+) (?P<high>\S+)( less (?P<low>\S+))?( over (?P<over>\d+))?"
    r"( with (?P<append>\S+))?"
)

UNIT = "instructions"


@dataclass(frozen=True)
class Row:
    """One figure, and so one line of the table."""

    name: str
    high: Optional[Source]  # None: special.py measures it
    low: Optional[Source] = None  # a slope: high less low ...
    over: float = 1  # ... divided by this
    what: str = ""
    limit: Optional[float] = None  # at most
    sel4: Optional[float] = None
    xv6: Optional[float] = None
    method: str = ""  # of a row without a source
    slack: float = 0  # how much of it more is not worse; 0: each run has the same
    unit: str = UNIT


def number(text: str) -> Optional[float]:
    return None if text == "-" else float(text)


def row_of(line: str) -> Row:
    name, what, limit, sel4, xv6, origin = (cell.strip() for cell in line.split("|"))
    known = (number(limit), number(sel4), number(xv6))
    if origin[0] == "=":
        return Row(name, None, None, 1, what, *known, method=origin[2:])
    parts = SOURCE.fullmatch(origin)
    assert parts, origin
    program, append = parts["program"], parts["append"] or ""
    high = Source(program, parts["high"], append)
    low = Source(program, parts["low"], append) if parts["low"] else None
    return Row(name, high, low, float(parts["over"] or 1), what, *known)


def table() -> List[Row]:
    return [row_of(line) for line in TABLE.strip().splitlines()]


def find(name: str, known: List[Row]) -> Row:
    """The row of that name."""
    for row in known:
        if row.name == name:
            return row
    names = " ".join(row.name for row in known)
    raise bootlib.BootError(f"no row {name}; there are: {names}")
