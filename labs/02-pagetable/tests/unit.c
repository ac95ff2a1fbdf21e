/* SPDX-License-Identifier: MIT */
/*
 * unit.c: the functions of vm/pagetable.c, one by one.
 *
 * The kernel has frames and no page table of its own yet. Each test looks at
 * the tables themselves (kit.h), and not through what it tests.
 */
#include "kit.h"

#include <stddef.h>

#include "abi/errno.h"
#include "lib/print.h"

/* ---- Tests ---- */

static void test_find(void) {
    setup();
    unit_true("find at level 0 of an empty table: NULL",
              pagetable_find(&table, PLACE, 0) == NULL);
    for (unsigned level = 0; level < PAGETABLE_LEVELS; level++) {
        if (level == 0) {
            link_place();
        }
        unit_equal("the entry that find gives at a level",
                   (uintptr_t)pagetable_find(&table, PLACE + 0x123, level),
                   (uintptr_t)peek(PLACE, level));
    }
    put_leaf(peek(PLACE + MEGA, 1), MEGA, USER_RW);
    unit_true("find below a megapage: NULL",
              pagetable_find(&table, PLACE + MEGA, 0) == NULL);
    unit_equal("the entry of a megapage",
               (uintptr_t)pagetable_find(&table, PLACE + MEGA, 1),
               (uintptr_t)peek(PLACE + MEGA, 1));
}

static void test_walk(void) {
    setup();
    pte_t *leaf = pagetable_walk(&table, PLACE, 0);
    check_table("level 1's table", peek(PLACE, 2), 1);
    check_table("level 0's table", peek(PLACE, 1), 0);
    unit_equal("the entry that walk gives", (uintptr_t)leaf,
               (uintptr_t)peek(PLACE, 0));
    unit_equal("the charge for two tables", quota.frames, 3);
    unit_equal("entries in use of the root", frame_of(table.root)->tag, 1);
    for (unsigned i = 0; i < PAGETABLE_ENTRIES; i++) {
        unit_equal("an entry of a fresh table",
                   entries(pte_frame(*peek(PLACE, 1)))[i], 0);
    }
    unit_equal("the entry that walk gives again",
               (uintptr_t)pagetable_walk(&table, PLACE, 0), (uintptr_t)leaf);
    unit_equal("a neighbour's entry",
               (uintptr_t)pagetable_walk(&table, PLACE + PAGE_SIZE, 0),
               (uintptr_t)(leaf + 1));
    unit_equal("the entry at level 1",
               (uintptr_t)pagetable_walk(&table, PLACE + MEGA, 1),
               (uintptr_t)(peek(PLACE, 1) + 1));
    unit_equal("the charge, when nothing was missing", quota.frames, 3);
    pagetable_walk(&table, PLACE + MEGA, 0);
    unit_equal("the charge for one table more", quota.frames, 4);
}

static void test_walk_reserve(void) {
    setup();
    link_table(peek(PLACE, 2));
    while (frame_alloc(false) != 0) {
    }
    unit_true("walk, when only essential frames are left: NULL",
              pagetable_walk(&table, PLACE, 0) == NULL);
    unit_equal("the charge then", quota.frames, 2);
    quota.essential = true;
    unit_true("walk with a quota that is essential",
              pagetable_walk(&table, PLACE, 0) != NULL);
}

/* Nothing was made. */
static void check_nothing(const char *what) {
    unit_true(what, peek(PLACE, 1) == NULL);
    unit_equal("the root's entry, after a failure", *peek(PLACE, 2), 0);
    unit_equal("entries in use, after a failure", frame_of(table.root)->tag, 0);
    unit_equal("the charge, after a failure", quota.frames, 1);
    unit_equal("free frames, after a failure", frame_free_count(),
               frames_before);
}

