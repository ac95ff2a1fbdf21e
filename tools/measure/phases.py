# SPDX-License-Identifier: MIT
"""What each instruction of a call and its reply is for, against the floor.

A step in assembly is told by its text and by whether C has run before it on the
way, one in C by the function of the source that it belongs to. The floor is
derived in docs/performance.md, instruction by instruction."""
from __future__ import annotations

import re
from collections import Counter
from typing import Dict, List, Sequence, Tuple

from measure.trace import Step

# Of a call and of a reply: the fewest instructions.
FLOOR: Dict[str, Tuple[int, int]] = {
    "user": (0, 3),
    "trap": (2, 2),
    "identify": (8, 8),
    "save": (20, 20),
    "look up": (7, 7),
    "check": (12, 15),
    "lock": (3, 3),
    "queue": (9, 9),
    "space": (2, 2),
    "results": (5, 5),
    "restore": (20, 20),
    "return": (1, 1),
    "linkage": (0, 0),
}

IN_ASSEMBLY = (
    ("return", r"sret"),
    ("trap", r"csrrw\ttp,sscratch,tp"),
    ("identify", r"csrr\t\w+,scause"),
    ("save", r"csrr\t\w+,(sepc|sscratch)|csrrw\t\w+,sscratch|sd\t\w+,\d+\(tp\)"),
    ("linkage", r"ld\t\w+,256\(tp\)"),  # the hart
    ("restore", r"csrw\ts(epc|scratch)|ld\t(?!sp,0\()\w+,\d+\((tp|a0)\)|mv\ttp,"),
    ("results", r"li\t\w+,0|mv\t\w+,zero|ld\ta7,"),
    ("linkage", r"(c\.)?(jal|j|call|ld|mv|ret)\b"),
    ("space", r"csrw\tsatp"),
    ("identify", r""),
)

IN_C = (
    ("look up", r"slot_\w+|meta_is|handle_\w+"),
    ("space", r"asid_\w+|space_\w+"),
    ("lock", r"spin_\w+"),
    ("queue", r"list_(init|remove|push\w*|insert\w*)|begin_wait|end_wait"),
    ("queue", r"thread_publish|call_commit|call_switch|reply_switch"),
    ("check", r"session_partner|reply_partner|call_partner|ordinary"),
    ("check", r"endpoint_quiet|list_\w+"),
)

Part = List[Tuple[Step, str]]  # steps and functions of the source


def phase_of(step: Step, function: str, assembly: bool) -> str:
    if step.program:
        return "trap" if step.text.startswith("ecall") else "user"
    if assembly:
        return next(p for p, text in IN_ASSEMBLY if re.match(text, step.text))
    if re.match(r"(c\.)?ret|mv\t", step.text):
        return "linkage"
    found = (p for p, names in IN_C if re.fullmatch(names, function))
    return next(found, "results" if re.search(r"\ba7\b", step.text) else "linkage")


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
        ends = zip(part, assembly[start:])
        phases = [phase_of(s, f, is_assembly) for (s, f), is_assembly in ends]
        start += len(part)
        count.append(Counter(phases))
        for phase, (step, function) in zip(phases, part):
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
