# SPDX-License-Identifier: MIT
"""What a test is worth, and what a failure tells.

A test without @points is worth one point. A failure of the system under test
is raised with `fail`, which carries all that is needed to look into it: what
was expected, what came, the end of the console, how to run it again, and where
the log is."""
from __future__ import annotations

from typing import Callable, NoReturn, Optional, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])

DEFAULT_POINTS = 1
TAIL_LINES = 15


HOST = "infrastructure:"  # begins a reason that is not the solution's fault


class Infrastructure(Exception):
    """The host, not the system under test, is why there is no verdict."""


def points(count: int) -> Callable[[Test], Test]:
    """Decorator: the test is worth `count` points, all or nothing."""
    if count < 0:
        raise ValueError("a test is worth 0 points or more")
    return pytest.mark.points(count)


def points_of(item: pytest.Item) -> int:
    mark = item.get_closest_marker("points")
    return int(mark.args[0]) if mark else DEFAULT_POINTS


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last lines of a console, indented to stand out in a report."""
    return "\n".join("    | " + line for line in text.splitlines()[-lines:])


def explain(
    expected: str,
    got: str,
    console: str = "",
    command: Optional[str] = None,
    log: Optional[str] = None,
) -> str:
    """The text of a failure."""
    parts = [f"expected: {expected}", f"got:      {got}"]
    if console:
        parts.append("the console ended with:\n" + tail(console))
    if command:
        parts.append(f"run it again with: {command}")
    if log:
        parts.append(f"the whole log: {log}")
    return "\n".join(parts)


def fail(
    expected: str,
    got: str,
    console: str = "",
    command: Optional[str] = None,
    log: Optional[str] = None,
) -> NoReturn:
    """Fails the test with a full account and no Python traceback."""
    pytest.fail(explain(expected, got, console, command, log), pytrace=False)
