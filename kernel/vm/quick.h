/* SPDX-License-Identifier: MIT */
/*
 * vm/quick.h: the transfer that most are, in line: one item, whose pages lie in
 * one table on either side, appended to what the receiver got before.
 *
 * Idea        vm/transfer.c reserves room, and may have to take that back. Here
 *             there is nothing to reserve but quota: the receiver's region
 *             grows at its end, its table is there, the sender's region shrinks
 *             at its start. Or pages are missing in a region of the receiver,
 *             and its pager is the sender. Whatever does not fit goes the long
 *             way, which finds everything as it was. So the checks here only
 *             have to be no weaker than the ones there.
 * Use         by space_transfer, and by the fast path (ipc/fastpath.c).
 * Locks       Both spaces', from before the check to the end of the fence,
 *             which is the caller's.
 */
#ifndef OCTAVO_VM_QUICK_H
#define OCTAVO_VM_QUICK_H

#include "vm/run.h"
#include "vm/transfer.h"

/* A quick transfer that has been checked. */
struct quick {
    struct space *from, *to;
    struct transfer_item *item;
    struct region *source, *target;
    va_t at;                      /* where the pages go */
    pte_t *from_table, *to_table; /* the entries that lead to the tables */
    pte_t *from_leaf, *to_leaf;   /* the first of the pages', but if `whole` */
    uint64_t frames;              /* charged to the receiver */
    struct frame *leaves;         /* of the sender's table */
    struct frame *to_leaves;      /* of the receiver's, but if `whole` */
    bool whole;                   /* the table itself moves */
};

static inline uint64_t quick_length(const struct transfer_item *item) {
    return item->pages * PAGE_SIZE;
}

/* Whether [va, va + pages) lies in one table. */
static inline bool in_one_table(va_t va, uint64_t pages) {
    return va / PAGE_SIZE % PAGETABLE_ENTRIES + pages <= PAGETABLE_ENTRIES;
}

/* Whether the item is well-formed, and of a kind that is dealt with here. */
static inline bool quick_item(const struct transfer_item *item) {
    unsigned rights = item->prot & (PROT_READ | PROT_WRITE | PROT_EXECUTE);
    return item->mode <= ITEM_COW &&
           (rights == PROT_READ || rights == (PROT_READ | PROT_WRITE)) &&
           item->from % PAGE_SIZE == 0 && item->pages - 1 < PAGETABLE_ENTRIES &&
           in_one_table(item->from, item->pages);
}

/* Whether the sender's region lets the item go, and can be cut at once. */
static inline bool quick_source(const struct quick *quick) {
    const struct region *region = quick->source;
    const struct transfer_item *item = quick->item;
    uint64_t left = region->end - item->from;
    uint64_t length = quick_length(item);
    if (!region_is_plain(region) || item->prot & ~(unsigned)region->prot ||
        region->stale != region->end)
        return false;
    return item->mode == ITEM_MOVE
               ? region->start == item->from && length < left
               : length <= left;
}

/* Whether the receiver's region can grow by the item. */
static inline bool quick_target(const struct quick *quick) {
    const struct region *region = quick->target;
    const struct transfer_item *item = quick->item;
    uint32_t flags = item->mode == ITEM_SHARE ? REGION_SHARE : 0;
    if (!region_has(region, item->prot, item->prot, flags) ||
        region->stale != region->end)
        return false;
    const struct region *next = region_next(quick->to, region);
    /* The page below the next one may be a stack's guard. */
    va_t limit = next == NULL ? USER_END + PAGE_SIZE : next->start;
    return limit - region->end > quick_length(item);
}

/* The entries of a table from va's on. */
static inline pte_t *quick_leaf(const pte_t *table, va_t va) {
    return (pte_t *)pa_to_va(pte_frame(*table)) +
           va / PAGE_SIZE % PAGETABLE_ENTRIES;
}

/* Notes where the pages' entries are, in two tables. */
static inline void quick_leaves(struct quick *quick) {
    quick->from_leaf = quick_leaf(quick->from_table, quick->item->from);
    quick->to_leaf = quick_leaf(quick->to_table, quick->at);
    quick->to_leaves = pte_record(*quick->to_table);
}

/* Finds the tables on both sides; true if the item's can move whole, or both
 * have one. The sender's tables must not become empty. */
static inline bool quick_tables(struct quick *quick) {
    const struct transfer_item *item = quick->item;
    quick->from_table = pagetable_middle(&quick->from->table, item->from);
    quick->to_table = pagetable_middle(&quick->to->table, quick->at);
    if (quick->from_table == NULL || quick->to_table == NULL ||
        !pte_is_table(*quick->from_table))
        return false;
    quick->leaves = pte_record(*quick->from_table);
    quick->frames = item->pages;
    quick->whole = *quick->to_table == 0;
    if (pte_is_table(*quick->to_table)) {
        quick_leaves(quick);
        return quick->leaves->tag > item->pages;
    }
    quick->frames = quick->leaves->tag + 1u;
    return quick->whole && item->mode == ITEM_MOVE &&
           item->pages == PAGETABLE_ENTRIES &&
           quick->source->prot == item->prot &&
           pte_table(quick->from_table)->tag > 1;
}

