/* SPDX-License-Identifier: MIT */
/*
 * spaces.c: tests of regions, faults, fork, copying and memory objects.
 */
#include <string.h>

#include "abi/errno.h"
#include "sim.h"
#include "tests.h"
#include "vm/check.h"
#include "vm/copy.h"
#include "vm/frame.h"
#include "vm/memory.h"

enum {
    FRAMES = 2000,
    RW = PROT_READ | PROT_WRITE,
    RX = PROT_READ | PROT_EXECUTE,
};

#define BASE 0x100000ull

static struct quota *quota;

static struct space *start(void) {
    sim_boot(FRAMES, 1, 16);
    quota = quota_create();
    return space_create(quota);
}

/* Ends the space; nothing may be left of it. */
static void finish(struct space *space) {
    if (space != NULL) {
        sim_end(space);
    }
    CHECK(vm_check_frames() == 0);
    CHECK(quota->frames == 0 && quota->objects == 0);
}

static void map(struct space *space, va_t va, unsigned pages, unsigned flags) {
    CHECK(space_map(space, va, pages * PAGE_SIZE, flags, NULL, 0) ==
          (int64_t)va);
}

static uint64_t load(struct space *space, va_t va) {
    uint64_t value = 0;
    CHECK(sim_load(space, va, &value) == 0);
    return value;
}

static void store(struct space *space, va_t va, uint64_t value) {
    CHECK(sim_store(space, va, value) == 0);
}

static struct space *fork_of(struct space *parent, struct quota *child_quota) {
    struct space *child = space_fork_begin(parent, child_quota);
    va_t cursor = 0;
    int result = SPACE_MORE;
    while (child != NULL && result == SPACE_MORE) {
        result = space_fork_step(parent, child, &cursor);
    }
    if (child != NULL && result < 0) {
        CHECK(result == -ENOMEM);
        sim_end(child);
        return NULL;
    }
    return child;
}

static int unmap(struct space *space, va_t va, uint64_t length) {
    int result;
    do {
        result = space_unmap(space, va, length);
    } while (result == SPACE_MORE);
    return result;
}

static int protect(struct space *space, va_t va, uint64_t length,
                   unsigned prot) {
    int result;
    do {
        result = space_protect(space, va, length, prot);
    } while (result == SPACE_MORE);
    return result;
}

static int64_t sbrk(struct space *space, int64_t delta) {
    int64_t result;
    do {
        result = space_sbrk(space, delta);
    } while (result == -EAGAIN);
    return result;
}

static void test_lazy(void) {
    struct space *space = start();
    map(space, BASE, 100, RW);
    CHECK(quota->frames == 1);
    CHECK(load(space, BASE + 50 * PAGE_SIZE + 8) == 0);
    CHECK(quota->frames == 4 && sim_counter(COUNTER_FAULT_ZERO) == 1);
    store(space, BASE + 50 * PAGE_SIZE, 7);
    CHECK(load(space, BASE + 50 * PAGE_SIZE) == 7);
    CHECK(quota->frames == 4);
    uint64_t value;
    CHECK(sim_load(space, BASE - 8, &value) == -EFAULT);
    CHECK(sim_load(space, BASE + 100 * PAGE_SIZE, &value) == -EFAULT);
    CHECK(space_fault(space, 0, PROT_READ) == -EFAULT);
    CHECK(space_fault(space, USER_END, PROT_READ) == -EFAULT);
    CHECK(space_fault(space, 0xffffffc080000000, PROT_READ) == -EFAULT);
    CHECK(space_fault(space, UINT64_MAX, PROT_WRITE) == -EFAULT);
    finish(space);
}

static void test_rights(void) {
    struct space *space = start();
    uint64_t value;
    map(space, BASE, 1, PROT_READ);
    map(space, BASE + PAGE_SIZE, 1, RX);
    map(space, BASE + 2 * PAGE_SIZE, 1, PROT_NONE);
    map(space, BASE + 3 * PAGE_SIZE, 1, RW);
    CHECK(load(space, BASE) == 0 && sim_store(space, BASE, 1) == -EFAULT);
    CHECK(sim_run(space, BASE) == -EFAULT);
    CHECK(sim_run(space, BASE + PAGE_SIZE) == 0);
    CHECK(sim_store(space, BASE + PAGE_SIZE, 1) == -EFAULT);
    CHECK(sim_load(space, BASE + 2 * PAGE_SIZE, &value) == -EFAULT);
    CHECK(sim_run(space, BASE + 3 * PAGE_SIZE) == -EFAULT);
    store(space, BASE + 3 * PAGE_SIZE, 9);
    finish(space);
}

