# SPDX-License-Identifier: MIT
"""Virtual memory on the host: kernel/vm itself, on a simulated machine.

The C program in grading/host/vm has physical memory in an array and harts with
the least helpful TLBs that the architecture allows. It is built with
sanitizers and run case by case. `test_mutant` breaks kernel/vm in one place at
a time and requires that a case notices: so the cases can fail."""
from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple

import pytest

from grading.octavo import scoring
from grading.octavo.machine import TOP
from grading.octavo.scoring import points

HOST = TOP / "grading" / "host" / "vm"
KERNEL = TOP / "kernel"
CORE = KERNEL / "vm"
FLAGS = ["-std=gnu11", "-DDEBUG=1", "-Wall", "-Wextra", "-Werror", "-O1", "-g"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
TIMEOUT = 120

CASES = {
    "exhaust": "Every free frame is handed out once, and none that is not",
    "reserve": "The last frames are for essential allocations only",
    "refs": "A frame is free when its last reference goes, however many",
    "harts": "Frames in other harts' stocks are found when memory is short",
    "contiguous": "Adjacent frames are found in fresh and in used memory",
    "fail_after": "The n-th allocation fails, and only that",
    "quota": "A quota charges up to its limit and never past it",
    "slab": "Objects of a slab keep their contents and their type",
    "table_failure": "Mapping a page without memory changes nothing",
    "table_walk": "Pages far apart are mapped, found in order, and pruned",
    "next_budget": "Looking for pages stops when the budget is used up",
    "lazy": "Pages appear zeroed when touched, and nowhere else",
    "rights": "A page permits what its region does",
    "map_errors": "Bad ranges and rights are refused",
    "placement": "The kernel chooses the lowest free range",
    "guard": "The page below a stack stays unmapped",
    "unmap": "Unmapping takes out these pages, and their tables",
    "unmap_steps": "Unmapping much is done in steps",
    "unmap_sparse": "So is unmapping little in many tables",
    "protect": "Rights are lowered and raised; contents stay",
    "execute": "Harts are told of new code",
    "region_limit": "The number of regions is bounded, with nothing lost",
    "locked": "Lent and borrowed pages cannot be changed, and fork skips them",
    "sbrk": "The heap grows and shrinks to the byte",
    "cow": "Fork shares pages until somebody writes",
    "cow_protect": "Pages shared while they could not be written are copied",
    "sharers": "Three hundred sharers, then the last owner writes in place",
    "fork_shared": "Shared pages are copied by fork, or stay shared",
    "fork_steps": "Fork in steps, while another thread changes the parent",
    "teardown": "A space goes in steps, once every hart has left it",
    "memory": "Memory objects map what they name and are pinned",
    "copy_exact": "Copying moves exactly these bytes",
    "copy_faults": "Copying stops at a hole and says on which side",
    "copy_cow": "Copying resolves common and missing pages",
    "limit": "Quota and frames run out without harm",
    "failure_sweep": "Whichever allocation fails, nothing is lost",
    "fence_count": "Fences happen where a right goes, and only there",
    "fork_fence": "Fork fences the parent once, if it lost a right",
    "remote": "Other harts that were in the space forget, too",
    "switch": "Switching writes satp once, and fences nothing",
    "roll_4": "Sixteen numbers for forty spaces",
    "roll_16": "Numbers enough for all",
    "roll_3": "Too few numbers to be of use",
    "roll_0": "A machine without address-space numbers",
    "roll_stay": "Who stays in a space through roll-overs keeps its number",
    "random_one_hart": "Random operations agree with a model",
    "random_four_harts": "Random operations on four harts",
    "random_few_numbers": "Random operations with sixteen address-space numbers",
    "random_no_numbers": "Random operations without address-space numbers",
    "random_little_memory": "Random operations when memory runs out",
    "random_failures": "Random operations when allocations fail",
}


class Mutant(NamedTuple):
    """One mistake: `old` in `file` becomes `new`; `case` must notice."""

    name: str
    file: str
    old: str
    new: str
    case: str


MUTANTS = [
    Mutant(
        "a frame given back twice is free twice",
        "frame.c",
        "    if (before > 1) {\n        return false;",
        "    if (before > 2) {\n        return false;",
        "refs",
    ),
    Mutant(
        "reserve ignored",
        "frame.c",
        "essential ? 0 : reserve",
        "essential ? 0 : 0",
        "reserve",
    ),
    Mutant(
        "reserved frames handed out",
        "frame.c",
        "i < from->reserved_count",
        "i + 1 < from->reserved_count",
        "exhaust",
    ),
    Mutant(
        "other stocks not tried",
        "frame.c",
        "i < hart_count && index == NO_FRAME",
        "i < 1 && index == NO_FRAME",
        "harts",
    ),
    Mutant(
        "page not zeroed",
        "frame.c",
        "        page_zero(pa_to_va(pa));\n",
        "",
        "lazy",
    ),
    Mutant(
        "used frames not searched for a run",
        "frame.c",
        "frames[index].kind == FRAME_POOL ?",
        "frames[index].kind == FRAME_SLAB ?",
        "contiguous",
    ),
    Mutant(
        "quota off by one",
        "quota.c",
        "now <= limit && n <= limit - now",
        "now <= limit && n <= limit - now + 1",
        "quota",
    ),
    Mutant(
        "object made anew",
        "slab.c",
        "        *link = IN_USE;\n",
        "        *link = IN_USE;\n        __builtin_memset(object, 0, slab->link);\n",
        "slab",
    ),
    Mutant(
        "tables of a failed walk lost",
        "pagetable.c",
        "                frame_unref(tables[i]);\n",
        "",
        "table_failure",
    ),
    Mutant(
        "charge of a failed walk kept",
        "pagetable.c",
        "    if (leaf == NULL) {\n        quota_uncharge_frames(table->quota, 1);",
        "    if (leaf == NULL) {",
        "table_failure",
    ),
    Mutant(
        "full table pruned",
        "pagetable.c",
        "if (frame_of(pa)->tag > 0) {",
        "if (frame_of(pa)->tag > 1) {",
        "unmap",
    ),
    Mutant(
        "empty tables kept",
        "map.c",
        "    gather_tables(gather, last);\n    if",
        "    if",
        "unmap",
    ),
    Mutant(
        "no limit to a search",
        "pagetable.c",
        "++empty % SCAN_UNIT == 0",
        "++empty % SCAN_UNIT == SCAN_UNIT",
        "next_budget",
    ),
    Mutant(
        "guard not reserved",
        "region.c",
        "region->start - PAGE_SIZE",
        "region->start - 0",
        "guard",
    ),
    Mutant(
        "regions may touch by a page",
        "region.c",
        "end <= region_low(region);",
        "end <= region_low(region) + PAGE_SIZE;",
        "map_errors",
    ),
    Mutant(
        "first half of a split not joined again",
        "region.c",
        "        region_join_around(space, start, start);\n",
        "",
        "region_limit",
    ),
    Mutant(
        "write and execute together",
        "map.c",
        "!(write && prot & PROT_EXECUTE)",
        "!(write && prot & 8)",
        "map_errors",
    ),
    Mutant(
        "length wraps",
        "map.c",
        "length > USER_END)",
        "length > UINT64_MAX)",
        "map_errors",
    ),
    Mutant(
        "rights of a memory object raised",
        "map.c",
        "memory == NULL ? PROT_ALL : flags & PROT_ALL",
        "memory == NULL ? PROT_ALL : PROT_ALL",
        "memory",
    ),
    Mutant(
        "lent pages unmapped",
        "map.c",
        "if (region->flags & LOCKED_REGION) {\n            return true;",
        "if (region->flags & LOCKED_REGION) {\n            return false;",
        "locked",
    ),
    Mutant(
        "protect leaves the pages",
        "map.c",
        "            region->stale = region->start;",
        "            region->stale = region->end;",
        "protect",
    ),
    Mutant(
        "execute-only page left as a pointer",
        "map.c",
        "        flags &= ~(pte_t)PTE_V; /*",
        "        flags &= ~(pte_t)PTE_W; /*",
        "random_one_hart",
    ),
    Mutant(
        "no fence.i for new code",
        "map.c",
        "        fence_local_code();\n",
        "",
        "execute",
    ),
    Mutant(
        "heap not shrunk to the page",
        "map.c",
        "va_t end_page = round_up(end, PAGE_SIZE);",
        "va_t end_page = round_up(end + PAGE_SIZE, PAGE_SIZE);",
        "sbrk",
    ),
    Mutant(
        "last owner copies",
        "fault.c",
        "frame_refs(pte_frame(*leaf)) > 1) {",
        "frame_refs(pte_frame(*leaf)) > 0) {",
        "sharers",
    ),
    Mutant(
        "common page written in place",
        "fault.c",
        "frame_refs(pte_frame(*leaf)) > 1) {",
        "frame_refs(pte_frame(*leaf)) > 2) {",
        "cow",
    ),
    Mutant(
        "common page gets the right to write with another",
        "fault.c",
        "        flags &= ~(pte_t)PTE_W;\n",
        "",
        "cow_protect",
    ),
    Mutant(
        "read-only page becomes writable",
        "fault.c",
        "region != NULL && region->prot & access ?",
        "region != NULL && (region->prot & access || access == PROT_WRITE) ?",
        "rights",
    ),
    Mutant(
        "no fence after a copy",
        "fault.c",
        "        asid_fence(&space->asid, page, 1);\n",
        "",
        "remote",
    ),
    Mutant(
        "copied frame never dropped",
        "fault.c",
        "    frame_unref(old);\n",
        "",
        "cow",
    ),
    Mutant(
        "fault that never ends",
        "fault.c",
        "            asid_fence_here(&space->asid, va);\n",
        "",
        "lazy",
    ),
    Mutant(
        "parent keeps the right to write",
        "fork.c",
        "~(pte_t)(PTE_W | PTE_SHARED)",
        "~(pte_t)(PTE_SHARED)",
        "cow",
    ),
    Mutant(
        "child gets the right to write",
        "fork.c",
        "pte_flags(region->prot & ~PROT_WRITE)",
        "pte_flags(region->prot)",
        "cow",
    ),
    Mutant(
        "no fence after fork",
        "fork.c",
        "    gather_flush(&gather);\n",
        "",
        "fork_fence",
    ),
    Mutant(
        "shared page made common by fork",
        "fork.c",
        "if (old & PTE_SHARED && frame_refs(pa) > 1) {",
        "if (old & PTE_SHARED && frame_refs(pa) > 9) {",
        "fork_shared",
    ),
    Mutant(
        "memory objects inherited",
        "fork.c",
        "return region->memory == NULL &&\n           !",
        "return !",
        "memory",
    ),
    Mutant(
        "reference of a failed fork kept",
        "fork.c",
        "        frame_unref(pa);\n",
        "",
        "failure_sweep",
    ),
    Mutant(
        "frames dropped before the fence",
        "gather.c",
        "    struct asid *asid = &gather->space->asid;\n    if",
        "    struct asid *asid = &gather->space->asid;\n"
        "    for (unsigned i = 0; i < gather->count; i++) {\n"
        "        frame_unref((pa_t)gather->frames[i] << PAGE_SHIFT);\n"
        "    }\n    gather_init(gather, gather->space);\n    if",
        "remote",
    ),
    Mutant(
        "tables fenced by address",
        "gather.c",
        "        gather->tables = true;\n",
        "",
        "random_one_hart",
    ),
    Mutant(
        "page past the range not fenced",
        "gather.c",
        "va >= gather->high ? va + PAGE_SIZE : gather->high",
        "va >= gather->high ? va : gather->high",
        "remote",
    ),
    Mutant(
        "other harts not fenced",
        "asid.c",
        "    uint32_t self = 1u << hart_self()->id;\n",
        "    uint32_t self = 1u << hart_self()->id;\n    mask &= self;\n",
        "remote",
    ),
    Mutant(
        "wrong number fenced",
        "asid.c",
        "fence_local_page(va + i * PAGE_SIZE, number)",
        "fence_local_page(va + i * PAGE_SIZE, number + 1)",
        "random_one_hart",
    ),
    Mutant(
        "hart not noted in the mask",
        "asid.c",
        "__atomic_fetch_or(&asid->hart_mask, 1u << hart->id,",
        "__atomic_fetch_or(&asid->hart_mask, 0u << hart->id,",
        "remote",
    ),
    Mutant(
        "no flush after a roll-over",
        "asid.c",
        "    if (flush) {\n        fence_local_all();",
        "    if (flush && number_count > 16) {\n        fence_local_all();",
        "roll_4",
    ),
    Mutant(
        "no flush without numbers",
        "asid.c",
        "    if (flush) {\n        fence_local_all();",
        "    if (flush && number_count > 0) {\n        fence_local_all();",
        "roll_0",
    ),
    Mutant(
        "reserved number given out",
        "asid.c",
        "while (next_number < number_count && is_reserved(next_number)) {",
        "while (false && is_reserved(next_number)) {",
        "roll_stay",
    ),
    Mutant(
        "number lost in the second roll-over",
        "asid.c",
        "asid->generation == generation || has_reserved(asid)",
        "asid->generation == generation",
        "roll_stay",
    ),
    Mutant(
        "space freed under a hart",
        "asid.c",
        "            left = false;\n",
        "",
        "teardown",
    ),
    Mutant(
        "copy crosses a page",
        "copy.c",
        "page_rest(tva, page_rest(fva, length))",
        "page_rest(tva, length)",
        "copy_exact",
    ),
    Mutant(
        "read-only page written by a copy",
        "copy.c",
        "side_resolve(to, tva, PROT_WRITE, nofault, &target)",
        "side_resolve(to, tva, PROT_READ, nofault, &target)",
        "copy_faults",
    ),
    Mutant(
        "bytes counted that were not copied",
        "copy.c",
        "*done = result == 0 ? part : 0;",
        "*done = part;",
        "copy_faults",
    ),
    Mutant(
        "common page overwritten by a copy",
        "fault.c",
        "return nofault ? -EFAULT :",
        "return nofault ? 0 :",
        "copy_cow",
    ),
    Mutant(
        "DMA frames never freed",
        "memory.c",
        "        dma_free(memory->base, memory->pages);\n",
        "",
        "memory",
    ),
    Mutant(
        "RAM in use mapped as a device",
        "memory.c",
        "length <= initrd.size - (base - initrd.base);",
        "length <= initrd.size;",
        "memory",
    ),
]


def mutant_id(mutant: Mutant) -> str:
    return mutant.name.replace(" ", "-")


def all_sources() -> List[Path]:
    """The test program: all of kernel/vm but what makes the kernel's half."""
    core = [p for p in CORE.glob("*.c") if p.name not in ("kernelmap.c", "vm.c")]
    return sorted(core) + sorted(HOST.glob("*.c")) + [KERNEL / "sync" / "spinlock.c"]


def compile_c(arguments: List[str]) -> None:
    includes = [HOST / "shim", HOST, KERNEL]
    command = ["gcc"] + FLAGS + [f"-I{path}" for path in includes] + arguments
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    if done.returncode != 0:
        scoring.fail("the test program compiles", done.stdout, " ".join(command))


def run_case(program: Path, case: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), case],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=TIMEOUT,
    )


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("vm") / "vm"
    compile_c(SANITIZE + [str(p) for p in all_sources()] + ["-o", str(output)])
    return output


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Path]:
    """Everything as objects without sanitizers, to link mutants with."""
    folder = tmp_path_factory.mktemp("vm-objects")
    made = {}
    for source in all_sources():
        key = f"{source.parent.name}-{source.name}"
        made[key] = folder / f"{key}.o"
        compile_c(["-c", str(source), "-o", str(made[key])])
    return made


