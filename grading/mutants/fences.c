/* SPDX-License-Identifier: MIT */
/*
 * mutants/fences.c: wrong solutions: translations that outlive their
 * entries.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-55-copy: a page is copied on write without a fence.
 * File: kernel/vm/fault.c
 * Killed by: test_fence copy
 * Killed by: test_cow (oracle)
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
    (void)page;
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/*
 * M-55-all: whatever is gathered is never fenced.
 * File: kernel/vm/gather.c
 * Killed by: test_fence protect (oracle)
 */
void gather_flush(struct gather *gather) {
    for (unsigned i = 0; i < gather->count; i++) {
        frame_unref((pa_t)gather->frames[i] << PAGE_SHIFT);
    }
    gather_init(gather, gather->space);
}

/*
 * M-55-late: frames are free before the fence.
 * File: kernel/vm/gather.c
 * Killed by: test_fence unmap (oracle)
 */
void gather_flush(struct gather *gather) {
    struct asid *asid = &gather->space->asid;
    for (unsigned i = 0; i < gather->count; i++) {
        frame_unref((pa_t)gather->frames[i] << PAGE_SHIFT);
    }
    asid_fence(asid, 0, FENCE_ALL);
    gather_init(gather, gather->space);
}

/*
 * M-55-first: of the pages of a run only the first is fenced.
 * File: kernel/vm/gather.c
 * Killed by: test_item move (oracle)
 */
void gather_range(struct gather *gather, va_t va, uint64_t pages, bool tables) {
    va_t end = va + (pages > 0) * PAGE_SIZE;
    gather->low = va < gather->low ? va : gather->low;
    gather->high = end > gather->high ? end : gather->high;
    gather->tables |= tables;
}

/*
 * M-55-table: a table is unlinked with a fence of its pages only.
 * File: kernel/vm/gather.c
 * Killed by: test_fence unmap_table (oracle)
 */
void gather_tables(struct gather *gather, va_t va) {
    pa_t pruned[2];
    unsigned count = pagetable_prune(&gather->space->table, va, pruned);
    for (unsigned i = 0; i < count; i++) {
        gather_frame(gather, pruned[i]);
        gather_range(gather, va, 1, false);
    }
}

/*
 * M-56: only this hart fences.
 * File: kernel/vm/asid.c
 * Killed by: test_fence taken (smp4)
 * Killed by: test_fence taken (oracle, smp4)
 */
void asid_fence(struct asid *asid, va_t va, uint64_t pages) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* entries before the mask */
    uint64_t number = satp_number(asid->satp);
    uint32_t mask = __atomic_load_n(&asid->hart_mask, __ATOMIC_RELAXED);
    uint32_t self = 1u << hart_self()->id;
    mask &= self;
    bool all = pages == FENCE_ALL || pages > FENCE_PAGES;
    if (mask & self && all) {
        fence_local_asid(number);
    } else if (mask & self) {
        for (uint64_t i = 0; i < pages; i++) {
            fence_local_page(va + i * PAGE_SIZE, number);
        }
    }
    if (mask & ~self) {
        uint64_t length = all ? FENCE_ANY : pages * PAGE_SIZE;
        fence_remote_range(mask & ~self, va, length, number);
    }
}

/*
 * M-58: each run of pages has a fence of its own.
 * File: kernel/vm/transfer.c
 * Killed by: test_fence move
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
            gather_flush(gather);
        }
    }
    if (item->mode == ITEM_MOVE) {
        quota_uncharge_frames(from->quota, pages);
        region_cut(from, item->from, item_end(item));
    } else if (item->mode == ITEM_LEND) {
        regions_mark_lent(from, item);
    }
    transfer_count(item->mode, pages);
}

/*
 * M-59: the fence is for address space 0.
 * File: kernel/vm/asid.c
 * Killed by: test_fence protect (oracle)
 */
void asid_fence(struct asid *asid, va_t va, uint64_t pages) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* entries before the mask */
    uint64_t number = satp_number(asid->satp) & 0;
    uint32_t mask = __atomic_load_n(&asid->hart_mask, __ATOMIC_RELAXED);
    uint32_t self = 1u << hart_self()->id;
    bool all = pages == FENCE_ALL || pages > FENCE_PAGES;
    if (mask & self && all) {
        fence_local_asid(number);
    } else if (mask & self) {
        for (uint64_t i = 0; i < pages; i++) {
            fence_local_page(va + i * PAGE_SIZE, number);
        }
    }
    if (mask & ~self) {
        uint64_t length = all ? FENCE_ANY : pages * PAGE_SIZE;
        fence_remote_range(mask & ~self, va, length, number);
    }
}

/*
 * M-61: a new space has another one's number.
 * File: kernel/vm/asid.c
 * Killed by: test_fork (oracle)
 */
void asid_once(struct asid *asid) {
    asid->number = __atomic_add_fetch(&slots, 1, __ATOMIC_RELAXED) % 3 + 1;
}

/*
 * M-62: a mapping of the kernel changes with a fence of one space.
 * File: kernel/vm/space.c
 * Killed by: test_fork (oracle)
 */
void space_put(struct space *space) {
    struct pagetable kernel = {.root = kernel_root};
    pte_t *leaf = pagetable_find(&kernel, DIRECT_BASE + 0x84000000, 1);
    pte_t flags = *leaf & PTE_FLAGS;
    pagetable_protect(leaf, flags & ~(pte_t)PTE_W);
    pagetable_protect(leaf, flags);
    asid_fence_here(&space->asid, DIRECT_BASE + 0x84000000);
    if (__atomic_fetch_sub(&space->refs, 1, __ATOMIC_ACQ_REL) == 1) {
        space->dying = true;
        space_defunct(space);
    }
}