static void test_map_errors(void) {
    static const struct {
        va_t va;
        uint64_t length;
        unsigned flags;
        int64_t result;
    } cases[] = {
        {BASE, 0, RW, -EINVAL},
        {BASE + 1, PAGE_SIZE, RW, -EINVAL},
        {BASE, PAGE_SIZE, PROT_WRITE, -EINVAL},
        {BASE, PAGE_SIZE, RW | PROT_EXECUTE, -EINVAL},
        {BASE, PAGE_SIZE, 0x1000, -EINVAL},
        {BASE, PAGE_SIZE, 8, -EINVAL},
        {BASE, UINT64_MAX, RW, -EINVAL},
        {BASE, UINT64_MAX - BASE + 1, RW, -EINVAL},
        {USER_END - PAGE_SIZE, 2 * PAGE_SIZE, RW, -EINVAL},
        {USER_END, PAGE_SIZE, RW, -EINVAL},
        {0xffffffc080000000, PAGE_SIZE, RW, -EINVAL},
        {PAGE_SIZE, PAGE_SIZE, RW, -EINVAL},
        {USER_IMAGE, PAGE_SIZE, RW | MAP_STACK, -EINVAL},
        {0, PAGE_SIZE, RW | MAP_FIXED, -EINVAL},
        {0, UINT64_MAX, RW, -EINVAL},
        {0, USER_END, RW, -ENOMEM},
        {BASE, PAGE_SIZE, RW, -EEXIST},
        {BASE - PAGE_SIZE, 2 * PAGE_SIZE, RW, -EEXIST},
        {BASE - PAGE_SIZE, 9 * PAGE_SIZE, RW, -EEXIST},
        {BASE + 3 * PAGE_SIZE, PAGE_SIZE, RW, -EEXIST},
        {BASE + 4 * PAGE_SIZE, PAGE_SIZE, RW | MAP_STACK, -EEXIST},
        {BASE + 4 * PAGE_SIZE, PAGE_SIZE, RW, BASE + 4 * PAGE_SIZE},
        {BASE - PAGE_SIZE, 1, RW, BASE - PAGE_SIZE},
        {USER_END - PAGE_SIZE, PAGE_SIZE, RW, USER_END - PAGE_SIZE},
    };
    struct space *space = start();
    map(space, BASE, 4, RW);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t result = space_map(space, cases[i].va, cases[i].length,
                                   cases[i].flags, NULL, 0);
        if (result != cases[i].result) {
            fprintf(stderr, "case %u: expected %ld, got %ld\n", i,
                    cases[i].result, result);
            exit(1);
        }
    }
    CHECK(space_map(space, 0, PAGE_SIZE, RW, NULL, PAGE_SIZE) == -EINVAL);
    CHECK(space_unmap(space, BASE + 1, PAGE_SIZE) == -EINVAL);
    CHECK(space_unmap(space, BASE, UINT64_MAX) == -EINVAL);
    CHECK(space_unmap(space, BASE, 0) == 0);
    CHECK(space_protect(space, BASE, PAGE_SIZE, PROT_WRITE) == -EINVAL);
    CHECK(space_protect(space, BASE, PAGE_SIZE, 8) == -EINVAL);
    CHECK(space_protect(space, BASE, 0 - BASE, RW) == -EINVAL);
    region_check(space);
    finish(space);
}

static void test_placement(void) {
    struct space *space = start();
    int64_t a = space_map(space, 0, 5 * PAGE_SIZE, RW, NULL, 0);
    int64_t b = space_map(space, 0, 1, RW, NULL, 0);
    CHECK(a == (int64_t)USER_MAP_BASE && b == a + 5 * PAGE_SIZE);
    CHECK(unmap(space, (va_t)a, 5 * PAGE_SIZE) == 0);
    int64_t c = space_map(space, 0, 6 * PAGE_SIZE, RW, NULL, 0);
    int64_t d = space_map(space, 0, 5 * PAGE_SIZE, RW, NULL, 0);
    CHECK(c == b + PAGE_SIZE && d == a);
    finish(space);
}

static void test_guard(void) {
    struct space *space = start();
    map(space, BASE, 4, RW | MAP_STACK);
    uint64_t value;
    CHECK(sim_load(space, BASE - 8, &value) == -EFAULT);
    CHECK(space_map(space, BASE - PAGE_SIZE, PAGE_SIZE, RW, NULL, 0) ==
          -EEXIST);
    CHECK(space_map(space, BASE - 3 * PAGE_SIZE, 3 * PAGE_SIZE, RW, NULL, 0) ==
          -EEXIST);
    map(space, BASE - 2 * PAGE_SIZE, 1, RW);
    int64_t a = space_map(space, 0, PAGE_SIZE, RW | MAP_STACK, NULL, 0);
    CHECK(a == (int64_t)USER_MAP_BASE + PAGE_SIZE);
    int64_t b = space_map(space, 0, PAGE_SIZE, RW | MAP_STACK, NULL, 0);
    CHECK(b == a + 2 * PAGE_SIZE);
    CHECK(protect(space, BASE, 2 * PAGE_SIZE, PROT_READ) == 0);
    CHECK(space_map(space, BASE - PAGE_SIZE, PAGE_SIZE, RW, NULL, 0) ==
          -EEXIST);
    region_check(space);
    finish(space);
}

