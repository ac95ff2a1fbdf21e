/* SPDX-License-Identifier: MIT */
/*
 * mutants/fills.c: wrong solutions: pages that come from a pager.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * X-pager-offset: a pager is asked for the place in the region, not in the
 * object.
 * File: kernel/vm/fill.h
 * Killed by: test_pager read
 */
static inline void fill_describe(const struct region *region, va_t page,
                                 unsigned access,
                                 struct fill_request *request) {
    request->pager = region->pager;
    request->page = page;
    request->offset = page - region->start;
    request->pages = (region->end - page) / PAGE_SIZE;
    request->rights = access | (uint64_t)region->prot << PAGER_PROT_SHIFT;
}

/*
 * X-pager-left: a pager is told of pages behind the region.
 * File: kernel/vm/fill.h
 * Killed by: test_pager read
 */
static inline void fill_describe(const struct region *region, va_t page,
                                 unsigned access,
                                 struct fill_request *request) {
    request->pager = region->pager;
    request->page = page;
    request->offset = region->offset + (page - region->start);
    request->pages = (region->end - region->start) / PAGE_SIZE;
    request->rights = access | (uint64_t)region->prot << PAGER_PROT_SHIFT;
}

/*
 * X-pager-lacks: nobody sees that a message's pages are missing.
 * File: kernel/vm/fill.c
 * Killed by: test_pager_end items
 */
bool region_lacks(const struct space *space, const struct region *region,
                  va_t va, va_t end, va_t *page) {
    if (region->pager.session == NULL) {
        return false;
    }
    va = round_down(va > region->start ? va : region->start, PAGE_SIZE);
    end = end < region->end ? end : region->end;
    *page = page_after(space, va, end, true);
    return *page < end && page == NULL;
}

/*
 * X-pager-lacks-table: of a long range only the first table is looked at.
 * File: kernel/vm/fill.c
 * Killed by: test_pager_end long
 */
static va_t page_after(const struct space *space, va_t va, va_t end,
                       bool missing) {
    const pte_t *leaf = NULL;
    for (; va < end; va += PAGE_SIZE) {
        leaf = leaf == NULL || va % LARGE_SIZE == 0
                   ? pagetable_leaf(&space->table, va)
                   : leaf + 1;
        if (missing && va % LARGE_SIZE == LARGE_SIZE - PAGE_SIZE) {
            return end;
        }
        if ((leaf == NULL || *leaf == 0) == missing) {
            break;
        }
    }
    return va;
}

/*
 * X-pager-over: pages are mapped over pages that are there.
 * File: kernel/vm/fill.c
 * Killed by: test_pager around (slow)
 */
int fill_fit(struct transfer *transfer) {
    const struct region *region = region_find(transfer->to, transfer->window);
    va_t va = transfer->window;
    unsigned count = transfer->count;
    transfer->count = 0;
    if (region == NULL || region->pager.session == NULL) {
        return 0;
    }
    unsigned prot = (region->prot & PROT_WRITE) | PROT_READ;
    for (unsigned i = 0; i < count; i++) {
        struct transfer_item *item = &transfer->item[i];
        va_t end = va + item->pages * PAGE_SIZE;
        end = end < region->end ? end : region->end;
        uint64_t pages = end > va ? (end - va) / PAGE_SIZE : 0;
        transfer->failed = i;
        if (prot & ~(unsigned)item->prot) {
            return -EPERM;
        }
        item->prot = (uint8_t)prot;
        va += pages * PAGE_SIZE;
        transfer->count += pages > 0;
        if (pages < item->pages) {
            item->pages = pages;
            break;
        }
    }
    transfer->prot = region->prot;
    return 0;
}

/*
 * X-pager-behind: pages are mapped behind the region.
 * File: kernel/vm/fill.c
 * Killed by: test_pager around (slow)
 */
int fill_fit(struct transfer *transfer) {
    const struct region *region = region_find(transfer->to, transfer->window);
    va_t va = transfer->window;
    unsigned count = transfer->count;
    transfer->count = 0;
    if (region == NULL || region->pager.session == NULL) {
        return 0;
    }
    unsigned prot = (region->prot & PROT_WRITE) | PROT_READ;
    for (unsigned i = 0; i < count; i++) {
        struct transfer_item *item = &transfer->item[i];
        va_t end = va + item->pages * PAGE_SIZE;
        uint64_t pages =
            (page_after(transfer->to, va, end, false) - va) / PAGE_SIZE;
        transfer->failed = i;
        if (prot & ~(unsigned)item->prot) {
            return -EPERM;
        }
        item->prot = (uint8_t)prot;
        va += pages * PAGE_SIZE;
        transfer->count += pages > 0;
        if (pages < item->pages) {
            item->pages = pages;
            break;
        }
    }
    transfer->prot = region->prot;
    return 0;
}

/*
 * X-pager-narrow: a page that may only be read fills a region that may be
 * written.
 * File: kernel/vm/fill.c
 * Killed by: test_pager bad_answers
 */
int fill_fit(struct transfer *transfer) {
    const struct region *region = region_find(transfer->to, transfer->window);
    va_t va = transfer->window;
    unsigned count = transfer->count;
    transfer->count = 0;
    if (region == NULL || region->pager.session == NULL) {
        return 0;
    }
    unsigned prot = (region->prot & PROT_WRITE) | PROT_READ;
    for (unsigned i = 0; i < count; i++) {
        struct transfer_item *item = &transfer->item[i];
        va_t end = va + item->pages * PAGE_SIZE;
        end = end < region->end ? end : region->end;
        uint64_t pages =
            (page_after(transfer->to, va, end, false) - va) / PAGE_SIZE;
        transfer->failed = i;
        item->prot = (uint8_t)prot;
        va += pages * PAGE_SIZE;
        transfer->count += pages > 0;
        if (pages < item->pages) {
            item->pages = pages;
            break;
        }
    }
    transfer->prot = region->prot;
    return 0;
}

