/* SPDX-License-Identifier: MIT */
/*
 * frames.c: tests of frames, quotas, slabs and bare page tables.
 */
#include <string.h>

#include "abi/errno.h"
#include "sim.h"
#include "tests.h"
#include "vm/frame.h"
#include "vm/slab.h"
#include "vm/vm.h"

enum { FRAMES = 600, RESERVE = 64, BLOCK = 512 };

static pa_t taken[FRAMES];

/* Allocates until there is nothing left; returns how many it got. */
static unsigned take_all(bool essential) {
    unsigned count = 0;
    while ((taken[count] = frame_alloc(essential)) != 0) {
        count++;
    }
    return count;
}

static void give_all(unsigned count) {
    while (count > 0) {
        CHECK(frame_unref(taken[--count]));
    }
}

static int compare(const void *a, const void *b) {
    return *(const pa_t *)a < *(const pa_t *)b ? -1 : 1;
}

static void test_exhaust(void) {
    sim_boot(FRAMES, 1, 16);
    uint64_t before = frame_free_count();
    CHECK(before < FRAMES && before > FRAMES - 20);
    unsigned count = take_all(true);
    CHECK(count == before && frame_free_count() == 0);
    CHECK(frame_alloc_zero(true) == 0 && frame_alloc_contiguous(1) == 0);
    qsort(taken, count, sizeof(pa_t), compare);
    for (unsigned i = 0; i < count; i++) {
        CHECK(i == 0 || taken[i] > taken[i - 1]);
        CHECK(taken[i] % PAGE_SIZE == 0 && frame_refs(taken[i]) == 1);
        CHECK(taken[i] >= RAM_BASE + 3 * PAGE_SIZE);
        CHECK(taken[i] != RAM_BASE + 40 * PAGE_SIZE);
        CHECK(taken[i] != RAM_BASE + 41 * PAGE_SIZE);
        CHECK(taken[i] < RAM_BASE + FRAMES * PAGE_SIZE);
    }
    give_all(count);
    CHECK(frame_free_count() == before && vm_check_frames() == 0);
    CHECK(take_all(true) == before);
}

static void test_reserve(void) {
    sim_boot(FRAMES, 1, 16);
    uint64_t before = frame_free_count();
    unsigned count = take_all(false);
    CHECK(count == before - RESERVE);
    CHECK(frame_alloc_contiguous(1) == 0);
    CHECK(frame_alloc(false) == 0);
    pa_t pa = frame_alloc(true);
    CHECK(pa != 0);
    CHECK(frame_unref(pa));
    give_all(count);
    CHECK(frame_free_count() == before);
}

static void test_refs(void) {
    sim_boot(FRAMES, 1, 16);
    uint64_t before = frame_free_count();
    pa_t pa = frame_alloc_zero(false);
    const unsigned char *page = pa_to_va(pa);
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        CHECK(page[i] == 0);
    }
    for (unsigned i = 0; i < 70000; i++) {
        frame_ref(pa);
    }
    CHECK(frame_refs(pa) == 70001);
    for (unsigned i = 0; i < 70000; i++) {
        CHECK(!frame_unref(pa));
    }
    CHECK(frame_refs(pa) == 1 && frame_free_count() == before - 1);
    CHECK(frame_unref(pa));
    CHECK(frame_refs(pa) == 0 && frame_free_count() == before);
    CHECK(frame_refs(0x1000) == 0 && frame_of(0x1000) == NULL);
    CHECK(frame_of(RAM_BASE + FRAMES * PAGE_SIZE) == NULL);
}

static void test_harts(void) {
    sim_boot(FRAMES, 3, 16);
    uint64_t before = frame_free_count();
    unsigned count = take_all(true);
    sim_hart(1);
    give_all(count);
    CHECK(frame_free_count() == before && vm_check_frames() == 0);
    sim_hart(2);
    CHECK(take_all(true) == before);
}

static bool run_is_free(pa_t base, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (base == 0 || frame_of(base + i * PAGE_SIZE)->kind != FRAME_DMA ||
            frame_refs(base + i * PAGE_SIZE) != 1) {
            return false;
        }
    }
    return true;
}

static void test_contiguous(void) {
    sim_boot(FRAMES, 1, 16);
    CHECK(run_is_free(frame_alloc_contiguous(100), 100));
    CHECK(frame_alloc_contiguous(FRAMES) == 0);
    unsigned count = take_all(true);
    give_all(count);
    pa_t base = frame_alloc_contiguous(150);
    CHECK(run_is_free(base, 150));
    CHECK(vm_check_frames() == 0);
    for (unsigned i = 0; i < 150; i++) {
        CHECK(frame_unref(base + i * PAGE_SIZE));
    }
    CHECK(take_all(true) == count);
}