static void test_unmap(void) {
    struct space *space = start();
    map(space, BASE, 9, RW);
    for (unsigned i = 0; i < 9; i++) {
        store(space, BASE + i * PAGE_SIZE, i);
    }
    uint64_t frames = quota->frames;
    CHECK(unmap(space, BASE + 3 * PAGE_SIZE, 2 * PAGE_SIZE) == 0);
    CHECK(quota->frames == frames - 2 && space->region_count == 2);
    uint64_t value;
    for (unsigned i = 0; i < 9; i++) {
        bool gone = i == 3 || i == 4;
        int result = sim_load(space, BASE + i * PAGE_SIZE, &value);
        CHECK(gone ? result == -EFAULT : result == 0 && value == i);
    }
    map(space, BASE + 3 * PAGE_SIZE, 1, RW);
    CHECK(load(space, BASE + 3 * PAGE_SIZE) == 0);
    CHECK(unmap(space, BASE - 50 * PAGE_SIZE, 500 * PAGE_SIZE) == 0);
    CHECK(space->region_count == 0 && quota->frames == 1);
    map(space, BASE, 2, RW); /* a table with one page left stays */
    store(space, BASE, 1);
    store(space, BASE + PAGE_SIZE, 2);
    CHECK(unmap(space, BASE, PAGE_SIZE) == 0);
    CHECK(load(space, BASE + PAGE_SIZE) == 2 && quota->frames == 4);
    finish(space);
}

static void test_unmap_steps(void) {
    struct space *space = start();
    map(space, BASE, 700, RW);
    for (unsigned i = 0; i < 700; i++) {
        store(space, BASE + i * PAGE_SIZE, i);
    }
    unsigned steps = 1;
    while (space_unmap(space, BASE, 700 * PAGE_SIZE) == SPACE_MORE) {
        steps++;
        region_check(space);
        CHECK(vm_check_frames() == 0);
    }
    CHECK(steps >= 700 / SPACE_STEP && quota->frames == 1);
    finish(space);
}

/* One page in each of many tables: the gather fills up with tables. */
static void test_unmap_sparse(void) {
    struct space *space = start();
    uint64_t reach = 0x200000;
    CHECK(space_map(space, reach, 300 * reach, RW, NULL, 0) == (int64_t)reach);
    for (unsigned i = 1; i <= 300; i++) {
        store(space, i * reach + (i * 7 % 512) * PAGE_SIZE, i);
    }
    unsigned steps = 1;
    while (space_unmap(space, reach, 300 * reach) == SPACE_MORE) {
        steps++;
    }
    CHECK(steps > 4 && quota->frames == 1);
    finish(space);
}

static void test_protect(void) {
    struct space *space = start();
    uint64_t value;
    map(space, BASE, 400, RW);
    for (unsigned i = 0; i < 400; i++) {
        store(space, BASE + i * PAGE_SIZE, i);
    }
    CHECK(space_protect(space, BASE, 400 * PAGE_SIZE, PROT_READ) == SPACE_MORE);
    CHECK(protect(space, BASE, 400 * PAGE_SIZE, PROT_READ) == 0);
    for (unsigned i = 0; i < 400; i++) {
        CHECK(sim_store(space, BASE + i * PAGE_SIZE, 0) == -EFAULT);
        CHECK(load(space, BASE + i * PAGE_SIZE) == i);
    }
    CHECK(protect(space, BASE + PAGE_SIZE, PAGE_SIZE, PROT_NONE) == 0);
    CHECK(space->region_count == 3);
    CHECK(sim_load(space, BASE + PAGE_SIZE, &value) == -EFAULT);
    CHECK(vm_check_frames() == 0);
    CHECK(protect(space, BASE, 400 * PAGE_SIZE, RW) == 0);
    CHECK(space->region_count == 1);
    for (unsigned i = 0; i < 400; i++) {
        CHECK(load(space, BASE + i * PAGE_SIZE) == i);
        store(space, BASE + i * PAGE_SIZE, i + 1);
    }
    CHECK(sim_counter(COUNTER_COW_COPY) == 0);
    CHECK(protect(space, BASE + 399 * PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ) ==
          -EFAULT);
    CHECK(protect(space, BASE - PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ) ==
          -EFAULT);
    CHECK(unmap(space, BASE + 5 * PAGE_SIZE, PAGE_SIZE) == 0);
    CHECK(protect(space, BASE, 9 * PAGE_SIZE, PROT_READ) == -EFAULT);
    store(space, BASE, 1);
    finish(space);
}

static void test_execute(void) {
    struct space *space = start();
    map(space, BASE, 2, RW);
    store(space, BASE, 0x13);
    uint64_t before = sim_code_fences;
    CHECK(protect(space, BASE, PAGE_SIZE, RX) == 0);
    CHECK(sim_code_fences > before);
    CHECK(sim_run(space, BASE) == 0 && load(space, BASE) == 0x13);
    CHECK(sim_store(space, BASE, 0) == -EFAULT);
    before = sim_code_fences;
    CHECK(protect(space, BASE, PAGE_SIZE, PROT_READ) == 0);
    CHECK(sim_code_fences == before && sim_run(space, BASE) == -EFAULT);
    finish(space);
}

static void test_region_limit(void) {
    struct space *space = start();
    map(space, BASE, 3 * REGION_MAX, RW);
    unsigned i = 0;
    while (unmap(space, BASE + (2 * i + 1) * PAGE_SIZE, PAGE_SIZE) == 0) {
        i++;
    }
    /* The last one failed because it had to split a region in three. */
    CHECK(space->region_count == REGION_MAX - 1 && i == REGION_MAX - 2);
    CHECK(space_map(space, 0, PAGE_SIZE, RW, NULL, 0) > 0);
    CHECK(space_map(space, 0, PAGE_SIZE, RW, NULL, 0) == -ENOMEM);
    CHECK(protect(space, BASE + (2 * i + 1) * PAGE_SIZE, PAGE_SIZE,
                  PROT_READ) == -ENOMEM);
    CHECK(unmap(space, BASE, PAGE_SIZE) == 0);
    CHECK(protect(space, BASE + (2 * i + 1) * PAGE_SIZE, PAGE_SIZE,
                  PROT_READ) == -ENOMEM);
    CHECK(space->region_count == REGION_MAX - 1);
    region_check(space);
    store(space, BASE + (2 * i + 1) * PAGE_SIZE, 1);
    CHECK(unmap(space, BASE + 2 * PAGE_SIZE, PAGE_SIZE) == 0);
    CHECK(unmap(space, BASE + (2 * i + 1) * PAGE_SIZE, PAGE_SIZE) == 0);
    finish(space);
}

