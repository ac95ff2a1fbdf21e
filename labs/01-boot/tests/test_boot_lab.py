# SPDX-License-Identifier: MIT
"""Lab 1: from the firmware's jump to a system that ticks.

Assembly is looked at from outside: the host sets registers and memory before
the first instruction of a function, and reads them where it should arrive."""
from __future__ import annotations

import random
import re
from typing import Dict

import pytest

from grading.octavo.labtests import Bench
from grading.octavo.machine import Run
from grading.octavo.remote import ENTRY, NAMES, Remote

DIRECT = 0xFFFFFFC000000000
SATP_SV39 = 8 << 60
OFF = 0xC6002  # of sstatus: MXR, SUM, FS, SIE
SIE_SOFTWARE = 2
INSTRUCTION_PAGE_FAULT = 12


# --- Assembly, from outside --------------------------------------------------


def remote(bench: Bench) -> Remote:
    return Remote(bench.machine.prepare(), bench.machine.log_path())


def at_entry(machine: Remote) -> None:
    machine.go(ENTRY, "the kernel's first instruction")


def physical(machine: Remote, name: str) -> int:
    return machine.symbol(name) - DIRECT


def early_satp(machine: Remote) -> int:
    return SATP_SV39 | physical(machine, "early_root") >> 12


def write_garbage(machine: Remote, seed: int, keep: str = "zero pc") -> None:
    """Other values in every register but some."""
    rng = random.Random(seed)
    for name in NAMES:
        if name not in keep.split():
            machine.set(name, rng.getrandbits(63) | 1)
    machine.set("sscratch", rng.getrandbits(63))
    machine.set("scounteren", 0)
    machine.set("sstatus", machine.get("sstatus") | OFF)


def frame_of(machine: Remote, number: int) -> int:
    return machine.symbol("hart_boot_frames") + number * machine.offset("FRAME_SIZE")


def make_hart(machine: Remote, number: int, sbi_id: int, stack: int) -> None:
    """What the kernel prepares for another hart; physical addresses still."""
    harts = machine.symbol("harts") + number * machine.offset("HART_SIZE")
    machine.write(harts - DIRECT + machine.offset("HART_STACK_TOP"), stack)
    machine.write(harts - DIRECT + machine.offset("HART_SBI_ID"), sbi_id)
    frame = frame_of(machine, number) - DIRECT
    machine.write(frame + machine.offset("FRAME_HART"), harts)


def expect_c(machine: Remote, frame: int, stack: int) -> None:
    """A hart is where C begins, with all that C relies on."""
    expect = machine.expect
    expect("tp, the hart's frame", machine.get("tp"), frame)
    expect("sp, the end of the hart's stack", machine.get("sp"), stack)
    expect("ra, where backtraces end", machine.get("ra"), 0)
    expect("sscratch", machine.get("sscratch"), 0)
    expect("stvec, early_trap", machine.get("stvec"), machine.symbol("early_trap"))
    expect("satp, the early table", machine.get("satp"), early_satp(machine))
    expect("MXR, SUM, FS and SIE in sstatus", machine.get("sstatus") & OFF, 0)
    expect("scounteren", machine.get("scounteren"), 7)


def test_high(bench: Bench) -> None:
    """enter_high_half turns translation on and goes on in the high half."""
    with remote(bench) as machine:
        at_entry(machine)
        write_garbage(machine, 1)
        kept = {name: machine.get(name) for name in NAMES if name[0] != "t"}
        # An address that stvec can hold: a multiple of four.
        machine.set("t1", physical(machine, "trap_entry"))
        machine.set("pc", physical(machine, "enter_high_half"))
        machine.go(machine.symbol("trap_entry"), "t1's place in the high half")
        machine.expect("satp", machine.get("satp"), early_satp(machine))
        for name in NAMES[1:-1]:
            if name in kept:
                machine.expect(f"{name}, as before", machine.get(name), kept[name])


def test_enter_c(bench: Bench) -> None:
    """enter_c gives C its stack, its vector and registers in a known state."""
    with remote(bench) as machine:
        at_entry(machine)
        stack = machine.symbol("kernel_stacks") + 0x8000
        make_hart(machine, 3, 3, stack)
        write_garbage(machine, 2)
        machine.set("tp", frame_of(machine, 3))
        machine.set("t3", machine.symbol("secondary_main"))
        machine.set("a0", 0x1234)
        machine.set("a1", 0x5678)
        machine.set("satp", early_satp(machine))
        machine.set("pc", machine.symbol("enter_c"))
        machine.go(machine.symbol("secondary_main"), "the address in t3")
        expect_c(machine, frame_of(machine, 3), stack)
        machine.expect("a0, as before", machine.get("a0"), 0x1234)
        machine.expect("a1, as before", machine.get("a1"), 0x5678)


