/* SPDX-License-Identifier: MIT */
/*
 * mutants/entries.c: wrong solutions: what a transfer does to the entries of
 * pages.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-02: moving the first pages of a region takes the rest of it, too.
 * File: kernel/vm/region.c
 * Killed by: test_item_more quick_move
 */
void region_cut(struct space *space, va_t start, va_t end) {
    struct region *region = region_after(space, start);
    while (region != NULL && region->start < end) {
        struct region *next = region_next(space, region);
        if (region->start < start) {
            assert(region->end <= end);
            region->end = start;
            region->stale = region->stale < start ? region->stale : start;
        } else {
            region_remove(space, region);
        }
        region = next;
    }
}

/*
 * M-22: a copy on write is remembered by its virtual address: two pairs that
 * use the same one get each other's bytes.
 * File: kernel/vm/fault.c
 * Killed by: test_cow parent_writes
 * Killed by: test_item_cow chain
 */
int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    static struct {
        va_t page;
        pa_t copy;
    } known[64];
    unsigned slot = page / PAGE_SIZE % 64;
    pa_t old = pte_frame(*leaf);
    pa_t source = known[slot].page == page ? known[slot].copy : old;
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(source));
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    frame_unref(old);
    known[slot].page = page;
    known[slot].copy = pa;
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * M-34: the sender's region stays after a MOVE: it still has pages there, of
 * zeros.
 * File: kernel/vm/transfer.c
 * Killed by: test_item move
 */
static void item_commit(struct transfer *transfer, unsigned index,
                        struct work *work, struct gather *gather) {
    const struct transfer_item *item = &transfer->item[index];
    struct space *from = transfer->from;
    struct piece piece;
    uint64_t pages = 0;
    for (uint64_t done = 0; piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        bool lowered;
        unsigned here = piece_commit(transfer, item, work, &piece, &lowered);
        pages += here;
        if (lowered && here > 0) {
            gather_range(gather, piece.from, piece.pages, piece.table != NULL);
        }
    }
    if (item->mode == ITEM_MOVE) {
        quota_uncharge_frames(from->quota, pages);
    } else if (item->mode == ITEM_LEND) {
        regions_mark_lent(from, item);
    }
    transfer_count(item->mode, pages);
}

/*
 * M-40: where an item goes depends on its physical address: two items that
 * share a page collide.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_more same_twice
 */
static int item_place(struct transfer *transfer, struct transfer_item *item) {
    uint64_t length = item->pages * PAGE_SIZE;
    if (transfer->window != 0) {
        item->to = transfer->window;
        transfer->window += length;
        bool room = transfer->fill ||
                    (user_range_ok(item->to, length) &&
                     region_is_free(transfer->to, item->to, item->to + length));
        return room ? 0 : -ENOSPC;
    }
    va_t align = item->from % LARGE_SIZE == 0 && length >= LARGE_SIZE
                     ? LARGE_SIZE
                     : PAGE_SIZE;
    const pte_t *leaf = pagetable_find(&transfer->from->table, item->from, 0);
    pa_t pa = leaf != NULL ? pte_frame(*leaf) : 0;
    item->to = region_place(transfer->to, length, align);
    item->to = pa != 0 ? USER_MAP_BASE + 0x1000000000 + pa : item->to;
    return item->to != 0 ? 0 : -ENOMEM;
}

/*
 * M-52-fork: fork makes pages that are shared for writing common.
 * File: kernel/vm/fork.c
 * Killed by: test_item_cow fork
 */
static int page_fork(struct gather *gather, struct space *child,
                     const struct region *region, va_t va, pte_t *leaf) {
    pte_t old = *leaf;
    pa_t pa = pte_frame(old);
    pte_t flags = pte_flags(region->prot);
    if (old & PTE_SHARED && frame_refs(pa) > 1) {
        return page_duplicate(child, va, pa, flags);
    }
    int result =
        page_share(child, va, pa, pte_flags(region->prot & ~PROT_WRITE));
    if (result < 0) {
        return result;
    }
    /* A mark that no other space shares any more goes with the right. */
    pte_t private = PTE_FLAGS & ~(pte_t)(PTE_W | PTE_SHARED);
    if (pagetable_protect(leaf, old & private)) {
        gather_page(gather, va, old, 0);
    }
    return 0;
}

/*
 * M-53: the frame is free when one of those who share it goes.
 * File: kernel/vm/frame.h
 * Killed by: test_item share
 */
static inline bool frame_unref(pa_t pa) {
    if (DEBUG_BUILD) {
        oracle_unref(pa);
    }
    uint32_t *refs = &frame_record(pa)->refs;
    /* Release: what was written through this reference comes before the next
     * use of the frame. Acquire: the last one sees what all others wrote. */
    uint32_t before = __atomic_fetch_sub(refs, 1, __ATOMIC_ACQ_REL);
    debug_assert(before > 0);
    if (before > 2) {
        return false;
    }
    frame_free(pa);
    return true;
}

