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
#include "vm/pte.h"

/* ---- Finding ---- */

static uint64_t pages_to_table_end(va_t va) {
    return PAGETABLE_ENTRIES - va / PAGE_SIZE % PAGETABLE_ENTRIES;
}

/* Whether the piece, a whole table on both sides, has all the rights that its
 * region has, and nothing lies where it goes. */
static bool piece_moves_whole(const struct transfer *transfer,
                              const struct transfer_item *item,
                              const struct piece *piece) {
    const struct region *region = region_find(transfer->from, piece->from);
    const pte_t *there = pagetable_find(&transfer->to->table, piece->to, 1);
    return item->mode == ITEM_MOVE && region->prot == item->prot &&
           region->stale == region->end &&
           region->end - piece->from >= TABLE_REACH &&
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
    piece->pages = item->pages - done;
    uint64_t rest = pages_to_table_end(piece->from);
    piece->pages = rest < piece->pages ? rest : piece->pages;
    rest = pages_to_table_end(piece->to);
    piece->pages = rest < piece->pages ? rest : piece->pages;
    piece->leaf = pagetable_find(&transfer->from->table, piece->from, 0);
    piece->table = NULL;
    if (piece->pages == PAGETABLE_ENTRIES && piece->leaf != NULL &&
        piece_moves_whole(transfer, item, piece)) {
        piece->table = pagetable_find(&transfer->from->table, piece->from, 1);
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
                       const struct piece *piece, unsigned *common) {
    int present = 0;
    bool lazy = item->mode == ITEM_MOVE || item->mode == ITEM_COW;
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

int piece_reserve(struct transfer *transfer, unsigned index, struct work *work,
                  const struct piece *piece) {
    const struct transfer_item *item = &transfer->item[index];
    unsigned common = 0;
    if (++work->pieces > PIECES_MAX) {
        return -EMSGSIZE;
    }
    if (piece->table != NULL) {
        const struct frame *table = frame_of(pte_frame(*piece->table));
        return piece_reserve_room(transfer, index, work, piece,
                                  table->tag + 1u);
    }
    if (piece->leaf == NULL) {
        return item->mode == ITEM_MOVE || item->mode == ITEM_COW ? 0 : -EAGAIN;
    }
    work->pages += (unsigned)piece->pages;
    if (work->pages > TRANSFER_PAGES) {
        return -EMSGSIZE;
    }
    int present = pages_check(item, piece, &common);
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

/* ---- Committing ---- */

/* The rights of a page whose frame has, or is about to have, other references:
 * it may be written only if it is shared. */
static pte_t without_write(pte_t flags) {
    return flags & ~(pte_t)PTE_W;
}

static unsigned run_move(pte_t *from, pte_t *to, uint64_t pages, pte_t flags) {
    unsigned moved = 0;
    for (uint64_t i = 0; i < pages; i++) {
        pte_t pte = from[i];
        if (pte == 0) {
            continue;
        }
        pte_t keep = pte & (~(pte_t)PTE_FLAGS | PTE_SHARED);
        pte_store(&from[i], 0);
        pte_store(&to[i], keep | (pte & PTE_W ? flags : without_write(flags)));
        moved++;
    }
    pte_count(from, -(int)moved);
    return moved;
}

static unsigned run_share(pte_t *from, pte_t *to, uint64_t pages, pte_t flags) {
    for (uint64_t i = 0; i < pages; i++) {
        pte_t pte = from[i];
        frame_ref(pte_frame(pte));
        pte_store(&from[i], pte | PTE_SHARED);
        pte_store(&to[i], (pte & ~(pte_t)PTE_FLAGS) | flags | PTE_SHARED);
    }
    return (unsigned)pages;
}

/* A page that others may write meanwhile is copied now. */
static void page_duplicate(struct work *work, pte_t pte, pte_t *to,
                           pte_t flags) {
    pa_t copy = work->copy[--work->copies];
    page_copy(pa_to_va(copy), pa_to_va(pte_frame(pte)));
    pte_store(to, pte_make(copy, flags));
    hart_count_event(COUNTER_COW_COPY);
}

/* *lowered: whether the sender had a right that it has no longer. */
static unsigned run_cow(struct work *work, const struct piece *piece, pte_t *to,
                        pte_t flags, bool *lowered) {
    unsigned common = 0;
    *lowered = false;
    for (uint64_t i = 0; i < piece->pages; i++) {
        pte_t *from = &piece->leaf[i];
        pte_t pte = *from;
        if (pte == 0) {
            continue;
        }
        common++;
        if (pte & PTE_SHARED && frame_refs(pte_frame(pte)) > 1) {
            page_duplicate(work, pte, &to[i], flags);
            continue;
        }
        frame_ref(pte_frame(pte));
        pte_store(from, pte & ~(pte_t)(PTE_W | PTE_SHARED));
        *lowered |= pte & PTE_W;
        pte_store(&to[i], (pte & ~(pte_t)PTE_FLAGS) | without_write(flags));
    }
    return common;
}

/* With the right to write the lender's access is gone, else it may read on. */
static unsigned run_lend(pte_t *from, pte_t *to, uint64_t pages, pte_t flags) {
    pte_t lost = flags & PTE_W ? PTE_V | PTE_W : PTE_W;
    for (uint64_t i = 0; i < pages; i++) {
        pte_t pte = from[i];
        frame_ref(pte_frame(pte));
        pte_store(&from[i], (pte & ~lost) | PTE_LENT);
        pte_store(&to[i], (pte & ~(pte_t)PTE_FLAGS) | flags | PTE_LENT);
    }
    return (unsigned)pages;
}

/* The table itself goes over. Returns the pages in it. */
static unsigned table_move(struct transfer *transfer,
                           const struct piece *piece) {
    pte_t *to = pagetable_find(&transfer->to->table, piece->to, 1);
    const struct frame *table = frame_of(pte_frame(*piece->table));
    pte_store(to, *piece->table);
    pte_count(to, 1);
    pte_store(piece->table, 0);
    pte_count(piece->table, -1);
    quota_uncharge_frames(transfer->from->quota, 1);
    return table->tag;
}

unsigned piece_commit(struct transfer *transfer,
                      const struct transfer_item *item, struct work *work,
                      const struct piece *piece, bool *lowered) {
    pte_t flags = pte_flags(item->prot);
    *lowered = item->mode == ITEM_MOVE || item->mode == ITEM_LEND;
    if (piece->table != NULL) {
        return table_move(transfer, piece);
    }
    pte_t *to = pagetable_find(&transfer->to->table, piece->to, 0);
    if (piece->leaf == NULL || to == NULL) {
        return 0;
    }
    unsigned pages = 0;
    if (item->mode == ITEM_MOVE) {
        pages = run_move(piece->leaf, to, piece->pages, flags);
    } else if (item->mode == ITEM_SHARE) {
        pages = run_share(piece->leaf, to, piece->pages, flags);
    } else if (item->mode == ITEM_LEND) {
        pages = run_lend(piece->leaf, to, piece->pages, flags);
    } else {
        pages = run_cow(work, piece, to, flags, lowered);
    }
    pte_count(to, (int)pages);
    return pages;
}