static void test_locked(void) {
    struct space *space = start();
    map(space, BASE, 3, RW);
    CHECK(protect(space, BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ) == 0);
    struct region *middle = region_find(space, BASE + PAGE_SIZE);
    for (unsigned i = 0; i < 2; i++) {
        middle->flags = i == 0 ? REGION_LENT : REGION_BORROWED;
        CHECK(unmap(space, BASE, 3 * PAGE_SIZE) == -EBUSY);
        CHECK(protect(space, BASE, 3 * PAGE_SIZE, RW) == -EBUSY);
        CHECK(space->region_count == 3);
        struct space *child = fork_of(space, quota);
        uint64_t value;
        CHECK(sim_load(child, BASE + PAGE_SIZE, &value) == -EFAULT);
        CHECK(load(child, BASE) == 0);
        sim_end(child);
    }
    middle->flags = 0;
    CHECK(unmap(space, BASE, 3 * PAGE_SIZE) == 0);
    finish(space);
}

static void test_sbrk(void) {
    struct space *space = start();
    CHECK(sbrk(space, 0) == -EINVAL && sbrk(space, 1) == -EINVAL);
    CHECK(space_set_heap(space, BASE - 100) == 0);
    CHECK(space_set_heap(space, USER_END) == -EINVAL);
    CHECK(space_set_heap(space, 1) == -EINVAL);
    CHECK(sbrk(space, 10) == BASE && sbrk(space, PAGE_SIZE) == BASE + 10);
    store(space, BASE, 1);
    store(space, BASE + PAGE_SIZE, 2);
    CHECK(space->region_count == 1);
    uint64_t value;
    CHECK(sim_load(space, BASE + 2 * PAGE_SIZE, &value) == -EFAULT);
    CHECK(sbrk(space, -20) == BASE + 10 + PAGE_SIZE);
    CHECK(sim_load(space, BASE + PAGE_SIZE, &value) == -EFAULT);
    CHECK(sbrk(space, 20) == BASE + PAGE_SIZE - 10);
    CHECK(load(space, BASE + PAGE_SIZE) == 0 && load(space, BASE) == 1);
    CHECK(sbrk(space, INT64_MIN) == -EINVAL);
    CHECK(sbrk(space, INT64_MAX) == -ENOMEM);
    CHECK(sbrk(space, -(int64_t)PAGE_SIZE - 11) == -EINVAL);
    CHECK(sbrk(space, (int64_t)quota->frames_max * PAGE_SIZE) == -ENOMEM);
    CHECK(sbrk(space, 300 * PAGE_SIZE) == BASE + PAGE_SIZE + 10);
    for (unsigned i = 0; i < 300; i++) {
        store(space, BASE + i * PAGE_SIZE, i);
    }
    map(space, BASE + 310 * PAGE_SIZE, 1, RW);
    CHECK(sbrk(space, 20 * PAGE_SIZE) == -ENOMEM);
    CHECK(space_sbrk(space, -300 * PAGE_SIZE) == -EAGAIN);
    CHECK(sbrk(space, -300 * PAGE_SIZE) == BASE + 301 * PAGE_SIZE + 10);
    CHECK(sbrk(space, 0) == BASE + PAGE_SIZE + 10);
    CHECK(load(space, BASE) == 0);
    finish(space);
}

static void test_cow(void) {
    struct space *parent = start();
    struct quota *other = quota_create();
    map(parent, BASE, 3, RW);
    map(parent, BASE + 3 * PAGE_SIZE, 1, RX);
    for (unsigned i = 0; i < 2; i++) {
        store(parent, BASE + i * PAGE_SIZE, 100 + i);
    }
    CHECK(sim_run(parent, BASE + 3 * PAGE_SIZE) == 0);
    uint64_t free = frame_free_count();
    struct space *child = fork_of(parent, other);
    CHECK(other->frames == quota->frames);
    CHECK(free - frame_free_count() <= 4);
    CHECK(vm_check_frames() == 0);
    CHECK(load(child, BASE) == 100 && load(parent, BASE) == 100);
    CHECK(sim_counter(COUNTER_COW_COPY) == 0);
    store(child, BASE, 200);
    CHECK(load(parent, BASE) == 100 && load(child, BASE) == 200);
    CHECK(sim_counter(COUNTER_COW_COPY) == 1);
    store(parent, BASE, 300);
    CHECK(load(child, BASE) == 200 && sim_counter(COUNTER_COW_COPY) == 1);
    CHECK(sim_counter(COUNTER_COW_REUSE) == 1);
    store(parent, BASE + PAGE_SIZE, 301);
    CHECK(load(child, BASE + PAGE_SIZE) == 101);
    CHECK(sim_counter(COUNTER_COW_COPY) == 2);
    store(parent, BASE + 2 * PAGE_SIZE, 302);
    CHECK(load(child, BASE + 2 * PAGE_SIZE) == 0);
    CHECK(sim_store(child, BASE + 3 * PAGE_SIZE, 1) == -EFAULT);
    CHECK(sim_run(child, BASE + 3 * PAGE_SIZE) == 0);
    CHECK(vm_check_frames() == 0);
    sim_end(child);
    CHECK(other->frames == 0 && other->objects == 0);
    finish(parent);
}

