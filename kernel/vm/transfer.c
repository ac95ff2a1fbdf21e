/* SPDX-License-Identifier: MIT */
/*
 * vm/transfer.c: moving, sharing, copying on write and lending pages.
 *
 * Idea        What an item does to one page is one line of a table:
 *
 *               mode    sender's entry         receiver's entry    references
 *               MOVE    empty                  the same frame      as before
 *               SHARE   as before, marked      the same, marked    one more
 *               COW     may not write          may not write       one more
 *               LEND    may not write, or      the same, marked    one more
 *                       not even read; marked
 *
 *             A page that was never touched has no entry: MOVE and COW leave
 *             it so on both sides, and each side finds zeros. SHARE and LEND
 *             need the one frame, so space_prepare makes it first.
 * Steps       check: what the regions allow. reserve: the receiver's regions,
 *             tables, quota and frames, looking at each page on the way.
 *             commit: entries and the sender's regions. Then one fence. Nobody
 *             has been told of the pages before that, so it does not matter
 *             that both sides have entries for a moment.
 * Locks       Both spaces', from the first look to the end of the fence.
 * Read        next: vm/piece.c, where entries change.
 */
#include "vm/transfer.h"

#include "abi/errno.h"
#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/hart.h"
#include "lib/bits.h"
#include "vm/fill.h"
#include "vm/frame.h"
#include "vm/gather.h"
#include "vm/large.h"
#include "vm/piece.h"

enum { PREPARE_STEP = 12 }; /* pages that one step of space_prepare makes */

/* ---- Check ---- */

static bool item_valid(const struct transfer_item *item) {
    unsigned prot = item->prot;
    return item->pages > 0 && item->from % PAGE_SIZE == 0 &&
           item->pages <= USER_END / PAGE_SIZE &&
           user_range_ok(item->from, item->pages * PAGE_SIZE) &&
           prot & PROT_READ && !(prot & PROT_WRITE && prot & PROT_EXECUTE);
}

