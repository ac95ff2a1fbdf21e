# SPDX-License-Identifier: MIT
"""GDB's commands that show the kernel's state: each on a real boot, what it
prints held against what others print, and against QEMU's own view."""
from __future__ import annotations

import re
from typing import Dict, List

import pytest

from grading.octavo import gdb, scoring
from grading.octavo.gdb import AT_EXIT, MARK, ask, expect
from grading.octavo.scoring import points


COMMANDS = (
    "ps threads handles caps regions endpoints ipc runqueue pagetable frames pte "
    "tag last-events symbols user goto rewind back last-write console octavo"
).split()


def demand(holds: object, expected: str, text: str) -> None:
    if not holds:
        scoring.fail(expected, "GDB says otherwise", console=text)


def pages(part: str) -> List[Dict[str, str]]:
    return gdb.rows(part)


# --- Processes ---------------------------------------------------------------


@points(2)
def test_help() -> None:
    """Every command has help, and `octavo` lists the others."""
    *helps, listing = ask([], *[f"help {name}" for name in COMMANDS], "octavo")
    for name, text in zip(COMMANDS, helps):
        expect(text, rf"^{name}\b.*:")
        demand(name == "octavo" or f"\n{name}" in "\n" + listing, name, listing)


@points(2)
def test_ps() -> None:
    """ps, threads and runqueue agree on who there is and who runs."""
    ps, threads, one, queue = ask(AT_EXIT, "ps", "threads", "threads 1", "runqueue")
    processes = {row["pid"]: row for row in gdb.rows(ps)}
    shown = {row["who"]: row for row in gdb.rows(threads)}
    demand({w.partition(".")[0] for w in shown} == set(processes), "same pids", threads)
    for pid, row in processes.items():
        mine = [who for who in shown if who.startswith(pid + ".")]
        demand(len(mine) == int(row["threads"]), f"threads of {pid}", threads)
    demand(list(processes)[0] == "1", "init is the first", ps)
    demand(processes["1"]["parent"] == "0", "init has no parent", ps)
    echo = [pid for pid, row in processes.items() if row["name"] == "echo"]
    demand(len(echo) == 1, "one echo", ps)
    demand(shown[f"{echo[0]}.1"]["state"] == "running", "echo runs", threads)
    demand(f"{echo[0]}.1 echo" in queue, "the hart runs echo", queue)
    demand(all(row["who"] == "1.1" for row in gdb.rows(one)), "init alone", one)


@points(2)
def test_handles() -> None:
    """handles, endpoints and caps tell the same of one endpoint."""
    handles, endpoints, caps, every = ask(
        AT_EXIT, "handles 2", "endpoints", "caps endpoint", "caps"
    )
    mine = [row for row in gdb.rows(handles) if row["type"] == "endpoint"]
    demand(len(mine) == 1, "the name server has one endpoint", handles)
    at, slot = mine[0]["object"], mine[0]["slot"]
    expect(endpoints, rf"^endpoint {at} of 2:{slot}, \d+ sessions")
    expect(endpoints, r"^    receivers: 2\.1 names")
    expect(caps, rf"^endpoint {at} .*\n    held by 2:{slot} \(receive pass grant\)")
    sessions = re.findall(rf"^session \S+ badge \S+ endpoint {at}", every, re.M)
    count = re.search(rf"^endpoint {at} of \S+ (\d+) sessions", endpoints, re.M)
    demand(count and len(sessions) == int(count[1]), "as many sessions", every)


