/* SPDX-License-Identifier: MIT */
/*
 * vm/loan.c: returning what was lent.
 *
 * In this order, so that nobody ever writes what another reads: the borrower's
 * entries are emptied, its harts fenced, and only then the lender may again.
 */
#include "vm/loan.h"

#include "abi/errno.h"
#include "vm/frame.h"
#include "vm/gather.h"
#include "vm/piece.h"
#include "vm/run.h"
#include "vm/slab.h"

static struct slab loans = SLAB(struct loan, NULL);
static struct spinlock loan_lock = SPINLOCK(RANK_LOAN);
static struct list left = {&left, &left};
static struct list due = {&due, &due};

static struct loan *loan_of(struct list *link) {
    return container_of(link, struct loan, link);
}

struct loan *loan_create(struct space *from, struct space *to) {
    struct loan *loan = slab_alloc(&loans, from->quota);
    if (loan != NULL) {
        loan->from = space_get(from);
        loan->to = space_get(to);
        loan->count = 0;
    }
    return loan;
}

void loan_add(struct loan *loan, const struct transfer_item *item) {
    loan->item[loan->count++] = *item;
}

void loan_free(struct loan *loan) {
    struct space *from = loan->from;
    struct space *to = loan->to;
    slab_free(&loans, loan, from->quota);
    space_put(to);
    space_put(from);
}

/* ---- Returning ---- */

/* Whether the borrower has lent any of it on. */
static bool is_lent_on(const struct loan *loan) {
    for (unsigned i = 0; i < loan->count; i++) {
        const struct transfer_item *item = &loan->item[i];
        if (region_flags_any(loan->to, item->to, item_to_end(item)) &
            REGION_LENT) {
            return true;
        }
    }
    return false;
}

/* Empties the borrower's entries. */
static void item_take(struct loan *loan, const struct transfer_item *item,
                      struct gather *gather) {
    va_t end = item_to_end(item);
    for (va_t va = item->to; va < end;) {
        pte_t *leaf = pagetable_find(&loan->to->table, va, 0);
        uint64_t pages = pages_in_table(va, (end - va) / PAGE_SIZE);
        for (uint64_t i = 0; i < pages; i++) {
            pte_store(&leaf[i], 0);
        }
        pte_count(leaf, -(int)pages);
        gather_range(gather, va, pages, false);
        gather_tables(gather, va);
        va += pages * PAGE_SIZE;
    }
    quota_uncharge_frames(loan->to->quota, item->pages);
    region_cut(loan->to, item->to, end);
}

/* Gives the lender back what the region allows, for entries in one table. */
static void run_give(pte_t *leaf, uint64_t pages, const struct region *region) {
    bool borrowed = region->flags & REGION_BORROWED;
    pte_t flags = pte_flags(region->prot) | (borrowed ? PTE_LENT : 0);
    for (uint64_t i = 0; i < pages; i++) {
        pa_t pa = pte_frame(leaf[i]);
        frame_unref(pa);
        bool sole = borrowed || frame_refs(pa) == 1;
        pte_store(&leaf[i], pte_make(pa, sole ? flags : flags & ~(pte_t)PTE_W));
    }
}

static void item_give(struct loan *loan, const struct transfer_item *item) {
    struct region *region = region_find(loan->from, item->from);
    for (va_t va = item->from; va < item_end(item);) {
        if (va == region->end) {
            region = region_next(loan->from, region);
        }
        uint64_t pages = pages_in_table(va, (region->end - va) / PAGE_SIZE);
        run_give(pagetable_find(&loan->from->table, va, 0), pages, region);
        region->flags &= ~(uint32_t)REGION_LENT;
        va += pages * PAGE_SIZE;
    }
    region_join_around(loan->from, item->from, item_end(item));
}

static int return_locked(struct loan *loan) REQUIRES(loan_lock) {
    struct gather gather;
    int result = -EBUSY;
    spin_lock_pair(&loan->from->lock, &loan->to->lock);
    if (!is_lent_on(loan)) {
        gather_init(&gather, loan->to);
        for (unsigned i = 0; i < loan->count; i++) {
            item_take(loan, &loan->item[i], &gather);
        }
        gather_flush(&gather);
        for (unsigned i = 0; i < loan->count; i++) {
            item_give(loan, &loan->item[i]);
        }
        result = 0;
    }
    spin_unlock_pair(&loan->from->lock, &loan->to->lock);
    return result;
}

/* Returns the loan, and then all that were due and waited for it: those of
 * pages that came back to their borrower with one before. */
static int return_chain(struct loan *loan) REQUIRES(loan_lock) {
    struct list back = {&back, &back};
    if (return_locked(loan) < 0) {
        return -EBUSY;
    }
    list_push_back(&back, &loan->link);
    do {
        loan = loan_of(list_pop_front(&back));
        struct list *link = list_first(&due);
        while (link != NULL) {
            struct loan *waits = loan_of(link);
            link = list_next(&due, link);
            if (waits->to == loan->from && return_locked(waits) == 0) {
                list_unlink(&waits->link);
                list_push_back(&back, &waits->link);
            }
        }
        loan_free(loan);
    } while (!list_empty(&back));
    return 0;
}

int loan_return(struct loan *loan) {
    spin_lock(&loan_lock);
    int result = return_chain(loan);
    spin_unlock(&loan_lock);
    return result;
}

void loan_end(struct loan *loan) {
    if (loan == NULL) {
        return;
    }
    spin_lock(&loan_lock);
    if (return_chain(loan) < 0) {
        list_push_back(&due, &loan->link);
    }
    spin_unlock(&loan_lock);
}

/* ---- Loans whose caller has gone ---- */

void loan_leave(struct loan *loan, const void *owner, uint32_t sequence) {
    loan->owner = owner;
    loan->sequence = sequence;
    spin_lock(&loan_lock);
    list_push_back(&left, &loan->link);
    spin_unlock(&loan_lock);
}

struct loan *loan_find(const void *owner, uint32_t sequence) {
    struct loan *loan = NULL;
    spin_lock(&loan_lock);
    struct list *link = list_first(&left);
    for (; link != NULL; link = list_next(&left, link)) {
        loan = loan_of(link);
        if (loan->owner == owner && loan->sequence == sequence) {
            list_remove(link);
            break;
        }
        loan = NULL;
    }
    spin_unlock(&loan_lock);
    return loan;
}