/* Whether the regions let the item's range go like this. */
static int regions_check(struct space *space,
                         const struct transfer_item *item) {
    uint32_t locked =
        item->mode == ITEM_LEND ? REGION_LENT : REGION_LENT | REGION_BORROWED;
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
        if (region->flags & locked) {
            return -EBUSY;
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

/* Two ranges of one message may overlap only if the same is done to both, and
 * that takes no page away. */
static bool items_clash(const struct transfer_item *a,
                        const struct transfer_item *b) {
    bool alike =
        a->mode == b->mode && (a->mode == ITEM_SHARE || a->mode == ITEM_COW);
    return !alike && a->from < item_end(b) && b->from < item_end(a);
}

static int transfer_check(struct transfer *transfer) {
    int result = transfer->fill ? fill_fit(transfer) : 0;
    if (result < 0) {
        return result;
    }
    for (unsigned i = 0; i < transfer->count; i++) {
        const struct transfer_item *item = &transfer->item[i];
        transfer->failed = i;
        if (!item_valid(item)) {
            return -EINVAL;
        }
        for (unsigned k = 0; k < i; k++) {
            if (items_clash(item, &transfer->item[k])) {
                return -EINVAL;
            }
        }
        bool whole = item->mode == ITEM_SHARE || item->mode == ITEM_LEND;
        if (whole && item->pages > TRANSFER_PAGES) {
            return -EMSGSIZE; /* nobody will have made so many */
        }
        result = regions_check(transfer->from, item);
        if (result < 0) {
            return result == -EAGAIN ? TRANSFER_PREPARE : result;
        }
    }
    return 0;
}

int space_transfer_check(struct transfer *transfer) {
    spin_lock(&transfer->from->lock);
    int result = transfer_check(transfer);
    spin_unlock(&transfer->from->lock);
    return result;
}

/* ---- Reserve ---- */

/* Whether the receiver's pages stay shared when it forks: all of them were
 * shared, or are now. */
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
    return all | some;
}

/* Picks the item's place in the receiver: behind the one before it in the
 * window, or any. 2 MiB that can move whole go to a multiple of 2 MiB. */
static int item_place(struct transfer *transfer, struct transfer_item *item) {
    uint64_t length = item->pages * PAGE_SIZE;
    if (transfer->window != 0) {
        item->to = transfer->window;
        transfer->window += length;
        bool room = transfer->fill ||
                    (user_range_ok(item->to, length) &&
                     region_is_free(transfer->to, item->to, item->to + length));
        return room ? 0 : -ENOSPC;
    }
    va_t align = item->from % LARGE_SIZE == 0 && length >= LARGE_SIZE
                     ? LARGE_SIZE
                     : PAGE_SIZE;
    item->to = region_place(transfer->to, length, align);
    return item->to != 0 ? 0 : -ENOMEM;
}

/* Gives the item its regions on both sides: the receiver's in full, the
 * sender's so that they can be cut without failing. */
static int item_reserve_regions(struct transfer *transfer,
                                struct transfer_item *item) {
    struct region region = {
        .start = item->to,
        .end = item_to_end(item),
        .stale = item_to_end(item),
        .prot = item->prot,
        .max = item->prot,
        .flags = region_flags(transfer->from, item),
    };
    int result = 0;
    if (item->mode == ITEM_MOVE) {
        result = region_cut_prepare(transfer->from, item->from, item_end(item));
    } else if (item->mode == ITEM_LEND) {
        result =
            region_split_around(transfer->from, item->from, item_end(item));
    }
    if (result != 0 || transfer->fill) {
        return result;
    }
    /* Within one space it stays apart from those around it: they may be about
     * to be cut. */
    transfer->to->landing = transfer->from == transfer->to
                                ? region_add(transfer->to, &region)
                                : region_claim(transfer->to, &region);
    if (transfer->to->landing == NULL) {
        region_join_around(transfer->from, item->from, item_end(item));
        result = -ENOMEM;
    }
    return result;
}

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
            result = large_split(transfer->from, piece.from);
            piece_find(transfer, item, done, &piece);
        }
        if (result == 0) {
            result = piece_reserve(transfer, index, work, &piece);
        }
    }
    return result;
}

/* Takes back what item_reserve did, however far it got. */
static void item_undo(struct transfer *transfer, unsigned index,
                      const struct work *work) {
    const struct transfer_item *item = &transfer->item[index];
    struct gather gather;
    struct piece piece;
    if (item->to == 0) {
        return;
    }
    gather_init(&gather, transfer->to);
    for (uint64_t done = 0; piece_find(transfer, item, done, &piece);
         done += piece.pages) {
        gather_tables(&gather, piece.to);
    }
    gather_flush(&gather);
    quota_uncharge_frames(transfer->to->quota, work->charged[index]);
    if (!transfer->fill) {
        region_cut(transfer->to, item->to, item_to_end(item));
    }
}

static void copies_free(struct work *work) {
    while (work->copies > 0) {
        frame_unref(work->copy[--work->copies]);
    }
}

static int transfer_reserve(struct transfer *transfer, struct work *work) {
    int result = 0;
    work->pages = work->pieces = work->copies = 0;
    for (unsigned i = 0; i < transfer->count; i++) {
        transfer->failed = i;
        result = item_reserve(transfer, i, work);
        if (result == 0) {
            continue;
        }
        copies_free(work);
        for (unsigned k = i + 1; k-- > 0;) { /* regions grew at their ends */
            item_undo(transfer, k, work);
        }
        for (unsigned k = 0; k <= i; k++) {
            const struct transfer_item *item = &transfer->item[k];
            region_join_around(transfer->from, item->from, item_end(item));
        }
        return result == -EAGAIN ? TRANSFER_PREPARE : result;
    }
    return 0;
}

/* ---- Commit ---- */

