# SPDX-License-Identifier: MIT
"""No stale translation is ever used: how many fences there are, guest programs
under the kernel's oracle (oracle=1, kernel/vm/oracle.h), and that both notice
kernels that fence wrongly."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Callable, Dict, NamedTuple

import pytest

from grading.octavo import scoring
from grading.octavo.guest import DEBUG, FAST, SLOW, Check, Variant, programs
from grading.octavo.machine import TOP, Machine
from grading.octavo.scoring import points

FENCE_HARTS = Variant("smp4", smp=4)
ORACLE = Variant("oracle", debug=True, append="oracle=1")
ORACLE_HARTS = Variant("oracle-smp4", smp=4, seed=1, debug=True, append="oracle=1")


@points(2)
@programs("test_fence", variants=[FAST, SLOW, DEBUG, FENCE_HARTS])
def test_fence(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Fences: one check of a guest program."""
    judge(check, variant)


@points(1)
@programs(
    "test_fence",
    "test_cow",
    "test_map",
    "test_fork",
    "test_item",
    "test_item_big",
    "test_item_cow",
    "test_item_end",
    "test_item_self",
    "test_large",
    "test_lend",
    "test_pager",
    "test_pager_end",
    "test_pager_way",
    "test_bytes",
    "test_race",
    "test_space",
    "test_transfer",
    "test_stress",
    variants=[ORACLE, ORACLE_HARTS],
)
def test_oracle(
    judge: Callable[[Check, Variant], None], check: Check, variant: Variant
) -> None:
    """Under the oracle: one check of a guest program."""
    judge(check, variant)


class Plant(NamedTuple):
    """A kernel with a function of another body, and who must notice: the
    program, on this many harts."""

    title: str
    file: str
    function: str
    body: str
    program: str
    smp: int = 1


PLANTS: Dict[str, Plant] = {
    "missing": Plant(
        "a fence is missing",
        "kernel/vm/gather.c",
        "gather_flush",
        """
    for (unsigned i = 0; i < gather->count; i++) {
        frame_unref((pa_t)gather->frames[i] << PAGE_SHIFT);
    }
    gather_init(gather, gather->space);
""",
        "test_fence protect",
    ),
    "late": Plant(
        "the frame is given back before the fence",
        "kernel/vm/gather.c",
        "gather_flush",
        """
    for (unsigned i = 0; i < gather->count; i++) {
        frame_unref((pa_t)gather->frames[i] << PAGE_SHIFT);
    }
    asid_fence(&gather->space->asid, 0, FENCE_ALL);
    gather_init(gather, gather->space);
""",
        "test_fence unmap",
    ),
    "number": Plant(
        "the fence is for another address space",
        "kernel/vm/asid.c",
        "asid_fence",
        """
    (void)va;
    (void)pages;
    uint64_t number = satp_number(asid->satp) + 1;
    fence_local_asid(number);
    fence_remote_range(asid->hart_mask, 0, FENCE_ANY, number);
""",
        "test_fence protect",
    ),
    "local": Plant(
        "only this hart fences",
        "kernel/vm/asid.c",
        "asid_fence",
        """
    (void)va;
    (void)pages;
    fence_local_asid(satp_number(asid->satp));
""",
        "test_fence taken",
        4,
    ),
    "early": Plant(
        "the fence comes before the entry is written",
        "kernel/vm/fault.c",
        "space_own",
        """
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    asid_fence(&space->asid, page, 1);
    pte_store(leaf, pte_make(pa, flags));
    frame_unref(old);
    return 0;
""",
        "test_cow",
    ),
    "page": Plant(
        "a table is unlinked with a fence of one page",
        "kernel/vm/gather.c",
        "gather_tables",
        """
    pa_t pruned[2];
    unsigned count = pagetable_prune(&gather->space->table, va, pruned);
    for (unsigned i = 0; i < count; i++) {
        gather_frame(gather, pruned[i]);
        gather_range(gather, va, 1, false);
    }
""",
        "test_fence unmap_table",
    ),
    "first": Plant(
        "of several pages one is fenced",
        "kernel/vm/gather.c",
        "gather_range",
        """
    (void)pages;
    gather->low = va;
    gather->high = va + PAGE_SIZE;
    gather->tables |= tables;
""",
        "test_fence move",
    ),
    "relink": Plant(
        "a table is moved with a fence of its first page",
        "kernel/vm/gather.c",
        "gather_range",
        """
    (void)pages;
    (void)tables;
    gather->low = va;
    gather->high = va + PAGE_SIZE;
""",
        "test_item_big",
    ),
    "reuse": Plant(
        "a space that ends is not forgotten",
        "kernel/vm/asid.c",
        "satp_forget",
        """
    if (csr_read(satp) == satp) {
        asid_satp(hart_self(), kernel_satp);
    }
""",
        "test_fork",
    ),
    "mask": Plant(
        "a hart enters without telling",
        "kernel/vm/asid.h",
        "asid_switch",
        """
    asid_satp(hart, asid->satp);
""",
        "test_fence protect",
    ),
    "global": Plant(
        "a mapping of the kernel changes with a fence of one space",
        "kernel/vm/space.c",
        "space_put",
        """
    struct pagetable table = {.root = kernel_root};
    pte_t *leaf = pagetable_find(&table, DIRECT_BASE + 0x84000000, 1);
    pte_t flags = *leaf & PTE_FLAGS;
    pagetable_protect(leaf, flags & ~(pte_t)PTE_W);
    pagetable_protect(leaf, flags);
    asid_fence_here(&space->asid, DIRECT_BASE + 0x84000000);
    if (__atomic_fetch_sub(&space->refs, 1, __ATOMIC_ACQ_REL) == 1) {
        space->dying = true;
        space_defunct(space);
    }
""",
        "test_fork",
    ),
}


