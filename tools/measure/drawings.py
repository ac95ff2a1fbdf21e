# SPDX-License-Identifier: MIT
"""The figures of the book's chapters, each from a short description.

Use     draw_all()["boot-order"] is the text of a file in docs/book/figures."""
from __future__ import annotations

from typing import Dict

from measure import scenes
from measure.diagrams import Arrow, Box, Step, fields, graph, lanes
from measure.scenes import Entry, Panel


def boot_order() -> str:
    return lanes(
        "Who runs, from the firmware to the first program",
        ("firmware", "start.S", "kernel_main", "user mode"),
        (
            Step(0, 1, "a0 = hart, a1 = device tree"),
            Step(1, 1, "satp is set: the fetch traps"),
            Step(1, 2, "tp, sp are valid"),
            Step(2, 2, "console, machine, timer"),
            Step(2, 2, "final page table"),
            Step(2, 2, "stvec = trap_entry"),
            Step(2, 3, "sret into init"),
            Step(3, 2, "ecall, fault, tick"),
        ),
    )


def boot_map() -> str:
    high = "0xffffffc080200000"
    return graph(
        "One kernel, two addresses",
        (
            Box("user", 20, 52, 180, ("low half", "user memory", "empty at boot")),
            Box("hole", 20, 118, 180, ("nothing", "no such addresses"), "none"),
            Box("dmap", 20, 169, 180, ("0xffffffc000000000", "direct map begins")),
            Box("kern", 20, 220, 180, ("the kernel", high), "blue", True),
            Box("dev", 420, 118, 220, ("0x02000000 .. 0x10008000", "devices"), "grey"),
            Box("sbi", 420, 169, 220, ("0x80000000", "firmware: 288 KiB"), "red"),
            Box("img", 420, 220, 220, ("the kernel", "0x80200000"), "blue", True),
        ),
        (
            Arrow("dmap.r", "dev.l", "minus 0xffffffc000000000", up=26),
            Arrow("kern.r", "img.l", "the same"),
        ),
        ((20, 42, "virtual"), (420, 108, "physical")),
    )


def pagetable_walk() -> str:
    return graph(
        "A walk for 0x101ae: what cat executes first in main",
        (
            Box("satp", 12, 60, 96, ("satp", "0x80476"), "grey"),
            Box("root", 150, 44, 130, ("level 2 (root)", "entry 0", "0x2011d401")),
            Box("mid", 322, 44, 130, ("level 1", "entry 0", "0x2011e001")),
            Box("leaf", 494, 44, 130, ("level 0", "entry 16", "0x200625db")),
            Box("page", 494, 152, 130, ("frame 0x80189", "byte 0x1ae"), "red", True),
            Box("va", 12, 152, 440, ("0x101ae = 0 . 0 . 16 . 0x1ae",), "grey"),
        ),
        (
            Arrow("satp.r", "root.l"),
            Arrow("root.r", "mid.l"),
            Arrow("mid.r", "leaf.l"),
            Arrow("leaf.b", "page.t", colour="red"),
        ),
        (
            (150, 122, "bits 38 to 30"),
            (322, 122, "bits 29 to 21"),
            (494, 122, "bits 20 to 12"),
        ),
    )


def pagetable_entry() -> str:
    flags = [("LENT", 1), ("SHARED", 1)] + [(letter, 1) for letter in "DAGUXWRV"]
    return fields(
        "An address and an entry of Sv39",
        (
            (
                "virtual address",
                [
                    ("all as bit 38", 25),
                    ("level 2", 9),
                    ("level 1", 9),
                    ("level 0", 9),
                    ("offset", 12),
                ],
                (),
            ),
            (
                "page-table entry",
                [("0", 10), ("frame number", 44), *flags],
                (
                    "Empty: all bits 0.  Table: V, and R, W, X clear.  Leaf: any other.",
                    "LENT and SHARED are bits that the hardware leaves to the kernel.",
                ),
            ),
        ),
    )


