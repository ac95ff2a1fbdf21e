/* SPDX-License-Identifier: MIT */
/*
 * wrong/written.c: mistakes that a student makes who reads quickly.
 */

/*
 * move-gains: a moved page may be written if the item says so, common or
 * not.
 * File: kernel/vm/run.h
 * Caught by: run_move[run_move], marks[move_common]
 */
static inline unsigned run_move(struct run *run) {
    unsigned present = 0;
    run->lowered = 0;
    for (uint64_t i = 0; i < run->pages; i++) {
        pte_t pte = run->from[i];
        if (pte == 0) {
            continue;
        }
        pte_store(&run->from[i], 0);
        pte_store(&run->to[i],
                  same_frame(pte, run->flags | (pte & PTE_SHARED)));
        run->lowered |= pte & PTE_RIGHTS;
        present++;
    }
    return present;
}

/*
 * move-unmarked: a moved page loses its mark, though others share it.
 * File: kernel/vm/run.h
 * Caught by: run_move[run_move]
 */
static inline unsigned run_move(struct run *run) {
    unsigned present = 0;
    run->lowered = 0;
    for (uint64_t i = 0; i < run->pages; i++) {
        pte_t pte = run->from[i];
        if (pte == 0) {
            continue;
        }
        pte_t flags = pte & PTE_W ? run->flags : without_write(run->flags);
        pte_store(&run->from[i], 0);
        pte_store(&run->to[i], same_frame(pte, flags));
        run->lowered |= pte & PTE_RIGHTS;
        present++;
    }
    return present;
}

/*
 * cow-marked: the mark stays, so nobody may write what nobody shares.
 * File: kernel/vm/run.h
 * Caught by: run_cow, marks[once_shared]
 */
static inline unsigned run_cow(struct run *run) {
    unsigned present = 0;
    run->lowered = 0;
    for (uint64_t i = 0; i < run->pages; i++) {
        pte_t pte = run->from[i];
        if (pte == 0) {
            continue;
        }
        frame_ref(pte_frame(pte));
        pte_store(&run->from[i], without_write(pte));
        pte_store(&run->to[i], same_frame(pte, without_write(run->flags)));
        run->lowered |= pte & PTE_W;
        present++;
    }
    return present;
}

/*
 * lowered-unset: `lowered` is not set where no right is lost.
 * File: kernel/vm/run.h
 * Caught by: run_share
 */
static inline unsigned run_share(struct run *run) {
    unsigned present = 0;
    run->lowered = PTE_RIGHTS;
    for (uint64_t i = 0; i < run->pages; i++) {
        pte_t pte = run->from[i];
        if (pte == 0) {
            continue;
        }
        frame_ref(pte_frame(pte));
        pte_store(&run->from[i], pte | PTE_SHARED);
        pte_store(&run->to[i], same_frame(pte, run->flags | PTE_SHARED));
        present++;
    }
    return present;
}

/*
 * lent-goes: what is lent may be transferred.
 * File: kernel/vm/transfer.c
 * Caught by: locked, held
 */
static int regions_check(struct space *space,
                         const struct transfer_item *item) {
    struct region *region = region_find(space, item->from);
    va_t va = item->from;
    while (va < item_end(item)) {
        if (region == NULL || region->start > va) {
            return -EFAULT;
        }
        if (region->memory != NULL || item->prot & ~region->prot) {
            return -EPERM;
        }
        if (region->flags & REGION_BORROWED && item->mode != ITEM_LEND) {
            return -EBUSY;
        }
        space->found = region;
        va = region->end;
        region = region_next(space, region);
    }
    return 0;
}

/*
 * borrowed-goes: what is borrowed may be transferred.
 * File: kernel/vm/transfer.c
 * Caught by: locked, held
 */
static int regions_check(struct space *space,
                         const struct transfer_item *item) {
    struct region *region = region_find(space, item->from);
    va_t va = item->from;
    while (va < item_end(item)) {
        if (region == NULL || region->start > va) {
            return -EFAULT;
        }
        if (region->memory != NULL || item->prot & ~region->prot) {
            return -EPERM;
        }
        if (region->flags & REGION_LENT) {
            return -EBUSY;
        }
        space->found = region;
        va = region->end;
        region = region_next(space, region);
    }
    return 0;
}

/*
 * memory-goes: pages of memory objects may be transferred.
 * File: kernel/vm/transfer.c
 * Caught by: locked
 */
static int regions_check(struct space *space,
                         const struct transfer_item *item) {
    struct region *region = region_find(space, item->from);
    va_t va = item->from;
    while (va < item_end(item)) {
        if (region == NULL || region->start > va) {
            return -EFAULT;
        }
        if (item->prot & ~region->prot) {
            return -EPERM;
        }
        if (region->flags & REGION_LENT ||
            (region->flags & REGION_BORROWED && item->mode != ITEM_LEND)) {
            return -EBUSY;
        }
        space->found = region;
        va = region->end;
        region = region_next(space, region);
    }
    return 0;
}

/*
 * large-lost: a part of a megapage counts as pages that nobody has touched.
 * File: kernel/vm/transfer.c
 * Caught by: large
 */
