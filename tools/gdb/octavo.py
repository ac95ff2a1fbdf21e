# SPDX-License-Identifier: MIT
"""Octavo's own GDB commands; `make gdb` loads them.

  user PROGRAM   load a user program's symbols, and stop in its main"""
from __future__ import annotations

from pathlib import Path

import gdb


def programs() -> Path:
    """The directory of the programs that belong to the loaded kernel."""
    return Path(gdb.objfiles()[0].filename or "").parent / "user"


class User(gdb.Command):
    """user PROGRAM: loads the symbols of a user program and stops in its main.

    All programs are linked at the same address: the stop may be in another
    program whose code has an instruction there. `info symbol $pc`, or the code
    itself, tells."""

    def __init__(self) -> None:
        super().__init__("user", gdb.COMMAND_FILES, gdb.COMPLETE_NONE)

    def complete(self, text: str, word: str) -> list[str]:
        names = (path.name for path in programs().iterdir())
        return sorted(name for name in names if name.startswith(word))

    def invoke(self, argument: str, from_tty: bool) -> None:
        program = programs() / argument
        if not argument or not program.is_file():
            known = " ".join(self.complete("", ""))
            raise gdb.GdbError(f"user PROGRAM, one of: {known}")
        gdb.execute(f"add-symbol-file {program}", to_string=True)
        main = gdb.lookup_static_symbol("main")
        print(f"symbols of {argument} loaded")
        gdb.execute(
            f"break {main.symtab.filename}:{main.line}" if main else "break main"
        )


User()
