/* SPDX-License-Identifier: MIT */
/*
 * vm/loan.h: pages that are lent, and how they come back.
 *
 * Idea        The loan remembers what a transfer of LEND items did: which pages
 *             of the lender are where in the borrower. It keeps both spaces
 *             alive, so that the pages can be returned whatever has become of
 *             the processes.
 * States      open (thread->loan of the caller) -> returned (the reply, or the
 *             end of who owed it)
 *             open -> left (the caller was cancelled: whoever owes the reply
 *             has the pages until he replies or ends) -> returned
 *             open or left -> due (should be returned, but the borrower has
 *             lent some of it on) -> returned, with the loan that is in the way
 * Invariants  I1 an entry that is lent or borrowed has PTE_LENT; its region has
 *                REGION_LENT or REGION_BORROWED, and no other page;
 *             I2 the lender's entry keeps its frame and its charge.
 * Locks       loan_lock (RANK_LOAN) guards the lists of loans that are left or
 *             due; loan_return takes it and both spaces' locks.
 */
#ifndef OCTAVO_VM_LOAN_H
#define OCTAVO_VM_LOAN_H

#include "lib/list.h"
#include "vm/transfer.h"

struct loan {
    struct list link; /* left or due */
    struct space *from, *to;
    const void *owner; /* left: names the call that it belongs to */
    uint32_t sequence;
    unsigned count;
    struct transfer_item item[MESSAGE_ITEMS];
};

/* An empty loan, charged to the lender's quota as an object, with a reference
 * to both spaces. NULL: no memory, or quota used up. */
struct loan *loan_create(struct space *from, struct space *to);

/* Notes an item that was transferred. */
void loan_add(struct loan *loan, const struct transfer_item *item);

/* Frees a loan that is empty, or whose pages are back. */
void loan_free(struct loan *loan);

/*
 * Unmaps the pages from the borrower, fences, gives the lender back the rights
 * that its regions have, and frees the loan. -EBUSY: some of it is lent on;
 * nothing happened.
 */
int loan_return(struct loan *loan);

/* The same, but if some of it is lent on it becomes due. NULL is allowed. */
void loan_end(struct loan *loan);

/* The call (owner, sequence), whose reply is a handle, was cancelled. */
void loan_leave(struct loan *loan, const void *owner, uint32_t sequence);

/* Takes back what loan_leave left under this name; NULL: nothing. */
struct loan *loan_find(const void *owner, uint32_t sequence);

#endif
