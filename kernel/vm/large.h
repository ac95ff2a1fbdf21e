/* SPDX-License-Identifier: MIT */
/*
 * vm/large.h: megapages: 2 MiB in one entry of level 1.
 *
 * Idea        A program asks for them (MAP_LARGE), for anonymous memory alone,
 *             and gets them where a whole aligned 2 MiB lies in the region and
 *             so much adjacent memory is free; small pages otherwise. A TLB
 *             needs one entry for it, and a MOVE moves one. Everything else
 *             first makes 512 small pages of it: fork, lending, copying into
 *             it, and whatever concerns a part.
 * States      of 2 MiB of a region with REGION_LARGE:
 *             empty -> filling: a block of frames belongs to the region, and
 *             each fault zeroes some of them and faults again, since to zero
 *             all would hold the hart too long -> mapped -> split
 * Invariants  I1 a megapage's frames have one reference each, and its entry
 *                every right of its region;
 *             I2 it is charged as 512 frames; split, one more for the table.
 * Locks       The space's.
 */
#ifndef OCTAVO_VM_LARGE_H
#define OCTAVO_VM_LARGE_H

#include "vm/gather.h"
#include "vm/pte.h"
#include "vm/space.h"

/* Whether an entry of level 1 is a megapage. */
static inline bool pte_is_large(pte_t pte) {
    return pte & PTE_V && !pte_is_table(pte);
}

/* The entry of the megapage that contains va; NULL: there is none. */
static inline pte_t *large_find(const struct space *space, va_t va) {
    pte_t *entry = pagetable_middle(&space->table, va);
    return entry != NULL && pte_is_large(*entry) ? entry : NULL;
}

/*
 * A page of a region with REGION_LARGE is missing. SPACE_MORE: something was
 * done towards a megapage, or there is one: try the access again. 0: there will
 * be none here.
 */
int large_fault(struct space *space, struct region *region, va_t va);

/* Makes small pages of the megapage that contains va, if there is one. 0, or
 * -ENOMEM: nothing happened. */
int large_split(struct space *space, va_t va);

/* The same for all in [start, end), a few at a time. 0, SPACE_MORE, -ENOMEM. */
int large_split_range(struct space *space, va_t start, va_t end);

/* The same for those that reach across start or end. */
int large_split_ends(struct space *space, va_t start, va_t end);

/* Unmaps the megapage of this entry at va, fences and frees it. */
void large_unmap(struct space *space, pte_t *entry, va_t va);

/* The region goes, with a block that it was filling. */
void large_drop_block(struct space *space, struct region *region);

/* The frames of the block that the region is filling: their first, or 0. */
static inline pa_t large_block(const struct region *region) {
    return region->flags & REGION_LARGE ? region->offset & -(pa_t)LARGE_SIZE
                                        : 0;
}

#endif
