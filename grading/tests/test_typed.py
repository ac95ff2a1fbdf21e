# SPDX-License-Identifier: MIT
"""Typed input: line editing and control keys at a real console."""
from __future__ import annotations

import time
from typing import Iterator

import pytest

from grading.octavo.machine import Machine
from grading.octavo.scoring import points
from grading.octavo.session import Session

ERASE, WORD, LINE = "\x7f", "\x17", "\x15"
INTERRUPT, END, PROCESSES = "\x03", "\x04", "\x10"


@pytest.fixture
def session(machine: Machine) -> Iterator[Session]:
    setup = machine.prepare(virtio=True, append="")
    with Session(setup, machine.log_path()) as opened:
        opened.prompt()
        yield opened


def start(session: Session, line: str, name: str) -> None:
    """Types a command and waits until it runs, as ^P tells."""
    session.type(line)
    for _ in range(30):
        session.send(PROCESSES)
        if session.appears(rf" {name}\r?\n"):
            break
    time.sleep(0.3)  # for the shell to say who is in the foreground


@points(2)
def test_prompt(session: Session) -> None:
    """The system boots to a prompt, and ls shows README."""
    assert "README" in session.run("ls")


@points(2)
def test_erase(session: Session) -> None:
    """Backspace, ^W and ^U edit the line before it is read."""
    session.send("echo wrom" + ERASE + "ng" + ERASE * 4 + "right\r")
    session.expect(r"\nwright\r?\n")
    session.prompt()
    session.send("echo one two" + WORD + "three\r")
    session.expect(r"\none three\r?\n")
    session.prompt()
    session.send("garbage" + LINE + "echo clean\r")
    session.expect(r"\nclean\r?\n")
    session.prompt()


@points(2)
def test_interrupt(session: Session) -> None:
    """^C ends the program in the foreground, not the shell."""
    start(session, "sleep 100000", "sleep")
    session.send(INTERRUPT)
    session.prompt()
    assert "alive" in session.run("echo alive")


@points(2)
def test_interrupt_at_prompt(session: Session) -> None:
    """^C at the prompt does not end the shell."""
    session.send("echo half" + INTERRUPT)
    session.send("\recho whole\r")
    session.expect(r"echo whole\r?\n")
    session.expect(r"whole\r?\n")


@points(2)
def test_end_of_file(session: Session) -> None:
    """^D ends what reads the console, and cat prints what it was given."""
    session.type("cat")
    session.type("first")
    session.expect(r"first\r?\n")
    session.send(END)
    session.prompt()


@points(2)
def test_process_list(session: Session) -> None:
    """^P lists the processes whatever runs."""
    start(session, "sleep 100000", "sleep")
    session.send(PROCESSES)
    session.expect(r" console\r?\n")
    session.expect(r" sleep\r?\n")
    session.send(INTERRUPT)
    session.prompt()


@points(2)
def test_typed_ahead(session: Session) -> None:
    """What is typed while a program runs is read after it."""
    session.type("sleep 5")
    session.send("echo later\r")
    session.expect(r"echo later\r?\n")
    session.expect(r"later\r?\n")


@points(2)
def test_shell_restarts(session: Session) -> None:
    """When the shell ends, init starts another."""
    session.send("exit\r")
    session.prompt()
    assert "again" in session.run("echo again")


@points(2)
def test_long_line(session: Session) -> None:
    """A line longer than the console takes is cut or refused, not fatal."""
    session.send("echo " + "y" * 3000)
    session.send(LINE)
    session.send("\r")
    session.prompt()
    assert "fine" in session.run("echo fine")
