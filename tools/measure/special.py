# SPDX-License-Identifier: MIT
"""The rows that no guest program can measure of itself.

boot_to_shell   the counter at the kernel's first instruction, and where the
                shell reads its first line, after the prompt
irq_to_driver   from the trap that the disk's interrupt causes to the first
                instruction of the disk server, which waits for it, in QEMU's
                log of a program that writes to a disk. The host decides when
                the disk interrupts, so that it varies by a few instructions."""
from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Dict, List, Sequence

import bootlib
from measure import trace
from measure.programs import Sample, symbol
from measure.stub import Machine

KERNEL_ENTRY = 0x80200000
WRITER = "bench_system -1 file_create_unlink"
TIMEOUT_S = 60.0


def sample_of(values: Sequence[int]) -> Sample:
    values = sorted(values)
    counts: Dict[int, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return Sample(
        rounds=len(values),
        min=values[0],
        median=values[len(values) // 2],
        p99=values[(len(values) - 1) * 99 // 100],
        width=1,
        histogram=tuple(counts.items()),
    )


def boot_to_shell(debug: bool) -> Sample:
    shell = bootlib.build_dir(debug) / "user" / "sh"
    options = bootlib.Options(debug=debug, timeout=TIMEOUT_S)
    with Machine(options) as machine:
        machine.run_to(KERNEL_ENTRY)
        before = machine.instructions()
        machine.run_to_program(shell, symbol(shell, "read", debug))
        return sample_of([machine.instructions() - before])


def irq_to_driver(debug: bool) -> Sample:
    build = bootlib.build_dir(debug)
    writer = build / "user" / "bench_system"
    begin = symbol(writer, "bench_run", debug)
    mark = symbol(writer, "bench_mark", debug)
    options = bootlib.Options(
        command=WRITER, virtio=True, debug=debug, timeout=TIMEOUT_S
    )
    with bootlib.working_directory() as work, Machine(options) as machine:
        machine.run_to_program(writer, begin)
        machine.log_to(work / "log")
        machine.run_to_program(writer, mark)
        machine.step()
        machine.run_to_program(writer, mark)
        machine.log_off()
        pcs = trace.read_log(work / "log")
    found = interrupts(pcs, build, debug)
    if not found:
        raise bootlib.BootError("the disk did not interrupt")
    return sample_of(found)


def interrupts(pcs: List[int], build: Path, debug: bool) -> List[int]:
    """For each interrupt for which the disk server waited, the instructions from
    the trap, or from where an idle hart wakes, to the one behind its system
    call. One that interrupts the server itself leads back to anywhere in it."""
    kernel = build / "kernel.elf"
    objdump = bootlib.build_env(debug)["OBJDUMP"]
    handler = symbol(kernel, "irq_interrupt", debug)
    text = trace.disassemble(objdump, kernel)
    starts = {pc for pc, found in text.items() if found.mnemonic == "wfi"}
    starts.add(symbol(kernel, "trap_entry", debug))
    disk = trace.disassemble(objdump, build / "user/disk")
    found = []
    start = 0
    for place, address in enumerate(pcs):
        if address in starts:
            start = place
        if address != handler:
            continue
        end = next(i for i in range(place, len(pcs)) if pcs[i] < trace.USER_TOP)
        calls = disk.get(pcs[end] - 4)
        part = list(takewhile(lambda pc: pc < trace.USER_TOP, pcs[end:]))
        if calls and calls.mnemonic == "ecall" and trace.could_run(disk, part):
            found.append(end - start)
    return found