def faults_lag() -> str:
    parts = (
        ("text", "R X", 12, 130),
        ("data", "R W", 150, 90),
        ("heap", "R W", 248, 200),
        ("guard", "", 500, 50),
        ("stack", "R W", 556, 150),
    )
    boxes = [
        Box(name, x, 66, wide, (name, rights), "grey" if name == "guard" else "blue")
        for name, rights, x, wide in parts
    ]
    pages = (
        ("t0", 12, "R X"),
        ("t1", 78, "-"),
        ("d0", 150, "R"),
        ("h0", 248, "R W"),
        ("h1", 316, "-"),
        ("h2", 384, "-"),
        ("s0", 556, "-"),
        ("s1", 642, "R W"),
    )
    boxes += [
        Box(name, x, 150, 64, (what,), "none" if what == "-" else "red")
        for name, x, what in pages
    ]
    notes = (
        (12, 58, "regions: what should be there, and with which rights"),
        (12, 142, "page table: what is there now"),
        (
            12,
            202,
            "- is nothing yet: the next touch makes it. The page of data may be written,",
        ),
        (12, 217, "but its entry does not say so yet: the next store asks."),
    )
    return graph("The table lags behind the regions", boxes, (), notes)


def faults_decide() -> str:
    return graph(
        "What a fault asks, in this order",
        (
            Box("in", 12, 56, 130, ("address, access",), "grey"),
            Box("region", 180, 50, 150, ("is it in a region,", "which allows it?")),
            Box("leaf", 368, 50, 150, ("is the entry", "occupied?")),
            Box("upgrade", 560, 50, 148, ("the right is missing:", "chapter 4")),
            Box("bad", 180, 140, 150, ("EFAULT: recover,", "or kill"), "red"),
            Box("frame", 368, 140, 150, ("a frame of zeros", "or the pager's")),
            Box(
                "full", 180, 220, 150, ("none left: ENOMEM,", "the program dies"), "red"
            ),
            Box("map", 368, 220, 150, ("map it with the", "region's rights"), "grey"),
        ),
        (
            Arrow("in.r", "region.l"),
            Arrow("region.r", "leaf.l", "yes"),
            Arrow("region.b", "bad.t", "no", "red"),
            Arrow("leaf.r", "upgrade.l", "yes"),
            Arrow("leaf.b", "frame.t", "no"),
            Arrow("frame.b", "map.t"),
            Arrow("frame.l", "full.r", colour="red"),
        ),
    )


def cow_fork() -> str:
    own, read, none = Entry("R W", "F"), Entry("R", "F"), Entry("")
    copy = Entry("R W", "G")
    one, two, both = (
        [("F", "1 ref")],
        [("F", "2 refs")],
        [("F", "1 ref"), ("G", "1 ref")],
    )
    panels = (
        ("before fork", own, none, one, ["the parent's alone"]),
        ("after fork", read, read, two, ["neither may write;", "one fence"]),
        ("the child stores", read, copy, both, ["a copy, G;", "F is left to one"]),
        ("the parent stores", own, copy, both, ["the count says 1:", "no copy"]),
        ("or: the child ends", read, none, one, ["nothing is done", "to the entry"]),
        ("the parent stores", own, none, one, ["the count says 1:", "no copy"]),
    )
    made = [Panel(*what, sides=("parent", "child")) for what in panels]
    return scenes.scene("Fork, and who copies", [made[:3], made[3:]])


def cow_fence() -> str:
    return lanes(
        "A store that comes through an old translation",
        ("hart 0: fork", "memory", "hart 1: a thread"),
        (
            Step(2, 2, "its TLB has the page, with W"),
            Step(0, 1, "entry: W is taken away"),
            Step(0, 1, "child's entry, count 2"),
            Step(0, 0, "child starts, without the fence"),
            Step(2, 1, "store: the TLB allows it"),
            Step(1, 1, "the child sees the store: isolation is lost"),
        ),
    )


def threads_states() -> str:
    return graph(
        "The states of a thread",
        (
            Box("new", 12, 66, 90, ("NEW",), "grey"),
            Box("ready", 190, 59, 130, ("READY", "in a run queue")),
            Box("run", 420, 59, 130, ("RUNNING", "on a hart"), "red", True),
            Box("dead", 630, 66, 78, ("DEAD",), "grey"),
            Box(
                "wait", 262, 160, 220, ("waiting: SLEEPING, QUEUED,", "RECEIVING, ...")
            ),
        ),
        (
            Arrow("new.r", "ready.l", "start"),
            Arrow("ready.r", "run.l", "choose"),
            Arrow("run.r", "dead.l", "die"),
            Arrow("run.b", "wait.r", "thread_wait", "red"),
            Arrow("wait.l", "ready.b", "thread_wake"),
        ),
        ((326, 106, "preempt: back"),),
    )


