/* SPDX-License-Identifier: MIT */
/*
 * shares.c: tests of fork, copying, memory objects, and running out.
 */
#include "abi/errno.h"
#include "kit.h"
#include "tests.h"
#include "vm/copy.h"
#include "vm/frame.h"
#include "vm/memory.h"
#include "vm/transfer.h"
#include "vm/vm.h"

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
    space_leave();
    CHECK(harts[1].satp == space->asid.satp);
    space_put(space);
    CHECK(sim_reap() >= 600 / SPACE_STEP);
    CHECK(harts[1].satp == kernel_satp); /* it was still in it */
    finish(NULL);
}

/* Pinned memory goes nowhere, by no mode, also behind a page that could. */
static void pinned_stay(struct space *space, va_t va, unsigned prot) {
    struct space *other = space_create(quota);
    va_t before = va - PAGE_SIZE;
    CHECK(other != NULL);
    CHECK(space_map(space, before, PAGE_SIZE, prot, NULL, 0) ==
          (int64_t)before);
    for (uint8_t mode = ITEM_MOVE; mode <= ITEM_LEND; mode++) {
        for (uint64_t pages = 1; pages <= 2; pages++) {
            struct transfer transfer = {.from = space, .to = other, .count = 1};
            transfer.item[0] =
                (struct transfer_item){.from = va - (pages - 1) * PAGE_SIZE,
                                       .pages = pages,
                                       .mode = mode,
                                       .prot = (uint8_t)prot};
            CHECK(space_transfer(&transfer) == -EPERM);
        }
    }
    CHECK(other->region_count == 0);
    CHECK(unmap(space, before, PAGE_SIZE) == 0);
    sim_end(other);
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
    pinned_stay(space, va, RW);
    pinned_stay(space, BASE, PROT_READ);
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
        pte_t *leaf;
        spin_lock(&space->lock);
        CHECK(space_resolve(space, va + i, PROT_WRITE, false, &leaf) == 0);
        *leaf_byte(leaf, va + i) = (char)(seed + i * 3);
        spin_unlock(&space->lock);
    }
}

static unsigned char byte_at(struct space *space, va_t va) {
    return (unsigned char)(load(space, va & ~7ull) >> va % 8 * 8);
}

/* Copies as a caller does; returns the result, and the bytes in *done. */
static int copy(struct space *to, va_t tva, struct space *from, va_t fva,
                uint64_t length, uint64_t *done) {
    *done = 0;
    while (*done < length) {
        int64_t part = space_copy_step(to, tva + *done, from, fva + *done,
                                       length - *done, false);
        CHECK(part != 0);
        if (part < 0) {
            return (int)part;
        }
        *done += (uint64_t)part;
    }
    return 0;
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
    CHECK(space_copy_step(child, BASE, parent, BASE + PAGE_SIZE, 8, true) ==
          COPY_FAULT_TO);
    CHECK(space_copy_step(child, BASE, parent, BASE + 2 * PAGE_SIZE, 8, true) ==
          COPY_FAULT_FROM);
    CHECK(quota->frames == 2 * 5);
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
    CHECK(sim_fault(space, BASE + count * PAGE_SIZE, PROT_READ) == -ENOMEM);
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

const struct test share_tests[] = {
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
