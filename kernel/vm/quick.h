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
 * Use         by space_transfer, and by the fast path (ipc/fastitem.c).
 * Locks       Both spaces', throughout.
 */
#ifndef OCTAVO_VM_QUICK_H
#define OCTAVO_VM_QUICK_H

#include "vm/run.h"
#include "vm/transfer.h"

/* A quick transfer that is being checked, and then carried out. */
struct quick {
    struct space *from, *to;
    struct transfer_item *item;
    struct region *source, *target;
    va_t at;                      /* where the pages go */
    bool fill;                    /* into a pager's region */
    bool whole;                   /* the table itself moves */
    pte_t *from_table, *to_table; /* the entries that lead to the tables */
    struct frame *leaves;         /* of the sender's table */
    struct frame *to_leaves;      /* of the receiver's, but if `whole` */
    struct run run;               /* the pages' entries, but if `whole` */
};

static inline uint64_t quick_length(const struct transfer_item *item) {
    return item->pages * PAGE_SIZE;
}

/* Whether the pages from va on have their entries in one table. */
static inline bool in_one_table(va_t va, uint64_t pages) {
    return pages_in_table(va, pages) == pages;
}

/* Whether the item is well-formed, and of a kind that is dealt with here. */
static inline bool quick_item(const struct transfer_item *item) {
    unsigned rights = item->prot & (PROT_READ | PROT_WRITE | PROT_EXECUTE);
    return item->mode <= ITEM_COW &&
           (rights == PROT_READ || rights == (PROT_READ | PROT_WRITE)) &&
           item->from % PAGE_SIZE == 0 && item->pages != 0 &&
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

/* Whether the region is a pager's that the item fits into, and holds no code:
 * what vm/fill.c lets go uncut. */
static inline bool quick_paged(const struct quick *quick) {
    const struct region *region = quick->target;
    const struct transfer_item *item = quick->item;
    return region->pager.session != NULL &&
           quick_length(item) <= region->end - quick->at &&
           !(region->prot & ~(item->prot & (PROT_READ | PROT_WRITE)));
}

/* The entries of a table from va's on. */
static inline pte_t *quick_leaf(const pte_t *table, va_t va) {
    return (pte_t *)pa_to_va(pte_frame(*table)) +
           va / PAGE_SIZE % PAGETABLE_ENTRIES;
}

/* Finds the entries on both sides; true if both have a table, or the sender's
 * can move whole. The sender's tables must not become empty. */
static inline bool quick_tables(struct quick *quick) {
    const struct transfer_item *item = quick->item;
    pte_t *from = pagetable_middle(&quick->from->table, item->from);
    if (from == NULL || !pte_is_table(*from))
        return false;
    pte_t *to = pagetable_middle(&quick->to->table, quick->at);
    if (to == NULL)
        return false;
    quick->from_table = from;
    quick->to_table = to;
    quick->leaves = pte_record(*from);
    quick->whole = *to == 0;
    if (pte_is_table(*to)) {
        quick->to_leaves = pte_record(*to);
        quick->run.from = quick_leaf(from, item->from);
        quick->run.to = quick_leaf(to, quick->at);
        return quick->leaves->tag > item->pages &&
               in_one_table(quick->at, item->pages);
    }
    return quick->whole && !quick->fill && item->mode == ITEM_MOVE &&
           item->pages == PAGETABLE_ENTRIES && quick->at % LARGE_SIZE == 0 &&
           quick->source->prot == item->prot && pte_table(from)->tag > 1;
}

/* Whether the page is there and its frame the sender's alone, or shared
 * already. One that may be written is (vm/space.h: the law of copy-on-write).
 */
static inline bool page_shares(pte_t pte) {
    return pte & (PTE_W | PTE_SHARED) ||
           (pte != 0 && frame_sole(pte_frame(pte)));
}

/* Whether every page can go at once. What a pager gives has to be there, and
 * missing where it goes. */
static inline bool quick_pages(const struct quick *quick) {
    const struct transfer_item *item = quick->item;
    bool moves = item->mode == ITEM_MOVE;
    if (!quick->fill && moves)
        return true;
    const pte_t *from = quick->run.from;
    const pte_t *to = quick->run.to;
    const pte_t *end = from + item->pages;
    for (; from < end; from++, to++) {
        pte_t pte = *from;
        if (quick->fill) {
            if (pte == 0 || *to != 0)
                return false;
            if (moves)
                continue;
        }
        if (item->mode == ITEM_COW ? pte & PTE_SHARED : !page_shares(pte))
            return false;
    }
    return true;
}

/* Finds the regions on both sides, and the place. */
static inline bool quick_regions(struct quick *quick, va_t window) {
    struct transfer_item *item = quick->item;
    quick->source = region_find_last(quick->from, item->from);
    quick->target =
        quick->fill ? region_find_last(quick->to, window) : quick->to->landing;
    if (quick->source == NULL || quick->target == NULL)
        return false;
    quick->at = quick->fill ? window : quick->target->end;
    if (!quick->fill)
        return (window == 0 || window == quick->at) && quick_target(quick);
    if (!quick_paged(quick))
        return false;
    item->prot = (uint8_t)quick->target->prot;
    return true;
}

/* What the receiver is charged for: at most, if pages are missing. */
static inline uint64_t quick_frames(const struct quick *quick) {
    return quick->whole ? quick->leaves->tag + 1u : quick->item->pages;
}

/* Checks, and charges quota. False: nothing happened. */
static inline bool quick_check(struct quick *quick, va_t window) {
    return quick_regions(quick, window) && quick_item(quick->item) &&
           quick_source(quick) && quick_tables(quick) && quick_pages(quick) &&
           quota_charge_frames(quick->to->quota, quick_frames(quick));
}

/* The entries change; how many pages went over. */
static inline unsigned quick_run(struct quick *quick) {
    const struct transfer_item *item = quick->item;
    struct run *run = &quick->run;
    run->pages = item->pages;
    run->flags = pte_flags(item->prot);
    unsigned pages = run_change(run, item->mode);
    if (item->mode == ITEM_MOVE)
        table_count(quick->leaves, -(int)pages);
    table_count(quick->to_leaves, (int)pages);
    if (pages < item->pages) /* some were never touched */
        quota_uncharge_frames(quick->to->quota, item->pages - pages);
    return pages;
}

/* Carries out what was checked, and fences. */
static inline void quick_commit(struct quick *quick) {
    struct transfer_item *item = quick->item;
    struct region *target = quick->target;
    uint64_t length = quick_length(item);
    quick->run.lowered = PTE_RIGHTS;
    item->to = quick->at;
    if (!quick->fill)
        target->end = target->stale = item->to + length;
    pte_publish();
    unsigned pages = quick->whole
                         ? table_move(quick->from_table, quick->to_table)
                         : quick_run(quick);
    uint64_t gone = pages + quick->whole;
    if (item->mode == ITEM_MOVE) {
        quick->source->start = item->from + length;
        quota_uncharge_frames(quick->from->quota, gone);
    }
    transfer_count(item->mode, pages);
    if (quick->run.lowered)
        asid_fence_near(&quick->from->asid, item->from, item->pages,
                        quick->whole);
}

/* Transfers the item, to `window` as in struct transfer: all of it, with the
 * fence; or false, and nothing happened. */
static inline bool transfer_quick(struct space *from, struct space *to,
                                  struct transfer_item *item, va_t window,
                                  bool fill) {
    struct quick quick = {.from = from, .to = to, .item = item, .fill = fill};
    if (!quick_check(&quick, window))
        return false;
    quick_commit(&quick);
    return true;
}

#endif
