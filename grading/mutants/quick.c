/* SPDX-License-Identifier: MIT */
/*
 * mutants/quick.c: wrong solutions: the quick way of the most common
 * transfers.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-02-quick: the quick way moves the first pages of a region and drops the
 * rest of it.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_move
 */
static inline uint64_t quick_commit(struct quick *quick, bool *all) {
    struct transfer_item *item = quick->item;
    struct region *target = quick->target;
    pte_t lowered = PTE_RIGHTS;
    item->to = target->end;
    target->end = target->stale = item->to + quick_length(item);
    pte_publish();
    unsigned pages =
        quick->whole ? quick_move_table(quick) : quick_run(quick, &lowered);
    uint64_t gone = pages + quick->whole;
    if (item->mode == ITEM_MOVE) {
        region_remove(quick->from, quick->source);
        quota_uncharge_frames(quick->from->quota, gone);
    }
    if (gone < quick->frames)
        quota_uncharge_frames(quick->to->quota, quick->frames - gone);
    transfer_count(item->mode, pages);
    *all = quick->whole;
    return lowered ? item->pages : 0;
}

/*
 * M-28-quick: the quick way gives rights that the sender does not have.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_rights
 */
static inline bool quick_source(const struct quick *quick) {
    const struct region *region = quick->source;
    const struct transfer_item *item = quick->item;
    uint64_t left = region->end - item->from;
    uint64_t length = quick_length(item);
    if (!region_is_plain(region) || region->stale != region->end)
        return false;
    return item->mode == ITEM_MOVE
               ? region->start == item->from && length < left
               : length <= left;
}

/*
 * M-46-quick: the receiver's region grows over the next one.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_room
 */
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
    return limit >= region->end;
}

/*
 * M-46-guard: the receiver's region grows into the guard of a stack.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_room
 */
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
    return limit - region->end >= quick_length(item);
}

/*
 * M-52-quick: the quick way protects pages shared for writing from their
 * partners.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_shared
 */
static inline bool quick_pages(const struct quick *quick) {
    const struct transfer_item *item = quick->item;
    if (item->mode != ITEM_SHARE)
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

/*
 * M-49-quick: the quick way shares pages that nobody has touched, which are
 * not there.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_fresh
 */
static inline bool quick_pages(const struct quick *quick) {
    const struct transfer_item *item = quick->item;
    if (item->mode != ITEM_COW)
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

/*
 * X-lent-quick: the quick way moves pages that are lent or borrowed.
 * File: kernel/vm/region.h
 * Killed by: test_item_held lent
 */
static inline bool region_is_plain(const struct region *region) {
    return region_is_anonymous(region) &&
           !(region->flags & (REGION_SHARE | REGION_STACK));
}

/*
 * X-behind: the quick way moves from the middle of a region as if it were
 * its start.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_part
 */
static inline bool quick_source(const struct quick *quick) {
    const struct region *region = quick->source;
    const struct transfer_item *item = quick->item;
    uint64_t left = region->end - item->from;
    uint64_t length = quick_length(item);
    if (!region_is_plain(region) || item->prot & ~(unsigned)region->prot ||
        region->stale != region->end)
        return false;
    return item->mode == ITEM_MOVE ? length < left : length <= left;
}

/*
 * X-empty: the quick way leaves an empty page table.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_table
 */
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
        return quick->leaves->tag >= item->pages;
    }
    quick->frames = quick->leaves->tag + 1u;
    return quick->whole && item->mode == ITEM_MOVE &&
           item->pages == PAGETABLE_ENTRIES &&
           quick->source->prot == item->prot &&
           pte_table(quick->from_table)->tag > 1;
}

/*
 * X-frame: the quick way moves a table whose pages have more rights than the
 * item.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_whole
 */
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
           pte_table(quick->from_table)->tag > 1;
}

/*
 * X-most-quick: the fast path brings more pages than the receiver takes.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_more quick_room
 */
static inline bool item_accepted(const struct accept *accept,
                                 const struct transfer_item *item) {
    (void)item;
    return accept->base == 0;
}

/*
 * X-window-quick: the fast path brings pages to behind the last ones,
 * whatever the window.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_more quick_room
 */
static inline bool item_accepted(const struct accept *accept,
                                 const struct transfer_item *item) {
    return item->pages <= accept->pages;
}

/*
 * X-bits-quick: the fast path takes descriptors with unknown bits.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_more quick_rights
 */
static inline bool item_read(const struct thread *self,
                             struct transfer_item *item) {
    uint64_t descriptor = self->frame.x[REG_T5];
    item->from = self->frame.x[REG_T4];
    item->pages = item_length(descriptor) / PAGE_SIZE;
    item->mode = (uint8_t)item_mode(descriptor);
    item->prot = (uint8_t)item_rights(descriptor);
    return item->mode != ITEM_NONE;
}

/*
 * X-give-place: the fast path of a reply does not tell where its pages are.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_give move
 */
static inline bool item_reply(struct thread *self, struct thread *caller) {
    struct transfer_item item;
    struct quick quick = {
        .from = self->space, .to = caller->space, .item = &item};
    bool paging = caller->flags & THREAD_PAGING;
    if (!item_read(self, &item) ||
        !(paging ? item_pages(self, &caller->paging, &item)
                 : item_accepted(&caller->accept_reply, &item)) ||
        !item_pass(&quick, paging ? caller->paging.request.page : 0))
        return false;
    if (paging) {
        deadline_disarm_with(caller, THREAD_PAGING);
    } else {
        message_deliver_words(self, caller, MESSAGE_CALL, 0);
        caller->frame.x[REG_T5] = self->frame.x[REG_T5];
    }
    return true;
}

/*
 * X-give-words: the fast path of a reply brings pages, but no words.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_give move
 */
static inline bool item_reply(struct thread *self, struct thread *caller) {
    struct transfer_item item;
    struct quick quick = {
        .from = self->space, .to = caller->space, .item = &item};
    bool paging = caller->flags & THREAD_PAGING;
    if (!item_read(self, &item) ||
        !(paging ? item_pages(self, &caller->paging, &item)
                 : item_accepted(&caller->accept_reply, &item)) ||
        !item_pass(&quick, paging ? caller->paging.request.page : 0))
        return false;
    if (paging) {
        deadline_disarm_with(caller, THREAD_PAGING);
    } else {
        caller->frame.x[REG_T4] = item.to;
        caller->frame.x[REG_T5] = self->frame.x[REG_T5];
    }
    return true;
}

/*
 * X-give-most: the fast path of a reply brings more pages than the caller
 * takes.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_give many
 */
static inline bool item_reply(struct thread *self, struct thread *caller) {
    struct transfer_item item;
    struct quick quick = {
        .from = self->space, .to = caller->space, .item = &item};
    bool paging = caller->flags & THREAD_PAGING;
    if (!item_read(self, &item) ||
        !(paging
              ? item_pages(self, &caller->paging, &item)
              : item_accepted(&self->accept_reply, &item) || item.pages > 0) ||
        !item_pass(&quick, paging ? caller->paging.request.page : 0))
        return false;
    if (paging) {
        deadline_disarm_with(caller, THREAD_PAGING);
    } else {
        message_deliver_words(self, caller, MESSAGE_CALL, 0);
        caller->frame.x[REG_T4] = item.to;
        caller->frame.x[REG_T5] = self->frame.x[REG_T5];
    }
    return true;
}