def build_mutant(mutant: Mutant, objects: Dict[str, Path], folder: Path) -> Path:
    """The test program with one file of kernel/vm broken."""
    text = (CORE / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        scoring.fail(f"one place to break in {mutant.file}", mutant.old)
    source, broken = folder / mutant.file, folder / "broken.o"
    source.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    compile_c(["-Wno-error", "-c", str(source), "-o", str(broken)])
    swapped = {**objects, f"vm-{mutant.file}": broken}
    compile_c([str(path) for path in swapped.values()] + ["-o", str(folder / "vm")])
    return folder / "vm"


@pytest.mark.xdist_group("host-vm")
@pytest.mark.parametrize("case", CASES)
def test_case(program: Path, case: str) -> None:
    """Virtual memory on a simulated machine."""
    done = run_case(program, case)
    if done.returncode != 0:
        scoring.fail(CASES[case], f"exit status {done.returncode}", done.stdout)


@pytest.mark.xdist_group("host-vm")
def test_all_cases_run(program: Path) -> None:
    """Every case that the host program has is run here."""
    lines = run_case(program, "-l").stdout.splitlines()
    listed = [line.split("\t")[0] for line in lines]
    if listed != list(CASES):
        scoring.fail(str(list(CASES)), str(listed))


@points(1)
@pytest.mark.xdist_group("host-vm-mutants")
@pytest.mark.parametrize("mutant", MUTANTS, ids=mutant_id)
def test_mutant(mutant: Mutant, objects: Dict[str, Path], tmp_path: Path) -> None:
    """A mistake in virtual memory is noticed."""
    output = build_mutant(mutant, objects, tmp_path)
    try:
        if run_case(output, mutant.case).returncode == 0:
            scoring.fail(f"{mutant.case} fails on: {mutant.name}", "it passes")
    except subprocess.TimeoutExpired:
        pass  # a mistake that hangs is noticed too