static void test_block(void) {
    sim_boot(2 * BLOCK + 1, 1, 16);
    uint64_t free = frame_free_count();
    pa_t base = frame_alloc_block();
    CHECK(base == RAM_BASE + BLOCK * PAGE_SIZE && frame_alloc_block() == 0);
    CHECK(frame_free_count() == free - BLOCK && frame_of(base)->refs == 1);
    for (unsigned i = 0; i < BLOCK; i++) {
        CHECK(frame_unref(base + i * PAGE_SIZE));
    }
    CHECK(frame_free_count() == free && vm_check_frames() == 0);
}

static void test_fail_after(void) {
    sim_boot(FRAMES, 1, 16);
    frame_fail_after(3);
    CHECK(frame_alloc(true) != 0);
    CHECK(frame_alloc_zero(false) != 0);
    CHECK(frame_alloc(true) == 0);
    CHECK(frame_alloc(true) != 0);
    CHECK(frame_fail_after(0) == 4);
    frame_fail_after(1);
    CHECK(quota_create() == NULL);
    CHECK(frame_fail_after(0) == 1);
    CHECK(frame_alloc(true) != 0);
}

static void test_quota(void) {
    sim_boot(FRAMES, 1, 16);
    struct quota *quota = quota_create();
    CHECK(quota->frames_max == frame_total() / 2);
    quota->frames_max = 10;
    CHECK(quota_charge_frames(quota, 10) && !quota_charge_frames(quota, 1));
    CHECK(quota_charge_frames(quota, 0) && !quota_has_frames(quota, 1));
    CHECK(!quota_charge_frames(quota, UINT64_MAX));
    quota->frames_max = 5;
    CHECK(!quota_charge_frames(quota, 1) && !quota_has_frames(quota, 1));
    quota_uncharge_frames(quota, 10);
    CHECK(quota_has_frames(quota, 5) && !quota_has_frames(quota, 6));
    CHECK(quota_charge_objects(quota, QUOTA_OBJECTS));
    CHECK(!quota_charge_objects(quota, 1));
    quota_uncharge_objects(quota, QUOTA_OBJECTS);
    CHECK(quota_charge_frames(&kernel_quota, UINT64_MAX / 2));
    quota_uncharge_frames(&kernel_quota, UINT64_MAX / 2);
    CHECK(quota_get(quota) == quota);
    quota_put(quota);
    quota_put(quota);
}

struct thing {
    uint64_t words[6];
    uint32_t generation;
};

static unsigned made;

static void thing_once(void *object) {
    struct thing *thing = object;
    CHECK(thing->generation == 0);
    thing->generation = 1000;
    made++;
}

static void test_slab(void) {
    static struct thing *things[200];
    struct slab slab = SLAB(struct thing, thing_once);
    struct slab other = SLAB(struct thing, NULL);
    sim_boot(FRAMES, 1, 16);
    uint64_t before_all = frame_free_count();
    for (unsigned i = 0; i < 200; i++) {
        things[i] = slab_alloc(&slab, NULL);
        CHECK((uint64_t)things[i] % SLAB_ALIGN == 0 &&
              things[i]->generation == 1000);
        CHECK(slab_contains(&slab, things[i]));
        CHECK(!slab_contains(&other, things[i]));
        CHECK(!slab_contains(&slab, (char *)things[i] + 8));
        memset(things[i], (int)i, sizeof(struct thing));
        things[i]->generation = 2000 + i;
    }
    CHECK(frame_free_count() == before_all - 4);
    for (unsigned i = 0; i < 200; i++) {
        slab_free(&slab, things[i], NULL);
    }
    for (unsigned i = 0; i < 200; i++) {
        CHECK(things[i]->generation == 2000 + i);
        CHECK(things[i]->words[5] == i * 0x0101010101010101ull);
    }
    unsigned before = made;
    uint64_t free = frame_free_count();
    for (unsigned i = 0; i < 200; i++) {
        struct thing *thing = slab_alloc(&slab, NULL);
        CHECK(thing->generation >= 2000 || thing->generation == 1000);
        thing->generation = 3000;
    }
    CHECK(made == before && frame_free_count() == free);
    CHECK(vm_check_frames() == 0);
}

