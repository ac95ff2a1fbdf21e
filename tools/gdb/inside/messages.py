# SPDX-License-Identifier: MIT
"""Commands about who waits on whom, and who runs next: endpoints, ipc,
runqueue."""
from __future__ import annotations

from typing import Dict, Iterator, List, Set, Tuple

import gdb

from inside import decode
from inside.kernel import (
    REG_A1,
    Command,
    constant,
    current_thread,
    endpoint_type,
    field,
    kernel_type,
    linked,
    notification_type,
    number,
    offset_of,
    pointer,
    processes,
    read_kernel,
    session_type,
    show,
    state_of,
    thread_at,
    thread_name,
    thread_type,
    threads_of,
    variable_address,
)
from inside.tables import entry_object, entry_type, slots, wait_text

Row = Tuple[str, ...]


def endpoints() -> Dict[int, List[str]]:
    """All endpoints that a handle or a thread leads to: address -> holders."""
    found: Dict[int, List[str]] = {}
    for at, process in processes():
        for slot, entry in slots(process):
            kind = entry_type(entry)
            if kind == "endpoint":
                who = f"{number(process['pid'])}:{slot}"
                found.setdefault(entry_object(entry), []).append(who)
            elif kind == "session":
                session = read_kernel(entry_object(entry), session_type())
                if number(session["generation"]) == number(entry["generation"]):
                    found.setdefault(pointer(session["endpoint"]), [])
        for _, thread in threads_of(at):
            if state_of(thread) in ("receiving", "sending", "calling"):
                found.setdefault(pointer(thread["endpoint"]), [])
    found.pop(0, None)
    return found


def queue(endpoint_at: int, member: str) -> List[int]:
    head = endpoint_at + offset_of(endpoint_type(), member)
    return [at for at, _ in linked(head, thread_type(), "link")]


def quick(endpoint: gdb.Value, member: str) -> List[int]:
    """The receiver, or its caller, that the fast path keeps out of the lists."""
    at = pointer(endpoint["quick"])
    if not at or member == "senders":
        return []
    caller = pointer(read_kernel(at, thread_type())["caller"])
    if member == "receivers":
        return [] if caller else [at]
    return [caller] if caller else []


def endpoint_lines(at: int, owners: List[str]) -> Iterator[str]:
    endpoint = read_kernel(at, endpoint_type())
    alive = number(endpoint["generation"]) != 0  # and then has a handle, too
    state = f"of {', '.join(owners) or 'nobody'}" if alive else "dead"
    text = f"endpoint {at:#x} {state}, {number(endpoint['refs']) - alive} sessions"
    if pointer(endpoint["bound"]):
        bound = read_kernel(pointer(endpoint["bound"]), notification_type())
        text += f", signals {number(bound['bits']):#x}"
    yield text
    for member in ("receivers", "senders", "callers"):
        waiting = quick(endpoint, member) + queue(at, member)
        names = [thread_name(thread) for thread in waiting]
        if names:
            yield f"    {member}: {', '.join(names)}"


class Endpoints(Command):
    """endpoints: every endpoint: whose it is, and which threads wait there.

    A receiver waits for messages, a sender to be received, a caller for its
    reply. `of PID:SLOT` is the handle that receives."""

    NAME = "endpoints"

    def run(self, words: List[str]) -> None:
        found = endpoints()
        if not found:
            print("There is no endpoint.")
        for at in sorted(found):
            for line in endpoint_lines(at, found[at]):
                print(line)


# --- Who waits on whom -------------------------------------------------------