@points(2)
def test_regions() -> None:
    """What is mapped lies in a region that may have those rights."""
    regions, table, ps = ask(AT_EXIT, "regions 1", "pagetable 1", "ps")
    wanted = [
        (int(r["from"], 16), int(r["to"], 16), r["prot"]) for r in gdb.rows(regions)
    ]
    count = 0
    for row in pages(table):
        start, end = int(row["from"], 16), int(row["to"], 16)
        count += int(row["pages"])
        inside = [prot for low, high, prot in wanted if low < end and start < high]
        covered = sum(
            min(high, end) - max(low, start)
            for low, high, _ in wanted
            if low < end and start < high
        )
        demand(covered == end - start, f"a region for {row['from']}", regions)
        for flag, right in (("R", "r"), ("W", "w"), ("X", "x")):
            if flag in row["flags"].rstrip("SL"):
                demand(all(right in prot for prot in inside), row["from"], regions)
    charged = int(gdb.rows(ps)[0]["frames"].partition("/")[0])
    demand(count < charged <= count + 8, "pages and tables are charged", table)


# --- Memory ------------------------------------------------------------------


@points(2)
def test_pagetable() -> None:
    """A walk in GDB and QEMU's own find the same memory."""
    script = ["user echo", "continue", "set $text = (long)$pc & ~3"]
    walk, virtual, own = ask(
        script, "pagetable 9 $text", "x/2wx $text", "pagetable satp $text"
    )
    demand(walk == own, "the process's table is the hart's", own)
    physical = re.search(r"is physical (0x[0-9a-f]+)", walk)
    demand(physical, "the walk ends at a frame", walk)
    assert physical
    levels = re.findall(r"^level (\d): entry \d+ at 0x[0-9a-f]+ = 0x", walk, re.M)
    demand(levels == ["2", "1", "0"], "three levels", walk)
    expect(walk, r"VR-XU-AD.*user, read\+execute")
    (words,) = ask(script, f"monitor xp /2wx {physical[1]}")
    seen = re.findall(r"0x[0-9a-f]{8}\b", virtual)
    demand(seen and seen == re.findall(r"0x[0-9a-f]{8}\b", words), "same words", words)


@points(2)
def test_frames() -> None:
    """A frame has as many references as pages that map it; others say what."""
    table, endpoints = ask(AT_EXIT, "pagetable 1", "endpoints")
    text = pages(table)[0]["frame"]
    data = [row for row in pages(table) if "W" in row["flags"]][0]["frame"]
    slab = re.search(r"^endpoint (0x[0-9a-f]+)", endpoints)
    assert slab
    answers = ask(
        AT_EXIT, f"frames {text}", f"frames {data}", f"frames {slab[1]}", "frames 0"
    )
    for answer in answers[:2]:
        refs = re.search(r"used, (\d+) references", answer)
        demand(refs, "a used frame", answer)
        mapped = re.findall(r"^    pid \d+ ", answer, re.M)
        demand(refs and int(refs[1]) == len(mapped), "a reference a page", answer)
    expect(answers[2], r"slab, 1 references, objects of \d+ bytes \(endpoints\)")
    expect(answers[3], r"no RAM")


@points(2)
def test_words() -> None:
    """pte and tag decode a word, and printers do so wherever values show."""
    words = ask(
        AT_EXIT,
        "pte 0x200440db",
        "pte 0x20044401",
        "pte 0x200443d2",
        "tag 0xffffffff000104d3",
        "print (pte_t)0x200440db",
        "print self->process->handles.slot[15]",
        "print *self",
        "print self",
    )
    expect(words[0], r"frame 0x80110000 VR-XU-AD--: user, read\+execute$")
    expect(words[1], r"table at 0x80111000$")
    expect(words[2], r"not accessible, shared, lent or borrowed$")
    expect(words[3], r"label -1, 3 words, 5 handles, 1 items, handle 0 moved, send$")
    expect(words[4], r"= frame 0x80110000 VR-XU-AD--")
    expect(words[5], r"= session 0xffffffc0\w+ generation \d+: send ")
    expect(words[6], r"state = running,")
    expect(words[7], r"= 0xffffffc0\w+ \(\d+\.1 echo\)")


# --- Messages ----------------------------------------------------------------


