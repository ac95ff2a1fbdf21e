/* SPDX-License-Identifier: MIT */
/*
 * vm/fill.c: pages that only a pager has.
 *
 * Idea        What a pager answers with is a transfer (vm/transfer.c) into a
 *             region that exists already, to where pages are missing. So it
 *             only has to be cut to fit; the rest is as in any transfer.
 * Invariant   A page that is there stays: nothing is mapped over it.
 * Locks       space->lock.
 */
#include "vm/fill.h"

#include "abi/errno.h"
#include "lib/bits.h"

/* The first page of [va, end) that is missing, or that is not; or end. A buffer
 * of a message may be a large file, so it costs little for each page. */
static va_t page_after(const struct space *space, va_t va, va_t end,
                       bool missing) {
    const pte_t *leaf = NULL;
    for (; va < end; va += PAGE_SIZE) {
        leaf = leaf == NULL || va % LARGE_SIZE == 0
                   ? pagetable_leaf(&space->table, va)
                   : leaf + 1;
        if ((leaf == NULL || *leaf == 0) == missing) {
            break;
        }
    }
    return va;
}

bool region_lacks(const struct space *space, const struct region *region,
                  va_t va, va_t end, va_t *page) {
    if (region->pager.session == NULL) {
        return false;
    }
    va = round_down(va > region->start ? va : region->start, PAGE_SIZE);
    end = end < region->end ? end : region->end;
    *page = page_after(space, va, end, true);
    return *page < end;
}

bool space_lacks(struct space *space, va_t va, uint64_t length, unsigned access,
                 struct fill_request *request) {
    va_t end = va + length;
    va_t page;
    bool found = false;
    if (!space_may_lack(space, va, length)) {
        return false;
    }
    spin_lock(&space->lock);
    const struct region *region = region_after(space, va);
    for (; region != NULL && region->start < end && !found;
         region = region_next(space, region)) {
        found = region_lacks(space, region, va, end, &page);
        if (found) {
            fill_describe(region, page, access, request);
        }
    }
    spin_unlock(&space->lock);
    return found;
}

int fill_fit(struct transfer *transfer) {
    const struct region *region = region_find(transfer->to, transfer->window);
    va_t va = transfer->window;
    unsigned count = transfer->count;
    transfer->count = 0;
    if (region == NULL || region->pager.session == NULL) {
        return 0;
    }
    unsigned prot = (region->prot & PROT_WRITE) | PROT_READ;
    for (unsigned i = 0; i < count; i++) {
        struct transfer_item *item = &transfer->item[i];
        va_t end = va + item->pages * PAGE_SIZE;
        end = end < region->end ? end : region->end;
        uint64_t pages =
            (page_after(transfer->to, va, end, false) - va) / PAGE_SIZE;
        transfer->failed = i;
        if (prot & ~(unsigned)item->prot) {
            return -EPERM;
        }
        item->prot = (uint8_t)prot;
        va += pages * PAGE_SIZE;
        transfer->count += pages > 0;
        if (pages < item->pages) {
            item->pages = pages;
            break;
        }
    }
    transfer->prot = region->prot;
    return 0;
}