def threads_lost() -> str:
    return lanes(
        "A lost wake-up",
        ("hart 0: waits", "the condition", "hart 1: wakes"),
        (
            Step(0, 1, "is it true? no"),
            Step(2, 1, "it is true from now on"),
            Step(2, 1, "who waits? nobody"),
            Step(0, 1, "I wait"),
            Step(0, 0, "for ever"),
        ),
    )


def handles_table() -> str:
    return graph(
        "From an index to an object",
        (
            Box("t1", 12, 60, 190, ("17: session, gen 4", "SEND INHERIT"), "blue"),
            Box("t2", 12, 112, 190, ("18: free",), "none"),
            Box("t3", 12, 150, 190, ("19: session, gen 2", "SEND"), "red"),
            Box("u1", 12, 224, 190, ("17: session, gen 4", "SEND"), "blue"),
            Box("s", 300, 96, 170, ("session: generation 4", "badge 7", "handles 2")),
            Box(
                "r", 300, 190, 170, ("session: generation 3", "(another's now)"), "red"
            ),
            Box("e", 560, 104, 148, ("endpoint", "epoch 1"), "grey"),
        ),
        (
            Arrow("t1.r", "s.l"),
            Arrow("u1.r", "s.b"),
            Arrow("t3.r", "r.l", colour="red"),
            Arrow("s.r", "e.l"),
        ),
        (
            (12, 52, "one process's table"),
            (12, 216, "another's"),
            (300, 250, "2 is not 3: ESTALE"),
        ),
    )


def handles_life() -> str:
    return lanes(
        "Find, lock, compare",
        ("a client's call", "the session", "the server"),
        (
            Step(0, 0, "copies the entry: pointer, generation 4"),
            Step(2, 1, "revoke: generation = 5"),
            Step(0, 1, "locks what the pointer leads to"),
            Step(0, 0, "4 is not 5: ESTALE"),
            Step(2, 2, "who waits inside is woken: ESTALE"),
        ),
    )


def endpoints_meet() -> str:
    return lanes(
        "A call, whoever comes first",
        ("client", "endpoint", "server"),
        (
            Step(0, 1, "call: no receiver"),
            Step(0, 0, "SENDING, in the queue"),
            Step(2, 1, "receive: takes the first sender"),
            Step(1, 2, "words, badge: from frame to frame"),
            Step(0, 0, "CALLING: the server owes a reply"),
            Step(2, 1, "reply_recv: no sender"),
            Step(1, 0, "the reply, from frame to frame"),
            Step(2, 2, "RECEIVING, in the queue"),
            Step(0, 1, "call: a receiver waits"),
            Step(1, 2, "delivered at once, and the hart goes along"),
        ),
    )


def endpoints_states() -> str:
    return graph(
        "A call, seen from its caller",
        (
            Box("run", 12, 66, 110, ("RUNNING",), "grey"),
            Box("send", 220, 59, 150, ("SENDING", "in a queue")),
            Box("call", 470, 59, 170, ("CALLING", "a reply is owed"), "red", True),
            Box("end", 220, 164, 420, ("READY: a0 says how it ended",), "grey"),
        ),
        (
            Arrow("run.r", "send.l", "no receiver"),
            Arrow("send.r", "call.l", "received"),
            Arrow("send.b", "end.t"),
            Arrow("call.b", "end.t", colour="red"),
        ),
        (
            (130, 118, "deadline, revoked,"),
            (130, 133, "killed, server dead,"),
            (130, 148, "message refused"),
            (565, 126, "reply, or: deadline, revoked,"),
            (565, 141, "killed, server dead"),
        ),
    )


def copy_parts() -> str:
    page = 150
    boxes = [Box(f"c{i}", 90 + page * i, 56, page, ("",), "none") for i in range(4)] + [
        Box(f"s{i}", 90 + page * i, 176, page, ("",), "none") for i in range(4)
    ]
    cuts = (0, 70, 110, 220, 260, 370, 410)  # where the parts begin and end
    client, server = 130, 170
    for i, (start, end) in enumerate(zip(cuts, cuts[1:])):
        name, wide = str(i + 1), float(end - start)
        boxes.append(Box(f"x{i}", client + start, 56, wide, (name,), "blue", True))
        boxes.append(Box(f"y{i}", server + start, 176, wide, (name,), "red", True))
    arrows = [Arrow(f"x{i}.b", f"y{i}.t", colour="grey") for i in range(6)]
    notes = (
        (12, 76, "client"),
        (12, 196, "server"),
        (12, 232, "Each part ends where a page ends, on either side: no part has a"),
        (12, 247, "page border in it, so one look at each side decides for all of it."),
    )
    return graph("A copy goes in parts", boxes, arrows, notes)