static void test_walk_nothing(void) {
    setup();
    for (unsigned n = 1; n <= 2; n++) {
        frame_fail_after(n);
        pte_t *leaf = pagetable_walk(&table, PLACE, 0);
        frame_fail_after(0);
        unit_true("walk, when an allocation fails: NULL", leaf == NULL);
        check_nothing("no table is made when an allocation fails");
    }
    quota.frames_max = 2;
    unit_true("walk, when the quota holds one table of two: NULL",
              pagetable_walk(&table, PLACE, 0) == NULL);
    check_nothing("no table is made when the quota is used up");
}

static void test_map(void) {
    setup();
    pa_t pa = page();
    unit_signed("map", pagetable_map(&table, PLACE, pa, USER_RW), 0);
    unit_true("there is a leaf", peek(PLACE, 0) != NULL);
    unit_equal("the leaf", *peek(PLACE, 0),
               pa >> PAGE_SHIFT << PTE_PPN_SHIFT | USER_RW);
    check_table("level 0's table", peek(PLACE, 1), 1);
    unit_equal("the charge for two tables and a page", quota.frames, 4);
    unit_equal("references to the frame", frame_refs(pa), 1);
    pa_t other = page();
    unit_signed("map the next page",
                pagetable_map(&table, PLACE + PAGE_SIZE, other, USER_R), 0);
    unit_equal("the charge for one page more", quota.frames, 5);
    check_table("level 0's table", peek(PLACE, 1), 2);
    pte_t *leaf = peek(PLACE - PAGE_SIZE, 0);
    unit_signed("fill", pagetable_fill(&table, leaf, page(), USER_R), 0);
    unit_equal("the flags of the leaf that was filled", *leaf & PTE_FLAGS,
               USER_R);
    unit_equal("the charge for one page more", quota.frames, 6);
}

static void test_map_nothing(void) {
    setup();
    pa_t pa = page();
    frames_before--;
    for (unsigned n = 1; n <= 2; n++) {
        frame_fail_after(n);
        int error = pagetable_map(&table, PLACE, pa, USER_RW);
        frame_fail_after(0);
        unit_signed("map, when an allocation fails", error, -ENOMEM);
        check_nothing("nothing is mapped when an allocation fails");
    }
    for (quota.frames_max = 1; quota.frames_max < 4; quota.frames_max++) {
        unit_signed("map, when the quota is used up",
                    pagetable_map(&table, PLACE, pa, USER_RW), -ENOMEM);
        check_nothing("nothing is mapped when the quota is used up");
    }
    unit_signed("map, with just enough quota",
                pagetable_map(&table, PLACE, pa, USER_RW), 0);
    unit_signed("fill, when the quota is used up",
                pagetable_fill(&table, peek(PLACE, 0) + 1, page(), USER_RW),
                -ENOMEM);
    unit_equal("the entry, after a failure", peek(PLACE, 0)[1], 0);
}

static void test_large(void) {
    setup();
    unit_signed(
        "map_large",
        pagetable_map_large(&table, PLACE - 7 * PAGE_SIZE, 4 * MEGA, USER_RW),
        0);
    unit_true("there is level 1's table", peek(PLACE, 1) != NULL);
    unit_equal("the leaf of level 1", *peek(PLACE, 1),
               (pa_t)4 * MEGA >> PAGE_SHIFT << PTE_PPN_SHIFT | USER_RW);
    unit_equal("entries that level 1's table counts",
               frame_of(pte_frame(*peek(PLACE, 2)))->tag, 1);
    quota.frames_max = quota.frames;
    unit_signed("map_large, when the quota is used up",
                pagetable_map_large(&table, MEGA, 4 * MEGA, USER_RW), -ENOMEM);
}

