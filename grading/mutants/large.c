/* SPDX-License-Identifier: MIT */
/*
 * mutants/large.c: wrong solutions: megapages.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * X-large-wide: a megapage covers what lies behind its region.
 * File: kernel/vm/large.c
 * Killed by: test_large edges
 */
static pte_t *large_place(struct space *space, const struct region *region,
                          va_t va) {
    va_t start = round_down(va, LARGE_SIZE);
    if (start < region->start || region->stale != region->end) {
        return NULL;
    }
    pte_t *entry = pagetable_walk(&space->table, va, 1);
    return entry != NULL && (*entry == 0 || pte_is_large(*entry)) ? entry
                                                                  : NULL;
}

/*
 * X-large-low: a megapage covers what lies before its region.
 * File: kernel/vm/large.c
 * Killed by: test_large edges
 */
static pte_t *large_place(struct space *space, const struct region *region,
                          va_t va) {
    va_t start = round_down(va, LARGE_SIZE);
    if (region->end - start < LARGE_SIZE || region->stale != region->end) {
        return NULL;
    }
    pte_t *entry = pagetable_walk(&space->table, va, 1);
    return entry != NULL && (*entry == 0 || pte_is_large(*entry)) ? entry
                                                                  : NULL;
}

/*
 * X-large-free: nobody pays for a megapage.
 * File: kernel/vm/large.c
 * Killed by: test_large comes (debug)
 */
static bool block_begin(struct space *space, struct region *region) {
    (void)space;
    region->offset = frame_alloc_block();
    if (region->offset == 0) {
        return false;
    }
    return region->offset != 0;
}

/*
 * X-large-twice: a block that is full stays its region's: it is freed twice.
 * File: kernel/vm/large.c
 * Killed by: test_large comes
 */
int large_fault(struct space *space, struct region *region, va_t va) {
    pte_t *entry = large_place(space, region, va);
    if (entry == NULL) {
        return 0;
    }
    if (*entry != 0) {
        asid_fence_here(&space->asid, va); /* another thread was faster */
        return SPACE_MORE;
    }
    if (region->offset == 0 && !block_begin(space, region)) {
        return 0;
    }
    if (block_fill(region)) {
        pa_t block = region->offset - LARGE_SIZE;
        pte_publish();
        pte_store(entry, pte_make(block, pte_flags(region->prot)));
        pte_count(entry, 1);
        hart_count_event(COUNTER_FAULT_ZERO);
    }
    return SPACE_MORE;
}

/*
 * X-large-rights: a megapage may be written, whatever its region says.
 * File: kernel/vm/large.c
 * Killed by: test_large readonly
 */
int large_fault(struct space *space, struct region *region, va_t va) {
    pte_t *entry = large_place(space, region, va);
    if (entry == NULL) {
        return 0;
    }
    if (*entry != 0) {
        asid_fence_here(&space->asid, va); /* another thread was faster */
        return SPACE_MORE;
    }
    if (region->offset == 0 && !block_begin(space, region)) {
        return 0;
    }
    if (block_fill(region)) {
        pa_t block = region->offset - LARGE_SIZE;
        region->offset = 0;
        pte_publish();
        pte_store(entry, pte_make(block, pte_flags(PROT_READ | PROT_WRITE)));
        pte_count(entry, 1);
        hart_count_event(COUNTER_FAULT_ZERO);
    }
    return SPACE_MORE;
}

/*
 * X-large-lost: a block that was being filled is lost with its region.
 * File: kernel/vm/large.c
 * Killed by: test_large killed (debug)
 */
void large_drop_block(struct space *space, struct region *region) {
    pa_t block = large_block(region);
    if (block != 0) {
        region->offset = 0;
        quota_uncharge_frames(space->quota, PAGETABLE_ENTRIES);
    }
}

/*
 * X-large-debt: a block that was being filled stays charged.
 * File: kernel/vm/large.c
 * Killed by: test_large killed (debug)
 */
