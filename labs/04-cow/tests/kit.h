/* SPDX-License-Identifier: MIT */
/*
 * kit.h: address spaces, pages and references made by hand, for unit*.c.
 *
 * A page is put into a table with the flags and the count that a test wants,
 * whatever led there. `share` puts the same frame into another place and sets
 * the count itself, so that a test says something about the function it tests,
 * and about no other.
 */
#ifndef OCTAVO_LAB_COW_KIT_H
#define OCTAVO_LAB_COW_KIT_H

#include "unit.h"

#include "abi/errno.h"
#include "abi/info.h"
#include "abi/layout.h"
#include "arch/hart.h"
#include "lib/string.h"
#include "vm/copy.h"
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
    NONE = PTE_U | PTE_A | PTE_D,
    USER_R = NONE | PTE_V | PTE_R,
    USER_RW = USER_R | PTE_W,
    USER_RX = USER_R | PTE_X,
    WORDS = PAGE_SIZE / 8,
};

/* Indices 20, 5 and 7 of the levels 2, 1 and 0. */
#define PLACE ((va_t)20 << 30 | (va_t)5 << 21 | (va_t)7 << 12)
#define PAGE(n) ((va_t)(n)*PAGE_SIZE)

static struct quota parent_quota, child_quota;
static struct space *parent;

/* Nobody is in a space here, so it can go at once. */
static inline void finish(struct space *space) {
    while (!space_free_step(space))
        continue;
}

static inline void quota_setup(struct quota *quota) {
    quota->refs = 1;
    quota->frames_max = frame_total();
    quota->objects_max = 100;
}

/* An empty space, which this hart has been in. */
static inline void setup(void) {
    quota_setup(&parent_quota);
    quota_setup(&child_quota);
    space_defunct = finish;
    parent = space_create(&parent_quota);
    unit_true("the test has a space", parent != NULL);
    space_activate(parent);
}

static inline struct region *map(va_t va, unsigned pages, unsigned prot,
                                 uint32_t flags) {
    struct region like = {.start = va,
                          .end = va + PAGE(pages),
                          .stale = va + PAGE(pages),
                          .prot = (uint16_t)prot,
                          .max = R | W | X,
                          .flags = flags};
    struct region *region = region_add(parent, &like);
    unit_true("the test has a region", region != NULL);
    return region;
}

/* The entry of a page as it is; 0 where there is no table. */
static inline pte_t entry(const struct space *space, va_t va) {
    const pte_t *leaf = pagetable_leaf(&space->table, va);
    return leaf == NULL ? 0 : *leaf;
}

static inline pte_t flags_of(const struct space *space, va_t va) {
    return entry(space, va) & PTE_FLAGS;
}

static inline pa_t pa_of(const struct space *space, va_t va) {
    return pte_frame(entry(space, va));
}

static inline uint64_t word_value(uint64_t seed, unsigned index) {
    return seed * 0x9e3779b97f4a7c15 + index * 0x100000001b3;
}

static inline void pattern_fill(pa_t pa, uint64_t seed) {
    uint64_t *word = pa_to_va(pa);
    for (unsigned i = 0; i < WORDS; i++)
        word[i] = word_value(seed, i);
}

/* All words of the frame, to the last, are those of the pattern. */
static inline void pattern_check(const char *what, pa_t pa, uint64_t seed) {
    const uint64_t *word = pa_to_va(pa);
    for (unsigned i = 0; i < WORDS; i++)
        unit_equal(what, word[i], word_value(seed, i));
}

/* Puts a page with a pattern into the parent by hand. */
static inline pa_t put(va_t va, pte_t flags, uint64_t seed) {
    pa_t pa = frame_alloc(true);
    unit_true("the test has a frame", pa != 0);
    pattern_fill(pa, seed);
    unit_signed("the test's map", pagetable_map(&parent->table, va, pa, flags),
                0);
    return pa;
}

static inline void refs_set(pa_t pa, uint32_t refs) {
    frame_of(pa)->refs = refs;
}

static inline void refs_check(const char *what, pa_t pa, uint32_t refs) {
    unit_equal(what, frame_of(pa)->refs, refs);
}

static inline uint64_t count(enum counter which) {
    return hart_self()->counters[which];
}

static inline int fault(struct space *space, va_t va, unsigned access) {
    struct fill_request request;
    return space_fault(space, va, access, &request);
}

/* A store by the kernel, as it makes them for a program. */
static inline int kernel_store(struct space *space, va_t va, const void *from,
                               uint64_t size) {
    pte_t *leaf;
    spin_lock(&space->lock);
    int result = space_resolve(space, va, W, false, &leaf);
    if (result == 0)
        memcpy(leaf_byte(leaf, va), from, size);
    spin_unlock(&space->lock);
    return result;
}

/* What must not change when something fails. */
struct account {
    uint64_t charge, free;
};

static inline struct account account(void) {
    return (struct account){parent_quota.frames, frame_free_count()};
}

static inline void account_check(const struct account *before) {
    unit_equal("the charge, as before", parent_quota.frames, before->charge);
    unit_equal("free frames, as before", frame_free_count(), before->free);
}

/* unit_fault.c */
void test_reuse(void);
void test_copy(void);
void test_common(void);
void test_rights(void);
void test_shared(void);
void test_lent(void);
void test_seen(void);
void test_nothing(void);
void test_fences(void);
void test_order(void);
void test_cost(void);
void test_resolve(void);
void test_resolve_not(void);
void test_kernel_write(void);

/* unit_fork.c */
void test_fork(void);
void test_read_only(void);
void test_again(void);
void test_fork_shared(void);
void test_fork_not(void);
void test_fork_large(void);
void test_fork_steps(void);
void test_fork_fences(void);
void test_fork_nothing(void);
void test_fork_quota(void);
void test_fork_end(void);
void test_random(void);

#endif
