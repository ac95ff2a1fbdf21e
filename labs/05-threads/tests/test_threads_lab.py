# SPDX-License-Identifier: MIT
"""Lab 5: switching, run queues, waiting; and 32 schedules on four harts.

The two pieces of assembly are looked at from outside: the host sets a hart's
registers as a trap or the scheduler would leave them, and reads what comes of
them. A user's pc has no page in the early table: so a return to user mode
arrives at the vector, with all registers as they are."""
from __future__ import annotations

import random
from typing import Dict

import pytest

from grading.octavo.labtests import Bench
from grading.octavo.remote import ENTRY, NAMES, Remote

DIRECT = 0xFFFFFFC000000000
SATP_SV39 = 8 << 60
SPP = 1 << 8
TIMER = 1 << 63 | 5
LOAD_PAGE_FAULT, FETCH_PAGE_FAULT = 13, 12
USER_PC = 0x12344
PAGER = 2
MINUS_14 = (1 << 64) - 14
USED_BY_C = "t0 t1 t2 a0 a1 a2 a3 a4 a5 a6 a7 t3 t4 t5 t6".split()


# --- The switch, from outside ------------------------------------------------


class Switch(Remote):
    """A hart in the kernel, with a frame of memory and values for a thread."""

    def prepare(self, seed: int) -> None:
        self.go(ENTRY, "the kernel's first instruction")
        rng = random.Random(seed)
        self.user = {name: rng.getrandbits(64) for name in NAMES[1:32]}
        self.user["pc"] = USER_PC
        self.frame = self.symbol("trap_kernel_frame")
        hart = self.symbol("harts")
        self.write(self.frame - DIRECT + self.offset("FRAME_HART"), hart)
        self.attention = hart - DIRECT + self.offset("HART_ATTENTION")
        self.set("stvec", self.symbol("early_trap"))
        self.set("sstatus", self.get("sstatus") & ~SPP)

    def at(self, name: str) -> int:
        """Where a register is in the frame."""
        return self.frame + 8 * (NAMES.index(name) % 32)

    def paging(self) -> None:
        self.set("satp", SATP_SV39 | (self.symbol("early_root") - DIRECT) >> 12)

    def expect_user(self) -> None:
        """The thread goes on in user mode, as it was."""
        self.go(self.symbol("early_trap"), "user mode")
        self.expect("the way to the vector", self.get("scause"), FETCH_PAGE_FAULT)
        self.expect("SPP: it came from user mode", self.get("sstatus") & SPP, 0)
        self.expect("the user's pc", self.get("sepc"), self.user["pc"])
        self.expect("sscratch, the frame", self.get("sscratch"), self.frame)
        for name in NAMES[1:32]:
            self.expect(f"the user's {name}", self.get(name), self.user[name])

    def expect_frame(self) -> None:
        """All of the thread is in its frame."""
        for name in [*NAMES[1:32], "pc"]:
            got = self.read(self.at(name))
            self.expect(f"{name} in the frame", got, self.user[name])
        self.expect("tp, the frame", self.get("tp"), self.frame)
        self.expect("sscratch, a frame", self.get("sscratch"), self.frame)

    def trap(self, cause: int, value: int, attention: int = 0) -> None:
        """What the hart has at trap_other: s1 is saved, tp is the frame."""
        for name in NAMES[1:32]:
            self.set(name, self.user[name])
        self.set("tp", self.frame)
        self.set("sscratch", self.user["tp"])
        self.set("s1", cause - 8 & (1 << 64) - 1)
        self.write(self.at("s1") - DIRECT, self.user["s1"])
        self.write(self.attention, attention, 4)
        self.set("scause", cause)
        self.set("stval", value)
        self.set("sepc", USER_PC)
        self.set("pc", self.symbol("trap_other"))
        self.paging()

    def called(self, name: str, *arguments: int) -> None:
        """A function of C is called, on the hart's stack."""
        self.go(self.symbol(name), name)
        for number, value in enumerate(arguments):
            self.expect(
                f"argument {number + 1} of {name}", self.get(f"a{number}"), value
            )
        stack = self.read(self.symbol("harts") + self.offset("HART_STACK_TOP"))
        self.expect("sp, the hart's stack", self.get("sp"), stack)
        self.expect("tp, the frame", self.get("tp"), self.frame)
        self.expect("sscratch, a frame", self.get("sscratch"), self.frame)

    def returns(self, value: int) -> None:
        """The function comes back, with what C may change changed."""
        for number, name in enumerate(USED_BY_C):
            self.set(name, 0xC0DE000 + number)
        self.set("a0", value)
        self.set("pc", self.get("ra"))


