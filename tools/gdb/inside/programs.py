# SPDX-License-Identifier: MIT
"""User programs: their symbols, and stopping in them.

All programs are linked at the same address, so the symbols of one at a time are
loaded: those of the process that the hart works for, unless a breakpoint needs
the ones that are there. A breakpoint in a program is an address, which all
programs have; so `user` makes one that stops for that program alone."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Dict, List, Optional

import gdb

from inside.decode import USER_END
from inside.kernel import (
    Command,
    Quiet,
    current_process,
    name_of,
    process_by_pid,
    program_name,
    silence,
)

NAME_MAX = 15  # bytes of a program's name that the kernel keeps


class Loaded:
    """Which program's symbols are loaded."""

    path: Optional[Path] = None


def folder() -> Path:
    """The directory of the programs that belong to the loaded kernel."""
    return Path(gdb.objfiles()[0].filename or "").parent / "user"


def file_of(name: str) -> Optional[Path]:
    """The program of a process of this name, which the kernel may have cut."""
    files = all_files()
    if name in files or len(name) < NAME_MAX:
        return files.get(name)
    found = [path for other, path in files.items() if other.startswith(name)]
    return found[0] if len(found) == 1 else None


def all_files() -> Dict[str, Path]:
    """Programs with symbols, by name; the run may have some of its own."""
    files = {path.name: path for path in folder().iterdir() if path.is_file()}
    added = json.loads(os.environ.get("OCTAVO_PROGRAMS", "{}"))
    files.update((name, Path(path)) for name, path in added.items())
    return files


def load(path: Path) -> None:
    """Makes these the user program's symbols."""
    if Loaded.path == path:
        return
    kernels = [b for b in gdb.breakpoints() if in_kernel(b)]
    with silence():
        unload()
        gdb.execute(f"add-symbol-file {path}", to_string=True)
    Loaded.path = path
    for breakpoint in kernels:
        if len(places(breakpoint)) > 1 and not in_kernel(breakpoint):
            keep_to_kernel(breakpoint)


def unload() -> None:
    for objfile in gdb.objfiles()[1:]:
        if Loaded.path and Path(objfile.filename or "") == Loaded.path:
            gdb.execute(f"remove-symbol-file {objfile.filename}", to_string=True)
    Loaded.path = None


def places(breakpoint: gdb.Breakpoint) -> List[int]:
    """The addresses at which a breakpoint is."""
    found = getattr(breakpoint, "locations", None) or []
    return [int(location.address) for location in found]


def in_kernel(breakpoint: gdb.Breakpoint) -> bool:
    return all(address >= USER_END for address in places(breakpoint))


def keep_to_kernel(old: gdb.Breakpoint) -> None:
    """Replaces a breakpoint on a function of which the program has one, too."""
    before, name = old.number, old.location
    command = "hbreak" if old.type == gdb.BP_HARDWARE_BREAKPOINT else "break"
    if old.temporary and old.hit_count:
        return  # it has done what it was for
    if old.temporary:
        command = "t" + command
    enabled, condition, commands = old.enabled, old.condition, old.commands
    address = max(places(old))
    file = source_of(address)
    where = f"-source {file} -function {name}" if file else f"*{address:#x}"
    with silence():
        old.delete()
        gdb.execute(f"{command} {where}", to_string=True)
    new = gdb.breakpoints()[-1]
    new.enabled, new.condition = enabled, condition
    if commands:
        new.commands = commands
    print(
        f"Breakpoint {before} is {new.number} from now on, in the kernel alone: "
        f"the program has a function {name}, too (break FILE:{name})."
    )


def source_of(address: int) -> Optional[str]:
    """The source file of the function at an address, inlined ones left aside."""
    block = gdb.block_for_pc(address)
    while block and not (block.function and not inlined(block)):
        block = block.superblock
    return block.function.symtab.filename if block and block.function else None


def inlined(block: gdb.Block) -> bool:
    """Whether the function of a block is one that was inlined there."""
    outer = block.superblock
    while outer and not outer.function:
        outer = outer.superblock
    return outer is not None


def on_created(breakpoint: gdb.Breakpoint) -> None:
    """A name that kernel and program share means the kernel's, as a breakpoint."""
    found = places(breakpoint)
    plain = (breakpoint.location or "").replace("_", "").isalnum()
    if plain and breakpoint.visible and min(found, default=0) < USER_END:
        if max(found, default=0) >= USER_END:
            keep_to_kernel(breakpoint)


gdb.events.breakpoint_created.connect(on_created)


def symbols_needed() -> bool:
    """Whether a breakpoint was given by a name or line of the program."""
    return any(
        breakpoint.visible
        and not in_kernel(breakpoint)
        and not (breakpoint.location or "*").startswith("*")
        for breakpoint in gdb.breakpoints()
    )


def follow(_: object = None) -> None:
    """After a stop: the symbols of the program that the hart works for."""
    if Quiet.on:
        return
    try:
        process = current_process()
        path = file_of(name_of(process)) if process is not None else None
        if path and path != Loaded.path and not symbols_needed():
            load(path)
    except (gdb.error, gdb.GdbError, OSError):
        return  # before the kernel is up there is nothing to follow


gdb.events.stop.connect(follow)


class Symbols(Command):
    """symbols [PID]: loads the symbols of the program that a process runs, in
    place of those that are loaded; without PID, of the current process.

    This happens by itself at each stop, unless a breakpoint was set by a name of
    another program."""

    NAME = "symbols"
    KIND = gdb.COMMAND_FILES

    def run(self, words: List[str]) -> None:
        if len(words) > 1:
            raise self.usage()
        process = process_by_pid(words[0])[1] if words else current_process()
        if process is None:
            raise gdb.GdbError("this hart works for no process")
        path = file_of(name_of(process))
        if not path:
            raise gdb.GdbError(f"no file for the program {name_of(process)}")
        load(path)
        print(f"Symbols of {name_of(process)}.")


class User(Command):
    """user PROGRAM: loads a user program's symbols and stops in its main.

    All programs lie at the same address; the stop is for processes of that name
    alone. Set further ones in the same way:

        break *ADDRESS if $program() == "PROGRAM" """

    NAME = "user"
    KIND = gdb.COMMAND_FILES

    def complete(self, text: str, word: str) -> List[str]:
        del word
        return [name for name in self.names() if name.startswith(text)]

    def names(self) -> List[str]:
        return sorted(all_files())

    def run(self, words: List[str]) -> None:
        path = all_files().get(words[0]) if len(words) == 1 else None
        if not path:
            raise gdb.GdbError(f"user PROGRAM, one of: {' '.join(self.names())}")
        load(path)
        main = gdb.objfiles()[-1].lookup_global_symbol("main")
        if not main or not main.symtab:
            raise gdb.GdbError(f"{words[0]} has no main")
        place = gdb.decode_line(f"{main.symtab.filename}:main")[1][0].pc
        name = words[0][:NAME_MAX]
        gdb.execute(f'break *{place:#x} if $_streq($program(), "{name}")')


class Program(gdb.Function):
    """$program(): the name of the process that this hart works for.

    As in: break syscall_dispatch if $_streq($program(), "cat")"""

    def __init__(self) -> None:
        super().__init__("program")

    def invoke(self) -> str:
        return program_name()


COMMANDS = (Symbols, User)
FUNCTIONS = (Program,)
