# SPDX-License-Identifier: MIT
"""Page tables in memory: walks, leaves, and user memory behind them."""
from __future__ import annotations

from typing import Iterator, List, Optional, Tuple

import gdb

from inside import decode
from inside.kernel import (
    WORD,
    number,
    pointer,
    read_kernel,
    read_page,
    read_physical,
    space_type,
)


def table_entries(table: int) -> memoryview:
    return memoryview(read_page(table)).cast("Q")


def space_root(process: gdb.Value) -> int:
    at = pointer(process["space"])
    if not at:
        raise gdb.GdbError(f"process {number(process['pid'])} has no space any more")
    return number(read_kernel(at, space_type())["table"]["root"])


def walk(root: int, address: int) -> List[Tuple[int, int, int]]:
    """The entries on the way to an address: (level, where it is, entry)."""
    found = []
    table = root
    for level in range(decode.LEVELS - 1, -1, -1):
        index = decode.table_index(address, level)
        entry = table_entries(table)[index]
        found.append((level, table + 8 * index, entry))
        if not decode.pte_is_table(entry):
            break
        table = decode.pte_frame(entry)
    return found


def translate(root: int, address: int) -> Optional[int]:
    """The physical address; None: nothing is mapped there."""
    level, _, entry = walk(root, address)[-1]
    if entry == 0 or decode.pte_is_table(entry):
        return None
    return decode.pte_frame(entry) + address % decode.page_size(level)


def leaves(table: int, level: int = 2, base: int = 0) -> Iterator[Tuple[int, int, int]]:
    """The leaves of a table: (address, entry, level)."""
    entries = table_entries(table)
    for index, entry in enumerate(entries):
        if entry == 0:
            continue
        address = base + index * decode.page_size(level)
        if level == 2 and index >= 256:  # the upper half: the sign goes on
            address |= WORD << 39 & WORD
        if decode.pte_is_table(entry) and level > 0:
            yield from leaves(decode.pte_frame(entry), level - 1, address)
        else:
            yield address, entry, level


def user_leaves(root: int) -> Iterator[Tuple[int, int, int]]:
    """The leaves that user code may use, or that are marked as lent by it."""
    for leaf in leaves(root):
        if leaf[0] >= decode.USER_END:
            return
        yield leaf


def read_user(root: int, address: int, size: int) -> Optional[bytes]:
    """User memory of the space with this root; None where there is none."""
    data = b""
    while len(data) < size:
        at = translate(root, address + len(data))
        if at is None:
            return None
        piece = min(size - len(data), decode.PAGE - at % decode.PAGE)
        data += read_physical(at, piece)
    return data
