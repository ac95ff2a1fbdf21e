# SPDX-License-Identifier: MIT
"""What each instruction of a call and its reply is for, against the floor.

In assembly a step is told by its text; in C by the function of the source that
it belongs to, and in the two functions of kernel/ipc/fastpath.c by what went
before: up to the test of the slot a handle is looked up, up to the commit
everything is checked. The floor is derived in docs/performance.md, instruction
by instruction."""
from __future__ import annotations

import re
from collections import Counter
from typing import Dict, Iterator, List, Sequence, Tuple

from measure.trace import Step

# Of a call and of a reply: the fewest instructions.
FLOOR: Dict[str, Tuple[int, int]] = {
    "user": (0, 3),
    "trap": (2, 2),
    "identify": (9, 7),
    "save": (20, 20),
    "look up": (6, 7),
    "check": (12, 8),
    "lock": (3, 3),
    "queue": (5, 4),
    "space": (2, 2),
    "results": (2, 1),
    "restore": (19, 19),
    "return": (1, 1),
    "linkage": (0, 0),
}

ANYWHERE = (
    ("return", r"sret"),
    ("trap", r"csrrw\ttp,sscratch,tp"),
    ("linkage", r"ld\t\w+,256\("),  # the hart
    ("lock", r"amoswap"),
    ("restore", r"mv\ttp,"),
    ("linkage", r"(j|jal|call|ret|mv)\b"),
)

IN_ASSEMBLY = (
    ("identify", r"csrr\t\w+,scause"),
    ("save", r"csrr\t\w+,(sepc|sscratch)|csrrw\t\w+,sscratch|sd\t\w+,\d+\(tp\)"),
    ("save", r"add\t(\w+),\1,4$"),  # the pc, past the ecall
    ("restore", r"csrw\ts(epc|scratch)|ld\t\w+,\d+\((tp|s11)\)"),
    ("identify", r""),
)

IN_C = (
    ("space", r"asid_\w+|space_\w+"),
    ("queue", r"call_partner|reply_to_partner|doom_check\w*"),
    ("check", r"gap|unlike|outranked|call_depth|endpoint_\w+"),
)

Part = List[Tuple[Step, str]]  # steps and functions of the source


def phases(part: Part, assembly: Sequence[bool]) -> Iterator[str]:
    """The phase of each step of one direction."""
    before, tested = "", False
    for (step, function), in_assembly in zip(part, assembly):
        tested = tested or not in_assembly and bool(re.match("andi?\t|amo", step.text))
        yield phase_of(step, function, in_assembly, tested, before)
        before = step.text


def phase_of(
    step: Step, function: str, in_assembly: bool, tested: bool, before: str
) -> str:
    if step.program:
        return "trap" if step.text.startswith("ecall") else "user"
    text = step.text
    for phase, pattern in ANYWHERE + (IN_ASSEMBLY if in_assembly else ()):
        if re.match(pattern, text):
            return phase
    if before.startswith("amoswap") and text.startswith("b"):
        return "lock"
    if re.match(r"li\ta[07],|ld\ta7,|lwu\ta0,", text):
        return "results"
    if re.match(r"sd\ta1,", text):
        return "queue"  # the tag, for whoever takes the call back
    for phase, names in IN_C:
        if re.fullmatch(names, function):
            return phase
    return "check" if tested else "look up"


def split(found: Part) -> Tuple[Part, Part]:
    """The call and the reply: the server's instructions begin the reply."""
    inside = next(i for i, (step, _) in enumerate(found) if not step.program)
    server = next(i for i, (s, _) in enumerate(found) if i > inside and s.program)
    return found[:server], found[server:]


def table(found: Part, assembly: Sequence[bool]) -> List[str]:
    """The lines of the table: counts by phase, floors, and what is above."""
    count: List[Counter[str]] = []
    where: Dict[str, Counter[str]] = {phase: Counter() for phase in FLOOR}
    start = 0
    for part in split(found):
        named = list(phases(part, assembly[start : start + len(part)]))
        start += len(part)
        count.append(Counter(named))
        for phase, (step, function) in zip(named, part):
            where[phase][function if not step.program else step.program] += 1
    lines = [f"{'':10} {'call':>6} {'floor':>6} {'reply':>6} {'floor':>6} {'above':>6}"]
    for phase, (call, reply) in FLOOR.items():
        ours = count[0][phase], count[1][phase]
        above = sum(ours) - call - reply
        inside = ", ".join(f"{n} {name}" for name, n in where[phase].most_common())
        lines.append(
            f"{phase:10} {ours[0]:6} {call:6} {ours[1]:6} {reply:6} {above:+6}  {inside}"
        )
    floors = [sum(pair[i] for pair in FLOOR.values()) for i in (0, 1)]
    sums = [sum(counter.values()) for counter in count]
    lines.append(
        f"{'all':10} {sums[0]:6} {floors[0]:6} {sums[1]:6} {floors[1]:6} "
        f"{sum(sums) - sum(floors):+6}"
    )
    return lines
