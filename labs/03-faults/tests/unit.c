/* SPDX-License-Identifier: MIT */
/*
 * unit.c: regions: finding them, finding room, splitting them.
 *
 * The kernel has frames, page tables and spaces, and no process yet. All tests
 * of this lab are listed at the end.
 */
#include "kit.h"

/* ---- Looking ---- */

static void check_search(va_t va, const struct region *after,
                         const struct region *in) {
    unit_equal("the first region that ends above an address",
               (uintptr_t)region_after(space, va), (uintptr_t)after);
    unit_equal("the region that contains an address",
               (uintptr_t)region_search(space, va), (uintptr_t)in);
}

static void test_search(void) {
    setup();
    check_search(PLACE, NULL, NULL);
    const struct region *a = put(PLACE, PLACE + PAGE(2), R, 0);
    const struct region *b = put(PLACE + PAGE(2), PLACE + PAGE(3), RW, 0);
    const struct region *c =
        put(PLACE + PAGE(6), PLACE + PAGE(8), RW, REGION_STACK);
    check_search(0, a, NULL);
    check_search(PLACE - 1, a, NULL);
    check_search(PLACE, a, a);
    check_search(PLACE + PAGE(2) - 1, a, a);
    check_search(PLACE + PAGE(2), b, b);
    check_search(PLACE + PAGE(3) - 1, b, b);
    check_search(PLACE + PAGE(3), c, NULL);
    check_search(PLACE + PAGE(5), c, NULL);
    check_search(PLACE + PAGE(6) - 1, c, NULL);
    check_search(PLACE + PAGE(6), c, c);
    check_search(PLACE + PAGE(8) - 1, c, c);
    check_search(PLACE + PAGE(8), NULL, NULL);
    check_search(UINT64_MAX, NULL, NULL);
}

static void check_free(va_t from, va_t to, bool is_free) {
    unit_equal("whether a range touches no region and no guard",
               region_is_free(space, PLACE + from, PLACE + to), is_free);
}

static void test_free(void) {
    setup();
    check_free(0, PAGE(9), true);
    put(PLACE + PAGE(2), PLACE + PAGE(4), R, 0);
    put(PLACE + PAGE(8), PLACE + PAGE(9), RW, 0);
    check_free(0, PAGE(2), true);
    check_free(0, PAGE(3), false);
    check_free(PAGE(1), PAGE(5), false);
    check_free(PAGE(2), PAGE(3), false);
    check_free(PAGE(3), PAGE(5), false);
    check_free(PAGE(4), PAGE(8), true);
    check_free(PAGE(4), PAGE(9), false);
    check_free(PAGE(9), PAGE(20), true);
    check_free(0, PAGE(20), false);
}

static void test_guard(void) {
    setup();
    put(PLACE + PAGE(4), PLACE + PAGE(6), RW, REGION_STACK);
    put(PLACE + PAGE(9), PLACE + PAGE(10), RW, REGION_STACK);
    check_free(0, PAGE(3), true);
    check_free(0, PAGE(4), false);
    check_free(PAGE(3), PAGE(4), false);
    check_free(PAGE(6), PAGE(8), true);
    check_free(PAGE(6), PAGE(9), false);
    check_free(PAGE(10), PAGE(12), true);
}

/* ---- Linking ---- */

static void add(unsigned page) {
    struct region like = {.start = PLACE + PAGE(page),
                          .end = PLACE + PAGE(page + 1),
                          .stale = PLACE + PAGE(page + 1),
                          .prot = (uint16_t)(page % 2 ? R : RW)};
    unit_true("a region is added", region_add(space, &like) != NULL);
}

static void test_link(void) {
    static const uint8_t order[] = {5, 1, 9, 3, 7, 0, 12, 2, 11, 4};
    enum { COUNT = sizeof(order) };
    setup();
    for (unsigned i = 0; i < COUNT; i++) {
        add(order[i]);
        unit_equal("region_count", space->region_count, i + 1);
    }
    va_t last = 0;
    unsigned count = 0;
    const struct list *link = space->regions.next;
    for (; link != &space->regions && count <= COUNT; link = link->next) {
        const struct region *region = container_of(link, struct region, link);
        unit_true("regions are in the order of their addresses",
                  region->start > last);
        unit_equal("the link back", (uintptr_t)link->prev->next,
                   (uintptr_t)link);
        last = region->start;
        count++;
    }
    unit_equal("regions in the list", count, COUNT);
}