void large_drop_block(struct space *space, struct region *region) {
    pa_t block = large_block(region);
    if (block != 0) {
        region->offset = 0;
        frames_unref(block, PAGETABLE_ENTRIES);
        (void)space;
    }
}

/*
 * X-large-shared-block: both parts of a region that is split have the block
 * that was being filled.
 * File: kernel/vm/region.c
 * Killed by: test_large filling (debug)
 */
struct region *region_add(struct space *space, const struct region *like) {
    assert(region_is_free(space, region_low(like), like->end));
    struct region *region = space->region_count < REGION_MAX
                                ? slab_alloc(&regions, space->quota)
                                : NULL;
    if (region == NULL) {
        return NULL;
    }
    *region = *like;
    if (region->memory != NULL) {
        memory_get(region->memory);
    }
    if (region->pager.session != NULL) {
        pager_operations->get(&region->pager);
        space->paged_start = region->start < space->paged_start
                                 ? region->start
                                 : space->paged_start;
        space->paged_end =
            region->end > space->paged_end ? region->end : space->paged_end;
    }
    region_link(space, region);
    return region;
}

/*
 * X-large-split-one: every small page of a megapage is its first.
 * File: kernel/vm/pagetable.c
 * Killed by: test_large part (debug)
 */
int pagetable_split(struct pagetable *table, pte_t *entry) {
    pa_t leaves;
    pte_t large = *entry;
    if (!tables_alloc(table, &leaves, 1)) {
        return -ENOMEM;
    }
    pte_t *leaf = pa_to_va(leaves);
    for (unsigned i = 0; i < PAGETABLE_ENTRIES; i++) {
        pa_t pa = pte_frame(large);
        pte_store(&leaf[i], pte_make(pa, large & PTE_FLAGS));
    }
    pte_count(leaf, PAGETABLE_ENTRIES);
    pte_publish();
    pte_store(entry, pte_make(leaves, PTE_V));
    return 0;
}

/*
 * X-large-split-count: the table of a megapage that was split says that it is
 * empty.
 * File: kernel/vm/pagetable.c
 * Killed by: test_large part (debug)
 */
int pagetable_split(struct pagetable *table, pte_t *entry) {
    pa_t leaves;
    pte_t large = *entry;
    if (!tables_alloc(table, &leaves, 1)) {
        return -ENOMEM;
    }
    pte_t *leaf = pa_to_va(leaves);
    for (unsigned i = 0; i < PAGETABLE_ENTRIES; i++) {
        pa_t pa = pte_frame(large) + (pa_t)i * PAGE_SIZE;
        pte_store(&leaf[i], pte_make(pa, large & PTE_FLAGS));
    }
    pte_publish();
    pte_store(entry, pte_make(leaves, PTE_V));
    return 0;
}

/*
 * X-large-split-rights: small pages have more rights than the megapage had.
 * File: kernel/vm/pagetable.c
 * Killed by: test_large readonly
 */
int pagetable_split(struct pagetable *table, pte_t *entry) {
    pa_t leaves;
    pte_t large = *entry;
    if (!tables_alloc(table, &leaves, 1)) {
        return -ENOMEM;
    }
    pte_t *leaf = pa_to_va(leaves);
    for (unsigned i = 0; i < PAGETABLE_ENTRIES; i++) {
        pa_t pa = pte_frame(large) + (pa_t)i * PAGE_SIZE;
        pte_store(&leaf[i], pte_make(pa, (large & PTE_FLAGS) | PTE_W));
    }
    pte_count(leaf, PAGETABLE_ENTRIES);
    pte_publish();
    pte_store(entry, pte_make(leaves, PTE_V));
    return 0;
}

/*
 * X-large-split-end: the megapage that a range ends in stays whole.
 * File: kernel/vm/large.c
 * Killed by: test_large unmap_part (debug)
 */
