# SPDX-License-Identifier: MIT
"""What a scripted run printed: finds the marks in the serial log.

Idea        init prints `[NONCE begin]`, the commands' output, and a line
            `[NONCE end STATUS]`. The log comes in pieces of any size, and what
            may be the start of a mark is held back until it is decided.
Invariant   The pieces that feed() and finish() return, joined, are `output`."""
from __future__ import annotations

import re
from typing import List, Optional


class Transcript:
    """Finds the commands' output in the serial log as it grows."""

    def __init__(self, nonce: str) -> None:
        self.status: Optional[int] = None  # from the end mark, once seen
        mark = re.escape(nonce)
        self._begin = re.compile(rf"\[{mark} begin\]\n")
        self._end = re.compile(rf"\[{mark} end (-?\d+)\]\n")
        self._end_head = f"[{nonce} end "
        self._log: List[str] = []
        self._output: List[str] = []
        self._begun = False
        self._rest = ""  # read, but perhaps the start of a mark

    def feed(self, text: str) -> str:
        """Takes the next piece of the log; returns the output in it."""
        self._log.append(text)
        if self.status is not None:
            return ""
        self._rest = (self._rest + text).replace("\r\n", "\n")
        if not self._begun and not self._find_begin():
            return ""
        output = self._take_output()
        self._output.append(output)
        return output

    def _find_begin(self) -> bool:
        begin = self._begin.search(self._rest)
        if begin:
            self._begun = True
            self._rest = self._rest[begin.end() :]
        else:
            self._rest = self._rest[self._rest.rfind("\n") + 1 :]
        return self._begun

    def _take_output(self) -> str:
        end = self._end.search(self._rest)
        if end:
            self.status = int(end.group(1))
            size = end.start()
        else:
            size = self._settled()
        output, self._rest = self._rest[:size], self._rest[size:]
        return output

    def _settled(self) -> int:
        """The length of what cannot turn out to be part of the end mark."""
        start = self._rest.rfind("[")
        if start >= 0 and "\n" not in self._rest[start:]:
            tail, head = self._rest[start:], self._end_head
            if tail.startswith(head) or head.startswith(tail):
                return start
        return len(self._rest) - self._rest.endswith("\r")

    def finish(self) -> str:
        """No more will come: what was held back is output after all."""
        rest = self._rest if self._begun and self.status is None else ""
        self._output.append(rest)
        self._rest = ""
        return rest

    @property
    def log(self) -> str:
        return "".join(self._log).replace("\r\n", "\n")

    @property
    def output(self) -> str:
        return "".join(self._output)

    @property
    def panic(self) -> Optional[str]:
        """The text from the first panic line on, if there is one."""
        log = self.log  # the panic may have come in the middle of a line
        found = re.search(r"^panic: .*", log, re.MULTILINE | re.DOTALL)
        found = found or re.search(r"panic: .*", log, re.DOTALL)
        return found.group(0) if found else None
