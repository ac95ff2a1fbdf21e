/* SPDX-License-Identifier: MIT */
/*
 * mutants/undo.c: wrong solutions: all or nothing, and nothing lost.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-04: nothing is taken back when a later item fails.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_more undo_tables
 * Killed by: test_item_big undo
 */
static int transfer_reserve(struct transfer *transfer, struct work *work) {
    int result = 0;
    work->pages = work->pieces = work->copies = 0;
    for (unsigned i = 0; i < transfer->count; i++) {
        transfer->failed = i;
        result = item_reserve(transfer, i, work);
        if (result == 0) {
            continue;
        }
        copies_free(work);
        (void)item_undo;
        for (unsigned k = 0; k <= i; k++) {
            const struct transfer_item *item = &transfer->item[k];
            region_join_around(transfer->from, item->from, item_end(item));
        }
        return result == -EAGAIN ? TRANSFER_PREPARE : result;
    }
    return 0;
}

/*
 * M-04-last: only the item that failed is taken back.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_more undo_tables
 */
static int transfer_reserve(struct transfer *transfer, struct work *work) {
    int result = 0;
    work->pages = work->pieces = work->copies = 0;
    for (unsigned i = 0; i < transfer->count; i++) {
        transfer->failed = i;
        result = item_reserve(transfer, i, work);
        if (result == 0) {
            continue;
        }
        copies_free(work);
        item_undo(transfer, i, work);
        for (unsigned k = 0; k <= i; k++) {
            const struct transfer_item *item = &transfer->item[k];
            region_join_around(transfer->from, item->from, item_end(item));
        }
        return result == -EAGAIN ? TRANSFER_PREPARE : result;
    }
    return 0;
}

/*
 * M-04-join: the sender's regions stay cut after a failure.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_more undo_regions
 */
static int transfer_reserve(struct transfer *transfer, struct work *work) {
    int result = 0;
    work->pages = work->pieces = work->copies = 0;
    for (unsigned i = 0; i < transfer->count; i++) {
        transfer->failed = i;
        result = item_reserve(transfer, i, work);
        if (result == 0) {
            continue;
        }
        copies_free(work);
        for (unsigned k = i + 1; k-- > 0;) { /* regions grew at their ends */
            item_undo(transfer, k, work);
        }
        return result == -EAGAIN ? TRANSFER_PREPARE : result;
    }
    return 0;
}

/*
 * M-05: page tables that were made for a transfer stay when it fails.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_more undo_tables
 */
static void item_undo(struct transfer *transfer, unsigned index,
                      const struct work *work) {
    const struct transfer_item *item = &transfer->item[index];
    struct gather gather;
    struct piece piece;
    if (item->to == 0) {
        return;
    }
    gather_init(&gather, transfer->to);
    for (uint64_t done = 0; piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        gather_range(&gather, piece.to, 1, false);
    }
    gather_flush(&gather);
    quota_uncharge_frames(transfer->to->quota, work->charged[index]);
    if (!transfer->fill) {
        region_cut(transfer->to, item->to, item->to + item->pages * PAGE_SIZE);
    }
}

/*
 * M-05-quota: what was charged for a transfer stays charged when it fails.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_more undo_quota
 */
static void item_undo(struct transfer *transfer, unsigned index,
                      const struct work *work) {
    const struct transfer_item *item = &transfer->item[index];
    struct gather gather;
    struct piece piece;
    if (item->to == 0) {
        return;
    }
    gather_init(&gather, transfer->to);
    for (uint64_t done = 0; piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        gather_tables(&gather, piece.to);
    }
    gather_flush(&gather);
    (void)work;
    (void)index;
    if (!transfer->fill) {
        region_cut(transfer->to, item->to, item->to + item->pages * PAGE_SIZE);
    }
}

/*
 * M-05-copies: frames for pages that COW copies at once stay taken when it
 * fails.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_more undo_copies
 */