/* A page that was read-only when it was shared is copied when it is written
 * after all. */
static void test_cow_protect(void) {
    struct space *parent = start();
    map(parent, BASE, 1, RW);
    store(parent, BASE, 1);
    CHECK(protect(parent, BASE, PAGE_SIZE, PROT_NONE) == 0);
    struct space *child = fork_of(parent, quota);
    uint64_t value;
    CHECK(sim_load(child, BASE, &value) == -EFAULT);
    CHECK(protect(child, BASE, PAGE_SIZE, RW) == 0);
    CHECK(load(child, BASE) == 1);
    store(child, BASE, 2);
    CHECK(protect(parent, BASE, PAGE_SIZE, PROT_READ) == 0);
    CHECK(load(parent, BASE) == 1 && sim_store(parent, BASE, 1) == -EFAULT);
    sim_end(child);
    finish(parent);
}

static void test_sharers(void) {
    enum { COUNT = 300 };
    static struct space *children[COUNT];
    struct space *parent = start();
    map(parent, BASE, 1, RW);
    store(parent, BASE, 7);
    pa_t pa = pte_frame(*pagetable_find(&parent->table, BASE, 0));
    quota->frames_max = 100000;
    for (unsigned i = 0; i < COUNT; i++) {
        children[i] = fork_of(parent, quota);
        CHECK(children[i] != NULL && frame_refs(pa) == i + 2);
    }
    CHECK(vm_check_frames() == 0);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK(load(children[i], BASE) == 7);
        sim_end(children[i]);
    }
    CHECK(frame_refs(pa) == 1);
    store(parent, BASE, 8);
    CHECK(pte_frame(*pagetable_find(&parent->table, BASE, 0)) == pa);
    CHECK(sim_counter(COUNTER_COW_REUSE) == 1);
    finish(parent);
}

/* Marks a page as shared with others, as a SHARE item does. */
static pa_t mark_shared(struct space *space, va_t va) {
    pte_t *leaf = pagetable_find(&space->table, va, 0);
    pagetable_protect(leaf, (*leaf & PTE_FLAGS) | PTE_SHARED);
    return pte_frame(*leaf);
}

static void test_fork_shared(void) {
    struct space *parent = start();
    map(parent, BASE, 2, RW);
    map(parent, BASE + 8 * PAGE_SIZE, 1, RW);
    region_find(parent, BASE + 8 * PAGE_SIZE)->flags = REGION_SHARE;
    store(parent, BASE, 1);
    store(parent, BASE + PAGE_SIZE, 2);
    store(parent, BASE + 8 * PAGE_SIZE, 3);
    pa_t peer = mark_shared(parent, BASE);
    mark_shared(parent, BASE + PAGE_SIZE);
    mark_shared(parent, BASE + 8 * PAGE_SIZE);
    frame_ref(peer); /* the other holder */
    struct space *child = fork_of(parent, quota);
    CHECK(frame_refs(peer) == 2); /* copied, not shared with the child */
    store(parent, BASE, 10);
    CHECK(load(child, BASE) == 1 && *(uint64_t *)pa_to_va(peer) == 10);
    store(parent, BASE + PAGE_SIZE, 20); /* a mark without another holder */
    CHECK(load(child, BASE + PAGE_SIZE) == 2);
    store(parent, BASE + 8 * PAGE_SIZE, 30);
    CHECK(load(child, BASE + 8 * PAGE_SIZE) == 30);
    store(child, BASE + 8 * PAGE_SIZE, 31);
    CHECK(load(parent, BASE + 8 * PAGE_SIZE) == 31);
    sim_end(child);
    frame_unref(peer);
    finish(parent);
}

static void test_fork_steps(void) {
    struct space *parent = start();
    map(parent, BASE, 500, RW);
    for (unsigned i = 0; i < 500; i++) {
        store(parent, BASE + i * PAGE_SIZE, i);
    }
    struct space *child = space_fork_begin(parent, quota);
    va_t cursor = 0;
    unsigned steps = 1;
    while (space_fork_step(parent, child, &cursor) == SPACE_MORE) {
        CHECK(vm_check_frames() == 0);
        if (steps++ == 2) { /* what other threads may do meanwhile */
            CHECK(unmap(parent, BASE + 400 * PAGE_SIZE, 50 * PAGE_SIZE) == 0);
            map(parent, BASE + 420 * PAGE_SIZE, 1, PROT_READ);
            CHECK(load(parent, BASE + 420 * PAGE_SIZE) == 0);
        }
    }
    CHECK(steps >= 500 / SPACE_STEP);
    for (unsigned i = 0; i < 400; i++) {
        CHECK(load(child, BASE + i * PAGE_SIZE) == i);
    }
    sim_end(child);
    finish(parent);
}

