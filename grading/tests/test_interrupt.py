# SPDX-License-Identifier: MIT
"""^C at a real console: what it ends, whenever it comes."""
from __future__ import annotations

import re
import time
from typing import Iterator

import pytest

from grading.octavo.machine import Machine
from grading.octavo.scoring import points
from grading.octavo.session import Session

INTERRUPT, END = "\x03", "\x04"
LONG = "sleep 100000"


@pytest.fixture(params=[1, 4])
def session(machine: Machine, request: pytest.FixtureRequest) -> Iterator[Session]:
    setup = machine.prepare(virtio=True, append="", smp=request.param)
    with Session(setup, machine.log_path()) as opened:
        opened.prompt()
        yield opened


def interrupt(session: Session, line: str, wait: float) -> str:
    """Types a line and, after some seconds, ^C; returns what came of it."""
    session.send(line + "\r")
    time.sleep(wait)
    session.send(INTERRUPT)
    session.expect(re.escape("^C\r"))
    return session.prompt()


def sleepers(session: Session) -> int:
    return len(re.findall(r"\bsleep\r?$", session.run("ps; echo"), re.MULTILINE))


@points(2)
def test_at_once(session: Session) -> None:
    """A ^C right behind Enter ends the command that is just starting."""
    for _ in range(8):
        interrupt(session, LONG, wait=0)
    interrupt(session, "cat", wait=0)
    interrupt(session, f"{LONG} | cat | {LONG}", wait=0)
    assert sleepers(session) == 0


@points(2)
def test_forgotten(session: Session) -> None:
    """A ^C that had nothing to end does not end a later command."""
    interrupt(session, "cd /", wait=0)
    interrupt(session, "", wait=0)
    session.send(INTERRUPT)
    # Prompts may have come twice: this tells which is the last.
    session.send("echo re''ady | cat\r")
    session.expect(r"ready\r")
    session.prompt()
    assert "alive" in session.run("echo alive | cat; sleep 1; echo alive | cat")


@points(2)
@pytest.mark.parametrize(
    "line",
    [
        f"{LONG} | {LONG} | {LONG}",
        f"true | {LONG}",
        f"({LONG}; {LONG})",
        f"sh -c '{LONG} | {LONG}; {LONG}'",
        f"{LONG} | cat | sh -c 'cat; {LONG}'",
    ],
)
def test_whole_command(session: Session, line: str) -> None:
    """^C ends each process of a pipeline, a group and a script."""
    interrupt(session, line, wait=0.5)
    assert sleepers(session) == 0


@points(2)
def test_rest_of_line(session: Session) -> None:
    """What stands behind the command on the line is not run any more."""
    for line in (f"{LONG}; echo rest", f"{LONG} || echo rest", f"({LONG}); echo rest"):
        assert "rest" not in interrupt(session, line, wait=0.3)
    assert "next" in session.run("echo next")


@points(2)
def test_background(session: Session) -> None:
    """What runs in the background goes on."""
    session.run(f"{LONG} &")
    interrupt(session, LONG, wait=0.3)
    assert sleepers(session) == 1


@points(2)
@pytest.mark.parametrize("key", [INTERRUPT, END], ids=["interrupt", "end"])
@pytest.mark.parametrize("line", ["echo it's", "(echo a", "true &&", "echo \\"])
def test_unfinished(session: Session, line: str, key: str) -> None:
    """^C and ^D leave an unfinished command; the shell goes on."""
    session.run("cd /; mkdir here; cd here")
    session.send(line + "\r")
    session.expect(r"\n> ")
    session.send(key)
    session.prompt()
    session.run("echo > mark")
    assert "mark" in session.run("ls /here")


@points(2)
def test_shell_in_shell(session: Session) -> None:
    """^C at the prompt of a shell in the shell ends neither."""
    session.run("sh")
    session.send("half a line" + INTERRUPT)
    session.prompt()
    interrupt(session, LONG, wait=0.3)
    session.run("exit 7")
    assert "7" in session.run("echo $?")


@points(2)
def test_cursor_keys(session: Session) -> None:
    """Keys of several bytes leave no rubbish in the line."""
    session.send("ech\x1b[A\x1b[D\x1bOCo clean | cat\r")
    session.expect(r"\nclean\r")
    session.prompt()