def function_replace(text: str, name: str, body: str) -> str:
    """The C source with another body for one function."""
    found = re.search(rf"^[a-z][^;{{}}]*\b{name}\([^;{{}}]*\{{\n", text, re.M)
    if not found:
        raise ValueError(f"no function {name}")
    end = text.index("\n}\n", found.end() - 1)
    return text[: found.end()] + body.lstrip("\n").rstrip() + text[end:]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, with its debug build, to plant in."""
    copy = tmp_path_factory.mktemp("planted") / "tree"
    skip = shutil.ignore_patterns(
        "grade", "release", "mutants-*", "lock", "__pycache__", ".git"
    )
    shutil.copytree(TOP, copy, symlinks=True, ignore=skip)
    return copy


def command(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        words,
        cwd=tree,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=300,
    )


# Where the kernel may do what the oracle has to be told of.
ONLY = {
    r"\bsfence\.vma\b": ["kernel/arch/fence.h", "kernel/boot/start.S"],
    r"csr_write\(satp": [
        "kernel/vm/asid.c",
        "kernel/vm/asid.h",
        "kernel/vm/kernelmap.c",
    ],
}


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


@points(1)
@pytest.mark.parametrize("what", ONLY)
def test_one_place(what: str) -> None:
    """Fences, satp and entries are written in one place."""
    sources = [
        p for p in (TOP / "kernel").glob("*/*") if p.suffix in (".c", ".h", ".S")
    ]
    found = [
        str(path.relative_to(TOP))
        for path in sorted(sources)
        if re.search(what, without_comments(path.read_text(encoding="utf-8")))
    ]
    if found != ONLY[what]:
        scoring.fail(str(ONLY[what]), str(found))


@points(3)
@pytest.mark.parametrize("smp", [1, 4])
def test_churn_oracle(machine: Machine, smp: int) -> None:
    """Random transfers, forks, faults and kills under the oracle."""
    run = machine.run(
        f"test_churn 10000 {smp}",
        smp=smp,
        seed=smp,
        debug=True,
        append="debug=1 oracle=1",
        timeout=240,
    )
    run.expect_status(0)
    run.expect_text("ok churn")


@points(2)
def test_release(machine: Machine) -> None:
    """oracle=1 without a debug build is refused, not ignored."""
    run = machine.run("echo", append="oracle=1", debug=False)
    if "oracle=1 needs a debug build" not in (run.result.panic or ""):
        run.fail("a panic that says so", run.broken or run.output)


def run_changed(tree: Path, file: str, text: str, smp: int, program: str) -> str:
    """What the program says under the oracle, on a kernel with another text in
    this file."""
    source = tree / file
    sound = source.read_text(encoding="utf-8")
    source.write_text(text, encoding="utf-8")
    try:
        built = command(tree, "make", "-s", "DEBUG=1", "all")
        if built.returncode != 0:
            scoring.fail("the changed kernel compiles", built.stdout)
        boot = ["tools/boot", "--no-build", "--debug", "--smp", str(smp)]
        boot += ["--append", "debug=1 oracle=1", "-c", program]
        return command(tree, *boot).stdout
    finally:
        source.write_text(sound, encoding="utf-8")


@points(3)
@pytest.mark.xdist_group("planted")
@pytest.mark.parametrize("name", PLANTS)
def test_planted(name: str, tree: Path) -> None:
    """The oracle notices a kernel that fences wrongly."""
    plant = PLANTS[name]
    sound = (tree / plant.file).read_text(encoding="utf-8")
    planted = function_replace(sound, plant.function, plant.body)
    said = run_changed(tree, plant.file, planted, plant.smp, plant.program)
    if "panic: stale translation" not in said:
        scoring.fail(f"{plant.title}: a panic", said[-2000:])


@points(2)
@pytest.mark.xdist_group("planted")
@pytest.mark.parametrize("last", [0, 63])
def test_few_numbers(last: int, tree: Path) -> None:
    """With 64 address-space numbers, which are used again and again, and with none."""
    file = "kernel/vm/asid.c"
    sound = (tree / file).read_text(encoding="utf-8")
    few = re.sub(r"number_last = .*;", f"number_last = {last};", sound)
    said = run_changed(tree, file, few, 4, "test_stress kills")
    if few == sound or "ok kills" not in said:
        scoring.fail("ok kills", said[-2000:])
