# SPDX-License-Identifier: MIT
"""Lab 8: the fast path: it is taken, it carries everything over, it says no when it
has to, and what it costs."""
from __future__ import annotations

import re

import pytest

from grading.octavo.labtests import Bench

ENDS = [("test_dead", "client_open"), ("test_dead", "after_receive")]
ENDS += [("test_dead", "killed_serving"), ("test_revoke", "open")]
SCHEDULES = 8  # a case


def test_handles(bench: Bench) -> None:
    """Calls with handles take the plain short cut, and bring them."""
    bench.check("lab_more", "handles", append="debug=1", limit=1)


def test_pages(bench: Bench) -> None:
    """So do calls with a page."""
    bench.check("lab_more", "pages", append="debug=1", limit=1)


def test_pages_back(bench: Bench) -> None:
    """So do replies with a page."""
    bench.check("lab_more", "pages_back", append="debug=1", limit=1)


def test_call(bench: Bench) -> None:
    """Ordinary calls take the fast path."""
    bench.check("lab_fast", "call", append="debug=1", limit=1)


def test_reply(bench: Bench) -> None:
    """Ordinary replies take the fast path."""
    bench.check("lab_fast", "reply", append="debug=1", limit=1)


def test_call_registers(bench: Bench) -> None:
    """A fast call carries all words over; the other registers are kept or 0."""
    bench.check("lab_fast", "call_registers", append="debug=1", limit=1)


def test_reply_registers(bench: Bench) -> None:
    """So does a fast reply."""
    bench.check("lab_fast", "reply_registers", append="debug=1", limit=1)


def test_call_spaces(bench: Bench) -> None:
    """Calls from one process to another are fast, too."""
    bench.check("lab_fast", "call_spaces", append="debug=1", limit=1)


def test_reply_spaces(bench: Bench) -> None:
    """Replies from one process to another are fast, too."""
    bench.check("lab_fast", "reply_spaces", append="debug=1", limit=1)


def test_badges(bench: Bench) -> None:
    """A fast call brings its own session's badge."""
    bench.check("lab_fast", "badges", append="debug=1", limit=1)


def test_memory(bench: Bench) -> None:
    """Each side has its own memory after a fast call."""
    bench.check("lab_fast", "memory", append="debug=1", limit=1)


def test_nested(bench: Bench) -> None:
    """Servers call servers by the fast path."""
    bench.check("lab_fast", "nested", append="debug=1", limit=1)


def test_cost(bench: Bench) -> None:
    """2,000 calls and replies, in as few instructions as can be."""
    bench.check("lab_fast", "cost", limit=1)
    bench.within_tiers()


def test_no_session(bench: Bench) -> None:
    """A handle that is no session with SEND is the slow path's error."""
    bench.check("lab_slow", "handles", append="debug=1", limit=1)


def test_revoked(bench: Bench) -> None:
    """A session that was revoked is ESTALE."""
    bench.check("lab_slow", "revoked", append="debug=1", limit=1)


def test_items_no_session(bench: Bench) -> None:
    """So it is with a call that takes a handle along."""
    bench.check("lab_item", "handles", append="debug=1", limit=1)


def test_items_revoked(bench: Bench) -> None:
    """A revoked session is ESTALE for a call that takes a handle along."""
    bench.check("lab_item", "revoked", append="debug=1", limit=1)


def test_items_busy(bench: Bench) -> None:
    """Such a call, too, waits for a server that owes a reply."""
    bench.check("lab_item", "busy", append="debug=1", limit=1)


def test_busy(bench: Bench) -> None:
    """Who calls a server that owes a reply waits for his turn."""
    bench.check("lab_slow", "busy", append="debug=1", limit=1)


def test_deep(bench: Bench) -> None:
    """A chain of calls that is too long ends in EDEADLK."""
    bench.check("lab_fast", "call", append="debug=1", limit=1)
    bench.check("test_cycle", "too_deep", limit=1)


def test_priority(bench: Bench) -> None:
    """A server that is less important than its caller is not run as it is."""
    bench.check("lab_fast", "call", append="debug=1", limit=1)
    bench.check("test_order", "donation", limit=1)


def test_urgent(bench: Bench) -> None:
    """A reply does not overtake who is ready and more important."""
    bench.check("lab_slow", "urgent", append="debug=1", limit=1)


def test_queued(bench: Bench) -> None:
    """Who has queued meanwhile is received after the reply."""
    bench.check("lab_slow", "queued", append="debug=1", limit=1)


def test_sends(bench: Bench) -> None:
    """A server that owes no reply gets the next message all the same."""
    bench.check("lab_slow", "sends", append="debug=1", limit=1)


def test_notices(bench: Bench) -> None:
    """Signals and notices are received first."""
    bench.check("lab_slow", "signal", append="debug=1", limit=1)
    bench.check("lab_slow", "closed", append="debug=1", limit=1)


def test_elsewhere(bench: Bench) -> None:
    """A server receives where it says now, by a handle that is there."""
    bench.check("lab_slow", "other", append="debug=1", limit=1)
    bench.check("lab_slow", "moved", append="debug=1", limit=1)


def test_deadline(bench: Bench) -> None:
    """A call's deadline ends with the call."""
    bench.check("lab_slow", "deadline", append="debug=1", limit=1)


def test_fpu(bench: Bench) -> None:
    """Floating-point registers survive calls."""
    bench.check("lab_fast", "call", append="debug=1", limit=1)
    bench.check("test_fpu", "calls", limit=1)
    bench.check("test_fpu", "switches", limit=1)


def digest(bench: Bench, fast: int) -> str:
    """Of what a program sees of its calls."""
    words = f"debug=1 fastpath={fast}"
    bench.check("lab_fast", "equal", append=words, limit=1)
    found = re.search(r"^# digest (\w+)$", bench.machine.runs[-1].output, re.M)
    return found[1] if found else "no digest"


def test_equal(bench: Bench) -> None:
    """400 calls of all kinds return the same by the fast path and by the slow one."""
    bench.check("lab_fast", "call", append="debug=1", limit=1)
    slow = digest(bench, 0)
    fast = digest(bench, 1)
    if fast != slow:
        bench.machine.runs[-1].fail(f"the slow path's results, {slow}", fast)


def test_cancelled(bench: Bench) -> None:
    """A fast call ends as others do: by a kill, a revoke, a server's death."""
    bench.check("lab_slow", "killed", append="debug=1", limit=1)
    for program, name in ENDS:
        bench.check(program, name, limit=1)


@pytest.mark.parametrize("part", range(4))
def test_storm(bench: Bench, part: int) -> None:
    """Eight schedules of four harts: clients that stay, roam, and are killed."""
    for seed in range(1 + SCHEDULES * part, 1 + SCHEDULES * (part + 1)):
        setup = {"smp": 4, "seed": seed, "tick": 100, "append": "debug=1"}
        bench.check("lab_more", "storm", limit=0.3, **setup)


@pytest.mark.parametrize("name", ["deadline", "number"])
def test_answers(bench: Bench, name: str) -> None:
    """The second question is answered as it comes out in your kernel."""
    bench.check("lab_more", "question", append="debug=1", limit=1)
    output = bench.machine.runs[-1].output
    found = re.search(r"^# question: deadline (\d+), number (\d+)$", output, re.M)
    assert found, "the check prints the counts"
    bench.answer(name, int(found[1 if name == "deadline" else 2]))


@pytest.mark.parametrize("program", ["test_message", "test_reply", "echo piped | cat"])
def test_boots(bench: Bench, program: str) -> None:
    """The system boots, and its programs work."""
    run = bench.run(program, limit=2)
    run.expect_status(0)
