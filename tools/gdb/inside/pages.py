# SPDX-License-Identifier: MIT
"""Commands about memory: pagetable, frames, pte, tag."""
from __future__ import annotations

from typing import Dict, Iterator, List, Tuple

import gdb

from inside import decode
from inside.kernel import (
    DIRECT_BASE,
    WORD,
    Command,
    constants,
    kernel_type,
    name_of,
    number,
    pointer,
    process_by_pid,
    processes,
    read_kernel,
    register,
    show,
    variable,
    variable_address,
)
from inside.spaces import leaves, space_root, user_leaves, walk

Row = Tuple[str, ...]


def evaluate(word: str) -> int:
    """An expression as a number; an array is its address, as in C."""
    value = gdb.parse_and_eval(word)
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
        value = value[0].address or value
    return int(value) & WORD


class PageTable(Command):
    """pagetable PID|satp [VA]: what a process's page table maps, or all that the
    hart's own does; with an address, the walk to it, each entry decoded.

    Flags are VRWXUGADSL, those of Sv39 and the kernel's own: S shared, L lent.
    Ranges are of pages with equal flags; frame is that of the first page."""

    NAME = "pagetable"

    def run(self, words: List[str]) -> None:
        if not words:
            raise self.usage()
        if words[0] == "satp":
            root = decode.pte_frame(register("satp") << 10)
            if not root:
                raise gdb.GdbError("the hart has no page table yet: satp is 0")
            found = leaves(root)
        else:
            root = space_root(process_by_pid(words[0])[1])
            found = user_leaves(root)
        if len(words) > 1:
            print_walk(root, evaluate(" ".join(words[1:])))
        else:
            show_ranges(found)


def show_ranges(found: Iterator[Tuple[int, int, int]]) -> None:
    ranges: List[List[int]] = []  # start, end, flags, first frame
    for address, entry, level in found:
        flags, end = entry & 0x3FF, address + decode.page_size(level)
        if ranges and ranges[-1][1] == address and ranges[-1][2] == flags:
            ranges[-1][1] = end
        else:
            ranges.append([address, end, flags, decode.pte_frame(entry)])
    rows: List[Row] = [("from", "to", "pages", "flags", "frame")]
    for start, end, flags, frame in ranges:
        pages = str((end - start) // decode.PAGE)
        text = decode.pte_flags(flags)
        rows.append((f"{start:#x}", f"{end:#x}", pages, text, f"{frame:#x}"))
    show(rows, lambda: "Nothing is mapped.")


def print_walk(root: int, address: int) -> None:
    print(f"root table at {root:#x}, address {address:#x}")
    steps = walk(root, address)
    for level, at, entry in steps:
        index = decode.table_index(address, level)
        text = decode.pte_text(entry)
        print(f"level {level}: entry {index} at {at:#x} = {entry:#018x}: {text}")
    level, _, entry = steps[-1]
    if entry == 0:
        print(f"{address:#x} is not mapped")
    else:
        physical = decode.pte_frame(entry) + address % decode.page_size(level)
        print(f"{address:#x} is physical {physical:#x}, kernel {kernel_of(physical)}")


def kernel_of(physical: int) -> str:
    return f"{(physical + DIRECT_BASE) & WORD:#x}"


# --- Frames ------------------------------------------------------------------


def mappings(frame: int) -> Iterator[Tuple[gdb.Value, int, int]]:
    """The user pages that a frame is mapped at: (process, address, entry)."""
    seen: Dict[int, bool] = {}
    for _, process in processes():
        if not pointer(process["space"]):
            continue
        root = space_root(process)
        if root in seen:
            continue
        seen[root] = True
        for address, entry, level in user_leaves(root):
            first = decode.pte_frame(entry)
            if first <= frame < first + decode.page_size(level):
                yield process, address + frame - first, entry


class Frames(Command):
    """frames PA: the record of the frame at a physical address, and every user
    page that maps it. A kernel address of the direct map will do as well."""

    NAME = "frames"

    def run(self, words: List[str]) -> None:
        if not words:
            raise self.usage()
        address = evaluate(" ".join(words))
        address = address - DIRECT_BASE if address >= DIRECT_BASE else address
        frame = address - address % decode.PAGE
        print(record_text(frame))
        for process, at, entry in mappings(frame):
            flags = decode.pte_flags(entry)
            print(
                f"    pid {number(process['pid'])} {name_of(process)} {at:#x} {flags}"
            )


def record_text(frame: int) -> str:
    first = number(variable("frame_first", "frame_init"))
    count = number(variable("frame_count", "frame_init"))
    index = frame // decode.PAGE
    if not first <= index < first + count:
        return f"frame {frame:#x} is no RAM that the kernel took over"
    kind = kernel_type("struct frame", "frame_init")
    records = pointer(variable("frame_records", "frame_init"))
    record = read_kernel((records + index * kind.sizeof) & WORD, kind)
    kinds = constants("enum frame_kind", "FRAME_", "frame_init")
    name = kinds.get(number(record["kind"]), f"kind {number(record['kind'])}")
    text = f"frame {frame:#x}: {name}, {number(record['refs'])} references"
    return text + contents(name, record)


def contents(kind: str, record: gdb.Value) -> str:
    if kind == "table":
        return f", {number(record['tag'])} entries in use"
    if kind != "slab":
        return ""
    mark = number(record["part_of"])  # the low half of the slab's address
    for name, function in SLABS:
        slab = variable(name, function)
        if variable_address(name, function) & 0xFFFFFFFF == mark:
            return f", objects of {number(slab['size'])} bytes ({name})"
    return f", objects of an unknown slab at ...{mark:08x}"


# The caches, and a function of the file that each is in.
SLABS = (
    ("threads", "thread_create"),
    ("processes", "process_create"),
    ("endpoints", "endpoint_create"),
    ("sessions", "endpoint_create"),
    ("notifications", "notification_create"),
    ("space_slab", "space_create"),
    ("regions", "region_search"),
    ("quotas", "quota_create"),
    ("loans", "loan_create"),
    ("memories", "memory_create_dma"),
)


# --- Single words ------------------------------------------------------------


class Pte(Command):
    """pte EXPRESSION: what a page-table entry means, as in `pte *leaf`."""

    NAME = "pte"
    KIND = gdb.COMMAND_DATA

    def run(self, words: List[str]) -> None:
        if not words:
            raise self.usage()
        entry = evaluate(" ".join(words))
        print(f"{entry:#018x}: {decode.pte_text(entry)}")


class Tag(Command):
    """tag EXPRESSION: what a message's tag means, as in `tag $a1`."""

    NAME = "tag"
    KIND = gdb.COMMAND_DATA

    def run(self, words: List[str]) -> None:
        if not words:
            raise self.usage()
        tag = evaluate(" ".join(words))
        print(f"{tag:#018x}: {decode.tag_text(tag)}")


COMMANDS = (PageTable, Frames, Pte, Tag)