/* Whether the page is there and its frame the sender's alone, or shared
 * already. One that may be written is (vm/space.h: the law of copy-on-write).
 */
static inline bool page_shares(pte_t pte) {
    return pte & (PTE_W | PTE_SHARED) ||
           (pte != 0 && frame_sole(pte_frame(pte)));
}

/* Whether every page can go at once. */
static inline bool quick_pages(const struct quick *quick) {
    const struct transfer_item *item = quick->item;
    if (item->mode == ITEM_MOVE)
        return true;
    const pte_t *leaf = quick->from_leaf;
    const pte_t *end = leaf + item->pages;
    for (; leaf < end; leaf++) {
        pte_t pte = *leaf;
        if (item->mode == ITEM_COW ? pte & PTE_SHARED : !page_shares(pte))
            return false;
    }
    return true;
}

/* Checks, and charges quota. False: nothing happened. `window` as in struct
 * transfer. */
static inline bool quick_check(struct quick *quick, va_t window) {
    struct region *target = quick->to->landing;
    if (quick->from == quick->to || !quick_item(quick->item))
        return false;
    quick->source = region_find_last(quick->from, quick->item->from);
    quick->target = target;
    if (quick->source == NULL || target == NULL)
        return false;
    quick->at = target->end;
    return (window == 0 || window == target->end) && quick_source(quick) &&
           quick_target(quick) && quick_tables(quick) &&
           in_one_table(quick->at, quick->item->pages) && quick_pages(quick) &&
           quota_charge_frames(quick->to->quota, quick->frames);
}

/* Whether nothing is where the pages go, and each is there to go. */
static inline bool quick_missing(const struct quick *quick) {
    const pte_t *from = quick->from_leaf;
    const pte_t *to = quick->to_leaf;
    const pte_t *end = to + quick->item->pages;
    for (; to < end && *to == 0 && *from != 0; from++)
        to++;
    return to == end;
}

/* Whether the region is a pager's that the item fits into, and holds no code.
 */
static inline bool quick_paged(const struct quick *quick) {
    const struct region *region = quick->target;
    const struct transfer_item *item = quick->item;
    return region->pager.session != NULL &&
           quick_length(item) <= region->end - quick->at &&
           !(region->prot & ~(item->prot & (PROT_READ | PROT_WRITE)));
}

/* quick_check for pages that a pager gives: what vm/fill.c lets go uncut, all
 * of it. `page` is where. */
static inline bool quick_check_fill(struct quick *quick, va_t page) {
    struct transfer_item *item = quick->item;
    quick->source = region_find_last(quick->from, item->from);
    quick->target = region_find_last(quick->to, page);
    quick->at = page;
    if (quick->from == quick->to || quick->source == NULL ||
        quick->target == NULL || !quick_paged(quick))
        return false;
    item->prot = (uint8_t)quick->target->prot;
    return quick_item(item) && quick_source(quick) && quick_tables(quick) &&
           !quick->whole && in_one_table(page, item->pages) &&
           quick_missing(quick) && quick_pages(quick) &&
           quota_charge_frames(quick->to->quota, quick->frames);
}

/* The table goes over; how many pages are in it. */
static inline unsigned quick_move_table(const struct quick *quick) {
    pte_t table = *quick->from_table;
    pte_store(quick->to_table, table);
    pte_count(quick->to_table, 1);
    pte_store(quick->from_table, 0);
    pte_count(quick->from_table, -1);
    return quick->leaves->tag;
}

/* The entries change; how many pages went over. */
static inline unsigned quick_run(const struct quick *quick, pte_t *lowered) {
    const struct transfer_item *item = quick->item;
    struct run run = {
        .from = quick->from_leaf,
        .to = quick->to_leaf,
        .pages = item->pages,
        .flags = pte_flags(item->prot),
    };
    unsigned pages;
    if (item->mode == ITEM_MOVE) {
        pages = run_move(&run);
        table_count(quick->leaves, -(int)pages);
    } else {
        pages = item->mode == ITEM_SHARE ? run_share(&run) : run_cow(&run);
    }
    table_count(quick->to_leaves, (int)pages);
    *lowered = run.lowered;
    return pages;
}

/* After quick_check: carries it out. What it returns, if not 0, is how many
 * pages from item->from on the sender's harts have to be fenced for, FENCE_ALL
 * with *all. */
static inline uint64_t quick_commit(struct quick *quick, bool *all) {
    struct transfer_item *item = quick->item;
    struct region *target = quick->target;
    pte_t lowered = PTE_RIGHTS;
    item->to = quick->at;
    if (item->to == target->end) /* or it fills what is missing inside */
        target->end = target->stale = item->to + quick_length(item);
    pte_publish();
    unsigned pages =
        quick->whole ? quick_move_table(quick) : quick_run(quick, &lowered);
    uint64_t gone = pages + quick->whole;
    if (item->mode == ITEM_MOVE) {
        quick->source->start = item->from + quick_length(item);
        quota_uncharge_frames(quick->from->quota, gone);
    }
    if (gone < quick->frames)
        quota_uncharge_frames(quick->to->quota, quick->frames - gone);
    transfer_count(item->mode, pages);
    *all = quick->whole;
    return lowered ? item->pages : 0;
}

#endif