/* ---- Finding room ---- */

static void check_place(uint64_t pages, va_t align, va_t expected) {
    unit_equal("the place that region_place finds",
               region_place(space, PAGE(pages), align), expected);
}

static void test_place(void) {
    const va_t base = USER_MAP_BASE;
    setup();
    check_place(1, PAGE_SIZE, base);
    put(base - PAGE(4), base - PAGE(2), RW, 0);
    check_place(3, PAGE_SIZE, base);
    put(base - PAGE(1), base + PAGE(1), RW, 0);
    check_place(3, PAGE_SIZE, base + PAGE(1));
    put(base + PAGE(3), base + PAGE(4), RW, 0);
    check_place(2, PAGE_SIZE, base + PAGE(1));
    check_place(3, PAGE_SIZE, base + PAGE(4));
    put(base + PAGE(8), base + PAGE(10), RW, REGION_STACK);
    check_place(3, PAGE_SIZE, base + PAGE(4));
    check_place(4, PAGE_SIZE, base + PAGE(10));
    check_place(1, LARGE_SIZE, base + LARGE_SIZE);
    put(base + LARGE_SIZE, base + LARGE_SIZE + PAGE(1), RW, 0);
    check_place(512, LARGE_SIZE, base + 2 * (va_t)LARGE_SIZE);
    check_place(502, PAGE_SIZE, base + PAGE(10));
}

static void test_place_full(void) {
    setup();
    put(USER_MAP_BASE, USER_END - PAGE(3), RW, 0);
    check_place(3, PAGE_SIZE, USER_END - PAGE(3));
    check_place(4, PAGE_SIZE, 0);
    check_place(1, LARGE_SIZE, 0);
    unit_equal("the place for far too much",
               region_place(space, UINT64_MAX - PAGE_SIZE + 1, PAGE_SIZE), 0);
    put(USER_END - PAGE(2), USER_END, RW, REGION_STACK);
    check_place(1, PAGE_SIZE, 0);
}

static int64_t map(va_t va, unsigned pages, unsigned flags) {
    return space_map(space, va, PAGE(pages), R | flags, NULL, 0);
}

static void test_stacks(void) {
    const int64_t base = USER_MAP_BASE;
    const unsigned stack = W | MAP_STACK;
    setup();
    unit_signed("a stack, where there is room: above its guard",
                map(0, 2, stack), base + PAGE_SIZE);
    unit_signed("a page, where there is room: above the stack", map(0, 1, X),
                base + 3 * PAGE_SIZE);
    unit_signed("a page at the stack's guard", map(USER_MAP_BASE, 1, MAP_FIXED),
                -EEXIST);
    unit_signed("a second stack, above its own guard", map(0, 2, stack),
                base + 5 * PAGE_SIZE);
    unit_signed("a stack whose guard is taken",
                map(USER_MAP_BASE + PAGE(7), 1, stack | MAP_FIXED), -EEXIST);
    unit_signed("a stack whose guard is free",
                map(USER_MAP_BASE + PAGE(8), 1, stack | MAP_FIXED),
                base + 8 * PAGE_SIZE);
    unit_signed("a page over the end of one that is there",
                map(USER_MAP_BASE + PAGE(2), 2, MAP_FIXED), -EEXIST);
    unit_signed("more than there is",
                space_map(space, 0, USER_END - USER_MAP_BASE, R, NULL, 0),
                -ENOMEM);
    unit_equal("regions after the refusals", space->region_count, 4);
}

/* ---- Splitting ---- */

static void check_region(const char *what, va_t va, va_t start, va_t end,
                         va_t stale) {
    const struct region *region = region_search(space, va);
    unit_true(what, region != NULL);
    unit_equal("its start", region->start, start);
    unit_equal("its end", region->end, end);
    unit_equal("its stale", region->stale, stale);
}

