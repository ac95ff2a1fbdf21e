/* SPDX-License-Identifier: MIT */
/*
 * vm/piece.h: the pieces that a transfer is carried out in, for vm/transfer.c.
 *
 * An item is handled in pieces that lie in one table on either side. A piece
 * that is a whole table, and is moved with all its rights, is not even looked
 * into: the table itself moves.
 * Locks: both spaces'.
 */
#ifndef OCTAVO_VM_PIECE_H
#define OCTAVO_VM_PIECE_H

#include "vm/transfer.h"

enum { PIECES_MAX = 128 }; /* of one transfer: 256 MiB */

/* What a transfer has reserved. */
struct work {
    unsigned pages;  /* entries that it looks at */
    unsigned pieces; /* of all items */
    unsigned copies; /* frames for pages that COW copies at once */
    pa_t copy[TRANSFER_COPIES];
    uint64_t charged[MESSAGE_ITEMS]; /* frames charged to the receiver */
};

struct piece {
    va_t from, to;
    uint64_t pages;
    pte_t *leaf;  /* of `from`; NULL: there is no table, so no page */
    pte_t *table; /* the entry that leads there, if the table moves whole */
};

/* The end of an item in the sender, and in the receiver. */
static inline va_t item_end(const struct transfer_item *item) {
    return item->from + item->pages * PAGE_SIZE;
}
static inline va_t item_to_end(const struct transfer_item *item) {
    return item->to + item->pages * PAGE_SIZE;
}

/* The piece of the item that starts `done` pages into it; false: there is none.
 */
bool piece_find(const struct transfer *transfer,
                const struct transfer_item *item, uint64_t done,
                struct piece *piece);

/*
 * Looks at the piece's pages, and reserves for it in the receiver: quota,
 * tables, frames. 0; -EAGAIN: the sender has to prepare pages; or an error of
 * space_transfer. What it reserved is in *work, or an empty table.
 */
int piece_reserve(struct transfer *transfer, unsigned index, struct work *work,
                  const struct piece *piece);

/*
 * Changes the entries on both sides. Returns the pages that the piece has.
 * *lowered: whether the sender had a right that it has no longer.
 */
unsigned piece_commit(struct transfer *transfer,
                      const struct transfer_item *item, struct work *work,
                      const struct piece *piece, bool *lowered);

/* The transfer, if it is a quick one (vm/quick.h). False: nothing happened. */
bool piece_quick(struct transfer *transfer);

#endif
