/* SPDX-License-Identifier: MIT */
/*
 * vm/run.h: adjacent page-table entries that change together, in line.
 *
 * The table in vm/transfer.c says what each mode does to one page. Here are
 * its loops, for vm/piece.c and vm/quick.h. Locks: both spaces'.
 */
#ifndef OCTAVO_VM_RUN_H
#define OCTAVO_VM_RUN_H

#include "abi/message.h"
#include "vm/frame.h"
#include "vm/pte.h"

/* Each function returns how many of the pages were there. Counting them in the
 * tables is the caller's. */
struct run {
    pte_t *from, *to; /* `to`: empty entries */
    uint64_t pages;
    pte_t flags;   /* the receiver's */
    pte_t lowered; /* out: rights that the sender had and has no longer */
};

/* How many of the pages from va on have their entries in one table. */
static inline uint64_t pages_in_table(va_t va, uint64_t pages) {
    uint64_t rest = PAGETABLE_ENTRIES - va / PAGE_SIZE % PAGETABLE_ENTRIES;
    return pages < rest ? pages : rest;
}

/* A page that is not its owner's alone may not be written, unless it is shared
 * or the owner's only for a time. */
static inline pte_t without_write(pte_t flags) {
    return flags & ~(pte_t)PTE_W;
}

/* The entry for the same frame with other flags. */
static inline pte_t same_frame(pte_t pte, pte_t flags) {
    return (pte & ~(pte_t)PTE_FLAGS) | flags;
}

static inline unsigned run_move(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = run->flags;
    pte_t *to = run->to;
    pte_t lowered = 0;
    unsigned moved = 0;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        if (pte == 0)
            continue;
        /* Common frames stay so: no right to write, and the mark. */
        pte_t keep = (pte & (~(pte_t)PTE_FLAGS | PTE_SHARED)) | flags;
        pte_store(from, 0);
        pte_store(to, pte & PTE_W ? keep : without_write(keep));
        lowered |= pte;
        moved++;
    }
    run->lowered = lowered & PTE_RIGHTS;
    return moved;
}

static inline unsigned run_share(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = run->flags | PTE_SHARED;
    struct frame *records = frame_records;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        frame_ref_in(records, pte_frame(pte));
        pte_store(from, pte | PTE_SHARED);
        pte_store(to, same_frame(pte, flags));
    }
    run->lowered = 0;
    return (unsigned)run->pages;
}

/* Marks of pages that nobody shares any more go. */
static inline unsigned run_cow(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = without_write(run->flags);
    struct frame *records = frame_records;
    pte_t *to = run->to;
    pte_t lowered = 0;
    unsigned common = 0;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        if (pte == 0)
            continue;
        frame_ref_in(records, pte_frame(pte));
        pte_store(from, pte & ~(pte_t)(PTE_W | PTE_SHARED));
        pte_store(to, same_frame(pte, flags));
        lowered |= pte;
        common++;
    }
    run->lowered = lowered & PTE_W;
    return common;
}

/* With the right to write the lender's access is gone, else it may read on. */
static inline unsigned run_lend(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t lost = run->flags & PTE_W ? PTE_V | PTE_W : PTE_W;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        frame_ref(pte_frame(pte));
        pte_store(from, (pte & ~lost) | PTE_LENT);
        pte_store(to, same_frame(pte, run->flags | PTE_LENT));
    }
    run->lowered = PTE_RIGHTS;
    return (unsigned)run->pages;
}

/* What an item of this mode does. */
static inline unsigned run_change(struct run *run, enum item_mode mode) {
    if (mode == ITEM_MOVE) {
        return run_move(run);
    }
    if (mode == ITEM_SHARE) {
        return run_share(run);
    }
    return mode == ITEM_LEND ? run_lend(run) : run_cow(run);
}

/* What the entry leads to, a table or a megapage, goes over to an empty one.
 * Returns how many pages. */
static inline unsigned table_move(pte_t *from, pte_t *to) {
    pte_t table = *from;
    pte_store(to, table);
    pte_count(to, 1);
    pte_store(from, 0);
    pte_count(from, -1);
    return pte_is_table(table) ? pte_record(table)->tag : PAGETABLE_ENTRIES;
}

#endif
