/* SPDX-License-Identifier: MIT */
/*
 * model.c: pages that are transferred, as programs see them.
 */
#include "model.h"

#include <string.h>

#include "abi/errno.h"

/* Across the border of a table, and beyond that of a table of tables. */
static const va_t windows[WINDOWS] = {0x200000 - WINDOW / 2 * PAGE_SIZE,
                                      0x40000000 - WINDOW / 2 * PAGE_SIZE};

va_t model_va(unsigned page) {
    return windows[page / WINDOW] + page % WINDOW * PAGE_SIZE;
}

unsigned model_page(va_t va) {
    unsigned window = va >= windows[1];
    return window * WINDOW + (unsigned)((va - windows[window]) / PAGE_SIZE);
}

unsigned model_range(unsigned *count) {
    unsigned first = (unsigned)sim_random(PAGES);
    unsigned most = WINDOW - first % WINDOW;
    *count = 1 + (unsigned)sim_random(most < 6 ? most : 6);
    return first;
}

/* ---- Pages ---- */

struct cell *cell_create(uint64_t value) {
    struct cell *cell = malloc(sizeof(*cell));
    CHECK(cell != NULL);
    *cell = (struct cell){.value = value, .refs = 1};
    return cell;
}

void page_clear(struct page *page) {
    if (page->cell != NULL && --page->cell->refs == 0) {
        free(page->cell);
    }
    memset(page, 0, sizeof(*page));
}

bool page_permits(const struct page *page, unsigned access) {
    bool gone =
        page->lent & LENT_ALL || (page->lent & LENT && access == PROT_WRITE);
    return page->cell != NULL && page->prot & access && !gone;
}

static struct cell *cell_get(struct cell *cell) {
    cell->refs++;
    return cell;
}

/* Gives `to` a value of its own. `from` is shared no longer if nobody has it
 * but its own space. */
static void page_copy_value(struct page *from, struct page *to) {
    if (from->cell->refs == 1) {
        from->shared = false;
    }
    to->cell = cell_create(from->cell->value);
}

void page_fork(struct page *parent, struct page *child) {
    if (parent->cell == NULL || parent->lent != 0) {
        return;
    }
    child->prot = parent->prot;
    child->max = parent->max;
    child->inherit = parent->inherit;
    if (parent->shared && parent->inherit) {
        child->cell = cell_get(parent->cell);
        child->shared = true;
    } else {
        page_copy_value(parent, child);
    }
}

/* ---- Transfers ---- */

bool item_stays_shared(const struct model *from,
                       const struct transfer_item *item) {
    bool all = true;
    for (unsigned i = 0; i < item->pages; i++) {
        all &= from->pages[model_page(item->from) + i].inherit;
    }
    return item->mode == ITEM_SHARE || (item->mode == ITEM_MOVE && all);
}

void page_transfer(struct page *from, struct page *to,
                   const struct transfer_item *item, bool share) {
    CHECK(to->cell == NULL);
    to->prot = to->max = item->prot;
    to->inherit = share;
    switch (item->mode) {
    case ITEM_MOVE:
        to->cell = from->cell;
        to->shared = from->shared;
        memset(from, 0, sizeof(*from));
        break;
    case ITEM_SHARE:
        to->cell = cell_get(from->cell);
        to->shared = from->shared = true;
        break;
    case ITEM_LEND:
        to->cell = cell_get(from->cell);
        to->lent = BORROWED;
        from->lent |= LENT | (item->prot & PROT_WRITE ? LENT_ALL : 0u);
        break;
    default:
        page_copy_value(from, to);
    }
}

int model_item_check(const struct model *from,
                     const struct transfer_item *item) {
    unsigned locked = item->mode == ITEM_LEND ? LENT : LENT | BORROWED;
    const struct page *page = &from->pages[model_page(item->from)];
    for (unsigned i = 0; i < item->pages; i++) {
        if (page[i].cell == NULL) {
            return -EFAULT;
        }
        if (page[i].lent & locked) {
            return -EBUSY;
        }
        if (item->prot & ~page[i].prot) {
            return -EPERM;
        }
    }
    return 0;
}

static bool items_clash(const struct transfer_item *a,
                        const struct transfer_item *b) {
    bool overlap = a->from < b->from + b->pages * PAGE_SIZE &&
                   b->from < a->from + a->pages * PAGE_SIZE;
    return overlap && (a->mode != b->mode || a->mode == ITEM_MOVE);
}

static int sender_check(const struct model *from, struct transfer *transfer) {
    for (unsigned k = 0; k < transfer->count; k++) {
        transfer->failed = k;
        for (unsigned i = 0; i < k; i++) {
            if (items_clash(&transfer->item[k], &transfer->item[i])) {
                return -EINVAL;
            }
        }
        int result = model_item_check(from, &transfer->item[k]);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static bool is_room(const struct model *to, va_t va, uint64_t pages) {
    const struct page *page = &to->pages[model_page(va)];
    for (uint64_t i = 0; i < pages; i++) {
        if (page[i].cell != NULL) {
            return false;
        }
    }
    return true;
}

/* Values that COW has to copy at once, as others may write them meanwhile. */
static unsigned copies_needed(const struct model *from,
                              const struct transfer_item *item) {
    unsigned count = 0;
    const struct page *page = &from->pages[model_page(item->from)];
    for (unsigned i = 0; i < item->pages && item->mode == ITEM_COW; i++) {
        count += page[i].shared && page[i].cell->refs > 1;
    }
    return count;
}

int model_transfer_check(const struct model *from, const struct model *to,
                         struct transfer *transfer) {
    unsigned copies = 0;
    va_t window = transfer->window;
    int result = sender_check(from, transfer);
    for (unsigned k = 0; k < transfer->count && result == 0; k++) {
        const struct transfer_item *item = &transfer->item[k];
        const struct page *page = &from->pages[model_page(item->from)];
        transfer->failed = k;
        if (!is_room(to, window, item->pages)) {
            return -ENOSPC;
        }
        window += item->pages * PAGE_SIZE;
        for (unsigned i = 0; i < item->pages && item->mode == ITEM_LEND; i++) {
            if (page[i].shared) {
                return -EPERM;
            }
        }
        copies += copies_needed(from, item);
        if (copies > TRANSFER_COPIES) {
            return -EMSGSIZE;
        }
    }
    return result;
}

/* ---- Whole models ---- */

void model_create(struct model *model) {
    model->quota = quota_create();
    model->space = space_create(model->quota);
    CHECK(model->space != NULL);
}

void model_end(struct model *model) {
    if (model->space == NULL) {
        return;
    }
    sim_end(model->space);
    CHECK(model->quota->frames == 0 && model->quota->objects == 0);
    quota_put(model->quota);
    model->space = NULL;
    for (unsigned i = 0; i < PAGES; i++) {
        page_clear(&model->pages[i]);
    }
}

void model_compare(struct model *model) {
    for (unsigned i = 0; i < PAGES && model->space != NULL; i++) {
        const struct page *page = &model->pages[i];
        bool readable = page_permits(page, PROT_READ);
        uint64_t value = 0;
        int result = sim_load(model->space, model_va(i), &value);
        CHECK(result == (readable ? 0 : -EFAULT));
        CHECK(!readable || value == page->cell->value);
    }
}
