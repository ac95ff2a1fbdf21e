/* SPDX-License-Identifier: MIT */
/*
 * model.h: what programs may see of pages that are transferred.
 *
 * A page points at the cell that holds its value: the same as others' if it is
 * shared or borrowed, else one of its own. See transfers.c.
 */
#ifndef OCTAVO_HOST_VM_MODEL_H
#define OCTAVO_HOST_VM_MODEL_H

#include "kit.h"
#include "vm/loan.h"
#include "vm/transfer.h"

enum {
    MODELS = 5,
    WINDOW = 20, /* pages in a window of addresses */
    WINDOWS = 2,
    PAGES = WINDOW * WINDOWS,
    LENDINGS = 8,
};

enum {
    LENT = 1,     /* to somebody, who */
    LENT_ALL = 2, /* may also write */
    BORROWED = 4, /* from somebody */
};

struct cell {
    uint64_t value;
    unsigned refs; /* pages */
};

struct page {
    struct cell *cell; /* NULL: not mapped */
    unsigned prot, max;
    bool shared;  /* marked as shared */
    bool inherit; /* and stays so when its space forks */
    unsigned lent;
};

struct model {
    struct space *space; /* NULL: none */
    struct quota *quota;
    struct page pages[PAGES];
};

struct lending {
    struct loan *loan; /* NULL: none */
    struct model *from, *to;
    struct transfer_item item;
};

struct cell *cell_create(uint64_t value);

void page_clear(struct page *page);
bool page_permits(const struct page *page, unsigned access);
void page_fork(struct page *parent, struct page *child);

/* `share`: item_stays_shared of it, before its first page. */
void page_transfer(struct page *from, struct page *to,
                   const struct transfer_item *item, bool share);
bool item_stays_shared(const struct model *from,
                       const struct transfer_item *item);

/* The address of a page, and back. */
va_t model_va(unsigned page);
unsigned model_page(va_t va);

/* A random range of pages within one window: the first, and how many. */
unsigned model_range(unsigned *count);

void model_create(struct model *model);
void model_end(struct model *model);

/* Reads every page, on this hart. */
void model_compare(struct model *model);

/* What the sender's regions say to one item: 0 or an error. */
int model_item_check(const struct model *from,
                     const struct transfer_item *item);

/* What the transfer must return; `failed` is set on an error. */
int model_transfer_check(const struct model *from, const struct model *to,
                         struct transfer *transfer);

#endif
