# SPDX-License-Identifier: MIT
"""A session at the console: typed input, as a person would give it.

Use
    with Session(setup, log) as session:
        session.prompt()
        session.type("ls")
        session.expect("README")

The machine has a virtio-blk disk and real time, so nothing about it is counted;
each expectation has a limit in host seconds, generous because the host may be
loaded."""
from __future__ import annotations

import re
import signal
from pathlib import Path
from types import TracebackType
from typing import List, Optional, Type

import bootlib
import pexpect

from grading.octavo import scoring
from grading.octavo.machine import TOP, Setup

PROMPT = r"(?:^|\n)\$ "
LIMIT = 30.0  # host seconds for one expectation


class Session:
    """QEMU on a pseudo terminal; leaves nothing behind when it is closed."""

    def __init__(self, setup: Setup, log: Path) -> None:
        self.setup = setup
        self.log = log
        self.text = ""
        self._work = bootlib.working_directory()
        self._child: Optional[pexpect.spawn] = None

    def __enter__(self) -> "Session":
        work = self._work.__enter__()
        options = self.setup.options(None)
        media = bootlib.prepare_media(options, work)
        command = bootlib.qemu_command(options, media)
        self._child = pexpect.spawn(
            command[0], command[1:], encoding="utf-8", codec_errors="replace"
        )
        self._child.delaybeforesend = None
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        child = self.child
        self.text += child.before if isinstance(child.before, str) else ""
        child.kill(signal.SIGKILL)
        child.wait()
        child.close()
        self.log.write_text(self.text, encoding="utf-8")
        self._work.__exit__(kind, value, trace)

    @property
    def child(self) -> pexpect.spawn:
        if self._child is None:
            raise RuntimeError("the session is not open")
        return self._child

    def expect(self, pattern: str, limit: float = LIMIT) -> str:
        """Waits for a pattern; returns the text before it."""
        outcomes: List[object] = [pattern, r"panic: [^\r\n]*"]
        outcomes += [pexpect.TIMEOUT, pexpect.EOF]
        index = self.child.expect(outcomes, timeout=limit)
        before = str(self.child.before)
        if index < 2:
            self.text += before + str(self.child.after)
        if index == 0:
            return before.replace("\r\n", "\n")
        reasons = ["", "a kernel panic", f"nothing in {limit:.0f} s", "QEMU ended"]
        scoring.fail(
            f"the console shows {pattern!r}",
            reasons[index],
            console=self.text + (before if index > 1 else ""),
            log=str(self.log.relative_to(TOP)),
        )

    def appears(self, pattern: str, limit: float = 1.0) -> bool:
        """Whether a pattern shows up in time; it is no failure if not."""
        found = self.child.expect([pattern, pexpect.TIMEOUT], timeout=limit) == 0
        if found:
            self.text += str(self.child.before) + str(self.child.after)
        return found

    def prompt(self) -> str:
        return self.expect(PROMPT)

    def send(self, keys: str) -> None:
        """Sends key strokes as they are."""
        self.child.send(keys)

    def type(self, line: str) -> None:
        """Types a line and reads back its echo."""
        self.send(line + "\r")
        self.expect(re.escape(line) + r"\r?\n")

    def run(self, line: str) -> str:
        """Types a command; returns what it prints up to the next prompt."""
        self.send(line + "\r")
        self.expect(re.escape(line) + r"\r")
        return self.prompt().lstrip("\n")