def copy_loop() -> str:
    return graph(
        "Steps, and what is looked at in between",
        (
            Box("find", 12, 60, 150, ("find the call", "and its window")),
            Box("check", 196, 60, 150, ("arguments, rights,", "offset")),
            Box("step", 384, 60, 150, ("both locked: up to", "one page"), "red", True),
            Box("left", 572, 60, 136, ("more to do?",), "grey"),
            Box("look", 384, 150, 324, ("is the call open? must the hart go?",)),
            Box("end", 12, 150, 334, ("a0: the error, a1: the exact count",), "grey"),
        ),
        (
            Arrow("find.r", "check.l"),
            Arrow("check.r", "step.l"),
            Arrow("step.r", "left.l"),
            Arrow("left.b", "look.r", "yes"),
            Arrow("look.t", "step.b", "go on", "blue"),
            Arrow("look.l", "end.r", colour="red"),
            Arrow("check.b", "end.t", "wrong", "red", up=8),
        ),
    )


def fastpath_shape() -> str:
    return graph(
        "Either the whole call, or no trace",
        (
            Box("entry", 12, 60, 120, ("ecall",), "grey"),
            Box("look", 170, 53, 130, ("look up, lock", "(by one try)")),
            Box("check", 338, 53, 150, ("everything that could", "be out of order")),
            Box(
                "commit",
                526,
                53,
                182,
                ("commit: links, states,", "address space"),
                "red",
            ),
            Box("slow", 170, 150, 318, ("the slow path, from the beginning",), "grey"),
            Box("leave", 526, 150, 182, ("the partner runs on",), "red", True),
        ),
        (
            Arrow("entry.r", "look.l"),
            Arrow("look.r", "check.l"),
            Arrow("check.r", "commit.l"),
            Arrow("look.b", "slow.t", "no", "grey"),
            Arrow("check.b", "slow.t", "no: unlock", "grey"),
            Arrow("commit.b", "leave.t", colour="red"),
        ),
        ((170, 200, "Up to here nothing has been written that anybody could see."),),
    )


def fastpath_words() -> str:
    boxes = [
        Box("c", 12, 60, 120, ("client", "in registers")),
        Box("k", 190, 60, 340, ("kernel, fast: a2-a6, t0-t2 are not touched",), "red"),
        Box("v", 588, 60, 120, ("server", "in registers")),
        Box("cf", 190, 130, 150, ("client's frame",), "grey"),
        Box("sf", 380, 130, 150, ("server's frame",), "grey"),
    ]
    arrows = [
        Arrow("c.r", "k.l"),
        Arrow("k.r", "v.l"),
        Arrow("c.b", "cf.l", "store", "grey"),
        Arrow("cf.r", "sf.l", "copy", "grey"),
        Arrow("sf.r", "v.b", "load", "grey"),
    ]
    notes = ((190, 180, "below: the slow way of the same eight words"),)
    return graph("Where the words are", boxes, arrows, notes)


def draw_all() -> Dict[str, str]:
    """Each figure's text, by its name."""
    return {
        **scenes.draw_all(),
        "boot-order": boot_order(),
        "boot-map": boot_map(),
        "pagetable-walk": pagetable_walk(),
        "pagetable-entry": pagetable_entry(),
        "faults-lag": faults_lag(),
        "cow-fork": cow_fork(),
        "threads-states": threads_states(),
        "threads-lost": threads_lost(),
        "handles-table": handles_table(),
        "endpoints-meet": endpoints_meet(),
        "fastpath-shape": fastpath_shape(),
        "fastpath-words": fastpath_words(),
        "copy-parts": copy_parts(),
        "copy-loop": copy_loop(),
        "endpoints-states": endpoints_states(),
        "handles-life": handles_life(),
        "cow-fence": cow_fence(),
        "faults-decide": faults_decide(),
    }