static void test_unmap(void) {
    setup();
    link_place();
    pa_t pa = page();
    pte_t *leaf = peek(PLACE, 0);
    put_leaf(leaf, pa, USER_RW);
    put_leaf(leaf + 1, page(), 0x2d0);
    pte_t old = *leaf;
    unit_equal("what unmap gives back", pagetable_unmap(&table, leaf), old);
    unit_equal("the entry after unmap", *leaf, 0);
    unit_equal("the charge after unmap", quota.frames, 4);
    unit_equal("references to the frame, still", frame_refs(pa), 1);
    check_table("level 0's table", peek(PLACE, 1), 1);
    old = leaf[1];
    unit_equal("what unmap gives of a leaf without V",
               pagetable_unmap(&table, leaf + 1), old);
    check_table("level 0's table stays", peek(PLACE, 1), 0);
}

static void protect_case(pte_t *leaf, pte_t from, pte_t to, bool removed) {
    pa_t pa = pte_frame(*leaf);
    *leaf = pa >> PAGE_SHIFT << PTE_PPN_SHIFT | from;
    unit_equal("whether protect took a right away", pagetable_protect(leaf, to),
               removed);
    unit_equal("the leaf after protect", *leaf,
               pa >> PAGE_SHIFT << PTE_PPN_SHIFT | to);
}

static void test_protect(void) {
    enum { NONE = PTE_U | PTE_A | PTE_D, RX = USER_R | PTE_X };
    setup();
    link_place();
    pte_t *leaf = peek(PLACE, 0);
    put_leaf(leaf, page(), USER_RW);
    uint64_t charge = quota.frames;
    protect_case(leaf, USER_RW, USER_R, true);
    protect_case(leaf, USER_R, USER_RW, false);
    protect_case(leaf, USER_RW, USER_RW, false);
    protect_case(leaf, USER_RW, RX, true);
    protect_case(leaf, USER_R, RX, false);
    protect_case(leaf, USER_R, NONE, true);
    protect_case(leaf, NONE, NONE, false);
    protect_case(leaf, NONE, USER_RW, false);
    protect_case(leaf, USER_RW | PTE_SHARED, USER_RW, false);
    protect_case(leaf, NONE | PTE_R | PTE_W, NONE | PTE_R, false);
    unit_equal("the charge after protect", quota.frames, charge);
    check_table("level 0's table", peek(PLACE, 1), 1);
}

/* Pages in the order of next, from `va`, put there by hand. */
static const va_t next_pages[] = {
    0,    PAGE_SIZE, (va_t)MEGA - PAGE_SIZE,
    MEGA, PLACE,     (va_t)255 << 30 | (va_t)511 << 21 | (va_t)511 << 12,
};
enum { NEXT_PAGES = sizeof(next_pages) / sizeof(next_pages[0]) };

static void put_pages(void) {
    for (unsigned i = 0; i < NEXT_PAGES; i++) {
        va_t va = next_pages[i];
        for (unsigned level = PAGETABLE_LEVELS - 1; level > 0; level--) {
            if (*peek(va, level) == 0) {
                link_table(peek(va, level));
            }
        }
        put_leaf(peek(va, 0), page(), i % 2 ? USER_RW : PTE_U | PTE_A | PTE_D);
    }
}

static void test_next(void) {
    setup();
    put_pages();
    va_t va = 0;
    unsigned budget = 100000;
    for (unsigned i = 0; i < NEXT_PAGES; i++) {
        unit_equal("the leaf that next gives",
                   (uintptr_t)pagetable_next(&table, &va, USER_END, &budget),
                   (uintptr_t)peek(next_pages[i], 0));
        unit_equal("the page of that leaf", va, next_pages[i]);
        va += PAGE_SIZE;
    }
    pagetable_next(&table, &va, USER_END, &budget);
    unit_equal("where next ends, behind the last", va, USER_END);
    va = 3 * MEGA;
    unit_true("next before the end of a range: NULL",
              pagetable_next(&table, &va, 4 * MEGA + PAGE_SIZE, &budget) ==
                  NULL);
    unit_equal("where next ends", va, 4 * MEGA + PAGE_SIZE);
    va = 3 * MEGA + 9 * PAGE_SIZE;
    pagetable_next(&table, &va, USER_END, &budget);
    unit_equal("the next page, from within a hole", va, PLACE);
    put_leaf(peek(PLACE + MEGA, 1), MEGA, USER_RW);
    va = PLACE + PAGE_SIZE;
    unit_true("next at a megapage: NULL",
              pagetable_next(&table, &va, USER_END, &budget) == NULL);
    unit_equal("the address of the megapage", va, PLACE / MEGA * MEGA + MEGA);
}

