# SPDX-License-Identifier: MIT
"""Words of the kernel as text: entries of page tables, message tags, rights.

Nothing here needs GDB. The layouts are those of vm/pagetable.h, abi/message.h
and abi/handle.h; `rights` and `errors` are given, since GDB reads the names
from the kernel itself."""
from __future__ import annotations

from typing import Dict, List, Tuple

PAGE = 4096
USER_END = 1 << 38  # abi/layout.h

# --- Page tables -------------------------------------------------------------

LEVELS = 3
PTE_LETTERS = "VRWXUGADSL"  # bit 0 first; S: shared, L: lent (vm/pagetable.h)
PTE_RWX = 0xE


def pte_frame(entry: int) -> int:
    """The physical address that an entry leads to."""
    return entry >> 10 << 12 & (1 << 56) - 1


def pte_is_table(entry: int) -> bool:
    return entry & 0xF == 1


def pte_flags(entry: int) -> str:
    """The low ten bits, a letter for each that is set."""
    return "".join(c if entry >> i & 1 else "-" for i, c in enumerate(PTE_LETTERS))


def pte_text(entry: int) -> str:
    """What an entry means, in words."""
    if entry == 0:
        return "empty"
    if pte_is_table(entry):
        return f"table at {pte_frame(entry):#x}"
    where = f"frame {pte_frame(entry):#x} " if entry >> 10 else ""
    return f"{where}{pte_flags(entry)}: {leaf_meaning(entry)}"


def leaf_meaning(entry: int) -> str:
    rights = [("read", 1), ("write", 2), ("execute", 3)]
    words = [word for word, bit in rights if entry >> bit & 1]
    who = "user" if entry >> 4 & 1 else "kernel"
    text = f"{who}, {'+'.join(words) or 'no rights'}"
    if not entry & 1:
        text += ", not accessible"
    if entry >> 8 & 1:
        text += ", shared"
    if entry >> 9 & 1:
        text += ", lent or borrowed"
    if entry >> 54:
        text += f", RESERVED BITS {entry >> 54:#x}"
    return text


def table_index(address: int, level: int) -> int:
    return address >> (12 + 9 * level) & 511


def page_size(level: int) -> int:
    return PAGE << (9 * level)


# --- Messages ----------------------------------------------------------------

KINDS = ("call", "send", "closed", "signal")
TAG_RESERVED = 0xFFFCC000  # must be zero even in a tag that was received


def tag_text(tag: int) -> str:
    """A tag's fields, those that are 0 left out."""
    label = tag >> 32 & 0xFFFFFFFF
    label -= (label & 1 << 31) << 1
    parts = [f"label {label}"]
    for name, shift, mask in (("words", 0, 15), ("handles", 4, 7), ("items", 7, 7)):
        if tag >> shift & mask:
            parts.append(f"{tag >> shift & mask} {name}")
    moves = [str(i) for i in range(4) if tag >> (10 + i) & 1]
    if moves:
        parts.append(f"handle {'+'.join(moves)} moved")
    if tag >> 16 & 3:
        parts.append(KINDS[tag >> 16 & 3])
    if tag & TAG_RESERVED:
        parts.append(f"RESERVED BITS {tag & TAG_RESERVED:#x}")
    return ", ".join(parts)


MODES = ("none", "move", "share", "cow", "lend", "window")


def item_text(base: int, descriptor: int) -> str:
    """A memory item: where, how long, how, with what rights."""
    length = descriptor & (1 << 48) - 1
    mode = descriptor >> 56 & 15
    name = MODES[mode] if mode < len(MODES) else f"mode {mode}"
    rights = "".join(c for i, c in enumerate("rwx") if descriptor >> (60 + i) & 1)
    return f"{name} {length:#x} bytes at {base:#x} {rights or '-'}"


# --- Handles -----------------------------------------------------------------


def rights_text(rights: int, names: Dict[int, str]) -> str:
    """The rights in a mask; names: bit -> word."""
    words = [word for bit, word in sorted(names.items()) if rights & bit]
    return " ".join(words) or "-"


def error_text(value: int, errors: Dict[int, str]) -> str:
    """A result register: a small negative number is an error with a name."""
    signed = value - (value >> 63 << 64)
    if -256 < signed < 0 and -signed in errors:
        return f"-{errors[-signed]}"
    return str(signed) if abs(signed) < 1 << 20 else f"{value:#x}"


# --- Text --------------------------------------------------------------------


def columns(rows: List[Tuple[str, ...]]) -> List[str]:
    """Rows as lines, each column as wide as its widest cell; numbers right."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if cell.lstrip("-").isdigit() else cell.ljust(width)
            for cell, width in zip(row, widths)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
