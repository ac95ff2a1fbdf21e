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
        region_remove(quick->from, quick->source);
        quota_uncharge_frames(quick->from->quota, gone);
    }
    transfer_count(item->mode, pages);
    if (quick->run.lowered)
        asid_fence_near(&quick->from->asid, item->from, item->pages,
                        quick->whole);
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
    bool moves = item->mode == ITEM_MOVE;
    if (!quick->fill && item->mode != ITEM_SHARE)
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

/*
 * M-49-quick: the quick way shares pages that nobody has touched, which are
 * not there.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_fresh
 */
static inline bool quick_pages(const struct quick *quick) {
    const struct transfer_item *item = quick->item;
    bool moves = item->mode == ITEM_MOVE;
    if (!quick->fill && item->mode != ITEM_COW)
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
        return quick->leaves->tag >= item->pages &&
               in_one_table(quick->at, item->pages);
    }
    return quick->whole && !quick->fill && item->mode == ITEM_MOVE &&
           item->pages == PAGETABLE_ENTRIES && quick->at % LARGE_SIZE == 0 &&
           quick->source->prot == item->prot && pte_table(from)->tag > 1;
}

/*
 * X-frame: the quick way moves a table whose pages have more rights than the
 * item.
 * File: kernel/vm/quick.h
 * Killed by: test_item_more quick_whole
 */
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
           pte_table(from)->tag > 1;
}

/*
 * X-most-quick: the fast path brings more pages than the receiver takes.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_more quick_room
 */
static __attribute__((noinline)) va_t item_pass(const struct thread *self,
                                                uint64_t descriptor,
                                                struct space *to, uint64_t most,
                                                va_t page) NO_THREAD_SAFETY {
    struct transfer_item item = {
        .from = self->frame.x[REG_T4],
        .pages = item_length(descriptor) / PAGE_SIZE,
        .mode = item_mode(descriptor) & 3,
        .prot = (uint8_t)item_rights(descriptor),
    };
    struct space *from = self->space;
    bool passed = false;
    /* Not in order, therefore by trying. */
    if (item.mode == ITEM_NONE || (most == 0 && item.pages > 0) ||
        !spin_try(&from->lock))
        return 0;
    uint64_t start = csr_read(instret);
    if (spin_try(&to->lock)) {
        passed = transfer_quick(from, to, &item, page, page != 0);
        spin_unlock(&to->lock);
    }
    spin_unlock(&from->lock);
    if (!passed)
        return 0;
    hart_count_event(COUNTER_TRANSFERS);
    stat_add(&hart_self()->remap, csr_read(instret) - start);
    return item.to;
}

/*
 * X-window-quick: the fast path brings pages to behind the last ones,
 * whatever the window.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_more quick_room
 */
static inline uint64_t pages_accepted(const struct accept *accept) {
    return accept->pages;
}

/*
 * X-bits-quick: the fast path takes descriptors with unknown bits.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_more quick_rights
 */
static inline bool item_plain(uint64_t descriptor) {
    const uint64_t others = item_make(PAGE_SIZE - 1, 12, 0);
    return (descriptor & others) == 0;
}

/*
 * X-give-place: the fast path of a reply does not tell where its pages are.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_give move
 */
static inline bool item_reply(struct thread *self, struct thread *caller) {
    struct paging *paging = &caller->paging;
    bool fault = caller->flags & THREAD_PAGING;
    uint64_t descriptor = self->frame.x[REG_T5];
    if (!item_plain(descriptor))
        return false;
    va_t to = item_pass(self, descriptor, caller->space,
                        fault ? pages_answered(self, paging)
                              : pages_accepted(&caller->accept_reply),
                        fault ? paging->request.page : 0);
    if (to == 0)
        return false;
    if (fault) {
        deadline_disarm_with(caller, THREAD_PAGING);
    } else {
        message_deliver_words(self, caller, MESSAGE_CALL, 0);
        caller->frame.x[REG_T5] = descriptor;
    }
    return true;
}

/*
 * X-give-words: the fast path of a reply brings pages, but no words.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_item_give move
 */
static inline bool item_reply(struct thread *self, struct thread *caller) {
    struct paging *paging = &caller->paging;
    bool fault = caller->flags & THREAD_PAGING;
    uint64_t descriptor = self->frame.x[REG_T5];
    if (!item_plain(descriptor))
        return false;
    va_t to = item_pass(self, descriptor, caller->space,
                        fault ? pages_answered(self, paging)
                              : pages_accepted(&caller->accept_reply),
                        fault ? paging->request.page : 0);
    if (to == 0)
        return false;
    if (fault) {
        deadline_disarm_with(caller, THREAD_PAGING);
    } else {
        caller->frame.x[REG_T4] = to;
        caller->frame.x[REG_T5] = descriptor;
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
    struct paging *paging = &caller->paging;
    bool fault = caller->flags & THREAD_PAGING;
    uint64_t descriptor = self->frame.x[REG_T5];
    if (!item_plain(descriptor))
        return false;
    va_t to = item_pass(self, descriptor, caller->space,
                        fault ? pages_answered(self, paging)
                              : item_length(descriptor),
                        fault ? paging->request.page : 0);
    if (to == 0)
        return false;
    if (fault) {
        deadline_disarm_with(caller, THREAD_PAGING);
    } else {
        message_deliver_words(self, caller, MESSAGE_CALL, 0);
        caller->frame.x[REG_T4] = to;
        caller->frame.x[REG_T5] = descriptor;
    }
    return true;
}
