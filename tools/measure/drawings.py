# SPDX-License-Identifier: MIT
"""The figures of the book's chapters, each from a short description.

Use     draw_all()["boot-order"] is the text of a file in docs/book/figures."""
from __future__ import annotations

from typing import Dict

from measure import scenes
from measure.diagrams import Arrow, Box, Step, fields, graph, lanes


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


def draw_all() -> Dict[str, str]:
    """Each figure's text, by its name."""
    return {
        **scenes.draw_all(),
        "boot-order": boot_order(),
        "boot-map": boot_map(),
    }
