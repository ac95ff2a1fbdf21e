/* SPDX-License-Identifier: MIT */
/*
 * mutants/rights.c: wrong solutions: rights that are too wide, or too
 * narrow.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-27-region: the receiver may always write: it gets the right at its first
 * try.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_cow lower
 */
static int item_reserve_regions(struct transfer *transfer,
                                struct transfer_item *item) {
    struct region region = {
        .start = item->to,
        .end = item->to + item->pages * PAGE_SIZE,
        .stale = item->to + item->pages * PAGE_SIZE,
        .prot = item->prot | PROT_WRITE,
        .max = item->prot | PROT_WRITE,
        .flags = region_flags(transfer->from, item),
    };
    int result = 0;
    if (item->mode == ITEM_MOVE) {
        result = region_cut_prepare(transfer->from, item->from, item_end(item));
    } else if (item->mode == ITEM_LEND) {
        result =
            region_split_around(transfer->from, item->from, item_end(item));
    }
    if (result != 0 || transfer->fill) {
        return result;
    }
    transfer->to->landing = transfer->from == transfer->to
                                ? region_add(transfer->to, &region)
                                : region_claim(transfer->to, &region);
    if (transfer->to->landing == NULL) {
        region_join_around(transfer->from, item->from, item_end(item));
        result = -ENOMEM;
    }
    return result;
}

/*
 * M-29-table: a table moves whole although the receiver's rights are fewer.
 * File: kernel/vm/piece.c
 * Killed by: test_item_big pages
 */
static bool piece_moves_whole(const struct transfer *transfer,
                              const struct transfer_item *item,
                              const struct piece *piece) {
    const struct region *region = region_find(transfer->from, piece->from);
    const pte_t *there = pagetable_find(&transfer->to->table, piece->to, 1);
    return item->mode == ITEM_MOVE &&
           (region->prot & item->prot) == item->prot &&
           region->stale == region->end &&
           region->end - piece->from >= LARGE_SIZE &&
           (there == NULL || *there == 0);
}

/*
 * M-17: the receiver of a COW may not write: its first write kills it.
 * File: kernel/vm/transfer.c
 * Killed by: test_item cow
 */
static int item_reserve_regions(struct transfer *transfer,
                                struct transfer_item *item) {
    struct region region = {
        .start = item->to,
        .end = item->to + item->pages * PAGE_SIZE,
        .stale = item->to + item->pages * PAGE_SIZE,
        .prot = item->mode == ITEM_COW ? PROT_READ : item->prot,
        .max = item->prot,
        .flags = region_flags(transfer->from, item),
    };
    int result = 0;
    if (item->mode == ITEM_MOVE) {
        result = region_cut_prepare(transfer->from, item->from, item_end(item));
    } else if (item->mode == ITEM_LEND) {
        result =
            region_split_around(transfer->from, item->from, item_end(item));
    }
    if (result != 0 || transfer->fill) {
        return result;
    }
    transfer->to->landing = transfer->from == transfer->to
                                ? region_add(transfer->to, &region)
                                : region_claim(transfer->to, &region);
    if (transfer->to->landing == NULL) {
        region_join_around(transfer->from, item->from, item_end(item));
        result = -ENOMEM;
    }
    return result;
}

/*
 * M-19: COW of what can only be read gives a copy that can be written.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_cow rights
 */
static int regions_check(struct space *space,
                         const struct transfer_item *item) {
    uint32_t locked =
        item->mode == ITEM_LEND ? REGION_LENT : REGION_LENT | REGION_BORROWED;
    struct region *region = region_find(space, item->from);
    space->found = region;
    va_t missing;
    for (va_t va = item->from; va < item_end(item); va = region->end) {
        if (va != item->from) {
            region = region_next(space, region);
        }
        if (region == NULL || region->start > va) {
            return -EFAULT;
        }
        if (region->flags & locked) {
            return -EBUSY;
        }
        if (region->memory != NULL ||
            (item->mode != ITEM_COW && item->prot & ~(unsigned)region->prot)) {
            return -EPERM;
        }
        if (region_lacks(space, region, va, item_end(item), &missing)) {
            return -EAGAIN;
        }
    }
    return 0;
}

/*
 * M-28: the receiver gets the rights it is given, whatever the sender has.
 * File: kernel/vm/transfer.c
 * Killed by: test_item errors
 */
