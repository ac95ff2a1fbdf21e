/* SPDX-License-Identifier: MIT */
/*
 * vm/piece.c: what a transfer does to page-table entries.
 *
 * The table in vm/transfer.c says what each mode does to one page.
 */
#include "vm/piece.h"

#include "abi/errno.h"
#include "arch/hart.h"
#include "lib/string.h"
#include "vm/frame.h"
#include "vm/large.h"
#include "vm/quick.h"

/* ---- Finding ---- */

/* Whether the piece, a whole table on both sides, has all the rights that its
 * region has, and nothing lies where it goes. */
static bool piece_moves_whole(const struct transfer *transfer,
                              const struct transfer_item *item,
                              const struct piece *piece) {
    const struct region *region = region_find(transfer->from, piece->from);
    const pte_t *there = pagetable_find(&transfer->to->table, piece->to, 1);
    return item->mode == ITEM_MOVE && region->prot == item->prot &&
           region->stale == region->end &&
           region->end - piece->from >= LARGE_SIZE &&
           (there == NULL || *there == 0);
}

bool piece_find(const struct transfer *transfer,
                const struct transfer_item *item, uint64_t done,
                struct piece *piece) {
    if (done == item->pages) {
        return false;
    }
    piece->from = item->from + done * PAGE_SIZE;
    piece->to = item->to + done * PAGE_SIZE;
    piece->pages = pages_in_table(piece->from, item->pages - done);
    piece->pages = pages_in_table(piece->to, piece->pages);
    piece->leaf = pagetable_find(&transfer->from->table, piece->from, 0);
    piece->table = NULL;
    pte_t *table = pagetable_middle(&transfer->from->table, piece->from);
    if (piece->pages == PAGETABLE_ENTRIES && table != NULL && *table != 0 &&
        piece_moves_whole(transfer, item, piece)) {
        piece->table = table;
    }
    return true;
}

/* ---- Reserving ---- */

/* Whether a page that is there can go like this: 0; 1: if it is copied at once;
 * -EAGAIN: when it has been prepared; -EPERM: never. */
static int page_check(const struct transfer_item *item, pte_t pte) {
    bool shared = pte & PTE_SHARED;
    bool sole = frame_refs(pte_frame(pte)) == 1;
    switch (item->mode) {
    case ITEM_COW:
        return shared && !sole;
    case ITEM_SHARE:
        return shared || sole ? 0 : -EAGAIN;
    default:
        if (shared) {
            return -EPERM;
        }
        /* What is borrowed is nobody else's, however often it is counted. */
        return sole || pte & PTE_LENT || !(item->prot & PROT_WRITE) ? 0
                                                                    : -EAGAIN;
    }
}

/* Looks at the pages of a piece. Returns how many are there, or an error of
 * page_check. *common: those that COW must copy at once. */
static int pages_check(const struct transfer_item *item,
                       const struct piece *piece, bool lazy, unsigned *common) {
    int present = 0;
    for (uint64_t i = 0; i < piece->pages; i++) {
        pte_t pte = piece->leaf[i];
        if (pte == 0 && !lazy) {
            return -EAGAIN;
        }
        if (pte != 0 && item->mode != ITEM_MOVE) {
            int result = page_check(item, pte);
            if (result < 0) {
                return result;
            }
            *common += (unsigned)result;
        }
        present += pte != 0;
    }
    return present;
}

static int copies_reserve(struct work *work, unsigned count, bool essential) {
    if (count > TRANSFER_COPIES - work->copies) {
        return -EMSGSIZE;
    }
    while (count-- > 0) {
        pa_t pa = frame_alloc(essential);
        if (pa == 0) {
            return -ENOMEM;
        }
        work->copy[work->copies++] = pa;
    }
    return 0;
}

/* Charges a piece's pages, and makes the tables that they go to. */
static int piece_reserve_room(struct transfer *transfer, unsigned index,
                              struct work *work, const struct piece *piece,
                              uint64_t frames) {
    struct space *to = transfer->to;
    if (!quota_charge_frames(to->quota, frames)) {
        return -ENOMEM;
    }
    work->charged[index] += frames;
    unsigned level = piece->table != NULL;
    return pagetable_walk(&to->table, piece->to, level) ? 0 : -ENOMEM;
}

/* What an entry of level 1 is charged for. */
static uint64_t table_charge(pte_t entry) {
    return pte_is_large(entry) ? PAGETABLE_ENTRIES
                               : pte_record(entry)->tag + 1u;
}

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
    bool lazy =
        !transfer->fill && (item->mode == ITEM_MOVE || item->mode == ITEM_COW);
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
    if (result == 0) {
        result =
            copies_reserve(work, common, quota_essential(transfer->to->quota));
    }
    return result;
}

/* ---- Committing ---- */

/* A page that others may write meanwhile is copied now. */
static void page_duplicate(struct work *work, pte_t pte, pte_t *to,
                           pte_t flags) {
    pa_t copy = work->copy[--work->copies];
    page_copy(pa_to_va(copy), pa_to_va(pte_frame(pte)));
    pte_store(to, pte_make(copy, flags));
    hart_count_event(COUNTER_COW_COPY);
}

/* A run of which some pages have to be copied at once. */
static unsigned run_cow_mixed(struct run *run, struct work *work) {
    unsigned common = 0;
    run->lowered = 0;
    for (uint64_t i = 0; i < run->pages; i++) {
        pte_t pte = run->from[i];
        if (pte & PTE_SHARED && !frame_sole(pte_frame(pte))) {
            page_duplicate(work, pte, &run->to[i], run->flags);
            common++;
            continue;
        }
        struct run one = *run;
        one.from += i;
        one.to += i;
        one.pages = 1;
        common += run_cow(&one);
        run->lowered |= one.lowered;
    }
    return common;
}

unsigned piece_commit(struct transfer *transfer,
                      const struct transfer_item *item, struct work *work,
                      const struct piece *piece, bool *lowered) {
    *lowered = true;
    pte_publish();
    if (piece->table != NULL) {
        bool table = pte_is_table(*piece->table);
        quota_uncharge_frames(transfer->from->quota, table);
        return table_move(piece->table,
                          pagetable_find(&transfer->to->table, piece->to, 1));
    }
    struct run run = {
        .from = piece->leaf,
        .to = pagetable_leaf(&transfer->to->table, piece->to),
        .pages = piece->pages,
        .flags = pte_flags(transfer->fill ? transfer->prot : item->prot),
    };
    if (run.from == NULL || run.to == NULL) {
        return 0;
    }
    unsigned pages = item->mode == ITEM_COW && work->copies > 0
                         ? run_cow_mixed(&run, work)
                         : run_change(&run, item->mode);
    pte_count(run.to, (int)pages);
    if (item->mode == ITEM_MOVE) {
        pte_count(run.from, -(int)pages);
    }
    *lowered = run.lowered;
    return pages;
}

bool piece_quick(struct transfer *transfer) {
    return transfer->count == 1 && transfer->from != transfer->to &&
           transfer_quick(transfer->from, transfer->to, &transfer->item[0],
                          transfer->window, transfer->fill);
}