/*
 * M-01: a moved page is replaced by a fresh one, so that the receiver finds
 * zeros.
 * File: kernel/vm/run.h
 * Killed by: test_item move
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
        pte_store(from, 0);
        frame_unref(pte_frame(pte));
        pte_store(to, pte_make(frame_alloc_zero(true), flags));
        lowered |= pte;
        moved++;
    }
    run->lowered = lowered & PTE_RIGHTS;
    return moved;
}

/*
 * M-10: a moved page arrives as if it were common: its new owner faults at
 * the first write.
 * File: kernel/vm/run.h
 * Killed by: test_item move
 * Killed by: test_item_more quick_move
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
        pte_t keep = (pte & (~(pte_t)PTE_FLAGS | PTE_SHARED)) | flags;
        pte_store(from, 0);
        pte_store(to, without_write(keep));
        lowered |= pte;
        moved++;
    }
    run->lowered = lowered & PTE_RIGHTS;
    return moved;
}

/*
 * M-10-count: a moved page has one reference too many: it is never free
 * again.
 * File: kernel/vm/run.h
 * Killed by: test_item move
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
        pte_t keep = (pte & (~(pte_t)PTE_FLAGS | PTE_SHARED)) | flags;
        pte_store(from, 0);
        pte_store(to, pte & PTE_W ? keep : without_write(keep));
        frame_ref(pte_frame(pte));
        lowered |= pte;
        moved++;
    }
    run->lowered = lowered & PTE_RIGHTS;
    return moved;
}

/*
 * M-11: pages are with both after a MOVE: the sender's entries are left.
 * File: kernel/vm/run.h
 * Killed by: test_item move
 * Killed by: test_item_end bounce
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
        pte_t keep = (pte & (~(pte_t)PTE_FLAGS | PTE_SHARED)) | flags;
        frame_ref(pte_frame(pte));
        pte_store(to, pte & PTE_W ? keep : without_write(keep));
        lowered |= pte;
        moved++;
    }
    run->lowered = lowered & PTE_RIGHTS;
    return moved;
}

/*
 * M-15: COW leaves the sender the right to write: the receiver sees what it
 * writes.
 * File: kernel/vm/run.h
 * Killed by: test_item cow
 * Killed by: test_item_more quick_cow
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
        pte_store(from, pte & ~(pte_t)PTE_SHARED);
        pte_store(to, same_frame(pte, flags));
        lowered |= pte;
        common++;
    }
    run->lowered = lowered & PTE_W;
    return common;
}

/*
 * M-16: COW gives the receiver the right to write: the sender sees what it
 * writes.
 * File: kernel/vm/run.h
 * Killed by: test_item cow
 * Killed by: test_item_more quick_cow
 */
static inline unsigned run_cow(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = run->flags;
    pte_t *to = run->to;
    pte_t lowered = 0;
    unsigned common = 0;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        if (pte == 0)
            continue;
        frame_ref(pte_frame(pte));
        pte_store(from, pte & ~(pte_t)(PTE_W | PTE_SHARED));
        pte_store(to, same_frame(pte, flags));
        lowered |= pte;
        common++;
    }
    run->lowered = lowered & PTE_W;
    return common;
}

/*
 * M-38: SHARE gives the receiver fresh pages: it finds zeros.
 * File: kernel/vm/run.h
 * Killed by: test_item share
 * Killed by: test_item_more quick_share
 */
static inline unsigned run_share(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = run->flags | PTE_SHARED;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        pte_store(from, pte | PTE_SHARED);
        pte_store(to, pte_make(frame_alloc_zero(true), flags));
    }
    run->lowered = 0;
    return (unsigned)run->pages;
}

/*
 * M-49: a page that nobody has touched counts as moved.
 * File: kernel/vm/run.h
 * Killed by: test_item_room lazy
 * Killed by: test_item_more quick_lazy
 */
static inline unsigned run_move(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = run->flags;
    pte_t *to = run->to;
    pte_t lowered = 0;
    unsigned moved = 0;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        if (pte == 0) {
            moved++;
            continue;
        }
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

/*
 * M-52: COW of pages shared for writing protects them from their partners.
 * File: kernel/vm/piece.c
 * Killed by: test_item_cow shared
 */
static int page_check(const struct transfer_item *item, pte_t pte) {
    bool shared = pte & PTE_SHARED;
    bool sole = frame_refs(pte_frame(pte)) == 1;
    switch (item->mode) {
    case ITEM_COW:
        return 0;
    case ITEM_SHARE:
        return shared || sole ? 0 : -EAGAIN;
    default:
        if (shared) {
            return -EPERM;
        }
        /* What is borrowed is nobody else's, however often it is counted. */
        return sole || pte & PTE_LENT || !(item->prot & PROT_WRITE) ? 0
                                                                    : -EAGAIN;
    }
}
