/* SPDX-License-Identifier: MIT */
/*
 * wrong/fault.c: mistakes in making pages.
 */

/*
 * fill-used: a page holds what its frame held before.
 * Mutant: M-08-kernel
 * Caught by: zero
 */

/*
 * fill-rights: a page gets the right that is asked for now, so that each page
 * costs two faults.
 * File: kernel/vm/fault.c
 * Caught by: fill, provide, outside
 */
static inline __attribute__((always_inline)) int
page_provide(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    if (leaf != NULL && *leaf != 0) {
        return page_upgrade(space, region, leaf, page, access);
    }
    if (region->pager.session != NULL) {
        return SPACE_PAGER;
    }
    struct region narrow = *region;
    narrow.prot =
        (uint16_t)(access == PROT_WRITE ? PROT_READ | PROT_WRITE : access);
    return page_fill(space, &narrow, leaf, page);
}

/*
 * fill-leak: the frame of a page that cannot be mapped is lost.
 * File: kernel/vm/fault.c
 * Caught by: nothing, quota
 */
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
        return result;
    }
    if (region->prot & PROT_EXECUTE) {
        fence_code();
    }
    hart_count_event(COUNTER_FAULT_ZERO);
    return 0;
}

/*
 * fill-refs: the entry gets a reference of its own, beside the one that the
 * frame was born with: it is never free again.
 * File: kernel/vm/fault.c
 * Caught by: fill, heap_shrink
 */
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
    frame_ref(pa);
    if (region->prot & PROT_EXECUTE) {
        fence_code();
    }
    hart_count_event(COUNTER_FAULT_ZERO);
    return 0;
}

/*
 * fill-unchecked: memory that cannot be had is mapped all the same: frame 0.
 * File: kernel/vm/fault.c
 * Caught by: nothing
 */
static int page_fill(struct space *space, const struct region *region,
                     pte_t *leaf, va_t page) REQUIRES(space->lock) {
    pte_t flags = pte_flags(region->prot);
    if (region->memory != NULL) {
        uint64_t offset = region->offset + (page - region->start);
        return pagetable_map(&space->table, page, region->memory->base + offset,
                             flags);
    }
    pa_t pa = frame_alloc_zero(quota_essential(space->quota));
    int result = leaf != NULL ? pagetable_fill(&space->table, leaf, pa, flags)
                              : pagetable_map(&space->table, page, pa, flags);
    if (result < 0) {
        frame_unref(pa);
        return result;
    }
    hart_count_event(COUNTER_FAULT_ZERO);
    return 0;
}

/*
 * fill-offset: every region shows its object from the start.
 * File: kernel/vm/fault.c
 * Caught by: memory
 */
static int page_fill(struct space *space, const struct region *region,
                     pte_t *leaf, va_t page) REQUIRES(space->lock) {
    pte_t flags = pte_flags(region->prot);
    if (region->memory != NULL) {
        return pagetable_map(&space->table, page,
                             region->memory->base + (page - region->start),
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
        fence_code();
    }
    hart_count_event(COUNTER_FAULT_ZERO);
    return 0;
}

/*
 * fill-twice: zeroes byte by byte: right, and far too slow.
 * File: kernel/vm/fault.c
 * Caught by: cost
 */
static int page_fill(struct space *space, const struct region *region,
                     pte_t *leaf, va_t page) REQUIRES(space->lock) {
    pte_t flags = pte_flags(region->prot);
    if (region->memory != NULL) {
        uint64_t offset = region->offset + (page - region->start);
        return pagetable_map(&space->table, page, region->memory->base + offset,
                             flags);
    }
    pa_t pa = frame_alloc(quota_essential(space->quota));
    if (pa == 0) {
        return -ENOMEM;
    }
    volatile char *byte = pa_to_va(pa);
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        byte[i] = 0;
    }
    int result = leaf != NULL ? pagetable_fill(&space->table, leaf, pa, flags)
                              : pagetable_map(&space->table, page, pa, flags);
    if (result < 0) {
        frame_unref(pa);
        return result;
    }
    if (region->prot & PROT_EXECUTE) {
        fence_code();
    }
    hart_count_event(COUNTER_FAULT_ZERO);
    return 0;
}

/*
 * provide-again: a page that lacks a right is taken for one that is missing,
 * and a page of zeros comes in its place.
 * File: kernel/vm/fault.c
 * Caught by: again
 */
static inline __attribute__((always_inline)) int
page_provide(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    if (leaf_permits(leaf, access)) {
        return page_upgrade(space, region, leaf, page, access);
    }
    return region->pager.session != NULL ? SPACE_PAGER
                                         : page_fill(space, region, leaf, page);
}

/*
 * provide-valid: an entry without V is taken for an empty one.
 * File: kernel/vm/fault.c
 * Caught by: again
 */
static inline __attribute__((always_inline)) int
page_provide(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    if (leaf != NULL && *leaf & PTE_V) {
        return page_upgrade(space, region, leaf, page, access);
    }
    return region->pager.session != NULL ? SPACE_PAGER
                                         : page_fill(space, region, leaf, page);
}

/*
 * provide-pager-first: the pager is asked for pages that are there.
 * File: kernel/vm/fault.c
 * Caught by: pager
 */
static inline __attribute__((always_inline)) int
page_provide(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    if (region->pager.session != NULL) {
        return SPACE_PAGER;
    }
    return leaf != NULL && *leaf != 0
               ? page_upgrade(space, region, leaf, page, access)
               : page_fill(space, region, leaf, page);
}

