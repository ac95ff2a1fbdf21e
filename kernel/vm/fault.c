/* SPDX-License-Identifier: MIT */
/*
 * vm/fault.c: making a page what its region says it is, when it is needed.
 *
 * States      of a page of a region, and what moves it on:
 *
 *   missing --first touch--> zero frame, or the memory object's page, or
 *                            what the region's pager has (vm/fill.c)
 *   present, right missing:
 *       pinned, or shared --> the right is granted
 *       the frame has one reference --> the right is granted (reuse)
 *       it has more, and the right is not to write --> granted, but write
 *       it has more, and the right is to write --> a copy takes its place
 *
 * Invariants  I1 no page gets a right that its region does not have;
 *             I2 the law of copy-on-write (vm/space.h).
 * Locks       space->lock. A frame whose count is 1 is this space's alone: a
 *             second reference can only come from here, under this lock.
 */
#include "abi/errno.h"
#include "arch/fence.h"
#include "lib/bits.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "vm/fill.h"
#include "vm/frame.h"
#include "vm/large.h"
#include "vm/memory.h"
#include "vm/pte.h"
#include "vm/space.h"

/* Maps a page that is missing, of a region without a pager; `leaf` is NULL if
 * its table is missing, too. */
static int page_fill(struct space *space, const struct region *region,
                     pte_t *leaf, va_t page) REQUIRES(space->lock) {
    pte_t flags = pte_flags(region->prot);
    if (region->memory != NULL) {
        uint64_t offset = region->offset + (page - region->start);
        return pagetable_map(&space->table, page, region->memory->base + offset,
                             flags);
    }
    pa_t pa = frame_alloc_zero(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    int result = leaf != NULL ? pagetable_fill(&space->table, leaf, pa, flags)
                              : pagetable_map(&space->table, page, pa, flags);
    if (result < 0) {
        frame_unref(pa);
        return result;
    }
    if (region->prot & PROT_EXECUTE) {
        fence_code(); /* the frame may have held other code */
    }
    hart_count_event(COUNTER_FAULT_ZERO);
    return 0;
}

int space_own(struct space *space, pte_t *leaf, va_t page, pte_t flags) {
    pa_t old = pte_frame(*leaf);
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    pte_t value = pte_make(pa, flags);
    page_copy(pa_to_va(pa), pa_to_va(old));
    pte_publish();
    pte_store(leaf, value);
    asid_fence(&space->asid, page, 1);
    frame_unref(old);
    hart_count_event(COUNTER_COW_COPY);
    return 0;
}

/* A page whose entry is as it should be: another thread was faster, or this
 * hart remembers the entry as it was before it gained the right. */
static int page_seen(struct space *space, const pte_t *leaf, va_t page,
                     unsigned access) {
    if (!leaf_permits(leaf, access)) {
        return -EFAULT;
    }
    asid_fence_here(&space->asid, page);
    return 0;
}

/* Grants the rights that the region has, but the page's entry not yet. */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted = (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot);
    bool private = region->memory == NULL && !(old & PTE_SHARED);
    if (private && !frame_sole(pte_frame(old))) {
        if (access == PROT_WRITE && !(old & PTE_LENT)) {
            return space_own(space, leaf, page, wanted & PTE_FLAGS);
        }
        wanted &= ~(pte_t)PTE_W;
    }
    if (wanted == old || old & PTE_LENT) {
        return page_seen(space, leaf, page, access);
    }
    pte_store(leaf, wanted);
    if (old & ~wanted & PTE_RIGHTS) {
        asid_fence(&space->asid, page, 1); /* space_protect is on its way */
    } else if (private && access == PROT_WRITE) {
        hart_count_event(COUNTER_COW_REUSE);
    }
    return 0;
}

/* Provides a page that is missing, or whose entry lacks the right.
 * SPACE_PAGER: only its pager has it. */
static inline __attribute__((always_inline)) int
page_provide(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    if (leaf != NULL && *leaf != 0) {
        return page_upgrade(space, region, leaf, page, access);
    }
    return region->pager.session != NULL ? SPACE_PAGER
                                         : page_fill(space, region, leaf, page);
}

/* ---- The interface ---- */

/* The region that permits the access, or NULL. */
static inline struct region *region_for(struct space *space, va_t va,
                                        unsigned access) {
    struct region *region = region_find(space, va);
    space->found = region;
    return region != NULL && region->prot & access ? region : NULL;
}

int space_provide(struct space *space, va_t va, unsigned access, bool nofault,
                  pte_t **leaf) {
    debug_assert(spin_held(&space->lock));
    const struct region *region = region_for(space, va, access);
    if (region == NULL || nofault) {
        return -EFAULT;
    }
    va_t page = round_down(va, PAGE_SIZE);
    if (*leaf == NULL) {
        if (large_split(space, page) < 0) {
            return -ENOMEM;
        }
        *leaf = pagetable_leaf(&space->table, page);
    }
    int result = page_provide(space, region, *leaf, page, access);
    *leaf = pagetable_leaf(&space->table, page);
    return result == SPACE_PAGER ? -EFAULT : result;
}

int space_fault(struct space *space, va_t va, unsigned access,
                struct fill_request *request) {
    va_t page = round_down(va, PAGE_SIZE);
    int result = -EFAULT;
    spin_lock(&space->lock);
    struct region *region = region_for(space, page, access);
    if (region != NULL) {
        pte_t *leaf = pagetable_leaf(&space->table, page);
        if (leaf == NULL && region->flags & REGION_LARGE &&
            large_fault(space, region, page) == SPACE_MORE) {
            result = 0;
        } else {
            result = page_provide(space, region, leaf, page, access);
        }
        if (result == SPACE_PAGER) {
            fill_describe(region, page, access, request);
        }
    }
    spin_unlock(&space->lock);
    return result;
}
