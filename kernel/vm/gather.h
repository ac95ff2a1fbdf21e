/* SPDX-License-Identifier: MIT */
/*
 * vm/gather.h: pages and tables taken out of a space, until they are fenced.
 *
 * A frame must not be used for anything else while a TLB may still lead to it,
 * and one fence for many pages costs hardly more than for one. So whoever
 * empties or lowers entries gathers first:
 *
 *     gather_init(&gather, space);
 *     while (...)
 *         gather_page(&gather, va, pagetable_unmap(&space->table, leaf), pa);
 *     gather_tables(&gather, va);
 *     gather_flush(&gather);
 *
 * When no more frames fit, it flushes itself. It lives on the stack of one
 * function that holds the space's lock throughout.
 */
#ifndef OCTAVO_VM_GATHER_H
#define OCTAVO_VM_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/pagetable.h"

struct space;

enum { GATHER_MAX = 160 };

struct gather {
    struct space *space;
    va_t low, high; /* range to fence; low >= high: nothing */
    bool tables;    /* tables were unlinked: fence the whole space */
    unsigned count;
    uint32_t frames[GATHER_MAX]; /* frame numbers, each with a reference */
};

void gather_init(struct gather *gather, struct space *space);

/* The page's entry was `old` and has lost a right; drop a reference to `pa`
 * after the fence (0: to nothing). */
void gather_page(struct gather *gather, va_t va, pte_t old, pa_t pa);

/* Pages of this range have lost rights, and have no frame to drop; `tables`:
 * a table that led to them was unlinked, and is not to be dropped either. */
void gather_range(struct gather *gather, va_t va, uint64_t pages, bool tables);

/* Prunes the tables on the way to va that have become empty. */
void gather_tables(struct gather *gather, va_t va);

/* Fences what was gathered, if a TLB may hold any of it, then drops the
 * references. The gather is empty again. */
void gather_flush(struct gather *gather);

#endif
