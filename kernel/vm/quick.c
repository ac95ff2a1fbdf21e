/* SPDX-License-Identifier: MIT */
/*
 * vm/quick.c: the transfer that most are: one item, whose pages lie in one
 * table on either side, appended to what the receiver got before.
 *
 * Idea        vm/transfer.c reserves room, and may have to take that back. Here
 *             there is nothing to reserve but quota: the receiver's region
 * grows at its end, its table is there, the sender's region shrinks at its
 * start. Whatever does not fit goes the long way, which finds everything as it
 * was. Locks       Both spaces'.
 */
#include "arch/hart.h"
#include "vm/frame.h"
#include "vm/piece.h"
#include "vm/pte.h"

/* Whether the sender's region lets the item go, and can be cut at once. */
static inline bool source_fits(const struct region *region,
                               const struct transfer_item *item) {
    va_t end = item_end(item);
    if (region == NULL || end > region->end || region->memory != NULL ||
        region->flags != 0 || region->stale != region->end ||
        item->prot & ~(unsigned)region->prot)
        return false;
    return item->mode != ITEM_MOVE ||
           (region->start == item->from && end < region->end);
}

/* Whether the receiver's region can grow by the item. */
static inline bool target_fits(const struct space *space,
                               const struct region *region,
                               const struct transfer_item *item, va_t window) {
    if (region == NULL || (window != 0 && window != region->end) ||
        region->prot != item->prot || region->max != item->prot ||
        region->flags != (item->mode == ITEM_SHARE ? REGION_SHARE : 0u) ||
        region->stale != region->end)
        return false;
    const struct region *next = region_next(space, region);
    /* The page below the next one may be a stack's guard. */
    va_t limit = next == NULL ? USER_END + PAGE_SIZE : next->start;
    return limit - region->end > item->pages * PAGE_SIZE;
}

/* Whether [va, va + pages) lies in one table. */
static inline bool in_one_table(va_t va, uint64_t pages) {
    return va / PAGE_SIZE % PAGETABLE_ENTRIES + pages <= PAGETABLE_ENTRIES;
}

/* Whether the item is well-formed, and of a kind that is dealt with here. */
static inline bool item_fits(const struct transfer_item *item) {
    bool both = (item->prot & (PROT_WRITE | PROT_EXECUTE)) ==
                (PROT_WRITE | PROT_EXECUTE);
    return item->mode <= ITEM_COW && item->prot & PROT_READ && !both &&
           item->from % PAGE_SIZE == 0 && item->pages - 1 < PAGETABLE_ENTRIES &&
           item->from < USER_END && in_one_table(item->from, item->pages);
}

/* Whether every page can go at once. */
static inline bool pages_fit(const pte_t *leaf,
                             const struct transfer_item *item) {
    if (item->mode == ITEM_MOVE)
        return true;
    for (uint64_t i = 0; i < item->pages; i++) {
        pte_t pte = leaf[i];
        bool fits =
            item->mode == ITEM_COW
                ? !(pte & PTE_SHARED)
                : pte != 0 && (pte & PTE_SHARED || frame_sole(pte_frame(pte)));
        if (!fits)
            return false;
    }
    return true;
}

/* The regions grow and shrink, and the entries change. */
static inline void pages_go(struct transfer *transfer, struct region *source,
                            struct run *run) {
    static const uint8_t counters[] = {[ITEM_MOVE] = COUNTER_PAGES_MOVED,
                                       [ITEM_SHARE] = COUNTER_PAGES_SHARED,
                                       [ITEM_COW] = COUNTER_PAGES_COWED};
    struct transfer_item *item = &transfer->item[0];
    struct region *target = transfer->to->landing;
    item->to = target->end;
    target->end = target->stale = item->to + item->pages * PAGE_SIZE;
    unsigned pages = run_commit(run, item->mode);
    if (item->mode == ITEM_MOVE) {
        source->start = item_end(item);
        quota_uncharge_frames(transfer->from->quota, pages);
    }
    if (pages < item->pages)
        quota_uncharge_frames(transfer->to->quota, item->pages - pages);
    if (run->lowered)
        asid_fence(&transfer->from->asid, item->from, item->pages);
    hart_self()->counters[counters[item->mode]] += pages;
}

bool transfer_quick(struct transfer *transfer) {
    const struct transfer_item *item = &transfer->item[0];
    struct space *to = transfer->to;
    if (transfer->count != 1 || transfer->from == to || !item_fits(item))
        return false;
    struct region *source = region_find(transfer->from, item->from);
    if (!source_fits(source, item) ||
        !target_fits(to, to->landing, item, transfer->window) ||
        !in_one_table(to->landing->end, item->pages))
        return false;
    struct run run = {
        .from = pagetable_leaf(&transfer->from->table, item->from),
        .to = pagetable_leaf(&to->table, to->landing->end),
        .pages = item->pages,
        .flags = pte_flags(item->prot),
    };
    /* The sender's table must not become empty. */
    if (run.from == NULL || run.to == NULL || !pages_fit(run.from, item) ||
        pte_table(run.from)->tag <= item->pages ||
        !quota_charge_frames(to->quota, item->pages))
        return false;
    pages_go(transfer, source, &run);
    return true;
}