def switch(bench: Bench) -> Switch:
    return Switch(bench.machine.prepare(), bench.machine.log_path())


@pytest.mark.parametrize("seed", [1, 2])
def test_resume(bench: Bench, seed: int) -> None:
    """trap_resume goes on with a thread: all of its registers, in user mode."""
    with switch(bench) as hart:
        hart.prepare(seed)
        for name in [*NAMES[1:32], "pc"]:
            hart.write(hart.at(name) - DIRECT, hart.user[name])
        hart.set("a0", hart.frame)
        hart.set("tp", hart.symbol("hart_boot_frames"))
        hart.set("pc", hart.symbol("trap_resume"))
        hart.paging()
        hart.expect_user()


def test_interrupt(bench: Bench) -> None:
    """After an interrupt the thread goes on with every register it had."""
    with switch(bench) as hart:
        hart.prepare(3)
        hart.trap(TIMER, 0)
        hart.called("interrupt_handle", TIMER)
        hart.returns(1)
        hart.expect_user()


def test_interrupt_switch(bench: Bench) -> None:
    """If the hart is to look around, the whole frame is saved first."""
    with switch(bench) as hart:
        hart.prepare(4)
        hart.trap(TIMER, 0, attention=1)
        hart.called("interrupt_handle", TIMER)
        hart.returns(1)
        hart.called("sched_leave")
        hart.expect_frame()


def test_fault(bench: Bench) -> None:
    """A fault that brought memory is over, and the instruction runs again."""
    with switch(bench) as hart:
        hart.prepare(5)
        hart.trap(LOAD_PAGE_FAULT, 0xABCDE)
        hart.called("fault_bring", LOAD_PAGE_FAULT, 0xABCDE)
        hart.returns(0)
        hart.expect_user()


@pytest.mark.parametrize("error", [MINUS_14, PAGER])
def test_fault_waits(bench: Bench, error: int) -> None:
    """A fault that cannot be served at once has the whole frame saved."""
    with switch(bench) as hart:
        hart.prepare(6)
        hart.trap(LOAD_PAGE_FAULT, 0xABCDE)
        hart.called("fault_bring", LOAD_PAGE_FAULT, 0xABCDE)
        hart.returns(error)
        if error == PAGER:
            hart.called("fastpath_fault")
            hart.expect_frame()
            hart.returns(0)
        hart.called("fault_handle", LOAD_PAGE_FAULT, 0xABCDE, error)
        hart.expect_frame()


def test_kernel_trap(bench: Bench) -> None:
    """A trap in the kernel is not taken for a program's: it is a panic."""
    with switch(bench) as hart:
        hart.prepare(7)
        hart.set("sstatus", hart.get("sstatus") | SPP)
        hart.trap(LOAD_PAGE_FAULT, 0xABCDE)
        hart.go(hart.symbol("trap_kernel"), "trap_kernel")


# --- Queues and waits, in the unit kernel ------------------------------------


def test_enqueue(bench: Bench) -> None:
    """sched_enqueue puts a thread in front or at the back, and sets its bit."""
    bench.unit("enqueue")


def test_dequeue(bench: Bench) -> None:
    """sched_dequeue takes out any thread, and clears the bit of an empty list."""
    bench.unit("dequeue")


def test_depart(bench: Bench) -> None:
    """sched_depart charges the thread and makes the idle thread current."""
    bench.unit("depart")


def test_pass_on(bench: Bench) -> None:
    """sched_pass_on works for the handoff, unless something is more important."""
    bench.unit("pass_on")


def test_inbox(bench: Bench) -> None:
    """Threads for another hart get to its queue by its inbox, in order."""
    bench.unit("inbox", smp=2)


def test_urgent(bench: Bench) -> None:
    """Another hart is interrupted for what is more important, once."""
    bench.unit("urgent", smp=2)


