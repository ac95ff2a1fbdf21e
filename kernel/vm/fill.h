/* SPDX-License-Identifier: MIT */
/*
 * vm/fill.h: pages that only a pager has.
 */
#ifndef OCTAVO_VM_FILL_H
#define OCTAVO_VM_FILL_H

#include "abi/pager.h"
#include "vm/transfer.h"

/*
 * SYS_MAP with MAP_PAGER: missing pages will come from the pager, to whom they
 * are the object's from `offset` on. Fork inherits the region. Rights can be
 * lowered, but never raised. Results as space_map.
 */
int64_t space_map_pager(struct space *space, va_t va, uint64_t length,
                        unsigned flags, const struct pager *pager,
                        uint64_t offset);

/* Describes an access to a page of a region that has a pager. */
static inline void fill_describe(const struct region *region, va_t page,
                                 unsigned access,
                                 struct fill_request *request) {
    request->pager = region->pager;
    request->page = page;
    request->offset = region->offset + (page - region->start);
    request->pages = (region->end - page) / PAGE_SIZE;
    request->rights = access | (uint64_t)region->prot << PAGER_PROT_SHIFT;
}

/*
 * Describes an access to the first page that a pager has to provide in [va, va
 * + length), which is user memory. False: there is none. Locks the space.
 */
bool space_lacks(struct space *space, va_t va, uint64_t length, unsigned access,
                 struct fill_request *request);

/* Whether there may be one: false is certain. A glance, without the lock. */
static inline bool space_may_lack(const struct space *space, va_t va,
                                  uint64_t length) {
    return va < space->paged_end && va + length > space->paged_start;
}

/* The first of them in the part of [va, end) that is the region's: *page. The
 * space is locked. */
bool region_lacks(const struct space *space, const struct region *region,
                  va_t va, va_t end, va_t *page);

/*
 * A transfer with `fill` set: cuts the items to what is missing in the region
 * at the window, and gives them its rights. 0; -EPERM: an item's rights are
 * narrower than the region's. No item is left if nothing is missing there any
 * more. Both spaces are locked.
 */
int fill_fit(struct transfer *transfer);

#endif