def start(machine: Remote, hart: int, tree: int) -> None:
    machine.go(machine.symbol("kernel_main"), "kernel_main")
    harts = machine.symbol("harts")
    stack = machine.read(harts + machine.offset("HART_STACK_TOP"))
    expect_c(machine, frame_of(machine, 0), stack)
    machine.expect("a0, the hart's number", machine.get("a0"), hart)
    machine.expect("a1, the device tree", machine.get("a1"), tree)
    machine.expect("sie, with the software interrupt", machine.get("sie"), SIE_SOFTWARE)


def test_start(bench: Bench) -> None:
    """From the firmware to kernel_main: stack, registers, translation."""
    with remote(bench) as machine:
        at_entry(machine)
        start(machine, machine.get("a0"), machine.get("a1"))


@pytest.mark.parametrize("seed", [1, 2])
def test_garbage(bench: Bench, seed: int) -> None:
    """The same, whatever the firmware has left in the registers."""
    with remote(bench) as machine:
        at_entry(machine)
        tree = machine.get("a1")
        write_garbage(machine, seed, keep="zero pc a1")
        machine.set("stvec", 0x1000 * seed)
        machine.set("a0", seed)
        start(machine, seed, tree)


def test_secondary(bench: Bench) -> None:
    """start_secondary brings a hart to secondary_main, on a stack of its own."""
    with remote(bench) as machine:
        at_entry(machine)
        stack = machine.symbol("kernel_stacks") + 0xC000
        make_hart(machine, 2, 5, stack)
        write_garbage(machine, 3)
        machine.set("sie", 0)
        machine.set("a0", 5)
        machine.set("a1", frame_of(machine, 2))
        machine.set("pc", physical(machine, "start_secondary"))
        machine.go(machine.symbol("secondary_main"), "secondary_main")
        expect_c(machine, frame_of(machine, 2), stack)
        got = machine.get("sie")
        machine.expect("sie, with the software interrupt", got, SIE_SOFTWARE)


def test_twice(bench: Bench) -> None:
    """Of two harts at _start one boots; the other starts as secondary."""
    with remote(bench) as machine:
        at_entry(machine)
        stack = machine.symbol("kernel_stacks") + 0x4000
        make_hart(machine, 4, 9, stack)
        machine.set("a0", 0)
        machine.go(machine.symbol("kernel_main"), "kernel_main")
        machine.set("satp", 0)
        write_garbage(machine, 4)
        machine.set("a0", 9)
        machine.set("pc", ENTRY)
        machine.go(machine.symbol("secondary_main"), "secondary_main")
        expect_c(machine, frame_of(machine, 4), stack)


def test_early_trap(bench: Bench) -> None:
    """A trap before there is a real vector is told with all its numbers."""
    with remote(bench) as machine:
        vector = machine.symbol("early_trap")
        machine.expect("early_trap's two lowest bits", vector & 3, 0)
        at_entry(machine)
        machine.set("satp", early_satp(machine))
        machine.set("stvec", vector)
        stack = machine.symbol("kernel_stacks") + 0x8000
        machine.set("sp", stack)
        machine.set("pc", 0xBAD4)
        machine.go(machine.symbol("boot_trap"), "boot_trap")
        machine.expect("a0, the cause", machine.get("a0"), INSTRUCTION_PAGE_FAULT)
        machine.expect("a1, the pc", machine.get("a1"), 0xBAD4)
        machine.expect("a2, the address", machine.get("a2"), 0xBAD4)
        machine.expect("a3, the stack pointer", machine.get("a3"), stack)


# --- C, in the unit kernel ---------------------------------------------------


def serial(run: Run) -> bytes:
    return run.log.read_bytes()


def expect_bytes(run: Run, expected: bytes, once_more: bool = False) -> None:
    """The serial line had these bytes. The firmware puts a carriage return of its
    own before each newline."""
    text = serial(run).replace(b"\r\r\n", b"\r\n") if once_more else serial(run)
    if text.count(expected) != 1:
        found = re.search(re.escape(expected[:4]) + rb"[^>]*>?\W*", text)
        run.fail(repr(expected), repr(found[0]) if found else "nothing like it")


def test_boot_trap(bench: Bench) -> None:
    """boot_trap panics with cause and address, and the place of the trap."""
    run = bench.run("", unit=bench.lab.folder, append="unit=boot_trap", limit=0.5)
    text = run.result.log
    for pattern in (r"^panic: .*\b13\b.*\b0xdead1234\b", r"^ #0 .*test_boot_trap"):
        if not re.search(pattern, text, re.M):
            run.fail(f"a line {pattern!r}", "none")


def test_early(bench: Bench) -> None:
    """Before the port is known, bytes go through the firmware."""
    bench.unit("early")
    expect_bytes(bench.machine.runs[-1], b"<early\r\nbytes>\r\n", True)


def test_bytes(bench: Bench) -> None:
    """Text goes out byte by byte, with a carriage return before each newline."""
    bench.unit("bytes")
    run = bench.machine.runs[-1]
    expect_bytes(run, b"<one\r\ntwo\r\n\r\nthree\r\r\n><a\0b>")


