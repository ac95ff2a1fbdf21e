# SPDX-License-Identifier: MIT
"""Pretty printers: page-table entries, handles, messages and frames of threads
decoded wherever GDB prints them. `print/r` shows them raw."""
from __future__ import annotations

from typing import Callable, Dict, Iterator, Mapping, Optional, Tuple

import gdb

from inside import decode
from inside.kernel import (
    DIRECT_BASE,
    WORD,
    constants,
    flat_fields,
    forget,
    number,
    pointer,
    rights_names,
    state_of,
    thread_name,
)
from inside.tables import entry_object
from inside.unwind import NAMES

Children = Iterator[Tuple[str, object]]


class Text:
    """A value that is shown as a line of text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def to_string(self) -> str:
        return self.text


class Parts:
    """A value that is shown as a structure, its members decoded."""

    def __init__(self, members: Mapping[str, object]) -> None:
        self.members = members

    def to_string(self) -> None:
        return None

    def children(self) -> Children:
        yield from self.members.items()


def entry_of_table(value: gdb.Value) -> Text:
    return Text(decode.pte_text(number(value) & WORD))


def handle_entry(value: gdb.Value) -> Text:
    """An entry, or a slot of a table."""
    types = constants("enum handle_type", "HANDLE_", "endpoint_create")
    kind = types.get(number(value["type"]), f"type {number(value['type'])}")
    if kind == "none":
        return Text("free")
    rights = decode.rights_text(number(value["rights"]), rights_names())
    text = f"{kind} {entry_object(value):#x}"
    return Text(f"{text} generation {number(value['generation'])}: {rights}")


def memory_item(value: gdb.Value) -> Text:
    base, descriptor = number(value["base"]), number(value["descriptor"])
    if not base and not descriptor:
        return Text("no item")
    return Text(decode.item_text(base & WORD, descriptor & WORD))


def user_message(value: gdb.Value) -> Parts:
    """struct message of user/lib/ipc.h."""
    tag = number(value["tag"]) & WORD
    members = {"tag": f"{tag:#x} ({decode.tag_text(tag)})"}
    members["badge"] = f"{number(value['badge']) & WORD:#x}"
    count = min(tag & 15, 8)
    members["words"] = " ".join(f"{number(value['words'][i]):#x}" for i in range(count))
    packed = number(value["handles"])
    handles = [str(packed >> 16 * i & 0xFFFF) for i in range(tag >> 4 & 7)]
    members["handles"] = " ".join(handles)
    if tag >> 7 & 7:
        base, descriptor = number(value["item_base"]), number(value["item_desc"])
        members["item"] = decode.item_text(base & WORD, descriptor & WORD)
    return Parts({name: text for name, text in members.items() if text})


def trap_frame(value: gdb.Value) -> Parts:
    """The registers by name; those that are 0 are left out."""
    members: Dict[str, object] = {}
    for index, name in enumerate(NAMES):
        word = number(value["x"][index]) & WORD
        if word:
            members[name] = f"{word:#x}"
    members["hart"] = value["hart"]
    return Parts(members)


def thread(value: gdb.Value) -> Parts:
    """struct thread, its state and flags by name."""
    members: Dict[str, object] = {}
    for member in flat_fields(value.type):
        members[str(member.name)] = value[str(member.name)]
    members["state"] = state_of(value)
    flags = constants("enum thread_flags", "THREAD_", "thread_create")
    word = number(value["flags"])
    members["flags"] = "+".join(n for bit, n in flags.items() if word & bit) or "0"
    return Parts(members)


def thread_pointer(value: gdb.Value) -> Optional[Text]:
    at = number(value) & WORD
    if at < DIRECT_BASE:
        return None
    forget()
    return Text(f"{at:#x} ({thread_name(at)})")


STRUCTS: Dict[str, Callable[[gdb.Value], object]] = {
    "handle_entry": handle_entry,
    "handle_slot": handle_entry,
    "memory_item": memory_item,
    "message": user_message,
    "trap_frame": trap_frame,
    "thread": thread,
}


def find(value: gdb.Value) -> Optional[object]:
    """The printer for a value; None: GDB's own."""
    kind = value.type
    if kind.name == "pte_t":
        return entry_of_table(value)
    plain = kind.strip_typedefs()
    if plain.code == gdb.TYPE_CODE_STRUCT and plain.tag in STRUCTS:
        return guarded(STRUCTS[plain.tag], value)
    if plain.code == gdb.TYPE_CODE_PTR:
        target = plain.target().strip_typedefs()
        if target.code == gdb.TYPE_CODE_STRUCT and target.tag == "thread":
            return guarded(thread_pointer, value)
    return None


def guarded(
    printer: Callable[[gdb.Value], Optional[object]], value: gdb.Value
) -> Optional[object]:
    """What cannot be decoded, as a struct of another shape, GDB prints itself."""
    try:
        return printer(value)
    except (gdb.error, gdb.GdbError):
        return None


def install() -> None:
    gdb.pretty_printers.append(find)