/*
 * provide-pagerless: a page that a pager has is made of zeros.
 * File: kernel/vm/fault.c
 * Caught by: pager, provide_not, boots
 */
static inline __attribute__((always_inline)) int
page_provide(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    return leaf != NULL && *leaf != 0
               ? page_upgrade(space, region, leaf, page, access)
               : page_fill(space, region, leaf, page);
}

/*
 * for-any: any access to a region is permitted: a page is made for it, and the
 * program faults for ever, or writes where it may only read.
 * File: kernel/vm/fault.c
 * Caught by: rights, provide_not, pager
 */
static inline struct region *region_for(struct space *space, va_t va,
                                        unsigned access) {
    (void)access;
    struct region *region = region_find(space, va);
    space->found = region;
    return region;
}

/*
 * for-all: the region must have all rights that the access could want.
 * File: kernel/vm/fault.c
 * Caught by: fill, memory
 */
static inline struct region *region_for(struct space *space, va_t va,
                                        unsigned access) {
    struct region *region = region_find(space, va);
    space->found = region;
    return region != NULL && region->prot == (PROT_READ | access) ? region
                                                                  : NULL;
}

/*
 * for-max: what the region may be given counts for what it has.
 * File: kernel/vm/fault.c
 * Caught by: rights
 */
static inline struct region *region_for(struct space *space, va_t va,
                                        unsigned access) {
    struct region *region = region_find(space, va);
    space->found = region;
    return region != NULL && region->max & access ? region : NULL;
}

/*
 * fault-unrounded: the address is not rounded down to its page.
 * File: kernel/vm/fault.c
 * Caught by: pager
 */
int space_fault(struct space *space, va_t va, unsigned access,
                struct fill_request *request) {
    int result = -EFAULT;
    spin_lock(&space->lock);
    struct region *region = region_for(space, va, access);
    if (region != NULL) {
        pte_t *leaf = pagetable_leaf(&space->table, va);
        if (leaf == NULL && region->flags & REGION_LARGE &&
            large_fault(space, region, va) == SPACE_MORE) {
            result = 0;
        } else {
            result = page_provide(space, region, leaf, va, access);
        }
        if (result == SPACE_PAGER) {
            fill_describe(region, va, access, request);
        }
    }
    spin_unlock(&space->lock);
    return result;
}

/*
 * fault-small: a region that may have megapages gets none.
 * File: kernel/vm/fault.c
 * Caught by: large
 */
int space_fault(struct space *space, va_t va, unsigned access,
                struct fill_request *request) {
    va_t page = round_down(va, PAGE_SIZE);
    int result = -EFAULT;
    spin_lock(&space->lock);
    struct region *region = region_for(space, page, access);
    if (region != NULL) {
        pte_t *leaf = pagetable_leaf(&space->table, page);
        result = page_provide(space, region, leaf, page, access);
        if (result == SPACE_PAGER) {
            fill_describe(region, page, access, request);
        }
    }
    spin_unlock(&space->lock);
    return result;
}

/*
 * fault-more: says SPACE_MORE, which is no answer to a fault, for a step
 * towards a megapage.
 * File: kernel/vm/fault.c
 * Caught by: large
 */
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
            result = SPACE_MORE;
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

/*
 * fault-locked: an access that is not allowed leaves the space locked.
 * File: kernel/vm/fault.c
 * Caught by: rights
 */
int space_fault(struct space *space, va_t va, unsigned access,
                struct fill_request *request) {
    va_t page = round_down(va, PAGE_SIZE);
    spin_lock(&space->lock);
    struct region *region = region_for(space, page, access);
    if (region == NULL) {
        return -EFAULT;
    }
    pte_t *leaf = pagetable_leaf(&space->table, page);
    int result = 0;
    if (leaf != NULL || !(region->flags & REGION_LARGE) ||
        large_fault(space, region, page) != SPACE_MORE) {
        result = page_provide(space, region, leaf, page, access);
    }
    if (result == SPACE_PAGER) {
        fill_describe(region, page, access, request);
    }
    spin_unlock(&space->lock);
    return result;
}

/*
 * kernel-pager: the kernel's accesses are told to ask a pager.
 * File: kernel/vm/fault.c
 * Caught by: provide_not
 */
int space_provide(struct space *space, va_t va, unsigned access, bool nofault,
                  pte_t **leaf) {
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
    return result;
}

/*
 * kernel-nofault: pages are made although the caller said not to.
 * File: kernel/vm/fault.c
 * Caught by: provide_not
 */
int space_provide(struct space *space, va_t va, unsigned access, bool nofault,
                  pte_t **leaf) {
    (void)nofault;
    const struct region *region = region_for(space, va, access);
    if (region == NULL) {
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

/*
 * kernel-stale: the leaf is not looked up again when tables were made for it.
 * File: kernel/vm/fault.c
 * Caught by: provide
 */
int space_provide(struct space *space, va_t va, unsigned access, bool nofault,
                  pte_t **leaf) {
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
    return result == SPACE_PAGER ? -EFAULT : result;
}

/*
 * kernel-large: a page of a megapage is taken for one that is missing.
 * File: kernel/vm/fault.c
 * Caught by: provide
 */
int space_provide(struct space *space, va_t va, unsigned access, bool nofault,
                  pte_t **leaf) {
    const struct region *region = region_for(space, va, access);
    if (region == NULL || nofault) {
        return -EFAULT;
    }
    va_t page = round_down(va, PAGE_SIZE);
    int result = page_provide(space, region, *leaf, page, access);
    *leaf = pagetable_leaf(&space->table, page);
    return result == SPACE_PAGER ? -EFAULT : result;
}