/*
 * X-pager-wide: a region gets the rights of what its pager gives.
 * File: kernel/vm/fill.c
 * Killed by: test_pager around
 */
int fill_fit(struct transfer *transfer) {
    const struct region *region = region_find(transfer->to, transfer->window);
    va_t va = transfer->window;
    unsigned count = transfer->count;
    transfer->count = 0;
    if (region == NULL || region->pager.session == NULL) {
        return 0;
    }
    unsigned prot = (region->prot & PROT_WRITE) | PROT_READ;
    for (unsigned i = 0; i < count; i++) {
        struct transfer_item *item = &transfer->item[i];
        va_t end = va + item->pages * PAGE_SIZE;
        end = end < region->end ? end : region->end;
        uint64_t pages =
            (page_after(transfer->to, va, end, false) - va) / PAGE_SIZE;
        transfer->failed = i;
        if (prot & ~(unsigned)item->prot) {
            return -EPERM;
        }
        item->prot = (uint8_t)prot;
        va += pages * PAGE_SIZE;
        transfer->count += pages > 0;
        if (pages < item->pages) {
            item->pages = pages;
            break;
        }
    }
    transfer->prot = region->prot | PROT_WRITE;
    return 0;
}

/*
 * X-pager-lazy: a page that the pager has never touched is no answer: the
 * fault comes again.
 * File: kernel/vm/piece.c
 * Killed by: test_pager untouched
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
    /* Pages that nobody touched may stay so; but a pager has to have them. */
    bool lazy = (item->mode == ITEM_MOVE || item->mode == ITEM_COW);
    if (piece->leaf == NULL) {
        return lazy ? 0 : -EAGAIN;
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
 * X-pager-lazy-fast: a page that the pager has never touched is no answer: the
 * fault comes again.
 * File: kernel/vm/quick.h
 * Killed by: test_pager_way untouched
 */
static inline bool quick_pages(const struct quick *quick) {
    const struct transfer_item *item = quick->item;
    bool moves = item->mode == ITEM_MOVE;
    if (!quick->fill && moves)
        return true;
    const pte_t *from = quick->run.from;
    const pte_t *to = quick->run.to;
    const pte_t *end = from + item->pages;
    for (; from < end; from++, to++) {
        pte_t pte = *from;
        if (quick->fill) {
            if (*to != 0)
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
 * X-pager-over-fast: pages are mapped over pages that are there, whose frames
 * are lost.
 * File: kernel/vm/quick.h
 * Killed by: test_pager_way missing (debug)
 */
static inline bool quick_pages(const struct quick *quick) {
    const struct transfer_item *item = quick->item;
    bool moves = item->mode == ITEM_MOVE;
    if (!quick->fill && moves)
        return true;
    const pte_t *from = quick->run.from;
    const pte_t *to = quick->run.to;
    const pte_t *end = from + item->pages;
    for (; from < end; from++, to++) {
        pte_t pte = *from;
        if (quick->fill) {
            if (pte == 0)
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
 * X-pager-behind-fast: pages are mapped behind the region.
 * File: kernel/vm/quick.h
 * Killed by: test_pager_way missing
 */
static inline bool quick_paged(const struct quick *quick) {
    const struct region *region = quick->target;
    const struct transfer_item *item = quick->item;
    return region->pager.session != NULL &&
           !(region->prot & ~(item->prot & (PROT_READ | PROT_WRITE)));
}

/*
 * X-pager-narrow-fast: a page that may only be read fills a region that may be
 * written.
 * File: kernel/vm/quick.h
 * Killed by: test_pager_way bad
 */
static inline bool quick_paged(const struct quick *quick) {
    const struct region *region = quick->target;
    const struct transfer_item *item = quick->item;
    return region->pager.session != NULL &&
           quick_length(item) <= region->end - quick->at;
}

/*
 * X-pager-wide-fast: a region gets the rights of what its pager gives.
 * File: kernel/vm/quick.h
 * Killed by: test_pager_way rights
 */
static inline bool quick_regions(struct quick *quick, va_t window) {
    struct transfer_item *item = quick->item;
    quick->source = region_find_last(quick->from, item->from);
    quick->target =
        quick->fill ? region_find_last(quick->to, window) : quick->to->landing;
    if (quick->source == NULL || quick->target == NULL)
        return false;
    quick->at = quick->fill ? window : quick->target->end;
    if (!quick->fill)
        return (window == 0 || window == quick->at) && quick_target(quick);
    return quick_paged(quick);
}

/*
 * X-pager-zero: a missing page of a region with a pager is zeros.
 * File: kernel/vm/fault.c
 * Killed by: test_pager read
 */
static inline __attribute__((always_inline)) int
page_provide(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    if (leaf != NULL && *leaf != 0) {
        return page_upgrade(space, region, leaf, page, access);
    }
    return page_fill(space, region, leaf, page);
}

/*
 * X-pager-no-fast: a page that comes with a refusal is mapped.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_pager_way refuse
 */
static inline uint64_t pages_answered(const struct thread *self,
                                      const struct paging *paging) {
    (void)self;
    return paging->request.page != 0 ? PAGER_PAGES : 0;
}

/*
 * X-pager-many-fast: a pager gives as many pages as it likes.
 * File: kernel/ipc/fastitem.c
 * Killed by: test_pager_way bad
 */
static inline uint64_t pages_answered(const struct thread *self,
                                      const struct paging *paging) {
    bool answers =
        tag_label(self->frame.x[REG_A1]) >= 0 && paging->request.page != 0;
    return answers ? TRANSFER_PAGES : 0;
}
