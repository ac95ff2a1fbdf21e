/* SPDX-License-Identifier: MIT */
/*
 * mutants/faults.c: wrong solutions: copy-on-write: who copies, who may
 * write.
 *
 * Read by tools/mutants, never compiled as it is: see README.md.
 */

/*
 * M-08-kernel: memory that nobody has touched holds what its frame held
 * before.
 * File: kernel/vm/fault.c
 * Killed by: test_cow used_frames
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
 * M-20: the last owner of a page copies it.
 * File: kernel/vm/fault.c
 * Killed by: test_item cow
 * Killed by: test_cow reuse
 */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted = (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot);
    bool private = region->memory == NULL && !(old & PTE_SHARED);
    if (private) {
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

/*
 * M-15-fork: fork leaves the parent the right to write: the child sees what
 * it writes.
 * File: kernel/vm/fork.c
 * Killed by: test_cow parent_writes
 */
static int page_fork(struct gather *gather, struct space *child,
                     const struct region *region, va_t va, pte_t *leaf) {
    pte_t old = *leaf;
    pa_t pa = pte_frame(old);
    pte_t flags = pte_flags(region->prot);
    if (old & PTE_SHARED && region->flags & REGION_SHARE) {
        return page_share(child, va, pa, flags | PTE_SHARED);
    }
    if (old & PTE_SHARED && frame_refs(pa) > 1) {
        return page_duplicate(child, va, pa, flags);
    }
    int result =
        page_share(child, va, pa, pte_flags(region->prot & ~PROT_WRITE));
    if (result < 0) {
        return result;
    }
    /* A mark that no other space shares any more goes with the right. */
    pte_t private = PTE_FLAGS & ~(pte_t)(PTE_W | PTE_SHARED);
    if (pagetable_protect(leaf, old & (private | PTE_W))) {
        gather_page(gather, va, old, 0);
    }
    return 0;
}

/*
 * M-16-fork: fork gives the child the right to write: the parent sees what
 * it writes.
 * File: kernel/vm/fork.c
 * Killed by: test_cow child_writes
 */
static int page_fork(struct gather *gather, struct space *child,
                     const struct region *region, va_t va, pte_t *leaf) {
    pte_t old = *leaf;
    pa_t pa = pte_frame(old);
    pte_t flags = pte_flags(region->prot);
    if (old & PTE_SHARED && region->flags & REGION_SHARE) {
        return page_share(child, va, pa, flags | PTE_SHARED);
    }
    if (old & PTE_SHARED && frame_refs(pa) > 1) {
        return page_duplicate(child, va, pa, flags);
    }
    int result = page_share(child, va, pa, flags);
    if (result < 0) {
        return result;
    }
    /* A mark that no other space shares any more goes with the right. */
    pte_t private = PTE_FLAGS & ~(pte_t)(PTE_W | PTE_SHARED);
    if (pagetable_protect(leaf, old & private)) {
        gather_page(gather, va, old, 0);
    }
    return 0;
}

/*
 * M-19-fault: whoever writes a page that may only be read gets a copy.
 * File: kernel/vm/fault.c
 * Killed by: test_cow read_only
 */
static inline struct region *region_for(struct space *space, va_t va,
                                        unsigned access) {
    struct region *region = region_find(space, va);
    space->found = region;
    (void)access;
    return region;
}

static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted =
        (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot | access);
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