static void test_teardown(void) {
    sim_boot(FRAMES, 2, 16);
    quota = quota_create();
    struct space *space = space_create(quota);
    map(space, BASE, 600, RW);
    for (unsigned i = 0; i < 600; i++) {
        store(space, BASE + i * PAGE_SIZE, i);
    }
    sim_hart(1);
    CHECK(load(space, BASE) == 0);
    sim_hart(0);
    space_get(space);
    space_leave();
    space_put(space);
    CHECK(!asid_release(&space->asid)); /* hart 1 is still in it */
    sim_hart(1);
    space_leave();
    sim_hart(0);
    CHECK(sim_end(space) >= 600 / SPACE_STEP);
    finish(NULL);
}

static void test_memory(void) {
    struct space *space = start();
    struct memory *device;
    struct memory *dma;
    struct memory *initrd;
    pa_t page = RAM_BASE + PAGE_SIZE;
    CHECK(memory_create_device(0x10000000, PAGE_SIZE, &device) == 0);
    CHECK(memory_create_device(0x10001000, PAGE_SIZE, &dma) == -EINVAL);
    CHECK(memory_create_device(page + 5 * PAGE_SIZE, PAGE_SIZE, &dma) ==
          -EINVAL);
    CHECK(memory_create_device(page, 3 * PAGE_SIZE, &initrd) == -EINVAL);
    CHECK(memory_create_device(page, 0 - page, &initrd) == -EINVAL);
    CHECK(memory_create_device(page + 1, PAGE_SIZE, &initrd) == -EINVAL);
    CHECK(memory_create_device(page, 0, &initrd) == -EINVAL);
    CHECK(memory_create_device(page, 2 * PAGE_SIZE, &initrd) == 0);
    CHECK(memory_create_device(page + PAGE_SIZE, 2 * PAGE_SIZE, &dma) ==
          -EINVAL);
    CHECK(memory_create_dma(0, &dma) == -EINVAL);
    CHECK(memory_create_dma(UINT64_MAX, &dma) == -EINVAL);
    CHECK(memory_create_dma(5, &dma) == 0);
    *(uint64_t *)pa_to_va(page + PAGE_SIZE) = 77;
    CHECK(space_map(space, BASE, PAGE_SIZE, PROT_READ, initrd, PAGE_SIZE) ==
          (int64_t)BASE);
    CHECK(space_map(space, 0, 2 * PAGE_SIZE, RW, initrd, PAGE_SIZE) == -EINVAL);
    CHECK(space_map(space, 0, PAGE_SIZE, RW, initrd, 0 - PAGE_SIZE) == -EINVAL);
    CHECK(load(space, BASE) == 77 && sim_store(space, BASE, 1) == -EFAULT);
    CHECK(protect(space, BASE, PAGE_SIZE, RW) == -EPERM);
    va_t va = BASE + 8 * PAGE_SIZE;
    CHECK(space_map(space, va, 5 * PAGE_SIZE, RW, dma, 0) == (int64_t)va);
    CHECK(load(space, va + 4 * PAGE_SIZE) == 0);
    store(space, va + 4 * PAGE_SIZE, 5);
    CHECK(*(uint64_t *)pa_to_va(dma->base + 4 * PAGE_SIZE) == 5);
    struct space *child = fork_of(space, quota);
    uint64_t value;
    CHECK(sim_load(child, va, &value) == -EFAULT);
    CHECK(sim_load(child, BASE, &value) == -EFAULT);
    sim_end(child);
    CHECK(unmap(space, va + PAGE_SIZE, PAGE_SIZE) == 0);
    CHECK(load(space, va + 4 * PAGE_SIZE) == 5);
    CHECK(vm_check_frames() == 0);
    memory_put(dma);
    memory_put(initrd);
    memory_put(device);
    CHECK(load(space, va + 4 * PAGE_SIZE) == 5);
    finish(space);
    uint64_t free = frame_free_count();
    CHECK(memory_create_dma(5, &dma) == 0);
    CHECK(frame_free_count() == free - 5);
    memory_put(dma);
    CHECK(frame_free_count() == free);
}

static void fill(struct space *space, va_t va, unsigned char seed,
                 unsigned length) {
    for (unsigned i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)(seed + i * 3);
        CHECK(space_write(space, va + i, &byte, 1) == 0);
    }
}

static unsigned char byte_at(struct space *space, va_t va) {
    return (unsigned char)(load(space, va & ~7ull) >> va % 8 * 8);
}

/* Copies as a caller does; returns the result, and the bytes in *done. */
static int copy(struct space *to, va_t tva, struct space *from, va_t fva,
                uint64_t length, uint64_t *done) {
    int result = 0;
    *done = 0;
    while (*done < length && result == 0) {
        uint64_t part;
        result = space_copy_step(to, tva + *done, from, fva + *done,
                                 length - *done, false, &part);
        CHECK(result == 0 ? part > 0 : part == 0);
        *done += part;
    }
    return result;
}