@points(2)
def test_ipc() -> None:
    """ipc shows the caller below the server that works for it."""
    script = ['break ipc_copy_light if $_streq($program(), "fs")', "continue"]
    tree, threads, places = ask(script, "ipc", "threads", "endpoints", run="cat README")
    below = r"^5\.1 fs: running\n    <- (\d+\.1) (\S+): calling, badge"
    found = re.search(below, tree, re.M)
    demand(found, "somebody waits for fs", tree)
    assert found
    row = [r for r in gdb.rows(threads) if r["who"] == found[1]][0]
    expect(row["waits"], r"for 5\.1 fs, endpoint 0x")
    at = row["waits"].rpartition(" ")[2]
    expect(places, rf"^endpoint {at} of 5:\d+.*\n    callers: {found[1]} {found[2]}")


@points(2)
def test_events() -> None:
    """A debug build's last events end with what just happened."""
    script = [*AT_EXIT, "finish", MARK, "last-events 60", MARK, "ps"]
    text = gdb.session(script, "--debug", RUN="echo hi")
    _, events, ps = gdb.parts(text)
    rows = gdb.rows(events)
    echo = [r["pid"] for r in gdb.rows(ps) if r["name"] == "echo"][0]
    last = rows[-1]
    demand(last["event"] == "exit", "the exit is the last event", events)
    expect(last["what"], rf"of process {echo} echo, status 0")
    times = [int(row["cycle"]) for row in rows]
    demand(times == sorted(times) and len(times) == 60, "60 in order", events)
    sent = [
        row["what"]
        for row in rows
        if row["thread"] == f"{echo}.1 echo" and row["event"] in ("message", "call")
    ]
    demand(any("to 3.1 console" in what for what in sent), "echo writes", events)
    expect(events, r"page fault, (load|store|execute) at 0x")
    (told,) = ask(AT_EXIT, "last-events")
    expect(told, r"a release keeps no events")


# --- Programs ----------------------------------------------------------------


@points(2)
def test_backtrace_call() -> None:
    """A backtrace goes on from a system call into the program, to main."""
    trace, up = ask(AT_EXIT, "backtrace", "frame 4")
    expect(trace, r"^#0 +sys_exit .* at kernel/")
    expect(trace, r"^#\d+ +trap_entry\w* \(\) at kernel/trap/entry\.S")
    expect(trace, r"sys_exit \(status=(0|<optimized out>)\) at user/lib/syscall\.h")
    expect(trace, r"(main|_start) .*at user/(bin/echo\.c|lib/crt0\.S)")
    expect(up, r"program_end \(status=0\) at user/lib/start\.c")


@points(2)
def test_backtrace_light() -> None:
    """So it does from a light call and from the fast path."""
    for place in ("sys_handle_close", "fastpath_call", "ipc_copy_light"):
        stop = f'break {place} if $_streq($program(), "init")'
        (trace,) = ask([stop, "continue"], "backtrace")
        expect(trace, rf"^#0 +{place} ")
        if place != "fastpath_call":  # which the entry does not call
            expect(trace, r"^#1 +trap_\w+ \(\) at kernel/trap/entry\.S")
        expect(trace, r" main \(.*\) at user/servers/\w+/main\.c:\d+$")


@points(2)
def test_backtrace_fault() -> None:
    """From a page fault it shows the instruction that faulted."""
    script = ['break fault_bring if $_streq($program(), "echo")', "continue"]
    trace, _, there, told = ask(
        script, "backtrace", "up 2", "print/x (long)$pc", "print/x $sepc"
    )
    expect(trace, r"^#1 +trap_other \(\) at kernel/trap/entry\.S")
    demand(there.partition("=")[2] == told.partition("=")[2], told, there)


@points(2)
def test_backtrace_steps() -> None:
    """It holds after each instruction on the way into the kernel."""
    script = ["break ipc_recv", "continue", "delete"]
    script += ["break *trap_entry", "continue", "delete"]
    commands = ["backtrace -1", *["stepi", "backtrace -1"] * 40]
    answers = ask(script, *commands)[::2]
    for answer in answers:
        expect(answer, r" main \(.*at user/servers/init/main\.c:\d+$")