/*
 * M-65: the least of a statistic starts at 0, and stays there.
 * File: kernel/arch/stat.h
 * Killed by: test_item_more remap
 */
static inline void stat_add(struct statistic *stat, uint64_t value) {
    stat_set(&stat->sequence, stat->sequence + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (value < stat->min)
        stat_set(&stat->min, value);
    if (value > stat->max)
        stat_set(&stat->max, value);
    stat_set(&stat->sum, stat->sum + value);
    stat_set(&stat->count, stat->count + 1);
    __atomic_store_n(&stat->sequence, stat->sequence + 1, __ATOMIC_RELEASE);
}

/*
 * M-65-max: the greatest of a statistic is the newest.
 * File: kernel/arch/stat.h
 * Killed by: test_item_more remap
 */
static inline void stat_add(struct statistic *stat, uint64_t value) {
    bool first = stat->count == 0;
    stat_set(&stat->sequence, stat->sequence + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (first || value < stat->min)
        stat_set(&stat->min, value);
    stat_set(&stat->max, value);
    stat_set(&stat->sum, stat->sum + value);
    stat_set(&stat->count, stat->count + 1);
    __atomic_store_n(&stat->sequence, stat->sequence + 1, __ATOMIC_RELEASE);
}

/*
 * M-55: the right to write is taken by COW without a fence.
 * File: kernel/vm/run.h
 * Killed by: test_fence cow
 * Killed by: test_item cow (oracle)
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
        pte_store(to, same_frame(pte, flags));
        lowered |= pte;
        common++;
    }
    (void)lowered;
    run->lowered = 0;
    return common;
}

/*
 * M-55-move: pages are moved without a fence.
 * File: kernel/vm/run.h
 * Killed by: test_fence move
 * Killed by: test_item move (oracle)
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
        lowered |= pte;
        moved++;
    }
    (void)lowered;
    run->lowered = 0;
    return moved;
}

/*
 * M-55-lend: pages are lent without a fence.
 * File: kernel/vm/run.h
 * Killed by: test_lend lend (oracle)
 */
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
    run->lowered = 0;
    return (unsigned)run->pages;
}

/*
 * M-55-return: pages are taken from the borrower without a fence.
 * File: kernel/vm/loan.c
 * Killed by: test_lend lend (oracle)
 */
static void item_take(struct loan *loan, const struct transfer_item *item,
                      struct gather *gather) {
    va_t end = item->to + item->pages * PAGE_SIZE;
    for (va_t va = item->to; va < end;) {
        pte_t *leaf = pagetable_find(&loan->to->table, va, 0);
        uint64_t pages = pages_in_table(va, (end - va) / PAGE_SIZE);
        for (uint64_t i = 0; i < pages; i++) {
            pte_store(&leaf[i], 0);
        }
        pte_count(leaf, -(int)pages);
        (void)gather;
        va += pages * PAGE_SIZE;
    }
    quota_uncharge_frames(loan->to->quota, item->pages);
    region_cut(loan->to, item->to, end);
}

/*
 * M-55-quick: the quick way has no fence.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_move
 * Killed by: test_item_more quick_cow (oracle)
 * Killed by: test_item_more quick_move (slow)
 * Killed by: test_item_more quick_cow (oracle, slow)
 */
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
}

/*
 * M-58-quick: the quick way fences the whole space.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_move
 */
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
        asid_fence_near(&quick->from->asid, item->from, item->pages, true);
}

/*
 * M-58-share: SHARE fences, although no right is lost.
 * File: kernel/vm/run.h
 * Killed by: test_fence share
 */
static inline unsigned run_share(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t flags = run->flags | PTE_SHARED;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        frame_ref(pte_frame(pte));
        pte_store(from, pte | PTE_SHARED);
        pte_store(to, same_frame(pte, flags));
    }
    run->lowered = PTE_RIGHTS;
    return (unsigned)run->pages;
}

/*
 * M-64: a hart enters a space without telling, so that nobody fences it.
 * File: kernel/vm/asid.h
 * Killed by: test_fence protect (oracle)
 */
static inline void asid_switch(struct hart *hart, struct asid *asid) {
    asid_satp(hart, asid->satp);
    if ((asid->satp >> SATP_ASID_SHIFT & SATP_ASID_MASK) == 0) {
        fence_local_asid(0);
    }
}

/*
 * M-55-upgrade: a fault takes a right from a page that SYS_PROTECT has yet to
 * come to, without a fence; that one then finds nothing to fence for.
 * File: kernel/vm/fault.c
 * Killed by: test_fence meanwhile
 * Killed by: test_fence meanwhile (oracle)
 */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted = (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot);
    bool private = region->memory == NULL && !(old & PTE_SHARED);
    if (private && !frame_sole(pte_frame(old))) {
        if (access == PROT_WRITE && !(old & PTE_LENT)) {
            return space_own(space, leaf, page, wanted & PTE_FLAGS);
        }
        wanted &= ~(pte_t)PTE_W;
    }
    if (wanted == old || old & PTE_LENT) {
        return page_seen(space, leaf, page, access);
    }
    pte_store(leaf, wanted);
    if (private && access == PROT_WRITE) {
        hart_count_event(COUNTER_COW_REUSE);
    }
    return 0;
}