static void test_next_budget(void) {
    setup();
    put_pages();
    va_t va = 0;
    unsigned budget = 0;
    unit_true("next without a budget: NULL",
              pagetable_next(&table, &va, USER_END, &budget) == NULL);
    unit_equal("how far it got", va, 0);
    budget = 5;
    pagetable_next(&table, &va, USER_END, &budget);
    unit_equal("the budget after a leaf", budget, 4);
    va = 2 * PAGE_SIZE;
    budget = 4;
    unit_true("next over 128 empty entries with a budget of 4: NULL",
              pagetable_next(&table, &va, USER_END, &budget) == NULL);
    unit_equal("the budget after that", budget, 0);
    unit_equal("how far it got", va, 130 * PAGE_SIZE);
    va = 2 * PAGE_SIZE;
    budget = 100;
    unit_true("next over the rest of a table",
              pagetable_next(&table, &va, USER_END, &budget) != NULL);
    unit_equal("the budget after 509 empty entries and a leaf", budget,
               100 - 509 / 32 - 1);
}

static void test_prune(void) {
    setup();
    link_place();
    pa_t pruned[2] = {0, 0};
    pa_t leaves = pte_frame(*peek(PLACE, 1));
    pa_t middle = pte_frame(*peek(PLACE, 2));
    put_leaf(peek(PLACE, 0), page(), USER_RW);
    unit_equal("tables pruned, with a page there",
               pagetable_prune(&table, PLACE, pruned), 0);
    unit_true("the tables stay", peek(PLACE, 0) != NULL);
    *peek(PLACE, 0) = 0;
    pte_count(peek(PLACE, 0), -1);
    quota.frames--;
    put_leaf(peek(PLACE + MEGA, 1), MEGA, USER_RW);
    unit_equal("tables pruned, with another entry in level 1's",
               pagetable_prune(&table, PLACE, pruned), 1);
    unit_equal("the table pruned", pruned[0], leaves);
    unit_equal("its entry", *peek(PLACE, 1), 0);
    unit_equal("its reference is the caller's", frame_refs(leaves), 1);
    unit_equal("the charge for root, table and page", quota.frames, 3);
    check_table("level 1's table", peek(PLACE, 2), 1);
    *peek(PLACE + MEGA, 1) = 0;
    pte_count(peek(PLACE, 1), -1);
    quota.frames--;
    link_table(peek(PLACE, 1));
    leaves = pte_frame(*peek(PLACE, 1));
    unit_equal("tables pruned of an empty path",
               pagetable_prune(&table, PLACE, pruned), 2);
    unit_equal("the first table pruned", pruned[0], leaves);
    unit_equal("the second table pruned", pruned[1], middle);
    unit_equal("the charge for the root", quota.frames, 1);
    unit_equal("entries in use of the root", frame_of(table.root)->tag, 0);
    unit_equal("tables pruned where there is none",
               pagetable_prune(&table, PLACE, pruned), 0);
    middle = link_table(peek(PLACE, 2));
    unit_equal("tables pruned where only level 1's is left",
               pagetable_prune(&table, PLACE, pruned), 1);
    unit_equal("that table", pruned[0], middle);
}