static int item_reserve(struct transfer *transfer, unsigned index,
                        struct work *work) {
    struct transfer_item *item = &transfer->item[index];
    struct piece piece;
    item->to = 0;
    if ((item->mode == ITEM_SHARE || item->mode == ITEM_LEND) &&
        item->pages > TRANSFER_PAGES) {
        return -EMSGSIZE;
    }
    int result = item_place(transfer, item);
    if (result == 0) {
        result = item_reserve_regions(transfer, item);
    }
    if (result != 0) {
        item->to = 0;
        return result;
    }
    for (uint64_t done = 0;
         result == 0 && piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        const struct region *region = region_find(transfer->from, piece.from);
        va_t end = piece.from + piece.pages * PAGE_SIZE;
        va_t page;
        for (; region != NULL && region->start < end;
             region = region_next(transfer->from, region)) {
            if (region_lacks(transfer->from, region, piece.from, end, &page)) {
                return -EAGAIN;
            }
        }
        result = piece_reserve(transfer, index, work, &piece);
    }
    return result;
}

/*
 * pager-skipped: pages that a pager has not provided yet count as zeros.
 * File: kernel/vm/transfer.c
 * Caught by: paged
 */
static int item_reserve(struct transfer *transfer, unsigned index,
                        struct work *work) {
    struct transfer_item *item = &transfer->item[index];
    struct piece piece;
    item->to = 0;
    if ((item->mode == ITEM_SHARE || item->mode == ITEM_LEND) &&
        item->pages > TRANSFER_PAGES) {
        return -EMSGSIZE;
    }
    int result = item_place(transfer, item);
    if (result == 0) {
        result = item_reserve_regions(transfer, item);
    }
    if (result != 0) {
        item->to = 0;
        return result;
    }
    for (uint64_t done = 0;
         result == 0 && piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        if (piece.table == NULL && piece.leaf == NULL) {
            if (large_split(transfer->from, piece.from) < 0) {
                return -ENOMEM;
            }
            piece_find(transfer, item, done, &piece);
        }
        result = piece_reserve(transfer, index, work, &piece);
    }
    return result;
}

/*
 * share-for-ever: a SHARE of more pages than can be prepared is tried for
 * ever.
 * File: kernel/vm/transfer.c
 * Caught by: self[bound]
 */
static int item_reserve(struct transfer *transfer, unsigned index,
                        struct work *work) {
    struct transfer_item *item = &transfer->item[index];
    struct piece piece;
    item->to = 0;
    int result = item_place(transfer, item);
    if (result == 0) {
        result = item_reserve_regions(transfer, item);
    }
    if (result != 0) {
        item->to = 0;
        return result;
    }
    for (uint64_t done = 0;
         result == 0 && piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        const struct region *region = region_find(transfer->from, piece.from);
        va_t end = piece.from + piece.pages * PAGE_SIZE;
        va_t page;
        for (; region != NULL && region->start < end;
             region = region_next(transfer->from, region)) {
            if (region_lacks(transfer->from, region, piece.from, end, &page)) {
                return -EAGAIN;
            }
        }
        if (piece.table == NULL && piece.leaf == NULL) {
            if (large_split(transfer->from, piece.from) < 0) {
                return -ENOMEM;
            }
            piece_find(transfer, item, done, &piece);
        }
        result = piece_reserve(transfer, index, work, &piece);
    }
    return result;
}

/*
 * lend-unmarked: the sender's regions do not say that they are lent.
 * File: kernel/vm/transfer.c
 * Caught by: held
 */
static void item_commit(struct transfer *transfer, unsigned index,
                        struct work *work, struct gather *gather) {
    struct transfer_item *item = &transfer->item[index];
    struct piece piece;
    uint64_t pages = 0;
    for (uint64_t done = 0; piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        bool lowered;
        pages += piece_commit(transfer, item, work, &piece, &lowered);
        if (lowered) {
            gather_range(gather, piece.from, piece.pages, piece.table != NULL);
        }
    }
    if (item->mode == ITEM_MOVE) {
        quota_uncharge_frames(transfer->from->quota, pages);
        region_cut(transfer->from, item->from, item_end(item));
    }
    transfer_count(item->mode, pages);
}

/*
 * not-counted: nobody learns how many pages went.
 * File: kernel/vm/transfer.c
 * Caught by: counts
 */
static void item_commit(struct transfer *transfer, unsigned index,
                        struct work *work, struct gather *gather) {
    struct transfer_item *item = &transfer->item[index];
    struct piece piece;
    uint64_t pages = 0;
    for (uint64_t done = 0; piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        bool lowered;
        pages += piece_commit(transfer, item, work, &piece, &lowered);
        if (lowered) {
            gather_range(gather, piece.from, piece.pages, piece.table != NULL);
        }
    }
    if (item->mode == ITEM_MOVE) {
        quota_uncharge_frames(transfer->from->quota, pages);
        region_cut(transfer->from, item->from, item_end(item));
    } else if (item->mode == ITEM_LEND) {
        regions_mark_lent(transfer->from, item);
    }
}