static int regions_check(struct space *space,
                         const struct transfer_item *item) {
    uint32_t locked =
        item->mode == ITEM_LEND ? REGION_LENT : REGION_LENT | REGION_BORROWED;
    struct region *region = region_find(space, item->from);
    space->found = region;
    va_t missing;
    for (va_t va = item->from; va < item_end(item); va = region->end) {
        if (va != item->from) {
            region = region_next(space, region);
        }
        if (region == NULL || region->start > va) {
            return -EFAULT;
        }
        if (region->flags & locked) {
            return -EBUSY;
        }
        if (region->memory != NULL) {
            return -EPERM;
        }
        if (region_lacks(space, region, va, item_end(item), &missing)) {
            return -EAGAIN;
        }
    }
    return 0;
}

/*
 * M-31: an entry is made that may be written and not read.
 * File: kernel/vm/transfer.c
 * Killed by: test_item errors
 */
static bool item_valid(const struct transfer_item *item) {
    unsigned prot = item->prot;
    return item->pages > 0 && item->from % PAGE_SIZE == 0 &&
           item->pages <= USER_END / PAGE_SIZE &&
           user_range_ok(item->from, item->pages * PAGE_SIZE) &&
           !(prot & PROT_WRITE && prot & PROT_EXECUTE);
}

/*
 * M-31-both: an entry is made that may be written and executed.
 * File: kernel/vm/transfer.c
 * Killed by: test_item errors
 */
static bool item_valid(const struct transfer_item *item) {
    unsigned prot = item->prot;
    return item->pages > 0 && item->from % PAGE_SIZE == 0 &&
           item->pages <= USER_END / PAGE_SIZE &&
           user_range_ok(item->from, item->pages * PAGE_SIZE) &&
           prot & PROT_READ;
}

/*
 * M-27: what is shared for reading can be written.
 * File: kernel/vm/run.h
 * Killed by: test_item_more quick_share
 * Killed by: test_item_held rights
 */
static inline unsigned run_share(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = run->flags | PTE_W | PTE_SHARED;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        frame_ref(pte_frame(pte));
        pte_store(from, pte | PTE_SHARED);
        pte_store(to, same_frame(pte, flags));
    }
    run->lowered = 0;
    return (unsigned)run->pages;
}

/*
 * M-27-lend: what is lent for reading can be written.
 * File: kernel/vm/run.h
 * Killed by: test_item_held lent
 * Killed by: test_item_held rights
 */
static inline unsigned run_lend(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t lost = run->flags & PTE_W ? PTE_V | PTE_W : PTE_W;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        frame_ref(pte_frame(pte));
        pte_store(from, (pte & ~lost) | PTE_LENT);
        pte_store(to, same_frame(pte, run->flags | PTE_W | PTE_LENT));
    }
    run->lowered = PTE_RIGHTS;
    return (unsigned)run->pages;
}

/*
 * M-29: the receiver of a COW may execute what the sender may.
 * File: kernel/vm/run.h
 * Killed by: test_item_held execute
 */
static inline unsigned run_cow(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = without_write(run->flags);
    pte_t *to = run->to;
    pte_t lowered = 0;
    unsigned common = 0;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        if (pte == 0)
            continue;
        frame_ref(pte_frame(pte));
        pte_store(from, pte & ~(pte_t)(PTE_W | PTE_SHARED));
        pte_store(to, same_frame(pte, flags | (pte & PTE_X)));
        lowered |= pte;
        common++;
    }
    run->lowered = lowered & PTE_W;
    return common;
}

/*
 * M-29-share: the receiver of a SHARE may execute what the sender may.
 * File: kernel/vm/run.h
 * Killed by: test_item_held execute
 */
static inline unsigned run_share(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = run->flags | PTE_SHARED;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        frame_ref(pte_frame(pte));
        pte_store(from, pte | PTE_SHARED);
        pte_store(to, same_frame(pte, flags | (pte & PTE_X)));
    }
    run->lowered = 0;
    return (unsigned)run->pages;
}

/*
 * M-29-move: the receiver of a MOVE may execute what the sender may.
 * File: kernel/vm/run.h
 * Killed by: test_item_held execute
 */
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
        pte_t keep = (pte & (~(pte_t)PTE_FLAGS | PTE_SHARED | PTE_X)) | flags;
        pte_store(from, 0);
        pte_store(to, pte & PTE_W ? keep : without_write(keep));
        lowered |= pte;
        moved++;
    }
    run->lowered = lowered & PTE_RIGHTS;
    return moved;
}
