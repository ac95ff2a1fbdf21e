/* SPDX-License-Identifier: MIT */
/*
 * spaces.c: tests of regions, faults and changes of what is mapped.
 */
#include "abi/errno.h"
#include "kit.h"
#include "tests.h"
#include "vm/vm.h"

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
    CHECK(sim_fault(space, 0, PROT_READ) == -EFAULT);
    CHECK(sim_fault(space, USER_END, PROT_READ) == -EFAULT);
    CHECK(sim_fault(space, 0xffffffc080000000, PROT_READ) == -EFAULT);
    CHECK(sim_fault(space, UINT64_MAX, PROT_WRITE) == -EFAULT);
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
    {0},
};