static void test_copy_exact(void) {
    struct space *from = start();
    struct space *to = space_create(quota);
    map(from, BASE, 3, RW);
    map(to, BASE, 3, RW);
    for (unsigned tail = 1; tail <= 17; tail += 4) {
        for (unsigned offset = 0; offset < 9; offset++) {
            va_t fva = BASE + PAGE_SIZE - offset;
            va_t tva = BASE + PAGE_SIZE - (offset * 5 + tail) % 11;
            fill(from, BASE + PAGE_SIZE - 32, (unsigned char)(tail + 1), 64);
            fill(to, BASE + PAGE_SIZE - 32, (unsigned char)(200 - tail), 64);
            uint64_t done;
            CHECK(copy(to, tva, from, fva, tail, &done) == 0 && done == tail);
            for (va_t va = BASE + PAGE_SIZE - 32; va < BASE + PAGE_SIZE + 32;
                 va++) {
                unsigned i = (unsigned)(va - (BASE + PAGE_SIZE - 32));
                unsigned char expect = (unsigned char)(200 - tail + i * 3);
                if (va >= tva && va < tva + tail) {
                    expect = byte_at(from, fva + (va - tva));
                }
                CHECK(byte_at(to, va) == expect);
            }
        }
    }
    sim_end(to);
    finish(from);
}

static void test_copy_faults(void) {
    struct space *from = start();
    struct space *to = space_create(quota);
    uint64_t done;
    map(from, BASE, 4, RW);
    map(to, BASE, 4, RW);
    store(from, BASE, 11);
    store(from, BASE + 3 * PAGE_SIZE, 44);
    uint64_t before = sim_counter(COUNTER_BYTES_COPIED);
    CHECK(copy(to, BASE, from, BASE, 4 * PAGE_SIZE, &done) == 0);
    CHECK(load(to, BASE) == 11 && load(to, BASE + 3 * PAGE_SIZE) == 44);
    CHECK(sim_counter(COUNTER_BYTES_COPIED) == before + 4 * PAGE_SIZE);
    for (unsigned hole = 0; hole < 4; hole++) {
        va_t va = BASE + hole * PAGE_SIZE;
        CHECK(protect(from, va, PAGE_SIZE, PROT_NONE) == 0);
        CHECK(copy(to, BASE, from, BASE, 4 * PAGE_SIZE, &done) ==
              COPY_FAULT_FROM);
        CHECK(done == hole * PAGE_SIZE);
        CHECK(copy(to, BASE, from, BASE + 8, 4 * PAGE_SIZE - 8, &done) ==
              COPY_FAULT_FROM);
        CHECK(done == (hole == 0 ? 0 : hole * PAGE_SIZE - 8));
        CHECK(protect(from, va, PAGE_SIZE, RW) == 0);
        CHECK(protect(to, va, PAGE_SIZE, PROT_READ) == 0);
        CHECK(copy(to, BASE, from, BASE, 4 * PAGE_SIZE, &done) ==
              COPY_FAULT_TO);
        CHECK(done == hole * PAGE_SIZE);
        CHECK(protect(to, va, PAGE_SIZE, RW) == 0);
    }
    CHECK(copy(to, USER_END - 8, from, BASE, 16, &done) == COPY_FAULT_TO);
    CHECK(copy(to, BASE, from, 0xffffffc080000000, 8, &done) ==
          COPY_FAULT_FROM);
    CHECK(copy(to, UINT64_MAX, from, BASE, 1, &done) == COPY_FAULT_TO);
    from->dying = true;
    CHECK(copy(to, BASE, from, BASE, 1, &done) == COPY_FAULT_FROM);
    CHECK(copy(from, BASE, to, BASE, 1, &done) == COPY_FAULT_TO);
    from->dying = false;
    sim_end(to);
    finish(from);
}

static void test_copy_cow(void) {
    struct space *parent = start();
    map(parent, BASE, 4, RW);
    store(parent, BASE, 1);
    store(parent, BASE + PAGE_SIZE, 2);
    struct space *child = fork_of(parent, quota);
    uint64_t done;
    CHECK(space_copy_step(child, BASE, parent, BASE + PAGE_SIZE, 8, true,
                          &done) == COPY_FAULT_TO);
    CHECK(space_copy_step(child, BASE, parent, BASE + 2 * PAGE_SIZE, 8, true,
                          &done) == COPY_FAULT_FROM);
    CHECK(done == 0 && quota->frames == 2 * 5);
    CHECK(copy(child, BASE, parent, BASE + PAGE_SIZE, 8, &done) == 0);
    CHECK(load(child, BASE) == 2 && load(parent, BASE) == 1);
    /* Within one space, source and destination the same common page. */
    CHECK(copy(parent, BASE + PAGE_SIZE + 64, parent, BASE + PAGE_SIZE, 8,
               &done) == 0);
    CHECK(load(parent, BASE + PAGE_SIZE + 64) == 2);
    CHECK(load(child, BASE + PAGE_SIZE + 64) == 0);
    CHECK(copy(parent, BASE + PAGE_SIZE + 1, parent, BASE + PAGE_SIZE, 64,
               &done) == 0);
    CHECK(byte_at(parent, BASE + PAGE_SIZE + 1) == 2);
    CHECK(vm_check_frames() == 0);
    sim_end(child);
    finish(parent);
}