static void test_split(void) {
    setup();
    link_table(peek(PLACE, 2));
    pte_t *large = peek(PLACE, 1);
    put_leaf(large, 4 * MEGA, USER_RW | PTE_SHARED);
    uint64_t charge = quota.frames;
    pte_t before = *large;
    frame_fail_after(1);
    int error = pagetable_split(&table, large);
    frame_fail_after(0);
    unit_signed("split, when the allocation fails", error, -ENOMEM);
    unit_equal("the megapage, after that", *large, before);
    unit_equal("the charge, after that", quota.frames, charge);
    unit_signed("split", pagetable_split(&table, large), 0);
    check_table("the table", large, PAGETABLE_ENTRIES);
    for (unsigned i = 0; i < PAGETABLE_ENTRIES; i++) {
        pa_t pa = (pa_t)4 * MEGA + i * PAGE_SIZE;
        unit_equal("a small page's leaf", entries(pte_frame(*large))[i],
                   pa >> PAGE_SHIFT << PTE_PPN_SHIFT | USER_RW | PTE_SHARED);
    }
    unit_equal("the charge for one table more", quota.frames, charge + 1);
    unit_equal("entries that level 1's table counts",
               frame_of(pte_frame(*peek(PLACE, 2)))->tag, 1);
}

static void test_dump(void) {
    setup();
    put_pages();
    put_leaf(peek(PLACE + MEGA, 1), MEGA, USER_RW);
    pagetable_dump(&table);
}

static void test_question(void) {
    setup();
    pagetable_map(&table, 0, page(), USER_RW);
    pagetable_map(&table, 0x3ffffff000, page(), USER_RW);
    kprintf("question: %lu tables, %lu frames\n", quota.frames - 3,
            quota.frames);
}

enum { SLOTS = 24, STEPS = 2000 };

/* Addresses that share tables and do not. */
static va_t slot_va(unsigned slot) {
    return (va_t)(slot % 2) << 30 | (va_t)(slot / 2 % 3) << 21 |
           (va_t)(slot / 6 * 170) << 12;
}

static void random_step(pte_t *model, unsigned slot) {
    va_t va = slot_va(slot);
    pa_t pruned[2];
    if (model[slot] == 0) {
        pa_t pa = page();
        unit_signed("map", pagetable_map(&table, va, pa, USER_RW), 0);
        model[slot] = pa >> PAGE_SHIFT << PTE_PPN_SHIFT | USER_RW;
        return;
    }
    unit_equal("the leaf", *peek(va, 0), model[slot]);
    if (unit_random() % 2) {
        pagetable_protect(peek(va, 0), USER_R);
        model[slot] = (model[slot] & ~(pte_t)PTE_FLAGS) | USER_R;
        return;
    }
    unit_equal("unmap", pagetable_unmap(&table, peek(va, 0)), model[slot]);
    frame_unref(pte_frame(model[slot]));
    model[slot] = 0;
    unsigned count = pagetable_prune(&table, va, pruned);
    while (count-- > 0) {
        frame_unref(pruned[count]);
    }
}

static void test_random(void) {
    static pte_t model[SLOTS];
    setup();
    for (unsigned step = 0; step < STEPS; step++) {
        random_step(model, (unsigned)(unit_random() % SLOTS));
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        while (model[slot] != 0) {
            random_step(model, slot);
        }
    }
    unit_equal("the charge at the end", quota.frames, 1);
    unit_equal("entries in use of the root", frame_of(table.root)->tag, 0);
    unit_equal("free frames at the end", frame_free_count(), frames_before);
}

static const struct unit units[] = {
    {"find", test_find},
    {"walk", test_walk},
    {"walk_nothing", test_walk_nothing},
    {"walk_reserve", test_walk_reserve},
    {"map", test_map},
    {"map_nothing", test_map_nothing},
    {"large", test_large},
    {"unmap", test_unmap},
    {"protect", test_protect},
    {"next", test_next},
    {"next_budget", test_next_budget},
    {"prune", test_prune},
    {"split", test_split},
    {"dump", test_dump},
    {"question", test_question},
    {"random", test_random},
};

void __wrap_kernel_map_init(const struct machine *from);

void __wrap_kernel_map_init(const struct machine *from) {
    (void)from;
    unit_run(units, sizeof(units) / sizeof(units[0]));
}
