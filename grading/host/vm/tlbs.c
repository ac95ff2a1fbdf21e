/* SPDX-License-Identifier: MIT */
/*
 * tlbs.c: tests of fences and address-space numbers, on harts that remember
 * everything they may.
 */
#include "abi/errno.h"
#include "sim.h"
#include "tests.h"
#include "vm/frame.h"
#include "vm/vm.h"

enum {
    FRAMES = 2000,
    RW = PROT_READ | PROT_WRITE,
};

#define BASE 0x100000ull

static struct quota *quota;

static struct space *make(unsigned pages) {
    struct space *space = space_create(quota);
    CHECK(space_map(space, BASE, pages * PAGE_SIZE, RW, NULL, 0) ==
          (int64_t)BASE);
    return space;
}

static void touch(struct space *space, unsigned pages) {
    for (unsigned i = 0; i < pages; i++) {
        CHECK(sim_store(space, BASE + i * PAGE_SIZE, i) == 0);
    }
}

static uint64_t fences_of(int result, uint64_t before) {
    CHECK(result == 0);
    return sim_fences - before;
}

static void test_fence_count(void) {
    sim_boot(FRAMES, 1, 16);
    quota = quota_create();
    struct space *space = make(200);
    touch(space, 40);
    uint64_t now = sim_fences;
    CHECK(fences_of(space_unmap(space, BASE + 150 * PAGE_SIZE, PAGE_SIZE),
                    now) == 0);
    CHECK(fences_of(space_unmap(space, BASE, PAGE_SIZE), now) == 1);
    now = sim_fences;
    CHECK(fences_of(
              space_protect(space, BASE + PAGE_SIZE, 5 * PAGE_SIZE, PROT_READ),
              now) == 5);
    now = sim_fences;
    CHECK(fences_of(space_protect(space, BASE + PAGE_SIZE, 5 * PAGE_SIZE, RW),
                    now) == 0);
    CHECK(fences_of(
              space_protect(space, BASE + PAGE_SIZE, 39 * PAGE_SIZE, PROT_READ),
              now) == 1);
    now = sim_fences;
    CHECK(space_map(space, 0, PAGE_SIZE, RW, NULL, 0) > 0);
    CHECK(sim_fences == now);
    sim_end(space);
}

static void test_fork_fence(void) {
    sim_boot(FRAMES, 1, 16);
    quota = quota_create();
    struct space *space = make(40);
    touch(space, 40);
    va_t cursor = 0;
    uint64_t now = sim_fences;
    struct space *child = space_fork_begin(space, quota);
    CHECK(space_fork_step(space, child, &cursor) == 0);
    CHECK(sim_fences == now + 1);
    CHECK(sim_store(space, BASE, 99) == 0);
    uint64_t value;
    CHECK(sim_load(child, BASE, &value) == 0 && value == 0);
    /* Nothing is writable any more but that one page. */
    struct space *second = space_fork_begin(space, quota);
    now = sim_fences;
    cursor = 0;
    CHECK(space_fork_step(space, second, &cursor) == 0);
    CHECK(sim_fences == now + 1);
    struct space *third = space_fork_begin(space, quota);
    now = sim_fences;
    cursor = 0;
    CHECK(space_fork_step(space, third, &cursor) == 0 && sim_fences == now);
    sim_end(third);
    sim_end(second);
    sim_end(child);
    sim_end(space);
    CHECK(vm_check_frames() == 0);
}