static void test_resource_limit(void) {
    struct space *space = start();
    map(space, BASE, FRAMES, RW);
    unsigned count = 0;
    while (sim_store(space, BASE + count * PAGE_SIZE, count) == 0) {
        count++;
    }
    CHECK(quota->frames <= quota->frames_max);
    CHECK(quota->frames_max - quota->frames <= 1 && count > 900);
    CHECK(space_fault(space, BASE + count * PAGE_SIZE, PROT_READ) == -ENOMEM);
    CHECK(fork_of(space, quota) == NULL);
    CHECK(vm_check_frames() == 0);
    CHECK(unmap(space, BASE, 10 * PAGE_SIZE) == 0);
    store(space, BASE + count * PAGE_SIZE, 5);
    for (unsigned i = 10; i < count; i++) {
        CHECK(load(space, BASE + i * PAGE_SIZE) == i);
    }
    struct quota *other = quota_create();
    struct space *second = space_create(other);
    map(second, BASE, FRAMES, RW);
    count = 0;
    while (sim_store(second, BASE + count * PAGE_SIZE, count) == 0) {
        count++;
    }
    CHECK(other->frames < other->frames_max); /* frames ran out, not quota */
    other->essential = true;
    CHECK(sim_store(second, BASE + count * PAGE_SIZE, count) == 0);
    sim_end(second);
    finish(space);
}

/* Every allocation of a sequence of operations fails once. */
static bool sweep_once(unsigned n) {
    struct quota *mine = quota_create();
    uint64_t used = quota->frames + quota->objects;
    CHECK(mine != NULL);
    frame_fail_after(n);
    struct space *space = space_create(mine);
    struct space *child = NULL;
    struct memory *dma = NULL;
    bool ok = space != NULL;
    ok = ok && space_map(space, BASE, 8 * PAGE_SIZE, RW, NULL, 0) > 0;
    ok = ok && sim_store(space, BASE, 1) == 0;
    ok = ok && sim_store(space, BASE + 0x40000000 - 0x40000000, 1) == 0;
    ok = ok && protect(space, BASE + PAGE_SIZE, PAGE_SIZE, PROT_READ) == 0;
    ok = ok && unmap(space, BASE + 4 * PAGE_SIZE, PAGE_SIZE) == 0;
    ok = ok && memory_create_dma(3, &dma) == 0;
    ok = ok && space_map(space, 0, PAGE_SIZE, RW, dma, 0) > 0;
    ok = ok && (child = fork_of(space, mine)) != NULL;
    ok = ok && sim_store(child, BASE, 2) == 0;
    uint64_t done;
    ok = ok && copy(child, BASE + 5 * PAGE_SIZE, space, BASE + 6 * PAGE_SIZE, 8,
                    &done) == 0;
    uint64_t tried = frame_fail_after(0);
    CHECK(ok == (tried < n));
    CHECK(vm_check_frames() == 0);
    if (child != NULL) {
        CHECK(load(space, BASE) == 1);
        sim_end(child);
    }
    if (dma != NULL) {
        memory_put(dma);
    }
    if (space != NULL) {
        sim_end(space);
    }
    CHECK(vm_check_frames() == 0);
    CHECK(mine->frames == 0 && mine->objects == 0);
    CHECK(quota->frames + quota->objects == used);
    quota_put(mine);
    return ok;
}

static void test_failure_sweep(void) {
    struct space *space = start();
    unsigned n = 1;
    while (!sweep_once(n)) {
        n++;
    }
    CHECK(n > 20);
    finish(space);
}

const struct test space_tests[] = {
    {"lazy", "Pages appear zeroed when touched, and nowhere else", test_lazy},
    {"rights", "A page permits what its region does", test_rights},
    {"map_errors", "Bad ranges and rights are refused", test_map_errors},
    {"placement", "The kernel chooses the lowest free range", test_placement},
    {"guard", "The page below a stack stays unmapped", test_guard},
    {"unmap", "Unmapping takes out these pages, and their tables", test_unmap},
    {"unmap_steps", "Unmapping much is done in steps", test_unmap_steps},
    {"unmap_sparse", "So is unmapping little in many tables",
     test_unmap_sparse},
    {"protect", "Rights are lowered and raised; contents stay", test_protect},
    {"execute", "Harts are told of new code", test_execute},
    {"region_limit", "The number of regions is bounded, with nothing lost",
     test_region_limit},
    {"locked", "Lent and borrowed pages cannot be changed, and fork skips them",
     test_locked},
    {"sbrk", "The heap grows and shrinks to the byte", test_sbrk},
    {"cow", "Fork shares pages until somebody writes", test_cow},
    {"cow_protect", "Pages shared while they could not be written are copied",
     test_cow_protect},
    {"sharers", "Three hundred sharers, then the last owner writes in place",
     test_sharers},
    {"fork_shared", "Shared pages are copied by fork, or stay shared",
     test_fork_shared},
    {"fork_steps", "Fork in steps, while another thread changes the parent",
     test_fork_steps},
    {"teardown", "A space goes in steps, once every hart has left it",
     test_teardown},
    {"memory", "Memory objects map what they name and are pinned", test_memory},
    {"copy_exact", "Copying moves exactly these bytes", test_copy_exact},
    {"copy_faults", "Copying stops at a hole and says on which side",
     test_copy_faults},
    {"copy_cow", "Copying resolves common and missing pages", test_copy_cow},
    {"limit", "Quota and frames run out without harm", test_resource_limit},
    {"failure_sweep", "Whichever allocation fails, nothing is lost",
     test_failure_sweep},
    {0},
};
