# SPDX-License-Identifier: MIT
"""How long a run may take, in the guest's own time.

Idea        A host is fast or slow, idle or busy; the guest's clock, with
            -icount, is not. So what never ends is stopped by the guest's time:
            QEMU's monitor reads the machine's timer (mtime) from outside. It is
            asked only when a run takes suspiciously long on the host, so that
            ordinary runs are as they would be without.
Use         clock = GuestClock(limit, socket, process.pid)
            reason = clock.verdict()    # now and then; empty: go on
Invariant   The text of a reason is the same on every host."""
from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import List, Optional, Tuple

MTIME = 0x200BFF8  # of the machine `virt`
MTIME_HZ = 10_000_000
GRACE_S = 4.0  # host seconds before the first look
INTERVAL_S = 1.0
ANSWER_S = 2.0
STILL_LOOKS = 4  # without any progress: nothing will ever happen
WORK = 20  # host ticks of work without progress
DEAF_WORK = 200  # the same without an answer
CRAWL = 5000  # ticks of the machine's timer in a host tick: 1/20 of the time
LOOP = 32  # bytes
STILL = "all harts wait, and no timer will wake one"


class Monitor:
    """QEMU's monitor, at a Unix socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: Optional[socket.socket] = None

    def ask(self, command: str) -> str:
        """What a command prints; nothing if QEMU does not answer."""
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX)
                self._socket.settimeout(ANSWER_S)
                self._socket.connect(str(self._path))
                self._read()
            self._socket.sendall(command.encode() + b"\n")
            return self._read()
        except OSError:
            self.close()
            return ""

    def _read(self) -> str:
        """What the monitor says up to its next prompt."""
        assert self._socket
        text = b""
        while not text.endswith(b"(qemu) "):
            piece = self._socket.recv(65536)
            if not piece:
                break
            text += piece
        return text.decode(errors="replace").replace("\r", "")

    def close(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None


class GuestClock:
    """Watches one QEMU."""

    def __init__(self, limit: Optional[float], monitor: Path, pid: int) -> None:
        self.limit = limit
        self._monitor = Monitor(monitor)
        self._pid = pid
        self._next = time.monotonic() + GRACE_S
        self._guest = -1
        self._worked = 0
        self._still = 0
        self._places: List[int] = []
        self._deaf: Optional[int] = None

    def verdict(self) -> str:
        """Why the run is to be stopped, or nothing."""
        now = time.monotonic()
        if self.limit is None or now < self._next:
            return ""
        self._next = now + INTERVAL_S
        guest = self.guest_time()
        if guest is None:
            return STILL if self.is_deaf() else ""
        self._deaf = None
        if guest > self.limit * MTIME_HZ:
            return f"no end after {self.limit:g} s of the guest's time"
        if self.stands_still(guest):
            return STILL
        return ""

    def is_deaf(self) -> bool:
        """Whether QEMU works and does not answer: with sleep=off, version 7.2
        does so for ever when no hart runs and no timer is set."""
        work, _ = self._work()
        if self._deaf is None:
            self._deaf = work
        return work - self._deaf >= DEAF_WORK

    def stands_still(self, guest: int) -> bool:
        """Whether the guest's time has stood for a while though the host let
        QEMU run: it sleeps, or it works and executes nothing."""
        work, asleep = self._work()
        spent, moved = work - self._worked, guest - self._guest
        if moved == 0:
            self._still += asleep or spent >= WORK
        elif moved > CRAWL * max(spent, WORK):
            self._still = 0
        elif spent < WORK:
            return False  # the host is busy with others: it is too early to say
        else:
            self._still = self._still + 1 if self._same_places() else 0
        if moved:
            self._guest, self._worked = guest, work
        return self._still >= STILL_LOOKS

    def _same_places(self) -> bool:
        """Whether the harts are where they were: one that waits with its
        interrupts off is woken, hardly executes anything, and waits again."""
        before, self._places = self._places, self._pcs()
        return len(before) == len(self._places) > 0 and all(
            abs(here - there) <= LOOP for here, there in zip(before, self._places)
        )

    def _pcs(self) -> List[int]:
        text = self._monitor.ask("info registers -a")
        found = re.findall(r"^\s*pc\s+(?:0x)?([0-9a-f]+)", text, re.M)
        return [int(value, 16) for value in found]

    def guest_time(self) -> Optional[int]:
        """The machine's timer; None if it cannot be read."""
        text = self._monitor.ask(f"xp /1gx {MTIME:#x}")
        found = re.search(r"^0*200bff8: (0x[0-9a-f]+)", text, re.M)
        return int(found[1], 16) if found else None

    def _work(self) -> Tuple[int, bool]:
        """The host's time that QEMU has spent, in ticks, and whether all of its
        threads sleep."""
        total, states = 0, set()
        for path in Path(f"/proc/{self._pid}/task").glob("*/stat"):
            try:
                words = path.read_text().rsplit(")", 1)[1].split()
            except (OSError, IndexError):
                continue
            states.add(words[0])
            total += int(words[11]) + int(words[12])
        return total, states == {"S"}

    def close(self) -> None:
        self._monitor.close()
