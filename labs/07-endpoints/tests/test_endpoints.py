# SPDX-License-Identifier: MIT
"""Lab 7: endpoints; each half of a message and each end of a call, and all of it
under many schedules."""
from __future__ import annotations

import re

import pytest

from grading.octavo.labtests import Bench

DEADLINES = [
    ["recv", "call_queued", "absolute"],
    ["call_open", "call_saved", "not_left_over"],
    ["late_reply", "late_saved", "poll_delivers"],
]
DEAD = [
    ["before_receive", "after_receive", "killed_serving"],
    ["crowd", "saved_replies", "reply_closed", "endpoint_closed"],
    ["client_queued", "client_open", "client_saved", "middle_dies"],
    ["receiver_waits", "thread_exit", "reply_recv_dead"],
]
ORDER = [["fifo", "priority", "receivers"], ["donation", "queued_donor", "falls_back"]]
SCHEDULES = 8  # a case


def test_words(bench: Bench) -> None:
    """All eight words cross, with tag and badge; the other registers are 0."""
    bench.unit("words")


def test_send(bench: Bench) -> None:
    """A send to a receiver that waits hands the message over and wakes it."""
    bench.unit("send")


def test_call(bench: Bench) -> None:
    """A call to a receiver that waits is handed over, and so is the hart."""
    bench.unit("call")


def test_call_listed(bench: Bench) -> None:
    """A call to a receiver of the list is an ordinary one, in a list and counted."""
    bench.unit("call_listed")


def test_call_deadline(bench: Bench) -> None:
    """A call with a deadline is no quick one; a poll waits for its reply."""
    bench.unit("call_deadline")


def test_send_refused(bench: Bench) -> None:
    """A message that does not fit is its sender's error; the receiver waits on."""
    bench.unit("send_refused")


def test_queue(bench: Bench) -> None:
    """With nobody there, sends and calls wait in the queue, and are counted."""
    bench.unit("queue")


def test_queue_order(bench: Bench) -> None:
    """Senders wait by priority, first come first served among equals."""
    bench.unit("queue_order")


def test_queue_errors(bench: Bench) -> None:
    """Polls, past deadlines and bad handles fail at once and leave nothing."""
    bench.unit("queue_errors")


def test_deadlock(bench: Bench) -> None:
    """Who would wait for himself gets EDEADLK."""
    bench.unit("deadlock")


def test_receive(bench: Bench) -> None:
    """Receive takes the first sender; a call then waits for its reply."""
    bench.unit("receive")


def test_receive_waits(bench: Bench) -> None:
    """With nothing there, receivers wait."""
    bench.unit("receive_waits")


def test_receive_errors(bench: Bench) -> None:
    """A poll, or a deadline that is past, ends a receive at once."""
    bench.unit("receive_errors")


def test_receive_refused(bench: Bench) -> None:
    """What cannot be received is its sender's error; the next one's turn comes."""
    bench.unit("receive_refused")


def test_reply(bench: Bench) -> None:
    """A reply reaches the caller and ends the call, at both ends."""
    bench.unit("reply")


def test_reply_quick(bench: Bench) -> None:
    """A quick call ends, too, and is answered once."""
    bench.unit("reply_quick")


def test_reply_recv(bench: Bench) -> None:
    """reply_recv hands the hart to the caller, unless a tick has passed."""
    bench.unit("reply_recv")


def test_reply_more(bench: Bench) -> None:
    """While more calls wait, a server that replies goes on."""
    bench.unit("reply_more")


def test_reply_refused(bench: Bench) -> None:
    """A reply that cannot be carried over is still owed, and changes nothing."""
    bench.unit("reply_refused")


def test_reply_gone(bench: Bench) -> None:
    """A caller that is gone is EPIPE, once; a reply that nobody waits for ESTALE."""
    bench.unit("reply_gone")


def test_save(bench: Bench) -> None:
    """A saved reply answers its call, once, whatever was called since."""
    bench.unit("save")


def test_save_quick(bench: Bench) -> None:
    """A quick call is saved, too."""
    bench.unit("save_quick")