class Waits:
    """Every thread, and the one that it waits for."""

    def __init__(self) -> None:
        self.state: Dict[int, str] = {}
        self.thread: Dict[int, gdb.Value] = {}
        self.waiters: Dict[int, List[int]] = {}  # on a thread
        for at, _ in processes():
            for address, thread in threads_of(at):
                self.state[address] = state_of(thread)
                self.thread[address] = thread
        for address in self.state:
            target = self.target(address)
            if target:
                self.waiters.setdefault(target, []).append(address)

    def target(self, address: int) -> int:
        """The thread that has to act before this one can go on; 0: none."""
        thread = self.thread[address]
        if self.state[address] == "calling":
            return pointer(thread["server"]) or self.saved_by(address)
        if self.state[address] == "sending":
            endpoint = read_kernel(pointer(thread["endpoint"]), endpoint_type())
            return pointer(endpoint["server"])
        return 0

    def saved_by(self, caller: int) -> int:
        """A thread of who holds the saved reply; 0: not found."""
        sequence = number(self.thread[caller]["call_sequence"])
        for at, process in processes():
            for _, entry in slots(process):
                name = entry_object(entry), number(entry["generation"])
                if entry_type(entry) == "reply" and name == (caller, sequence):
                    return next((thread for thread, _ in threads_of(at)), 0)
        return 0

    def line(self, address: int) -> str:
        thread = self.thread[address]
        state = self.state[address]
        text = f"{thread_name(address)}: {state}"
        if state in ("calling", "sending"):
            session = read_kernel(pointer(thread["session"]), session_type())
            text += f", badge {number(session['badge']):#x}"
            tag = number(field(thread, "frame", "x")[REG_A1])
            if state == "sending":
                text += f", {decode.tag_text(tag)}"
        else:
            text += " " + wait_text(thread, state)
        return text.rstrip()

    def tree(self, address: int, depth: int, seen: Set[int]) -> Iterator[str]:
        loop = " (a circle!)" if address in seen else ""
        yield "    " * depth + ("<- " if depth else "") + self.line(address) + loop
        if loop:
            return
        for waiter in self.waiters.get(address, []):
            yield from self.tree(waiter, depth + 1, seen | {address})

    def roots(self) -> List[int]:
        """Threads that wait for no other; one of each circle of waits, too."""
        roots = [a for a in self.state if not self.target(a)]
        reached: Set[int] = set()
        for root in roots:
            self.reach(root, reached)
        for address in self.state:
            if address not in reached:
                roots.append(address)
                self.reach(address, reached)
        return roots

    def reach(self, address: int, reached: Set[int]) -> None:
        if address not in reached:
            reached.add(address)
            for waiter in self.waiters.get(address, []):
                self.reach(waiter, reached)


class Ipc(Command):
    """ipc: who waits on whom, as a tree: below each thread those that wait for
    it to reply or to receive.

    A thread that is ready or running and has others below it is what they all
    wait for. A circle is a deadlock."""

    NAME = "ipc"

    def run(self, words: List[str]) -> None:
        waits = Waits()
        for root in waits.roots():
            for line in waits.tree(root, 0, set()):
                print(line)


# --- Who runs next -----------------------------------------------------------


class RunQueue(Command):
    """runqueue: what each hart runs, and which threads are ready for it.

    next is the thread that the hart was handed by a call; it runs before all
    of its priority."""

    NAME = "runqueue"

    def run(self, words: List[str]) -> None:
        hart_kind = kernel_type("struct hart", "hart_prepare")
        queue_kind = kernel_type("struct runqueue", "sched_init")
        harts = variable_address("harts", "hart_prepare")
        queues = variable_address("queues", "sched_init")
        rows: List[Row] = [("hart", "priority", "runs", "next", "ready")]
        for index in range(number_of_harts()):
            hart = read_kernel(harts + index * hart_kind.sizeof, hart_kind)
            at = queues + index * queue_kind.sizeof
            ready = [f"{p}: {', '.join(names)}" for p, names in ready_lists(at)]
            rows.append(
                (
                    str(index),
                    str(number(hart["running"])),
                    running_on(number(hart["sbi_id"])),
                    thread_name(pointer(hart["handoff"])) if hart["handoff"] else "-",
                    "; ".join(ready) or "-",
                )
            )
        show(rows, lambda: "The kernel has not started a hart yet.")


def number_of_harts() -> int:
    at = variable_address("hart_count", "hart_prepare")
    return number(read_kernel(at, gdb.lookup_type("unsigned int")))


def ready_lists(queue_at: int) -> Iterator[Tuple[int, List[str]]]:
    kind = kernel_type("struct runqueue", "sched_init")
    node = kernel_type("struct list", "sched_init").sizeof
    base = queue_at + offset_of(kind, "ready")
    for priority in reversed(range(constant("PRIORITY_COUNT", "sched_init"))):
        head = base + priority * node
        if pointer(read_kernel(head, kernel_type("struct list", "sched_init"))["next"]):
            found = linked(head, thread_type(), "link")
            names = [thread_name(at) for at, _ in found]
            if names:
                yield priority, names


def running_on(sbi_id: int) -> str:
    """The thread that a hart works for, by its registers; QEMU counts from 1."""
    for hart in gdb.selected_inferior().threads():
        if hart.num == sbi_id + 1:
            return running_of(hart)
    return "?"


def running_of(hart: "gdb.InferiorThread") -> str:
    before = gdb.selected_thread()
    frame = gdb.selected_frame() if before and before.is_valid() else None
    try:
        hart.switch()
        at = current_thread()
        return thread_name(at) if at and thread_at(at) is not None else "nobody"
    finally:
        if before:
            before.switch()
        if frame and frame.is_valid():
            frame.select()


COMMANDS = (Endpoints, Ipc, RunQueue)
