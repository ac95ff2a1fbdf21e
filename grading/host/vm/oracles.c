/* SPDX-License-Identifier: MIT */
/*
 * oracles.c: each rule of the kernel's oracle: who keeps it passes, who breaks
 * it panics, and the panic says so.
 *
 * Idea        A rule is a pair of small kernels, a wrong and a right one, on a
 *             space that two harts are in. Each runs in a process of its own,
 *             whose last words are read.
 */
#include <string.h>

#include "arch/fence.h"
#include "kit.h"
#include "tests.h"
#include "vm/frame.h"
#include "vm/kernelmap.h"
#include "vm/oracle.h"

enum { PAGES = 8, MANY = 700 };

static struct space *space;

static void prepare(unsigned pages) {
    sim_oracle = true;
    sim_boot(FRAMES, 3, 16);
    quota = quota_create();
    space = space_create(quota);
    map(space, BASE, pages, RW);
    for (unsigned hart = 0; hart < 2; hart++) {
        sim_hart(hart);
        for (unsigned i = 0; i < pages; i++) {
            store(space, BASE + i * PAGE_SIZE, i);
        }
    }
    sim_hart(0);
}

static void expect_panic(void (*run)(void), const char *words) {
    const char *text = sim_last_words(run);
    if (strstr(text, "stale translation: ") == NULL ||
        strstr(text, words) == NULL) {
        fprintf(stderr, "instead of \"%s\": %s\n", words, text);
        exit(1);
    }
}

static void expect_nothing(void (*run)(void)) {
    const char *text = sim_last_words(run);
    if (text[0] != '\0') {
        fprintf(stderr, "instead of nothing: %s\n", text);
        exit(1);
    }
}

static pte_t *leaf_of(unsigned page) {
    return pagetable_find(&space->table, BASE + page * PAGE_SIZE, 0);
}

static void unmap_page(unsigned page) {
    frame_unref(pte_frame(pagetable_unmap(&space->table, leaf_of(page))));
}

static uint64_t number(void) {
    return space->asid.satp >> SATP_ASID_SHIFT & SATP_ASID_MASK;
}

/* Leaves the kernel, on the harts that are in the space. */
static void leave(void) {
    spin_unlock(&space->lock);
    oracle_check();
}

/* ---- A page ---- */

static void page_fenced(void) {
    prepare(PAGES);
    spin_lock(&space->lock);
    pagetable_protect(leaf_of(3), pte_flags(PROT_READ));
    pagetable_protect(leaf_of(4), pte_flags(PROT_READ));
    asid_fence(&space->asid, BASE + 3 * PAGE_SIZE, 2);
    leave();
    pte_t pte = *leaf_of(5);
    spin_lock(&space->lock);
    pagetable_protect(leaf_of(4), pte_flags(RW)); /* a right more: no fence */
    CHECK(*leaf_of(5) == pte);
    leave();
}

static void page_not_fenced(void) {
    prepare(PAGES);
    spin_lock(&space->lock);
    pagetable_protect(leaf_of(3), pte_flags(PROT_READ));
    leave();
}

static void page_other_fenced(void) {
    prepare(PAGES);
    spin_lock(&space->lock);
    pagetable_protect(leaf_of(3), pte_flags(PROT_READ));
    asid_fence(&space->asid, BASE + 4 * PAGE_SIZE, 1);
    leave();
}

static void page_fenced_here(void) {
    prepare(PAGES);
    spin_lock(&space->lock);
    pagetable_protect(leaf_of(3), pte_flags(PROT_READ));
    fence_local_page(BASE + 3 * PAGE_SIZE, number());
    leave();
}

static void page_wrong_number(void) {
    prepare(PAGES);
    spin_lock(&space->lock);
    pagetable_protect(leaf_of(3), pte_flags(PROT_READ));
    fence_local_asid(number() + 1);
    fence_remote_range(2, 0, FENCE_ANY, number() + 1);
    leave();
}

static void page_fenced_before(void) {
    prepare(PAGES);
    spin_lock(&space->lock);
    asid_fence(&space->asid, BASE, FENCE_ALL);
    pagetable_protect(leaf_of(3), pte_flags(PROT_READ));
    leave();
}

static void page_fenced_after(void) {
    prepare(PAGES);
    spin_lock(&space->lock);
    pagetable_protect(leaf_of(3), pte_flags(PROT_READ));
    spin_unlock(&space->lock);
    asid_fence(&space->asid, BASE + 3 * PAGE_SIZE, 1);
}

static void page_dropped(void) {
    prepare(PAGES);
    spin_lock(&space->lock);
    unmap_page(3);
    asid_fence(&space->asid, BASE + 3 * PAGE_SIZE, 1);
    leave();
}