def test_where(bench: Bench) -> None:
    """A thread goes to an idle hart, or where it was, as its affinity allows."""
    bench.unit("where", smp=4)


def test_moved(bench: Bench) -> None:
    """A thread that may not stay on its hart is made ready elsewhere."""
    bench.unit("moved", smp=2)


def test_tick(bench: Bench) -> None:
    """At a tick equals take turns, and nobody gives way to a lower one."""
    bench.unit("tick")


def test_expire(bench: Bench) -> None:
    """A server finishes in its caller's time; at the next tick it gives way."""
    bench.unit("expire")


def test_choose(bench: Bench) -> None:
    """The first of the highest priority goes on, again and again."""
    bench.unit("choose")


def test_preempt(bench: Bench) -> None:
    """Who is preempted is first among its equals; who had its turn is last."""
    bench.unit("preempt")


def test_handoff(bench: Bench) -> None:
    """Who was handed the hart goes before equals, and behind higher ones."""
    bench.unit("handoff")


def test_handoff_far(bench: Bench) -> None:
    """A handoff comes from another hart; a second one has to queue."""
    bench.unit("handoff_far", smp=2)


def test_idle(bench: Bench) -> None:
    """An idle hart sleeps, and looks around when an interrupt has come."""
    bench.unit("idle")


def test_idle_inbox(bench: Bench) -> None:
    """An idle hart finds what came to its inbox, and asks others to share."""
    bench.unit("idle_inbox", smp=2)


def test_wait(bench: Bench) -> None:
    """thread_wait gives the hart away, counts the wait, and arms its deadline."""
    bench.unit("wait")


def test_doomed(bench: Bench) -> None:
    """A thread that was killed as it began to wait is not forgotten."""
    bench.unit("doomed")


def test_queue(bench: Bench) -> None:
    """Waiters are restarted in the order in which they came."""
    bench.unit("queue")


def test_wake(bench: Bench) -> None:
    """A wake-up disarms the deadline."""
    bench.unit("wake")


def test_cancel(bench: Bench) -> None:
    """A cancel ends the wait that it names, and no other."""
    bench.unit("cancel")


def test_sleep(bench: Bench) -> None:
    """A sleep ends by its own deadline or a kill, once."""
    bench.unit("sleep")


# --- The whole system --------------------------------------------------------

WAKES = ["children", "joins", "kills"]


@pytest.mark.parametrize("seed", range(1, 33))
def test_schedules(bench: Bench, seed: int) -> None:
    """No wake-up is lost on four harts, whatever the timer does."""
    command = f"lab_wake {' '.join(WAKES)}"
    run = bench.run(command, smp=4, seed=seed, tick=100, limit=0.3)
    for name in WAKES:
        bench.verdict(run, name, run.output)


@pytest.mark.parametrize("name", ["round_robin", "preempts", "yield", "hops"])
def test_turns(bench: Bench, name: str) -> None:
    """Threads take turns, and the more important ones come first."""
    bench.check("test_sched", name, smp=2 if name == "hops" else 1, limit=2)


@pytest.mark.parametrize("name", ["order", "sleep", "wait", "join"])
def test_deadlines(bench: Bench, name: str) -> None:
    """Waits end at their deadlines, in order."""
    bench.check("test_deadline", name, limit=2)


@pytest.mark.parametrize("name", ["ready", "cause"])
def test_answers(bench: Bench, name: str) -> None:
    """The first question is answered as it comes out on this machine."""
    facts: Dict[str, int] = {}
    with Remote(bench.machine.prepare(), bench.machine.log_path()) as hart:
        hart.go(hart.symbol("sched_leave"), "sched_leave")
        ready = hart.symbol("harts") + hart.offset("HART_ATTENTION") - 4
        facts["ready"] = hart.read(ready) & 0xFFFFFFFF
        hart.go(hart.symbol("trap_other"), "trap_other")
        facts["cause"] = hart.get("scause")
    bench.answer(name, facts[name])


@pytest.mark.parametrize("smp", [1, 4])
def test_boots(bench: Bench, smp: int) -> None:
    """The system boots, and runs programs on its threads."""
    run = bench.run("seq 3000 | wc; test_fork status pids", smp=smp, limit=1)
    run.expect_status(0)
