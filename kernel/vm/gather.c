/* SPDX-License-Identifier: MIT */
/*
 * vm/gather.c: first the fence, then the frames.
 *
 * Locks       The space's, held by the caller from the first change of an entry
 *             to the end of gather_flush: nobody sees the space in between.
 */
#include "vm/gather.h"

#include "abi/layout.h"
#include "vm/frame.h"
#include "vm/space.h"

void gather_init(struct gather *gather, struct space *space) {
    gather->space = space;
    gather->low = UINT64_MAX;
    gather->high = 0;
    gather->tables = false;
    gather->count = 0;
}

static void gather_frame(struct gather *gather, pa_t pa) {
    if (gather->count == GATHER_MAX) {
        gather_flush(gather);
    }
    gather->frames[gather->count++] = (uint32_t)(pa >> PAGE_SHIFT);
}

void gather_range(struct gather *gather, va_t va, uint64_t pages, bool tables) {
    va_t end = va + pages * PAGE_SIZE;
    gather->low = va < gather->low ? va : gather->low;
    gather->high = end > gather->high ? end : gather->high;
    gather->tables |= tables;
}

void gather_page(struct gather *gather, va_t va, pte_t old, pa_t pa) {
    if (old & PTE_V) {
        gather_range(gather, va, 1, false);
    }
    if (pa != 0) {
        gather_frame(gather, pa);
    }
}

void gather_tables(struct gather *gather, va_t va) {
    pa_t pruned[2];
    unsigned count = pagetable_prune(&gather->space->table, va, pruned);
    gather->tables |= count > 0;
    for (unsigned i = 0; i < count; i++) {
        gather_frame(gather, pruned[i]);
    }
}

void gather_flush(struct gather *gather) {
    struct asid *asid = &gather->space->asid;
    if (gather->tables) {
        asid_fence(asid, 0, FENCE_ALL);
    } else if (gather->low < gather->high) {
        asid_fence(asid, gather->low, (gather->high - gather->low) / PAGE_SIZE);
    }
    for (unsigned i = 0; i < gather->count; i++) {
        frame_unref((pa_t)gather->frames[i] << PAGE_SHIFT);
    }
    gather_init(gather, gather->space);
}