static void test_page(void) {
    expect_nothing(page_fenced);
    expect_panic(page_not_fenced, "va 0x103000, ASID 1, hart 0: not fenced");
    expect_panic(page_other_fenced, "va 0x103000, ASID 1, hart 0: not fenced");
    expect_panic(page_fenced_here, "va 0x103000, ASID 1, hart 1: not fenced");
    expect_panic(page_wrong_number, "va 0x103000, ASID 1, hart 0: not fenced");
    expect_panic(page_fenced_before, "va 0x103000, ASID 1, hart 0: not fenced");
    expect_panic(page_fenced_after, "fenced after the space's lock");
    expect_panic(page_dropped, "va 0x103000, ASID 1, hart 0: not fenced");
}

/* ---- A hart that is elsewhere ---- */

static void absent(bool fence) {
    prepare(PAGES);
    sim_hart(1);
    space_leave();
    sim_hart(0);
    spin_lock(&space->lock);
    pagetable_protect(leaf_of(3), pte_flags(PROT_READ));
    fence_local_page(BASE + 3 * PAGE_SIZE, number());
    if (fence) {
        fence_remote_range(2, 0, FENCE_ANY, number());
    }
    leave();
    sim_hart(1);
    space_activate(space);
}

static void absent_fenced(void) {
    absent(true);
}
static void absent_not_fenced(void) {
    absent(false);
}

static void test_absent(void) {
    expect_nothing(absent_fenced);
    expect_panic(absent_not_fenced, "hart 1: entered, but not fenced");
}

/* ---- A table, and many pages ---- */

static void table(bool whole) {
    pa_t pruned[2];
    prepare(1);
    spin_lock(&space->lock);
    pa_t pa = pte_frame(pagetable_unmap(&space->table, leaf_of(0)));
    unsigned count = pagetable_prune(&space->table, BASE, pruned);
    CHECK(count == 2);
    asid_fence(&space->asid, BASE, whole ? FENCE_ALL : 1);
    frame_unref(pruned[0]);
    frame_unref(pruned[1]);
    frame_unref(pa);
    leave();
}

static void table_fenced(void) {
    table(true);
}
static void table_page_fenced(void) {
    table(false);
}

/* More than the oracle has records for. */
static void many(bool whole) {
    prepare(MANY);
    spin_lock(&space->lock);
    for (unsigned i = 0; i < MANY; i++) {
        pagetable_protect(leaf_of(i), pte_flags(PROT_READ));
    }
    for (unsigned i = 0; i < MANY && !whole; i++) {
        asid_fence(&space->asid, BASE + i * PAGE_SIZE, 1);
    }
    if (whole) {
        asid_fence(&space->asid, BASE, FENCE_ALL);
    }
    leave();
}

static void many_fenced(void) {
    many(true);
}
static void many_pages_fenced(void) {
    many(false);
}

static void test_table(void) {
    expect_nothing(table_fenced);
    expect_panic(table_page_fenced, "hart 0: not fenced");
}

static void test_many(void) {
    expect_nothing(many_fenced);
    expect_panic(many_pages_fenced, "hart 0: not fenced");
}

/* ---- Numbers, and the kernel's own map ---- */

static void number_shared(void) {
    prepare(PAGES);
    struct space *other = space_create(quota);
    other->asid.satp &= SATP_SV39 | SATP_PPN_MASK;
    other->asid.satp |= number() << SATP_ASID_SHIFT;
    space_activate(other);
}

static void number_of_the_dead(void) {
    prepare(PAGES);
    sim_hart(1);
    space_leave();
    sim_hart(0);
    space_leave();
    oracle_dead(space->asid.satp); /* and nobody has fenced */
    space_activate(space);
}

static void test_number(void) {
    expect_panic(number_shared, "ASID 1, hart 0: entered, but not fenced");
    expect_panic(number_of_the_dead, "ASID 1, hart 0: entered, but not fenced");
}

static void global(bool all) {
    prepare(PAGES);
    struct pagetable kernel = {kernel_root, &kernel_quota};
    va_t va = 0xffffffc080000000;
    pte_t flags = PTE_V | PTE_R | PTE_G | PTE_A | PTE_D;
    CHECK(pagetable_map_large(&kernel, va, RAM_BASE, flags | PTE_W) == 0);
    pagetable_protect(pagetable_find(&kernel, va, 1), flags);
    for (unsigned hart = 0; hart < 3; hart++) {
        sim_hart(hart);
        if (all) {
            fence_local_all();
        } else {
            fence_local_asid(number());
        }
    }
    sim_hart(0);
    oracle_check();
}

static void global_fenced(void) {
    global(true);
}
static void global_not_fenced(void) {
    global(false);
}

static void test_global(void) {
    expect_nothing(global_fenced);
    expect_panic(global_not_fenced, "hart 0: not fenced");
}

const struct test oracle_tests[] = {
    {"oracle_page", "The oracle wants each page fenced, on each hart, in time",
     test_page},
    {"oracle_absent", "... and a hart that comes back later fenced, too",
     test_absent},
    {"oracle_table", "... and more than a page for a table", test_table},
    {"oracle_many", "... and forgets none of many pages", test_many},
    {"oracle_number", "... and no number given out twice", test_number},
    {"oracle_global", "... and everything fenced for the kernel's map",
     test_global},
    {0},
};
