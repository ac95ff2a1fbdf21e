/* SPDX-License-Identifier: MIT */
/*
 * vm/transfer.h: whole pages from one address space to another.
 *
 * Idea        Up to four ranges of pages, all of them or none. A page is moved
 *             (gone from the sender), shared (both map one frame), made common
 *             copy-on-write, or lent (the sender has less, or nothing, until
 *             it is returned). No byte is copied; what changes is who maps the
 *             frame, with which rights.
 * Order       Check everything, reserve everything, commit what cannot fail,
 *             fence once. Up to the commit nothing has happened that is not
 *             taken back.
 * Use         struct transfer transfer = {.from = a, .to = b, .count = 1,
 *                 .item = {{.from = va, .pages = 3, .mode = ITEM_MOVE,
 *                           .prot = PROT_READ | PROT_WRITE}}};
 *             int result = space_transfer(&transfer);
 * Bound       TRANSFER_PAGES entries of 4 KiB pages a transfer, and whole
 *             tables of 2 MiB beside them, so that no transfer holds a hart for
 *             longer than 20,000 instructions.
 */
#ifndef OCTAVO_VM_TRANSFER_H
#define OCTAVO_VM_TRANSFER_H

#include <stdint.h>

#include "abi/message.h"
#include "arch/hart.h"
#include "arch/memory.h"
#include "vm/space.h"

enum {
    TRANSFER_PAGES = 512, /* 4 KiB pages that one transfer handles */
    TRANSFER_COPIES = 12, /* pages that COW has to copy at once: those that
                             others may write meanwhile */
};

/* A range on its way. */
struct transfer_item {
    va_t from;      /* first byte in the sender: a multiple of PAGE_SIZE */
    uint64_t pages; /* at least 1 */
    uint8_t mode;   /* ITEM_MOVE, ITEM_SHARE, ITEM_COW or ITEM_LEND */
    uint8_t prot; /* the receiver's rights: PROT_READ with or without others */
    va_t to;      /* out: its first byte in the receiver */
};

struct transfer {
    struct space *from, *to; /* may be the same */
    unsigned count;          /* of items: 1 to 4 */
    va_t window;             /* where the items go, one behind the other; 0:
                                wherever there is room */
    bool fill;               /* the window is where pages of a pager's region
                                are missing (vm/fill.h), not free */
    uint16_t prot;           /* out, with `fill`: the region's rights */
    unsigned failed;         /* out, on an error: the first item it concerns */
    struct transfer_item item[MESSAGE_ITEMS];
};

/* Results of space_transfer that are no error. */
enum {
    TRANSFER_PREPARE = 1, /* call space_prepare in the sender, then try again */
};

/* Counts pages that went over. */
static inline void transfer_count(enum item_mode mode, uint64_t pages) {
    hart_self()->counters[COUNTER_PAGES_MOVED - ITEM_MOVE + mode] += pages;
}

_Static_assert((int)COUNTER_PAGES_LENT - (int)COUNTER_PAGES_MOVED ==
                   (int)ITEM_LEND - (int)ITEM_MOVE,
               "the modes and their counters are in one order");

/*
 * Transfers all items and sets their `to`. Locks both spaces. On an error, or
 * TRANSFER_PREPARE, both spaces are as they were:
 * -EINVAL: a range is not user memory, or two ranges overlap; rights that
 * cannot be (none, write without read, write and execute).
 * With `fill`, what is not missing is left out, down to nothing at all; -EPERM
 * means here that the region has rights that the item lacks, too.
 * -EFAULT: part of a range is not mapped. -EPERM: wider rights than the
 * sender's, or pinned memory, or a shared page to be lent. -EBUSY: lent or
 * borrowed. -EMSGSIZE: more than TRANSFER_PAGES, or TRANSFER_COPIES.
 * -ENOSPC: the window is not free. -ENOMEM: frames, regions or quota.
 */
int space_transfer(struct transfer *transfer);

/* What can be said before the receiver is known: 0, or -EINVAL, -EFAULT,
 * -EPERM, -EBUSY as above. */
int space_transfer_check(struct transfer *transfer);

/*
 * Makes the pages of an item what they have to be: present (which MOVE and COW
 * need with `fill` alone) and, for SHARE and LEND, the sender's own. Takes
 * steps of a few pages. 0: done, or the transfer will say why it cannot be;
 * SPACE_MORE; -ENOMEM as space_fault.
 */
int space_prepare(struct space *space, const struct transfer_item *item);

#endif
