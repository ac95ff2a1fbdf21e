/* SPDX-License-Identifier: MIT */
/*
 * vm/large.c: making, splitting and freeing megapages.
 *
 * A region with REGION_LARGE is anonymous, so its `offset` means nothing; it
 * holds the block that is being filled: its address, and in the bits below the
 * bytes that are zeroed already.
 */
#include "vm/large.h"

#include "abi/errno.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "vm/frame.h"

enum {
    FILL_STEP = 16, /* pages zeroed at one fault: about 9,000 instructions */
    SPLIT_STEP = 4, /* megapages split in one step: 3,000 each */
};

/* ---- Filling ---- */

/* Where a megapage that contains va can be: an empty entry in a range that the
 * region contains. NULL: nowhere. */
static pte_t *large_place(struct space *space, const struct region *region,
                          va_t va) {
    va_t start = round_down(va, LARGE_SIZE);
    if (start < region->start || region->end - start < LARGE_SIZE ||
        region->stale != region->end) {
        return NULL;
    }
    pte_t *entry = pagetable_walk(&space->table, va, 1);
    return entry != NULL && (*entry == 0 || pte_is_large(*entry)) ? entry
                                                                  : NULL;
}

/* Gives the region a block of frames to fill; false: there is none. */
static bool block_begin(struct space *space, struct region *region) {
    /* Not by trying: a thread that wants a single page must not see it. */
    if (!quota_has_frames(space->quota, PAGETABLE_ENTRIES) ||
        !quota_charge_frames(space->quota, PAGETABLE_ENTRIES)) {
        return false;
    }
    region->offset = frame_alloc_block();
    if (region->offset == 0) {
        quota_uncharge_frames(space->quota, PAGETABLE_ENTRIES);
    }
    return region->offset != 0;
}

/* Zeroes some more of the block; true: it is full. */
static bool block_fill(struct region *region) {
    for (unsigned i = 0; i < FILL_STEP; i++) {
        page_zero(pa_to_va(region->offset));
        region->offset += PAGE_SIZE;
    }
    return region->offset % LARGE_SIZE == 0;
}

int large_fault(struct space *space, struct region *region, va_t va) {
    pte_t *entry = large_place(space, region, va);
    if (entry == NULL) {
        return 0;
    }
    if (*entry != 0) {
        asid_fence_here(&space->asid, va); /* another thread was faster */
        return SPACE_MORE;
    }
    if (region->offset == 0 && !block_begin(space, region)) {
        return 0;
    }
    if (block_fill(region)) {
        pa_t block = region->offset - LARGE_SIZE;
        region->offset = 0;
        pte_publish();
        pte_store(entry, pte_make(block, pte_flags(region->prot)));
        pte_count(entry, 1);
        hart_count_event(COUNTER_FAULT_ZERO);
    }
    return SPACE_MORE;
}

/* A block that is full belongs to no region any more, so the bits below tell
 * how far it is. */
void large_drop_block(struct space *space, struct region *region) {
    pa_t block = large_block(region);
    if (block != 0) {
        region->offset = 0;
        frames_unref(block, PAGETABLE_ENTRIES);
        quota_uncharge_frames(space->quota, PAGETABLE_ENTRIES);
    }
}

/* ---- Splitting ---- */

int large_split(struct space *space, va_t va) {
    pte_t *entry = large_find(space, va);
    if (entry == NULL) {
        return 0;
    }
    pte_t old = *entry;
    if (pagetable_split(&space->table, entry) < 0) {
        return -ENOMEM;
    }
    debug_assert(pte_is_table(*entry) && old != *entry);
    asid_fence(&space->asid, 0, FENCE_ALL);
    return 0;
}

int large_split_range(struct space *space, va_t start, va_t end) {
    unsigned left = SPLIT_STEP;
    for (va_t va = round_down(start, LARGE_SIZE); va < end; va += LARGE_SIZE) {
        const struct region *region = region_after(space, va);
        if (region == NULL || region->start >= end) {
            return 0;
        }
        va = region->start > va ? round_down(region->start, LARGE_SIZE) : va;
        if (!(region->flags & REGION_LARGE)) {
            va = round_down(region->end - 1, LARGE_SIZE);
        } else if (large_find(space, va) != NULL) {
            if (left-- == 0) {
                return SPACE_MORE;
            }
            if (large_split(space, va) < 0) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

int large_split_ends(struct space *space, va_t start, va_t end) {
    if (start % LARGE_SIZE != 0 && large_split(space, start) < 0) {
        return -ENOMEM;
    }
    return end % LARGE_SIZE != 0 ? large_split(space, end) : 0;
}

/* ---- Unmapping ---- */

void large_unmap(struct space *space, pte_t *entry, va_t va) {
    pa_t block = pte_frame(*entry);
    struct gather gather;
    pte_store(entry, 0);
    pte_count(entry, -1);
    gather_init(&gather, space);
    gather_range(&gather, va, PAGETABLE_ENTRIES, true);
    gather_tables(&gather, va);
    gather_flush(&gather);
    frames_unref(block, PAGETABLE_ENTRIES);
    quota_uncharge_frames(space->quota, PAGETABLE_ENTRIES);
}
