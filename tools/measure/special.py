# SPDX-License-Identifier: MIT
"""The rows that no program of a running system can measure.

boot_to_shell   the count at the kernel's first instruction, and where the
                shell reads its first line, after the prompt. Then the machine is
                reset: the next boot finds the memory as this one leaves it, and
                its clocks go on. Nearly all have to count the same.
irq_to_driver   user/bench/bench_irq.c in the place of init: a program that owns
                a device. Its figures are in its memory when it is done."""
from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Dict, Iterator, List, Sequence

import bootlib
from measure.programs import Sample, symbol
from measure.stub import Machine

KERNEL_ENTRY = 0x80200000
MACHINES = 4
BOOTS = 250  # of each machine
RESET = ["-action", "reboot=reset"]  # in spite of -no-reboot
DRIVER = "bench_irq"
ROUNDS = 1000  # BENCH_ROUNDS of user/bench/common/bench.h
PACKET = 1000  # bytes that the stub reads at once
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


def boot_to_shell(debug: bool, jobs: int) -> Sample:
    with ThreadPoolExecutor(jobs) as pool:
        parts = list(pool.map(lambda _: boots(debug, BOOTS), range(MACHINES)))
    return usual([count for part in parts for count in part])


def boots(debug: bool, count: int) -> List[int]:
    """What boots of one machine cost, one after the other."""
    shell = bootlib.build_dir(debug) / "user" / "sh"
    prompt = symbol(shell, "read", debug)
    options = bootlib.Options(debug=debug, timeout=TIMEOUT_S, qemu_args=RESET)
    found = []
    with Machine(options, counts=True) as machine:
        for _ in range(count):
            machine.run_to(KERNEL_ENTRY)
            before = machine.instructions()
            machine.run_to_program(shell, prompt)
            found.append(machine.instructions() - before)
            machine.reset()
    return found


def usual(values: Sequence[int]) -> Sample:
    """What nearly all boots count, which is the least: a tick comes into some of
    them, where each boot begins at another place between two ticks."""
    sample = sample_of(values)
    least, times = sample.histogram[0]
    if times * 4 < len(values) * 3:
        counts = ", ".join(f"{cost} ({n} times)" for cost, n in sample.histogram)
        raise bootlib.BootError(f"boots differ: {counts}")
    return sample_of([least] * len(values))


@contextmanager
def driver_machine(debug: bool) -> Iterator[Machine]:
    """A machine with the kernel and DRIVER, which is the first program."""
    program = bootlib.build_dir(debug) / "stripped" / DRIVER
    with bootlib.working_directory() as work:
        archive = work / "initrd"
        bootlib.pack_initrd(str(archive), [f"{program}:init"])
        options = bootlib.Options(
            debug=debug, timeout=TIMEOUT_S, qemu_args=["-initrd", str(archive)]
        )
        with Machine(options) as machine:
            yield machine


def irq_to_driver(debug: bool) -> Sample:
    driver = bootlib.build_dir(debug) / "user" / DRIVER
    costs = symbol(driver, "costs", debug)
    size = 8 * ROUNDS
    with driver_machine(debug) as machine:
        machine.run_to_program(driver, symbol(driver, "bench_mark", debug))
        parts = (machine.memory(costs + at, PACKET) for at in range(0, size, PACKET))
        return sample_of(struct.unpack(f"<{ROUNDS}Q", b"".join(parts)))