/* The sender's regions of pages that are lent. */
static void regions_mark_lent(struct space *space,
                              const struct transfer_item *item) {
    struct region *region = region_find(space, item->from);
    while (region != NULL && region->start < item_end(item)) {
        region->flags |= REGION_LENT;
        region = region_next(space, region);
    }
}

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

/* Prunes the tables that MOVE has emptied. Last of all: within one space, an
 * empty one may be where a later page goes. */
static void tables_prune(const struct transfer *transfer,
                         struct gather *gather) {
    for (unsigned i = 0; i < transfer->count; i++) {
        const struct transfer_item *item = &transfer->item[i];
        va_t va = item->mode == ITEM_MOVE ? item->from : item_end(item);
        for (; va < item_end(item);
             va = round_down(va, LARGE_SIZE) + LARGE_SIZE) {
            gather_tables(gather, va);
        }
    }
}

static void transfer_commit(struct transfer *transfer, struct work *work) {
    struct space *to = transfer->to;
    struct gather gather;
    gather_init(&gather, transfer->from);
    for (unsigned i = 0; i < transfer->count; i++) {
        item_commit(transfer, i, work, &gather);
    }
    tables_prune(transfer, &gather);
    gather_flush(&gather);
    copies_free(work); /* of pages that others have unmapped meanwhile */
    for (unsigned i = 0; transfer->from == to && i < transfer->count; i++) {
        const struct transfer_item *item = &transfer->item[i];
        region_join_around(to, item->to, item_to_end(item));
    }
    if (transfer->fill && transfer->count > 0 &&
        transfer->prot & PROT_EXECUTE) {
        fence_code();
    }
}

int space_transfer(struct transfer *transfer) {
    struct work work;
    uint64_t start = csr_read(instret);
    spin_lock_pair(&transfer->from->lock, &transfer->to->lock);
    int result = 0;
    if (!piece_quick(transfer)) {
        result = transfer_check(transfer);
        if (result == 0) {
            result = transfer_reserve(transfer, &work);
        }
        if (result == 0) {
            transfer_commit(transfer, &work);
        }
    }
    spin_unlock_pair(&transfer->from->lock, &transfer->to->lock);
    if (result == 0) {
        hart_count_event(COUNTER_TRANSFERS);
        stat_add(&hart_self()->remap, csr_read(instret) - start);
    } else if (result < 0) {
        hart_count_event(COUNTER_TRANSFER_FAILURES);
    }
    return result;
}

/* ---- Preparing ---- */

/* Makes one page what SHARE or LEND needs, or for a pager's MOVE or COW one
 * that is there; *made counts what it cost. */
static int page_prepare(struct space *space, const struct transfer_item *item,
                        va_t va, unsigned *made) REQUIRES(space->lock) {
    pte_t *leaf;
    const pte_t *entry = pagetable_find(&space->table, va, 0);
    if (entry == NULL || *entry == 0) {
        ++*made;
    }
    int result = space_resolve(space, va, PROT_READ, false, &leaf);
    if (result < 0) {
        return result == -EFAULT ? 0 : result; /* the transfer says why */
    }
    bool any = item->mode == ITEM_LEND ? !(item->prot & PROT_WRITE)
                                       : item->mode != ITEM_SHARE;
    if (any || *leaf & (PTE_SHARED | PTE_LENT) ||
        frame_refs(pte_frame(*leaf)) == 1) {
        return 0;
    }
    ++*made;
    return space_own(space, leaf, va, *leaf & PTE_FLAGS);
}

int space_prepare(struct space *space, const struct transfer_item *item) {
    unsigned made = 0;
    int result = 0;
    if (!item_valid(item) || item->pages > TRANSFER_PAGES) {
        return 0; /* the transfer will say what is wrong */
    }
    spin_lock(&space->lock);
    va_t va = item->from;
    for (; va < item_end(item) && result == 0 && made < PREPARE_STEP;
         va += PAGE_SIZE) {
        result = page_prepare(space, item, va, &made);
    }
    spin_unlock(&space->lock);
    return result == 0 && va < item_end(item) ? SPACE_MORE : result;
}
