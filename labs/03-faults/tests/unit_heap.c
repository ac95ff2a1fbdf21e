/* SPDX-License-Identifier: MIT */
/*
 * unit_heap.c: a heap that grows and shrinks by the byte.
 */
#include "kit.h"

#define HEAP 0x20000ull

enum { HEAP_PAGES = 40, STEPS = 600 };

static void heap_setup(void) {
    setup();
    unit_signed("set_heap", space_set_heap(space, HEAP), 0);
}

/* The heap's region, looked for by hand, or NULL. */
static const struct region *heap_region(void) {
    const struct list *link = space->regions.next;
    for (; link != &space->regions; link = link->next) {
        const struct region *region = container_of(link, struct region, link);
        if (region->start == HEAP)
            return region;
    }
    return NULL;
}

static void check_end(va_t end) {
    unit_equal("the heap's end", space->heap_end, end);
    const struct region *region = heap_region();
    va_t pages_end = (end + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    unit_equal("the end of the heap's region",
               region != NULL ? region->end : HEAP, pages_end);
    if (region != NULL) {
        unit_equal("the rights of the heap's region", region->prot, RW);
        unit_equal("its stale is its end", region->stale, region->end);
    }
}

/* sbrk gives the old end, and the new one is as expected. */
static void grow(int64_t delta) {
    va_t old = space->heap_end;
    unit_signed("sbrk, which gives the old end", space_sbrk(space, delta),
                (int64_t)old);
    check_end(old + (uint64_t)delta);
}

static void refused(int64_t delta, int error) {
    struct account before = account();
    va_t old = space->heap_end;
    unit_signed("sbrk that cannot be", space_sbrk(space, delta), error);
    check_end(old);
    check_account(&before);
    unit_true("the space's lock is free when sbrk returns",
              !spin_held(&space->lock));
}

static void touch(va_t va, uint8_t value) {
    unit_signed("a store to the heap", fault(va, W), 0);
    *((uint8_t *)page_of(va) + va % PAGE_SIZE) = value;
}

static uint8_t look(va_t va) {
    unit_signed("a load from the heap", fault(va, R), 0);
    return *((uint8_t *)page_of(va) + va % PAGE_SIZE);
}

void test_heap(void) {
    heap_setup();
    grow(0);
    grow(3 * PAGE_SIZE);
    grow(PAGE_SIZE);
    unit_equal("regions: the heap's grows", space->region_count, 1);
    grow(-2 * PAGE_SIZE);
    grow(-2 * PAGE_SIZE);
    unit_equal("regions of an empty heap", space->region_count, 0);
    grow(5 * PAGE_SIZE);
    grow(0);
}

void test_heap_bytes(void) {
    static const int64_t deltas[] = {1,           PAGE_SIZE - 2,
                                     1,           1,
                                     -1,          -1,
                                     1,           2,
                                     PAGE_SIZE,   -PAGE_SIZE - 1,
                                     7,           -7,
                                     5000,        -905,
                                     -1,          1,
                                     -2,          2,
                                     3 * 4096 + 1};
    heap_setup();
    for (unsigned i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
        grow(deltas[i]);
    grow(-(int64_t)(space->heap_end - HEAP));
    for (unsigned i = 0; i < 2 * PAGE_SIZE + 2; i += 511)
        grow(511);
}

void test_heap_lazy(void) {
    heap_setup();
    grow(PAGE_SIZE); /* the kernel takes memory for its first region */
    grow(-PAGE_SIZE);
    struct account before = account();
    grow(64 * PAGE_SIZE);
    unit_equal("the charge for memory that nobody touched", quota.frames,
               before.charge);
    unit_equal("its frames", frame_free_count(), before.free);
    touch(HEAP + PAGE(63), 1);
    unit_equal("the charge for a page and two tables", quota.frames,
               before.charge + 3);
}

void test_heap_shrink(void) {
    heap_setup();
    grow(4 * PAGE_SIZE);
    for (unsigned i = 0; i < 4; i++)
        touch(HEAP + PAGE(i) + 5, (uint8_t)(i + 1));
    struct account before = account();
    grow(-2 * PAGE_SIZE);
    unit_equal("a page that was given back", entry(HEAP + PAGE(2)), 0);
    unit_equal("the last page that was given back", entry(HEAP + PAGE(3)), 0);
    unit_equal("the charge", quota.frames, before.charge - 2);
    unit_equal("free frames", frame_free_count(), before.free + 2);
    unit_equal("a byte that is left", look(HEAP + PAGE(1) + 5), 2);
    grow(2 * PAGE_SIZE);
    unit_equal("a byte of memory that came back", look(HEAP + PAGE(2) + 5), 0);
    grow(-1);
    unit_equal("a byte of the last page, which is left",
               look(HEAP + PAGE(0) + 5), 1);
    touch(HEAP + PAGE(3) + 6, 9);
    grow(-(PAGE_SIZE - 2));
    unit_true("the page of which a byte is left", entry(HEAP + PAGE(3)) != 0);
    grow(-1);
    unit_equal("the page of which none is left", entry(HEAP + PAGE(3)), 0);
}

/* A long shrink is done in steps; until the last one the heap is as it was. */
void test_heap_steps(void) {
    enum { PAGES = 180 };
    heap_setup();
    grow(PAGES * PAGE_SIZE);
    for (unsigned i = 0; i < PAGES; i++)
        touch(HEAP + PAGE(i), 1);
    va_t old = space->heap_end;
    unsigned steps = 0;
    int64_t result;
    int64_t delta = -(PAGES - 2) * (int64_t)PAGE_SIZE;
    while ((result = space_sbrk(space, delta)) == -EAGAIN && steps < PAGES) {
        unit_equal("the heap's end before the last step", space->heap_end, old);
        steps++;
    }
    unit_signed("the last step", result, (int64_t)old);
    unit_true("178 pages are more than a step's", steps >= 3);
    check_end(HEAP + PAGE(2));
    unit_equal("the first page given back", entry(HEAP + PAGE(2)), 0);
    unit_equal("the last page given back", entry(HEAP + PAGE(PAGES - 1)), 0);
    unit_equal("a byte that is left", look(HEAP + PAGE(1)), 1);
}

void test_heap_errors(void) {
    setup();
    unit_signed("sbrk without a heap", space_sbrk(space, 0), -EINVAL);
    unit_signed("sbrk without a heap", space_sbrk(space, PAGE_SIZE), -EINVAL);
    unit_signed("set_heap", space_set_heap(space, HEAP), 0);
    refused(-1, -EINVAL);
    refused(INT64_MIN, -EINVAL);
    grow(PAGE_SIZE + 5);
    refused(-PAGE_SIZE - 6, -EINVAL);
    refused(-(1ll << 40), -EINVAL);
    refused(INT64_MIN, -EINVAL);
    refused(INT64_MIN + 1, -EINVAL);
    refused((int64_t)(USER_END - HEAP), -ENOMEM);
    refused((int64_t)(USER_END - space->heap_end), -ENOMEM);
    refused(1ll << 40, -ENOMEM);
    refused(INT64_MAX, -ENOMEM);
    grow(-PAGE_SIZE - 5);
}

void test_heap_room(void) {
    heap_setup();
    grow(PAGE_SIZE);
    put(HEAP + PAGE(4), HEAP + PAGE(6), RW, REGION_STACK);
    refused(3 * PAGE_SIZE, -ENOMEM);
    refused(2 * PAGE_SIZE + 1, -ENOMEM);
    refused(20 * PAGE_SIZE, -ENOMEM);
    grow(2 * PAGE_SIZE);
    refused(1, -ENOMEM);
    grow(-3 * PAGE_SIZE);
    quota.frames_max = quota.frames + 2;
    refused(2 * PAGE_SIZE + 1, -ENOMEM);
    grow(2 * PAGE_SIZE);
    quota.objects_max = quota.objects;
    grow(-2 * PAGE_SIZE);
    quota.objects_max = quota.objects;
    refused(1, -ENOMEM);
}

/* ---- Beside a model ---- */

static uint8_t model[HEAP_PAGES]; /* the first byte of each page */

static void random_touch(va_t end) {
    unsigned pages = (unsigned)((end - HEAP + PAGE_SIZE - 1) / PAGE_SIZE);
    if (pages == 0)
        return;
    unsigned page = (unsigned)(unit_random() % pages);
    unit_equal("the first byte of a page", look(HEAP + PAGE(page)),
               model[page]);
    model[page] = (uint8_t)unit_random();
    touch(HEAP + PAGE(page), model[page]);
}

static void random_step(void) {
    va_t end = HEAP + unit_random() % (PAGE(HEAP_PAGES) + 1);
    if (unit_random() % 2)
        end = (end + PAGE_SIZE / 2) / PAGE_SIZE * PAGE_SIZE;
    int64_t delta = (int64_t)(end - space->heap_end);
    if (delta > 0 || unit_random() % 3)
        delta /= 4;
    end = space->heap_end + (uint64_t)delta;
    grow(delta);
    unsigned left = (unsigned)((end - HEAP + PAGE_SIZE - 1) / PAGE_SIZE);
    for (unsigned page = left; page < HEAP_PAGES; page++) {
        unit_equal("a page behind the heap", entry(HEAP + PAGE(page)), 0);
        model[page] = 0;
    }
    random_touch(end);
}

void test_heap_random(void) {
    heap_setup();
    struct account before = account();
    for (unsigned step = 0; step < STEPS; step++)
        random_step();
    grow(-(int64_t)(space->heap_end - HEAP));
    unit_equal("the charge at the end", quota.frames, before.charge);
    unit_equal("the objects at the end", quota.objects, before.objects);
}