@points(2)
def test_symbols() -> None:
    """`user` stops in that program's main; `symbols` changes whose they are."""
    answers = ask(
        ["user echo"],
        "continue",
        "print $program()",
        "symbols 5",
        "info symbol main",
        "symbols",
        "info symbol main",
        "symbols 99",
        "user nonsense",
    )
    expect(answers[0], r"^Breakpoint 2, main .*at user/(bin/echo\.c|lib)")
    expect(answers[1], '"echo"')
    expect(answers[3], r"main in section \.text of .*/user/fs$")
    expect(answers[5], r"main in section \.text of .*/user/echo$")
    expect(answers[6], r"no process 99")
    expect(answers[7], r"user PROGRAM, one of: .*\becho\b")


@points(2)
def test_shared_names() -> None:
    """A breakpoint on a name that the program has, too, is in the kernel."""
    script = ["user echo", "continue", "delete", "break sys_exit", "continue"]
    (where,) = ask(script, "info symbol $pc")
    expect(where, r"^sys_exit.* in section .* of .*kernel\.elf")


# --- What goes wrong ---------------------------------------------------------

MISTAKES = {
    "handles": r"usage: handles PID",
    "handles x": r"x: not a process's number",
    "handles 77": r"no process 77",
    "regions": r"usage: regions PID",
    "pagetable": r"usage: pagetable PID",
    "frames": r"usage: frames PA",
    "caps nothing": r"no such type; one of: .*endpoint",
    "goto nowhere": r"usage: goto",
    "goto -99999999999": r"is only \d+ instructions old",
    "last-write": r"usage: last-write",
    "last-write 0x8 3": r"BYTES is 1, 2, 4 or 8",
    "last-write 0x8": r"0x8 is not mapped",
    "last-events x": r"usage: last-events",
    "pte": r"usage: pte EXPRESSION",
    "tag nonsense": r'No symbol "nonsense"',
}


@points(2)
def test_mistakes() -> None:
    """A wrong argument gets a message, never a traceback."""
    answers = ask(AT_EXIT, *MISTAKES)
    for (command, pattern), answer in zip(MISTAKES.items(), answers):
        expect(f"{command}\n{answer}", pattern)
        demand("Traceback" not in answer, "no traceback", answer)


@points(2)
def test_early() -> None:
    """At the kernel's first line every command has something to say."""
    names = "ps threads endpoints ipc runqueue caps"
    answers = ask([], *names.split(), "handles 1", "pagetable satp", "frames 0")
    for answer in answers:
        demand("Traceback" not in answer and "rror" not in answer, "no error", answer)


@points(2)
def test_ready_made() -> None:
    """Where the kernel's files have no debugging information, as in a lab's
    tree, the headers tell the same."""
    names = "ps threads endpoints ipc runqueue caps".split()
    names += ["handles 2", "regions 1", "pagetable 1", "frames 0x80110000"]
    none = "python from inside import kernel; kernel.kernel_symbol = lambda name: None"
    whole = ask(AT_EXIT, *names)
    bare = ask([*AT_EXIT, none], *names)
    for name, one, other in zip(names, whole, bare):
        demand(one == other and len(one) > 20, f"{name}: {one}", other)


@pytest.mark.parametrize("harts", [2])
@points(2)
def test_harts(harts: int) -> None:
    """On two harts runqueue knows what each runs; nothing can go back."""
    script = [*AT_EXIT, MARK, "runqueue", MARK, "goto 5", MARK, "ps"]
    text = gdb.session(script, "--smp", str(harts), RUN="echo hi")
    _, queue, back, ps = gdb.parts(text)
    rows = gdb.rows(queue)
    demand(len(rows) == harts, "a row a hart", queue)
    demand(sum(row["runs"].endswith("echo") for row in rows) == 1, "one echo", queue)
    expect(back, r"only a recorded run can go back")
    expect(ps, r"\becho\b")