static void test_split(void) {
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(8), RW, REGION_STACK);
    unit_signed("split", region_split_around(space, PLACE, PLACE + PAGE(8)), 0);
    unit_equal("regions, as nothing reaches across", space->region_count, 1);
    unit_signed("split",
                region_split_around(space, PLACE + PAGE(3), PLACE + PAGE(8)),
                0);
    unit_equal("regions after a split", space->region_count, 2);
    check_region("the lower part", PLACE, PLACE, PLACE + PAGE(3),
                 PLACE + PAGE(3));
    check_region("the upper part", PLACE + PAGE(3), PLACE + PAGE(3),
                 PLACE + PAGE(8), PLACE + PAGE(8));
    unit_equal("the guard is the lower part's", region->flags, REGION_STACK);
    const struct region *upper = region_search(space, PLACE + PAGE(3));
    unit_equal("the upper part has no guard", upper->flags, 0);
    unit_equal("the upper part's rights", upper->prot, RW);
    unit_equal("the objects charged", quota.objects, 2);
}

static void test_split_parts(void) {
    struct memory memory = {.refs = 5, .pages = 100};
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(8), R, 0);
    region->memory = &memory;
    region->offset = PAGE(7);
    region->stale = PLACE + PAGE(2);
    unit_signed("split", region_split_around(space, PLACE, PLACE + PAGE(5)), 0);
    check_region("the lower part", PLACE, PLACE, PLACE + PAGE(5),
                 PLACE + PAGE(2));
    check_region("the upper part", PLACE + PAGE(5), PLACE + PAGE(5),
                 PLACE + PAGE(8), PLACE + PAGE(5));
    unit_equal("the lower part's offset", region->offset, PAGE(7));
    unit_equal("the upper part's offset",
               region_search(space, PLACE + PAGE(5))->offset, PAGE(12));
    unit_equal("references to the memory", memory.refs, 6);
    region->stale = PLACE + PAGE(5);
    unit_signed("split a part again",
                region_split_around(space, PLACE + PAGE(1), PLACE + PAGE(5)),
                0);
    check_region("its lower part", PLACE, PLACE, PLACE + PAGE(1),
                 PLACE + PAGE(1));
}

static void test_split_nothing(void) {
    setup();
    struct region *region = put(PLACE, PLACE + PAGE(8), RW, 0);
    region->stale = PLACE + PAGE(6);
    quota.objects_max = quota.objects;
    struct account before = account();
    unit_signed("split, with no object left",
                region_split_around(space, PLACE, PLACE + PAGE(5)), -ENOMEM);
    check_region("the region, as it was", PLACE, PLACE, PLACE + PAGE(8),
                 PLACE + PAGE(6));
    region->stale = region->end;
    quota.objects_max++;
    unit_signed("split at both ends, with one object left",
                region_split_around(space, PLACE + PAGE(1), PLACE + PAGE(5)),
                -ENOMEM);
    check_region("the region, as it was", PLACE, PLACE, PLACE + PAGE(8),
                 PLACE + PAGE(8));
    unit_equal("regions, as before", space->region_count, 1);
    unit_equal("objects charged, as before", quota.objects, before.objects);
}

static const struct unit units[] = {
    {"search", test_search},
    {"free", test_free},
    {"guard", test_guard},
    {"link", test_link},
    {"place", test_place},
    {"place_full", test_place_full},
    {"stacks", test_stacks},
    {"split", test_split},
    {"split_parts", test_split_parts},
    {"split_nothing", test_split_nothing},
    {"fill", test_fill},
    {"zero", test_zero},
    {"rights", test_rights},
    {"again", test_again},
    {"memory", test_memory},
    {"pager", test_pager},
    {"large", test_large},
    {"nothing", test_nothing},
    {"quota", test_quota},
    {"provide", test_provide},
    {"provide_not", test_provide_not},
    {"cost", test_cost},
    {"heap", test_heap},
    {"heap_bytes", test_heap_bytes},
    {"heap_lazy", test_heap_lazy},
    {"heap_shrink", test_heap_shrink},
    {"heap_steps", test_heap_steps},
    {"heap_errors", test_heap_errors},
    {"heap_room", test_heap_room},
    {"heap_random", test_heap_random},
};

void __wrap_proc_init(void);

void __wrap_proc_init(void) {
    unit_run(units, sizeof(units) / sizeof(units[0]));
}
