/* SPDX-License-Identifier: MIT */
/*
 * mutants/checks.c: wrong solutions: what a transfer must refuse, and what
 * it must not.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-32: a hole in the range is passed over: what is not mapped is
 * transferred.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_room hole
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
        if (region == NULL) {
            return -EFAULT;
        }
        if (region->flags & locked) {
            return -EBUSY;
        }
        if (region->memory != NULL || item->prot & ~(unsigned)region->prot) {
            return -EPERM;
        }
        if (region_lacks(space, region, va, item_end(item), &missing)) {
            return -EAGAIN;
        }
    }
    return 0;
}

/*
 * M-44: a range that leaves user memory is looked up like any other.
 * File: kernel/vm/transfer.c
 * Killed by: test_item errors
 */
static bool item_valid(const struct transfer_item *item) {
    unsigned prot = item->prot;
    return item->pages > 0 && item->from % PAGE_SIZE == 0 &&
           item->pages <= USER_END / PAGE_SIZE && prot & PROT_READ &&
           !(prot & PROT_WRITE && prot & PROT_EXECUTE);
}

/*
 * M-43: a range that wraps is taken for user memory.
 * File: kernel/vm/space.h
 * Killed by: test_copy arguments
 * Killed by: test_map map_errors
 */
static inline bool user_range_ok(va_t va, uint64_t length) {
    return va + length <= USER_END;
}

/*
 * M-49-fault: a page that nobody has touched counts as not mapped.
 * File: kernel/vm/piece.c
 * Killed by: test_item_room lazy
 */
static int pages_check(const struct transfer_item *item,
                       const struct piece *piece, bool lazy, unsigned *common) {
    int present = 0;
    for (uint64_t i = 0; i < piece->pages; i++) {
        pte_t pte = piece->leaf[i];
        if (pte == 0) {
            return lazy ? -EFAULT : -EAGAIN;
        }
        if (pte != 0 && item->mode != ITEM_MOVE) {
            int result = page_check(item, pte);
            if (result < 0) {
                return result;
            }
            *common += (unsigned)result;
        }
        present += pte != 0;
    }
    return present;
}

/*
 * M-49-table: pages without a table count as not mapped.
 * File: kernel/vm/piece.c
 * Killed by: test_item_more no_table
 */
int piece_reserve(struct transfer *transfer, unsigned index, struct work *work,
                  const struct piece *piece) {
    const struct transfer_item *item = &transfer->item[index];
    unsigned common = 0;
    if (++work->pieces > PIECES_MAX) {
        return -EMSGSIZE;
    }
    if (piece->table != NULL) {
        return piece_reserve_room(transfer, index, work, piece,
                                  table_charge(*piece->table));
    }
    bool lazy =
        !transfer->fill && (item->mode == ITEM_MOVE || item->mode == ITEM_COW);
    if (piece->leaf == NULL) {
        return lazy ? -EFAULT : -EAGAIN;
    }
    work->pages += (unsigned)piece->pages;
    if (work->pages > TRANSFER_PAGES) {
        return -EMSGSIZE;
    }
    int present = pages_check(item, piece, lazy, &common);
    if (present <= 0) {
        return present;
    }
    int result =
        piece_reserve_room(transfer, index, work, piece, (unsigned)present);
    if (result == 0 && common > 0) {
        result =
            copies_reserve(work, common, quota_essential(transfer->to->quota));
    }
    return result;
}

/*
 * X-shared-lent: pages that others share can be lent.
 * File: kernel/vm/piece.c
 * Killed by: test_item_held lend_shared
 */
static int page_check(const struct transfer_item *item, pte_t pte) {
    bool shared = pte & PTE_SHARED;
    bool sole = frame_refs(pte_frame(pte)) == 1;
    switch (item->mode) {
    case ITEM_COW:
        return shared && !sole;
    case ITEM_SHARE:
        return shared || sole ? 0 : -EAGAIN;
    default:
        /* What is borrowed is nobody else's, however often it is counted. */
        return sole || pte & PTE_LENT || !(item->prot & PROT_WRITE) ? 0
                                                                    : -EAGAIN;
    }
}

/*
 * X-pages: one message moves more pages than a step may handle.
 * File: kernel/vm/piece.c
 * Killed by: test_item_self bound
 */
int piece_reserve(struct transfer *transfer, unsigned index, struct work *work,
                  const struct piece *piece) {
    const struct transfer_item *item = &transfer->item[index];
    unsigned common = 0;
    if (++work->pieces > PIECES_MAX) {
        return -EMSGSIZE;
    }
    if (piece->table != NULL) {
        return piece_reserve_room(transfer, index, work, piece,
                                  table_charge(*piece->table));
    }
    bool lazy =
        !transfer->fill && (item->mode == ITEM_MOVE || item->mode == ITEM_COW);
    if (piece->leaf == NULL) {
        return lazy ? 0 : -EAGAIN;
    }
    work->pages += (unsigned)piece->pages;
    int present = pages_check(item, piece, lazy, &common);
    if (present <= 0) {
        return present;
    }
    int result =
        piece_reserve_room(transfer, index, work, piece, (unsigned)present);
    if (result == 0 && common > 0) {
        result =
            copies_reserve(work, common, quota_essential(transfer->to->quota));
    }
    return result;
}

/*
 * X-named: whichever item fails, the first is named.
 * File: kernel/ipc/items.c
 * Killed by: test_item_room named
 */
static int pages_transfer(struct thread *from, struct transfer *transfer) {
    bool lends = false;
    for (unsigned i = 0; i < transfer->count; i++)
        lends |= transfer->item[i].mode == ITEM_LEND;
    if (lends) {
        from->loan = loan_create(transfer->from, transfer->to);
        if (!from->loan)
            return items_fail(from, 0, -ENOMEM);
    }
    int result = space_transfer(transfer);
    from->unprepared = result == TRANSFER_PREPARE;
    if (result < 0)
        from->failed_item = page_item(from, 0);
    if (lends && result) {
        loan_free(from->loan);
        from->loan = NULL;
    } else if (lends) {
        loan_begin(from, transfer);
    }
    return result;
}

/*
 * M-14: a range of several regions is not transferred as a whole: the
 * library copies it, however long.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_room regions
 * Killed by: test_bytes_src regions
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
            return -EPERM;
        }
        if (region == NULL || region->start > va) {
            return -EFAULT;
        }
        if (region->flags & locked) {
            return -EBUSY;
        }
        if (region->memory != NULL || item->prot & ~(unsigned)region->prot) {
            return -EPERM;
        }
        if (region_lacks(space, region, va, item_end(item), &missing)) {
            return -EAGAIN;
        }
    }
    return 0;
}