static void test_remote(void) {
    sim_boot(FRAMES, 4, 16);
    quota = quota_create();
    struct space *space = make(64);
    uint64_t value;
    for (unsigned hart = 0; hart < 3; hart++) {
        sim_hart(hart);
        touch(space, 40);
    }
    CHECK(space->asid.hart_mask == 7);
    sim_hart(2);
    CHECK(space_unmap(space, BASE, PAGE_SIZE) == 0);
    for (unsigned hart = 0; hart < 4; hart++) {
        sim_hart(hart);
        CHECK(sim_load(space, BASE, &value) == -EFAULT);
    }
    CHECK(space_protect(space, BASE + PAGE_SIZE, 2 * PAGE_SIZE, PROT_READ) ==
          0);
    for (unsigned hart = 0; hart < 4; hart++) {
        sim_hart(hart);
        CHECK(sim_store(space, BASE + PAGE_SIZE, 1) == -EFAULT);
        CHECK(sim_store(space, BASE + 2 * PAGE_SIZE, 1) == -EFAULT);
        CHECK(sim_load(space, BASE + PAGE_SIZE, &value) == 0 && value == 1);
    }
    CHECK(space_protect(space, BASE + 4 * PAGE_SIZE, 36 * PAGE_SIZE,
                        PROT_READ) == 0);
    for (unsigned hart = 0; hart < 4; hart++) {
        sim_hart(hart);
        CHECK(sim_store(space, BASE + 39 * PAGE_SIZE, 1) == -EFAULT);
    }
    /* A common page is copied by one hart; the others see the copy. */
    sim_hart(0);
    va_t cursor = 0;
    struct space *child = space_fork_begin(space, quota);
    CHECK(space_fork_step(space, child, &cursor) == 0);
    sim_hart(1);
    CHECK(sim_load(space, BASE + 3 * PAGE_SIZE, &value) == 0);
    sim_hart(2);
    CHECK(sim_store(space, BASE + 3 * PAGE_SIZE, 1000) == 0);
    sim_hart(1);
    CHECK(sim_load(space, BASE + 3 * PAGE_SIZE, &value) == 0);
    CHECK(value == 1000);
    sim_end(child);
    sim_end(space);
    CHECK(vm_check_frames() == 0);
}

static void test_switch(void) {
    sim_boot(FRAMES, 1, 16);
    quota = quota_create();
    struct space *a = make(1);
    struct space *b = make(1);
    touch(a, 1);
    touch(b, 1);
    uint64_t fences = sim_fences;
    uint64_t value;
    for (unsigned i = 0; i < 10; i++) {
        space_activate(a);
        CHECK(harts[0].satp == a->asid.satp && sim_reload(BASE, &value));
        space_activate(b);
        asid_enter_known(&harts[0], &a->asid);
        CHECK(harts[0].satp == a->asid.satp);
    }
    space_leave();
    space_leave();
    CHECK(harts[0].satp == kernel_satp);
    CHECK(sim_fences == fences);
    sim_end(a);
    sim_end(b);
}

/* More spaces than numbers, on three harts that come and go; each page says
 * whose it is. */
static void roll(unsigned asid_bits) {
    enum { SPACES = 40, ROUNDS = 3000, HARTS = 3 };
    static struct space *spaces[SPACES];
    static uint64_t names[SPACES];
    uint64_t next = 1;
    sim_boot(FRAMES, HARTS, asid_bits);
    quota = quota_create();
    quota->frames_max = FRAMES;
    sim_seed(asid_bits);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned i = (unsigned)sim_random(SPACES);
        if (sim_random(3) > 0) {
            sim_hart((unsigned)sim_random(HARTS));
        }
        if (spaces[i] == NULL) {
            spaces[i] = make(2);
            names[i] = next++;
            CHECK(sim_store(spaces[i], BASE, names[i]) == 0);
        } else if (sim_random(20) == 0) {
            sim_end(spaces[i]);
            spaces[i] = NULL;
            continue;
        } else if (sim_random(4) == 0) {
            CHECK(space_unmap(spaces[i], BASE, PAGE_SIZE) == 0);
            CHECK(space_map(spaces[i], BASE, PAGE_SIZE, RW, NULL, 0) > 0);
            CHECK(sim_store(spaces[i], BASE, names[i]) == 0);
        }
        uint64_t value;
        CHECK(sim_load(spaces[i], BASE, &value) == 0 && value == names[i]);
        CHECK(sim_load(spaces[i], BASE + PAGE_SIZE, &value) == 0);
        CHECK(value == 0);
    }
    for (unsigned i = 0; i < SPACES; i++) {
        if (spaces[i] != NULL) {
            sim_end(spaces[i]);
        }
    }
    CHECK(vm_check_frames() == 0);
}