static void test_table_failure(void) {
    sim_boot(FRAMES, 1, 16);
    struct quota *quota = quota_create();
    struct pagetable table;
    CHECK(pagetable_create(&table, quota) == 0);
    pa_t pa = frame_alloc(false);
    uint64_t free = frame_free_count();
    for (unsigned n = 1; n <= 2; n++) {
        frame_fail_after(n);
        CHECK(pagetable_map(&table, 0x10000, pa, pte_flags(PROT_READ)) ==
              -ENOMEM);
        frame_fail_after(0);
        CHECK(frame_free_count() == free && quota->frames == 1);
        CHECK(pagetable_find(&table, 0x10000, 0) == NULL);
    }
    for (uint64_t max = 1; max <= 3; max++) {
        quota->frames_max = max;
        CHECK(pagetable_map(&table, 0x10000, pa, pte_flags(PROT_READ)) ==
              -ENOMEM);
        CHECK(frame_free_count() == free && quota->frames == 1);
    }
    quota->frames_max = 4;
    CHECK(pagetable_map(&table, 0x10000, pa, pte_flags(PROT_READ)) == 0);
    CHECK(quota->frames == 4 && frame_free_count() == free - 2);
}

static void test_table_walk(void) {
    static const va_t pages[] = {0x10000,       0x1ff000,   0x200000,
                                 0x3fffffff000, 0x40000000, 0x1000000000,
                                 0x3fffffe000};
    enum { COUNT = sizeof(pages) / sizeof(pages[0]) };
    sim_boot(FRAMES, 1, 16);
    struct pagetable table;
    unsigned budget = 10000;
    CHECK(pagetable_create(&table, &kernel_quota) == 0);
    for (unsigned i = 0; i < COUNT; i++) {
        if (pages[i] < USER_END) {
            pa_t pa = frame_alloc(false);
            CHECK(pagetable_map(&table, pages[i], pa, pte_flags(3)) == 0);
            CHECK(pte_frame(*pagetable_find(&table, pages[i], 0)) == pa);
        }
    }
    va_t va = 0;
    unsigned found = 0;
    pte_t *leaf;
    while ((leaf = pagetable_next(&table, &va, USER_END, &budget))) {
        pa_t pruned[2];
        pa_t pa = pte_frame(pagetable_unmap(&table, leaf));
        CHECK(frame_unref(pa));
        unsigned count = pagetable_prune(&table, va, pruned);
        while (count > 0) {
            CHECK(frame_unref(pruned[--count]));
        }
        va += PAGE_SIZE;
        found++;
    }
    CHECK(va == USER_END && found == COUNT - 1);
    pagetable_destroy(&table);
    CHECK(vm_check_frames() == 0);
}

static void test_next_budget(void) {
    sim_boot(FRAMES, 1, 16);
    struct pagetable table;
    CHECK(pagetable_create(&table, &kernel_quota) == 0);
    CHECK(pagetable_map(&table, USER_STACK_TOP - PAGE_SIZE, frame_alloc(false),
                        pte_flags(3)) == 0);
    va_t va = 0;
    unsigned calls = 0;
    pte_t *leaf = NULL;
    while (leaf == NULL) {
        unsigned budget = 3;
        leaf = pagetable_next(&table, &va, USER_END, &budget);
        CHECK(++calls < 30 && va < USER_END);
    }
    CHECK(calls > 5 && va == USER_STACK_TOP - PAGE_SIZE);
}

const struct test frame_tests[] = {
    {"exhaust", "Every free frame is handed out once, and none that is not",
     test_exhaust},
    {"reserve", "The last frames are for essential allocations only",
     test_reserve},
    {"refs", "A frame is free when its last reference goes, however many",
     test_refs},
    {"harts", "Frames in other harts' stocks are found when memory is short",
     test_harts},
    {"block", "2 MiB of frames are found in what is free", test_block},
    {"contiguous", "Adjacent frames are found in memory that was in use",
     test_contiguous},
    {"fail_after", "The n-th allocation fails, and only that", test_fail_after},
    {"quota", "A quota charges up to its limit and never past it", test_quota},
    {"slab", "Objects of a slab keep their contents and their type", test_slab},
    {"table_failure", "Mapping a page without memory changes nothing",
     test_table_failure},
    {"table_walk", "Pages far apart are mapped, found in order, and pruned",
     test_table_walk},
    {"next_budget", "Looking for pages stops when the budget is used up",
     test_next_budget},
    {0},
};
