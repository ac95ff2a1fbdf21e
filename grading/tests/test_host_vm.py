# SPDX-License-Identifier: MIT
"""Virtual memory on the host: kernel/vm itself, on a simulated machine.

The C program in grading/host/vm has physical memory in an array and harts with
the least helpful TLBs that the architecture allows. It is built with
sanitizers and run case by case. `test_mutant` breaks kernel/vm in one place at
a time and requires that a case notices: so the cases can fail."""
from __future__ import annotations

import subprocess
import tomllib
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
    "block": "2 MiB of frames are found in what is free",
    "contiguous": "Adjacent frames are found in memory that was in use",
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
    "switch": "Switching writes satp, and fences nothing",
    "roll_6": "Sixty-four numbers for hundreds of spaces",
    "roll_16": "Numbers enough for all",
    "roll_5": "Too few numbers to be of use",
    "roll_0": "A machine without address-space numbers",
    "roll_stay": "A living space keeps its number when others run out",
    "roll_full": "When all numbers are in use there is no further space",
    "roll_once": "A space that has ended is fenced once",
    "random_one_hart": "Random operations agree with a model",
    "random_four_harts": "Random operations on four harts",
    "random_few_numbers": "Random operations with sixty-four address-space numbers",
    "random_no_numbers": "Random operations without address-space numbers",
    "random_little_memory": "Random operations when memory runs out",
    "random_failures": "Random operations when allocations fail",
    "transfer_undo": "Items that touch are taken back one by one",
    "transfer_one_hart": "Random transfers and loans agree with a model",
    "transfer_four_harts": "Random transfers and loans on four harts",
    "transfer_few_numbers": "Random transfers with sixty-four address-space numbers",
    "transfer_no_numbers": "Random transfers without address-space numbers",
    "transfer_failures": "Random transfers when allocations fail",
    "oracle_page": "The oracle wants each page fenced, on each hart, in time",
    "oracle_absent": "The oracle wants a hart fenced that comes back later",
    "oracle_table": "The oracle wants more than a page fenced for a table",
    "oracle_many": "The oracle forgets none of many pages",
    "oracle_number": "The oracle wants no number given out twice",
    "oracle_global": "The oracle wants all fenced for the kernel's map",
}


class Mutant(NamedTuple):
    """One mistake: `old` in `file` becomes `new`; `case` must notice, and the
    kernel's oracle in the case `oracle`, if there is one."""

    name: str
    file: str
    old: str
    new: str
    case: str = ""
    oracle: str = ""


def mutants() -> List[Mutant]:
    with open(HOST / "mutants.toml", "rb") as file:
        return [Mutant(**entry) for entry in tomllib.load(file)["mutant"]]


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


def run_case(program: Path, *case: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *case],
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
    (folder / "vm").mkdir()
    source, broken = folder / "vm" / mutant.file, folder / "broken.o"
    source.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    if source.suffix == ".h":  # everything that includes it
        sources = [str(path) for path in all_sources()]
        output = ["-o", str(folder / "program")]
        compile_c(["-Wno-error", "-iquote", str(folder)] + sources + output)
        return folder / "program"
    compile_c(["-Wno-error", "-c", str(source), "-o", str(broken)])
    swapped = {**objects, f"vm-{mutant.file}": broken}
    compile_c(
        [str(path) for path in swapped.values()] + ["-o", str(folder / "program")]
    )
    return folder / "program"


@pytest.mark.xdist_group("host-vm")
@pytest.mark.parametrize("case", CASES)
def test_case(program: Path, case: str) -> None:
    """Virtual memory on a simulated machine."""
    done = run_case(program, case)
    if done.returncode != 0:
        scoring.fail(CASES[case], f"exit status {done.returncode}", done.stdout)


@pytest.mark.xdist_group("host-vm")
@pytest.mark.parametrize("case", CASES)
def test_case_oracle(program: Path, case: str) -> None:
    """Virtual memory on a simulated machine, under the kernel's oracle."""
    done = run_case(program, "-o", case)
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
@pytest.mark.parametrize("mutant", mutants(), ids=mutant_id)
def test_mutant(mutant: Mutant, objects: Dict[str, Path], tmp_path: Path) -> None:
    """A mistake in virtual memory is noticed."""
    output = build_mutant(mutant, objects, tmp_path)
    try:
        if mutant.case and run_case(output, mutant.case).returncode == 0:
            scoring.fail(f"{mutant.case} fails on: {mutant.name}", "it passes")
    except subprocess.TimeoutExpired:
        pass  # a mistake that hangs is noticed too
    if mutant.oracle:
        said = run_case(output, "-o", mutant.oracle).stdout
        if "stale translation" not in said:
            scoring.fail(f"the oracle panics on: {mutant.name}", said)