static void test_roll_6(void) {
    roll(6);
}
static void test_roll_16(void) {
    roll(16);
}
static void test_roll_0(void) {
    roll(0);
}
static void test_roll_5(void) {
    roll(5);
}

/* A hart stays in its space while others use up the numbers, twice. */
static void test_roll_stay(void) {
    sim_boot(FRAMES, 2, 6);
    quota = quota_create();
    struct space *stays = make(1);
    CHECK(sim_store(stays, BASE, 4711) == 0);
    uint64_t satp = stays->asid.satp;
    uint64_t value;
    sim_hart(1);
    for (unsigned i = 0; i < 200; i++) {
        struct space *space = make(1);
        CHECK(sim_store(space, BASE, i) == 0);
        CHECK(space->asid.satp >> 44 != satp >> 44);
        space_leave(); /* this hart only: not sim_end */
        space_put(space);
        sim_reap();
        CHECK(harts[0].satp == satp && stays->asid.satp == satp);
        if (i % 50 == 49) { /* the other hart visits it, too */
            CHECK(sim_load(stays, BASE, &value) == 0 && value == 4711);
        }
    }
    sim_end(stays);
}

/* As many spaces as numbers, then one more. */
static void test_roll_full(void) {
    enum { NUMBERS = 63 };
    struct space *spaces[NUMBERS];
    sim_boot(FRAMES, 2, 6);
    quota = quota_create();
    for (unsigned i = 0; i < NUMBERS; i++) {
        spaces[i] = make(1);
        CHECK(sim_store(spaces[i], BASE, i) == 0);
    }
    uint64_t objects = quota->objects;
    uint64_t frames = quota->frames;
    CHECK(space_create(quota) == NULL);
    CHECK(quota->objects == objects && quota->frames == frames);
    CHECK(vm_check_frames() == 0);
    /* The next one gets the number of the last, and nothing else of it. */
    uint64_t value;
    for (unsigned i = 0; i < NUMBERS; i++) {
        sim_hart(i % 2);
        CHECK(sim_load(spaces[i], BASE, &value) == 0 && value == i);
        uint64_t satp = spaces[i]->asid.satp;
        sim_end(spaces[i]);
        spaces[i] = make(1);
        CHECK(spaces[i]->asid.satp >> 44 == satp >> 44);
        CHECK(sim_load(spaces[i], BASE, &value) == 0 && value == 0);
    }
    for (unsigned i = 0; i < NUMBERS; i++) {
        sim_end(spaces[i]);
    }
    CHECK(vm_check_frames() == 0);
}

/* A space that ends in steps is released at each, and fenced at the first. */
static void test_roll_once(void) {
    struct asid asid, other;
    sim_boot(FRAMES, 1, 6);
    asid_once(&asid);
    asid_once(&other);
    CHECK(asid_create(&asid, RAM_BASE) && asid_create(&other, RAM_BASE));
    CHECK(asid.satp != other.satp);
    uint64_t satp = asid.satp;
    uint64_t fences = sim_fences;
    asid_release(&asid);
    CHECK(sim_fences > fences);
    fences = sim_fences;
    asid_release(&asid);
    CHECK(sim_fences == fences);
    CHECK(asid_create(&asid, RAM_BASE) && asid.satp == satp);
}

const struct test tlb_tests[] = {
    {"fence_count", "Fences happen where a right goes, and only there",
     test_fence_count},
    {"fork_fence", "Fork fences the parent once, if it lost a right",
     test_fork_fence},
    {"remote", "Other harts that were in the space forget, too", test_remote},
    {"switch", "Switching writes satp, and fences nothing", test_switch},
    {"roll_6", "Sixty-four numbers for hundreds of spaces", test_roll_6},
    {"roll_16", "Numbers enough for all", test_roll_16},
    {"roll_5", "Too few numbers to be of use", test_roll_5},
    {"roll_0", "A machine without address-space numbers", test_roll_0},
    {"roll_stay", "A living space keeps its number when others run out",
     test_roll_stay},
    {"roll_full", "When all numbers are in use there is no further space",
     test_roll_full},
    {"roll_once", "A space that has ended is fenced once", test_roll_once},
    {0},
};