int large_split_ends(struct space *space, va_t start, va_t end) {
    if (start % LARGE_SIZE != 0 && large_split(space, start) < 0) {
        return -ENOMEM;
    }
    (void)end;
    return 0;
}

/*
 * X-large-split-start: the megapage that a range starts in stays whole.
 * File: kernel/vm/large.c
 * Killed by: test_large unmap_part (debug)
 */
int large_split_ends(struct space *space, va_t start, va_t end) {
    (void)start;
    return end % LARGE_SIZE != 0 ? large_split(space, end) : 0;
}

/*
 * X-large-unmap-fence: a megapage is unmapped without a fence.
 * File: kernel/vm/large.c
 * Killed by: test_large comes (oracle)
 */
void large_unmap(struct space *space, pte_t *entry, va_t va) {
    pa_t block = pte_frame(*entry);
    struct gather gather;
    pte_store(entry, 0);
    pte_count(entry, -1);
    gather_init(&gather, space);
    (void)va;
    gather_flush(&gather);
    frames_unref(block, PAGETABLE_ENTRIES);
    quota_uncharge_frames(space->quota, PAGETABLE_ENTRIES);
}

/*
 * X-large-unmap-early: the frames of a megapage are free before the fence.
 * File: kernel/vm/large.c
 * Killed by: test_large comes (oracle)
 */
void large_unmap(struct space *space, pte_t *entry, va_t va) {
    pa_t block = pte_frame(*entry);
    struct gather gather;
    pte_store(entry, 0);
    pte_count(entry, -1);
    gather_init(&gather, space);
    gather_range(&gather, va, PAGETABLE_ENTRIES, true);
    gather_tables(&gather, va);
    frames_unref(block, PAGETABLE_ENTRIES);
    gather_flush(&gather);
    quota_uncharge_frames(space->quota, PAGETABLE_ENTRIES);
}

/*
 * X-large-unmap-one: one frame of a megapage is freed.
 * File: kernel/vm/large.c
 * Killed by: test_large comes (debug)
 */
void large_unmap(struct space *space, pte_t *entry, va_t va) {
    pa_t block = pte_frame(*entry);
    struct gather gather;
    pte_store(entry, 0);
    pte_count(entry, -1);
    gather_init(&gather, space);
    gather_range(&gather, va, PAGETABLE_ENTRIES, true);
    gather_tables(&gather, va);
    gather_flush(&gather);
    frame_unref(block);
    quota_uncharge_frames(space->quota, PAGETABLE_ENTRIES);
}

/*
 * X-large-unmap-debt: who unmaps a megapage goes on paying.
 * File: kernel/vm/large.c
 * Killed by: test_large comes (debug)
 */
void large_unmap(struct space *space, pte_t *entry, va_t va) {
    pa_t block = pte_frame(*entry);
    struct gather gather;
    pte_store(entry, 0);
    pte_count(entry, -1);
    gather_init(&gather, space);
    gather_range(&gather, va, PAGETABLE_ENTRIES, true);
    gather_tables(&gather, va);
    gather_flush(&gather);
    frames_unref(block, PAGETABLE_ENTRIES);
}

/*
 * X-large-move-charge: a megapage that is moved is charged as one page.
 * File: kernel/vm/piece.c
 * Killed by: test_large move (debug)
 */
static uint64_t table_charge(pte_t entry) {
    return pte_is_large(entry) ? 1u : frame_record(pte_frame(entry))->tag + 1u;
}

/*
 * X-large-move-both: a megapage that is moved stays with the sender, too.
 * File: kernel/vm/run.h
 * Killed by: test_large move
 */
static inline unsigned table_move(pte_t *from, pte_t *to) {
    pte_t table = *from;
    pte_store(to, table);
    pte_count(to, 1);
    if (!pte_is_table(table))
        return PAGETABLE_ENTRIES;
    pte_store(from, 0);
    pte_count(from, -1);
    return pte_record(table)->tag;
}

/*
 * X-large-move-rights: a megapage is moved whole, with rights that the message
 * does not give.
 * File: kernel/vm/piece.c
 * Killed by: test_large window
 */
