/* SPDX-License-Identifier: MIT */
/*
 * mutants/lend.c: wrong solutions: pages that are lent.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * X-lend-mark: what is lent is not locked: it can be lent twice, or
 * unmapped.
 * File: kernel/vm/transfer.c
 * Killed by: test_lend meanwhile
 */
static void regions_mark_lent(struct space *space,
                              const struct transfer_item *item) {
    struct region *region = region_find(space, item->from);
    while (region != NULL && region->start < item_end(item)) {
        region = region_next(space, region);
    }
}

/*
 * X-lend-back: what comes back stays locked.
 * File: kernel/vm/loan.c
 * Killed by: test_lend lend
 */
static void item_give(struct loan *loan, const struct transfer_item *item) {
    struct region *region = region_find(loan->from, item->from);
    for (va_t va = item->from; va < item_end(item);) {
        if (va == region->end) {
            region = region_next(loan->from, region);
        }
        uint64_t pages = pages_in_table(va, (region->end - va) / PAGE_SIZE);
        run_give(pagetable_find(&loan->from->table, va, 0), pages, region);
        va += pages * PAGE_SIZE;
    }
    region_join_around(loan->from, item->from, item_end(item));
}

/*
 * X-lend-common: what comes back can be written, whoever else has the page.
 * File: kernel/vm/loan.c
 * Killed by: test_item_held lend_common
 */
static void run_give(pte_t *leaf, uint64_t pages, const struct region *region) {
    bool borrowed = region->flags & REGION_BORROWED;
    pte_t flags = pte_flags(region->prot) | (borrowed ? PTE_LENT : 0);
    for (uint64_t i = 0; i < pages; i++) {
        pa_t pa = pte_frame(leaf[i]);
        frame_unref(pa);
        bool sole = borrowed || frame_refs(pa) == 1;
        pte_store(&leaf[i], pte_make(pa, sole ? flags : flags));
    }
}

/*
 * X-lend-keep: the borrower keeps the pages after its reply.
 * File: kernel/vm/loan.c
 * Killed by: test_item_held lent
 */
static void item_take(struct loan *loan, const struct transfer_item *item,
                      struct gather *gather) {
    va_t end = item->to + item->pages * PAGE_SIZE;
    for (va_t va = item->to; va < end;) {
        pte_t *leaf = pagetable_find(&loan->to->table, va, 0);
        uint64_t pages = pages_in_table(va, (end - va) / PAGE_SIZE);
        for (uint64_t i = 0; i < pages; i++) {
            pte_store(&leaf[i], leaf[i]);
        }
        pte_count(leaf, -(int)pages);
        gather_range(gather, va, pages, false);
        gather_tables(gather, va);
        va += pages * PAGE_SIZE;
    }
    quota_uncharge_frames(loan->to->quota, item->pages);
    region_cut(loan->to, item->to, end);
}

/*
 * X-lend-death: pages do not come back when the server ends.
 * File: kernel/vm/loan.c
 * Killed by: test_lend server_exit
 */
void loan_end(struct loan *loan) {
    if (loan == NULL) {
        return;
    }
    spin_lock(&loan_lock);
    list_push_back(&due, &loan->link);
    spin_unlock(&loan_lock);
}

/*
 * X-lend-chain: what was lent on comes back to the first before the second
 * has it.
 * File: kernel/vm/loan.c
 * Killed by: test_lend broken_chain
 */
static bool is_lent_on(const struct loan *loan) {
    for (unsigned i = 0; i < loan->count; i++) {
        const struct transfer_item *item = &loan->item[i];
        const struct region *region = region_find(loan->to, item->to);
        while (region != NULL &&
               region->start < item->to + item->pages * PAGE_SIZE) {
            if (region->flags & REGION_LENT) {
                return false;
            }
            region = region_next(loan->to, region);
        }
    }
    return false;
}

/*
 * X-lend-due: a loan that waits for another is forgotten.
 * File: kernel/vm/loan.c
 * Killed by: test_lend broken_chain
 */
static int return_chain(struct loan *loan) REQUIRES(loan_lock) {
    if (return_locked(loan) < 0) {
        return -EBUSY;
    }
    loan_free(loan);
    return 0;
}

/*
 * X-lend-due-one: of the loans that waited for another one is returned.
 * File: kernel/vm/loan.c
 * Killed by: test_lend broken_two
 */
static int return_chain(struct loan *loan) REQUIRES(loan_lock) {
    if (return_locked(loan) < 0) {
        return -EBUSY;
    }
    struct list *link = list_first(&due);
    while (link != NULL) {
        struct loan *waits = loan_of(link);
        link = list_next(&due, link);
        if (waits->to == loan->from && return_locked(waits) == 0) {
            list_remove(&waits->link);
            loan_free(loan);
            loan = waits;
            link = list_first(&due);
        }
    }
    loan_free(loan);
    return 0;
}

/*
 * X-lend-time: a call that lends times out, with its pages away.
 * File: kernel/ipc/items.c
 * Killed by: test_lend no_timeout
 */
static void loan_begin(struct thread *from, const struct transfer *transfer) {
    for (unsigned i = 0; i < transfer->count; i++) {
        if (transfer->item[i].mode == ITEM_LEND)
            loan_add(from->loan, &transfer->item[i]);
    }
}

/*
 * X-lend-write: the lender can write what it has lent for reading.
 * File: kernel/vm/run.h
 * Killed by: test_item_held lent
 */
static inline unsigned run_lend(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t lost = run->flags & PTE_W ? PTE_V | PTE_W : 0;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        frame_ref(pte_frame(pte));
        pte_store(from, (pte & ~lost) | PTE_LENT);
        pte_store(to, same_frame(pte, run->flags | PTE_LENT));
    }
    run->lowered = PTE_RIGHTS;
    return (unsigned)run->pages;
}

/*
 * X-lend-read: the lender can read what it has lent for writing.
 * File: kernel/vm/run.h
 * Killed by: test_item_held lent
 */
static inline unsigned run_lend(struct run *run) {
    const pte_t *end = run->from + run->pages;
    pte_t lost = PTE_W;
    pte_t *to = run->to;
    for (pte_t *from = run->from; from < end; from++, to++) {
        pte_t pte = *from;
        frame_ref(pte_frame(pte));
        pte_store(from, (pte & ~lost) | PTE_LENT);
        pte_store(to, same_frame(pte, run->flags | PTE_LENT));
    }
    run->lowered = PTE_RIGHTS;
    return (unsigned)run->pages;
}

/*
 * X-lend-fork: a child gets what its parent has borrowed.
 * File: kernel/vm/fork.c
 * Killed by: test_item_held lent
 */
static bool region_inherits(const struct region *region) {
    return region->memory == NULL;
}

/*
 * X-lent: pages that are lent or borrowed can be moved away.
 * File: kernel/vm/transfer.c
 * Killed by: test_item_held lent
 */
static int regions_check(struct space *space,
                         const struct transfer_item *item) {
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
        if (region->memory != NULL || item->prot & ~(unsigned)region->prot) {
            return -EPERM;
        }
        if (region_lacks(space, region, va, item_end(item), &missing)) {
            return -EAGAIN;
        }
    }
    return 0;
}