static int transfer_reserve(struct transfer *transfer, struct work *work) {
    int result = 0;
    work->pages = work->pieces = work->copies = 0;
    for (unsigned i = 0; i < transfer->count; i++) {
        transfer->failed = i;
        result = item_reserve(transfer, i, work);
        if (result == 0) {
            continue;
        }
        for (unsigned k = i + 1; k-- > 0;) { /* regions grew at their ends */
            item_undo(transfer, k, work);
        }
        for (unsigned k = 0; k <= i; k++) {
            const struct transfer_item *item = &transfer->item[k];
            region_join_around(transfer->from, item->from, item_end(item));
        }
        return result == -EAGAIN ? TRANSFER_PREPARE : result;
    }
    return 0;
}

/*
 * M-23: a page that was copied on write keeps its old frame's reference.
 * File: kernel/vm/fault.c
 * Killed by: test_item cow
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * M-26: the count of references has eight bits.
 * File: kernel/vm/frame.h
 * Killed by: test_item_cow sharers
 */
static inline void frame_ref_in(struct frame *records, pa_t pa) {
    uint32_t *refs = &records[pa >> PAGE_SHIFT].refs;
    uint32_t before = __atomic_fetch_add(refs, 1, __ATOMIC_RELAXED);
    debug_assert(before > 0 && before < UINT32_MAX);
    if (before == UINT8_MAX) {
        __atomic_store_n(refs, 0, __ATOMIC_RELAXED);
    }
}

/*
 * M-35: the rights are looked at when the pages have gone: an error, and the
 * sender has lost them.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_room named
 */
int space_transfer(struct transfer *transfer) {
    struct work work;
    uint64_t start = csr_read(instret);
    spin_lock_pair(&transfer->from->lock, &transfer->to->lock);
    int result = 0;
    if (!piece_quick(transfer)) {
        result = transfer_reserve(transfer, &work);
        if (result == 0) {
            transfer_commit(transfer, &work);
            result = transfer_check(transfer);
        }
    }
    spin_unlock_pair(&transfer->from->lock, &transfer->to->lock);
    if (result == 0) {
        hart_count_event(COUNTER_TRANSFERS);
        stat_add(&hart_self()->remap, csr_read(instret) - start);
    } else if (result < 0) {
        hart_count_event(COUNTER_TRANSFER_FAILURES);
    }
    return result;
}

/*
 * M-37-loan: what a loan was charged is never given back.
 * File: kernel/vm/loan.c
 * Killed by: test_item_more objects
 */
void loan_free(struct loan *loan) {
    struct space *from = loan->from;
    struct space *to = loan->to;
    slab_free(&loans, loan, NULL);
    space_put(to);
    space_put(from);
}

/*
 * M-37: the objects of regions that are gone are lost.
 * File: kernel/vm/region.c
 * Killed by: test_item_more objects
 */
void region_remove(struct space *space, struct region *region) {
    list_remove(&region->link);
    space->region_count--;
    space->found = NULL;
    if (space->landing == region) {
        space->landing = NULL;
    }
    if (region->memory != NULL) {
        memory_put(region->memory);
    }
    large_drop_block(space, region);
    if (region->pager.session != NULL) {
        pager_operations->drop(&region->pager);
    }
}

/*
 * M-04-order: items are taken back in the order they were reserved in: what
 * grew twice is cut at the wrong end.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_more undo_order
 */
static int transfer_reserve(struct transfer *transfer, struct work *work) {
    int result = 0;
    work->pages = work->pieces = work->copies = 0;
    for (unsigned i = 0; i < transfer->count; i++) {
        transfer->failed = i;
        result = item_reserve(transfer, i, work);
        if (result == 0) {
            continue;
        }
        copies_free(work);
        for (unsigned k = 0; k <= i; k++) {
            item_undo(transfer, k, work);
        }
        for (unsigned k = 0; k <= i; k++) {
            const struct transfer_item *item = &transfer->item[k];
            region_join_around(transfer->from, item->from, item_end(item));
        }
        return result == -EAGAIN ? TRANSFER_PREPARE : result;
    }
    return 0;
}