def test_registers(bench: Bench) -> None:
    """The port's registers are where shift says, and as wide as width says."""
    bench.unit("registers")


def test_waits(bench: Bench) -> None:
    """A byte is stored when the port can take it, and not before."""
    bench.unit("waits")


def test_no_port(bench: Bench) -> None:
    """A machine without a port goes on writing through the firmware."""
    bench.unit("no_port")
    expect_bytes(bench.machine.runs[-1], b"<through the firmware>\r\n", True)


def test_lock(bench: Bench) -> None:
    """Texts of two harts do not mix, and the lock is given back."""
    bench.unit("lock")


def test_seize(bench: Bench) -> None:
    """After console_seize one hart writes, whoever held the lock; no other does."""
    bench.unit("seize")


def test_units(bench: Bench) -> None:
    """Microseconds become units of any timebase."""
    bench.unit("units")


def test_extremes(bench: Bench) -> None:
    """Ticks are neither nothing nor an overflow."""
    bench.unit("extremes")


def test_set(bench: Bench) -> None:
    """The timer's interrupt comes when it should, and setting it is cheap."""
    bench.unit("set")
    bench.within_budget()


def test_plain_cpu(bench: Bench) -> None:
    """On a processor without Sstc the timer goes through the firmware."""
    bench.unit("set", cpu="rv64,sstc=off")


def test_next_tick(bench: Bench) -> None:
    """The next tick is counted from now, not from when the last one was due."""
    bench.unit("next_tick")


def test_jitter(bench: Bench) -> None:
    """With a seed a tick is up to a quarter longer or shorter."""
    bench.unit("jitter")


def test_seeds(bench: Bench) -> None:
    """A seed is a schedule: the same each time, another one for each hart."""
    bench.unit("seeds")


def test_timer_hart(bench: Bench) -> None:
    """timer_init_hart lets the timer interrupt, a tick from now."""
    bench.unit("timer_hart")


def test_kinds(bench: Bench) -> None:
    """Each of the three interrupts gets to whom it is for."""
    bench.unit("kinds")


def test_poll(bench: Bench) -> None:
    """A look at the pending interrupts handles them all."""
    bench.unit("poll")


def test_poll_some(bench: Bench) -> None:
    """What sie does not ask for is left alone."""
    bench.unit("poll_some")


def test_trap_hart(bench: Bench) -> None:
    """trap_init_hart puts every register in order that traps depend on."""
    bench.unit("trap_hart")


# --- The whole system --------------------------------------------------------


@pytest.mark.parametrize("name", ["tree", "cause", "units"])
def test_answers(bench: Bench, name: str) -> None:
    """The first question is answered as it comes out on this machine."""
    with remote(bench) as machine:
        at_entry(machine)
        facts: Dict[str, int] = {"tree": machine.get("a1")}
        machine.go(machine.symbol("kernel_main"), "kernel_main")
        facts["cause"] = machine.get("scause")
        machine.go(machine.symbol("vm_init"), "vm_init")
        facts["units"] = machine.read(machine.symbol("timer_tick_length"))
    bench.answer(name, facts[name])


@pytest.mark.parametrize("command", ["echo hello", "test_fault"])
def test_boots(bench: Bench, command: str) -> None:
    """The system boots and runs a command."""
    run = bench.run(command, limit=0.2)
    run.expect_status(0)


def ticks_of(run: Run) -> list[int]:
    found = re.search(r"^ticks +\d+ +([\d ]+)$", run.output, re.M)
    if not found:
        run.fail("a line with ticks", run.broken or "none")
        raise AssertionError("unreachable")
    return [int(word) for word in found[1].split()]


@pytest.mark.parametrize("seed", [0, 3])
def test_ticks(bench: Bench, seed: int) -> None:
    """In a tenth of a second each hart ticks a hundred times."""
    run = bench.run(
        "sleep 100; cat /sys/counters", smp=2, seed=seed, tick=1000, limit=0.4
    )
    run.expect_status(0)
    for count in ticks_of(run):
        if not 85 <= count <= 115:
            got = "fewer" if count < 85 else "more"
            run.fail("about 100 ticks on each hart", f"{got} on one of them")


WORK = "seq 2000 | wc; seq 2000 | wc; sleep 30; cat /sys/counters"


@pytest.mark.parametrize("smp", [2, 4])
def test_harts(bench: Bench, smp: int) -> None:
    """All harts run, tick, and work."""
    run = bench.run(WORK, smp=smp, tick=1000, limit=0.4)
    run.expect_status(0)
    counts = ticks_of(run)
    if len(counts) != smp or min(counts) < 25:
        some = sum(count >= 25 for count in counts)
        run.fail(f"ticks on each of {smp} harts", f"ticks on {some} of {len(counts)}")
