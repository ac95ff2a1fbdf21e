# SPDX-License-Identifier: MIT
"""When a run is told to hang: by what the guest does, on a busy host, too."""
from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Tuple

import pytest
from guestclock import STILL_LOOKS, GuestClock

Look = Tuple[int, int, Tuple[int, ...]]  # guest's time, work, program counters
HERE, NEAR, FAR = 0x80200100, 0x80200108, 0x80300000


def hangs(looks: Sequence[Look], monkeypatch: pytest.MonkeyPatch) -> int:
    """After how many looks the machine is said to stand still; 0: it is not."""
    clock = GuestClock(5.0, Path("nowhere"), 0)
    for number, (guest, work, places) in enumerate(looks, 1):
        monkeypatch.setattr(clock, "_work", lambda work=work: (work, False))
        monkeypatch.setattr(clock, "_pcs", lambda places=places: list(places))
        if clock.stands_still(guest):
            return number
    return 0


def looks(step: int, work: int, places: Sequence[int], count: int = 60) -> List[Look]:
    return [
        (1_000_000 + n * step, n * work, (places[n % len(places)],))
        for n in range(count)
    ]


def test_crawl(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hart that is woken and waits again stands still, also if the host gives
    it little time between two looks."""
    quick = hangs(looks(30_000, 30, (HERE, NEAR)), monkeypatch)
    assert STILL_LOOKS < quick <= STILL_LOOKS + 3
    assert hangs(looks(3_000, 3, (HERE, NEAR)), monkeypatch) > quick


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop at full speed, slow work in several places, and a guest that the
    host does not let run, do not stand still."""
    assert hangs(looks(3_000_000, 30, (HERE, NEAR)), monkeypatch) == 0
    assert hangs(looks(30_000, 30, (HERE, FAR)), monkeypatch) == 0
    assert hangs(looks(0, 0, (HERE,)), monkeypatch) == 0


def test_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work without any progress stands still."""
    assert 0 < hangs(looks(0, 30, (HERE,)), monkeypatch) <= STILL_LOOKS + 3