def test_save_full(bench: Bench) -> None:
    """With a full table the reply is not saved, and still owed."""
    bench.unit("save_full")


def test_late(bench: Bench) -> None:
    """A reply to a call that has ended is EPIPE, and does not reach the next."""
    bench.unit("late")


def test_late_saved(bench: Bench) -> None:
    """Two saved replies of one caller are told apart by the call's number."""
    bench.unit("late_saved")


def test_closed(bench: Bench) -> None:
    """Closing a saved reply ends its call with EPIPE, and no other call."""
    bench.unit("closed")


def test_died(bench: Bench) -> None:
    """A thread that dies ends the call that it owes a reply, and no other."""
    bench.unit("died")


def test_cancel_receive(bench: Bench) -> None:
    """A receive is taken back, from the list or not."""
    bench.unit("cancel_receive")


def test_cancel_send(bench: Bench) -> None:
    """A send or a call that is queued is taken back without a trace."""
    bench.unit("cancel_send")


def test_cancel_call(bench: Bench) -> None:
    """A call that is being served is taken back, and its server learns of it."""
    bench.unit("cancel_call")


def test_cancel_other(bench: Bench) -> None:
    """Only the wait that is meant is taken back, and none that lends by a deadline."""
    bench.unit("cancel_other")


@pytest.mark.parametrize("part", range(len(DEADLINES)))
def test_deadlines(bench: Bench, part: int) -> None:
    """Calls and receives end at their deadline, wherever they are."""
    for name in DEADLINES[part]:
        bench.check("test_deadline", name, limit=1)


@pytest.mark.parametrize("part", range(len(DEAD)))
def test_dead(bench: Bench, part: int) -> None:
    """Whoever waits for a peer that dies gets a definite error, at once."""
    for name in DEAD[part]:
        bench.check("test_dead", name, limit=1)


@pytest.mark.parametrize("part", range(len(ORDER)))
def test_order(bench: Bench, part: int) -> None:
    """Servers get the most urgent caller first, and run at its priority."""
    for name in ORDER[part]:
        bench.check("test_order", name, limit=1)


@pytest.mark.parametrize("name", ["deadlines", "kills", "deaths", "revocations"])
def test_schedules(bench: Bench, name: str) -> None:
    """Each call ends once, with its own answer, under eight schedules of four harts."""
    for seed in range(1, SCHEDULES + 1):
        bench.check("lab_race", name, smp=4, seed=seed, tick=100, limit=0.3)


def test_rounds(bench: Bench) -> None:
    """500 calls by the slow path stay within a budget of instructions."""
    bench.check("test_message", "rounds", append="fastpath=0", limit=1)
    bench.within_budget()


def test_messages(bench: Bench) -> None:
    """Programs exchange messages of all sizes, and nothing leaks in registers."""
    for name in ("sizes", "kinds", "badges", "empty_registers", "failure_clears"):
        bench.check("test_message", name, append="fastpath=0", limit=1)


def test_revoked(bench: Bench) -> None:
    """Revoking still ends the calls of those who wait, and closing tells the server."""
    bench.check("test_revoke", "waiters", limit=1)
    bench.check("test_closed", "open_call", limit=1)
    bench.check("test_closed", "queued_call", limit=1)


@pytest.mark.parametrize("program", ["test_reply", "test_fork", "echo piped | cat"])
def test_boots(bench: Bench, program: str) -> None:
    """The system boots, and its programs work."""
    run = bench.run(program, limit=2)
    run.expect_status(0)


@pytest.mark.parametrize("name", ["waits", "calls"])
def test_answers(bench: Bench, name: str) -> None:
    """The second question is answered as it comes out in your kernel."""
    bench.unit("question")
    log = bench.machine.runs[-1].result.log
    counts = re.search(r"^question: waits (\d+), calls (\d+), open \d+$", log, re.M)
    assert counts, "the unit test prints the counts"
    bench.answer(name, int(counts[1 if name == "waits" else 2]))