static bool piece_moves_whole(const struct transfer *transfer,
                              const struct transfer_item *item,
                              const struct piece *piece) {
    const struct region *region = region_find(transfer->from, piece->from);
    const pte_t *there = pagetable_find(&transfer->to->table, piece->to, 1);
    return item->mode == ITEM_MOVE && region->prot >= item->prot &&
           region->stale == region->end &&
           region->end - piece->from >= LARGE_SIZE &&
           (there == NULL || *there == 0);
}

/*
 * X-large-move-name: the receiver's region does not say that it has megapages:
 * they are never split.
 * File: kernel/vm/transfer.c
 * Killed by: test_large window (debug)
 */
static uint32_t region_flags(const struct space *space,
                             const struct transfer_item *item) {
    if (item->mode == ITEM_SHARE || item->mode == ITEM_COW) {
        return item->mode == ITEM_SHARE ? REGION_SHARE : 0;
    }
    if (item->mode == ITEM_LEND) {
        return REGION_BORROWED;
    }
    uint32_t all = REGION_SHARE;
    uint32_t some = 0;
    const struct region *region = region_find(space, item->from);
    for (; region != NULL && region->start < item_end(item);
         region = region_next(space, region)) {
        all &= region->flags;
        some |= region->flags & REGION_LARGE;
    }
    (void)some;
    return all;
}

/*
 * X-large-fork: a child does not inherit megapages.
 * File: kernel/vm/fork.c
 * Killed by: test_large fork
 */
static int range_fork(struct gather *gather, struct space *child,
                      const struct region *region, va_t *va, va_t end,
                      unsigned *budget) {
    struct space *parent = gather->space;
    for (;;) {
        pte_t *leaf = pagetable_next(&parent->table, va, end, budget);
        if (leaf == NULL && *budget > 0 && *va < end) {
            *va += LARGE_SIZE;
            (void)SPLIT_COST;
            continue;
        }
        if (leaf == NULL) {
            return 0;
        }
        bool copies = *leaf & PTE_SHARED;
        int result = page_fork(gather, child, region, *va, leaf);
        if (result < 0) {
            return result;
        }
        *va += PAGE_SIZE;
        *budget -= copies ? (*budget < COPY_COST ? *budget : COPY_COST) : 0;
    }
}

/*
 * X-large-copy: SYS_COPY finds no small page in a megapage.
 * File: kernel/vm/fault.c
 * Killed by: test_large items (debug)
 */
int space_provide(struct space *space, va_t va, unsigned access, bool nofault,
                  pte_t **leaf) {
    debug_assert(spin_held(&space->lock));
    const struct region *region = region_for(space, va, access);
    if (region == NULL || nofault) {
        return -EFAULT;
    }
    va_t page = round_down(va, PAGE_SIZE);
    if (*leaf == NULL) {
        *leaf = pagetable_leaf(&space->table, page);
    }
    int result = page_provide(space, region, *leaf, page, access);
    *leaf = pagetable_leaf(&space->table, page);
    return result;
}

/*
 * X-large-send: what is sent of a megapage is taken for pages that nobody
 * touched.
 * File: kernel/vm/transfer.c
 * Killed by: test_large part
 */
static int item_reserve(struct transfer *transfer, unsigned index,
                        struct work *work) {
    struct transfer_item *item = &transfer->item[index];
    struct piece piece;
    work->charged[index] = 0;
    int result = item_place(transfer, item);
    if (result == 0) {
        result = item_reserve_regions(transfer, item);
    }
    if (result < 0) {
        item->to = 0;
        return result;
    }
    for (uint64_t done = 0;
         result == 0 && piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        if (piece.leaf == NULL && piece.table == NULL) {
            result = 0;
            piece_find(transfer, item, done, &piece);
        }
        if (result == 0) {
            result = piece_reserve(transfer, index, work, &piece);
        }
    }
    return result;
}
