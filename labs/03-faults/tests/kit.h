/* SPDX-License-Identifier: MIT */
/*
 * kit.h: an address space made and looked at by hand, for unit*.c.
 *
 * Regions are linked in here, and `know` makes the space remember one, so that
 * a fault in it is found without a search: a test says something about the
 * function it tests, and about no other.
 */
#ifndef OCTAVO_LAB_FAULTS_KIT_H
#define OCTAVO_LAB_FAULTS_KIT_H

#include "unit.h"

#include "abi/errno.h"
#include "abi/layout.h"
#include "lib/string.h"
#include "vm/frame.h"
#include "vm/large.h"
#include "vm/memory.h"
#include "vm/pagetable.h"
#include "vm/pte.h"
#include "vm/quota.h"
#include "vm/region.h"
#include "vm/space.h"

enum {
    R = PROT_READ,
    W = PROT_WRITE,
    X = PROT_EXECUTE,
    RW = R | W,
    USER_R = PTE_V | PTE_R | PTE_U | PTE_A | PTE_D,
    USER_RW = USER_R | PTE_W,
    USER_RX = USER_R | PTE_X,
    KIT_REGIONS = 8,
    KIT_OBJECTS = 100,
};

/* Indices 20, 5 and 7 of the levels 2, 1 and 0. */
#define PLACE ((va_t)20 << 30 | (va_t)5 << 21 | (va_t)7 << 12)
#define PAGE(n) ((va_t)(n)*PAGE_SIZE)

static struct quota quota;
static struct space *space;
static struct region kit_regions[KIT_REGIONS];
static unsigned kit_count;

/* An empty space. */
static inline void setup(void) {
    quota.refs = 1;
    quota.frames_max = frame_total();
    quota.objects_max = KIT_OBJECTS;
    space = space_create(&quota);
    unit_true("the test has a space", space != NULL);
}

/* Links a region in by hand; they must come in order. */
static inline struct region *put(va_t start, va_t end, unsigned prot,
                                 uint32_t flags) {
    struct region *region = &kit_regions[kit_count++];
    *region = (struct region){.start = start,
                              .end = end,
                              .stale = end,
                              .prot = (uint16_t)prot,
                              .max = R | W | X,
                              .flags = flags};
    list_push_back(&space->regions, &region->link);
    space->region_count++;
    return region;
}

/* The space remembers the region as that of its last fault. */
static inline void know(struct region *region) {
    space->found = region;
}

/* The entry of a page as it is; 0 where there is no table. */
static inline pte_t entry(va_t va) {
    const pte_t *leaf = pagetable_leaf(&space->table, va);
    return leaf == NULL ? 0 : *leaf;
}

/* What must not change when something fails. */
struct account {
    uint64_t charge, objects, free;
};

static inline struct account account(void) {
    return (struct account){quota.frames, quota.objects, frame_free_count()};
}

static inline void check_account(const struct account *before) {
    unit_equal("the charge, as before", quota.frames, before->charge);
    unit_equal("the objects charged, as before", quota.objects,
               before->objects);
    unit_equal("free frames, as before", frame_free_count(), before->free);
}

static inline bool all_zero(const void *page) {
    const uint64_t *word = page;
    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*word); i++)
        if (word[i] != 0)
            return false;
    return true;
}

static inline void *page_of(va_t va) {
    return pa_to_va(pte_frame(entry(va)));
}

static inline int fault(va_t va, unsigned access) {
    struct fill_request request;
    int result = space_fault(space, va, access, &request);
    unit_true("the space's lock is free when space_fault returns",
              !spin_held(&space->lock));
    return result;
}

/* unit_fault.c */
void test_fill(void);
void test_zero(void);
void test_rights(void);
void test_again(void);
void test_memory(void);
void test_pager(void);
void test_large(void);
void test_nothing(void);
void test_quota(void);
void test_provide(void);
void test_provide_not(void);
void test_cost(void);

/* unit_heap.c */
void test_heap(void);
void test_heap_bytes(void);
void test_heap_lazy(void);
void test_heap_shrink(void);
void test_heap_steps(void);
void test_heap_errors(void);
void test_heap_room(void);
void test_heap_random(void);

#endif
