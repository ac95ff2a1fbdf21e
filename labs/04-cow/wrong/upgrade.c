/* SPDX-License-Identifier: MIT */
/*
 * wrong/upgrade.c: mistakes in who copies a page, and who may write.
 */

/*
 * upgrade-always-copies: the last owner of a page copies it: right, and twice
 * as dear.
 * Mutant: M-20
 * Caught by: reuse, fork
 */

/*
 * upgrade-beyond: whoever writes a page that may only be read gets a copy.
 * Mutant: M-19-fault
 * Caught by: rights, read_only
 */

/*
 * upgrade-region: the last owner gets W, whatever the region says.
 * File: kernel/vm/fault.c
 * Caught by: rights
 */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted =
        (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot | PROT_WRITE);
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

/*
 * upgrade-common: a load of a common page gives W with the other rights.
 * File: kernel/vm/fault.c
 * Caught by: common
 */
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
 * upgrade-load: a load copies, too.
 * File: kernel/vm/fault.c
 * Caught by: common
 */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted = (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot);
    bool private = region->memory == NULL && !(old & PTE_SHARED);
    if (private && !frame_sole(pte_frame(old))) {
        if (!(old & PTE_LENT) && access != PROT_NONE) {
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
 * upgrade-shared: pages that others are meant to see are copied: what is
 * written is not seen.
 * File: kernel/vm/fault.c
 * Caught by: shared
 */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted = (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot);
    bool private = region->memory == NULL;
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

/*
 * upgrade-device: a device's page is taken for memory with a count.
 * File: kernel/vm/fault.c
 * Caught by: shared
 */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted = (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot);
    bool private = !(old & PTE_SHARED);
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

/*
 * upgrade-lent: a page that is lent gets its rights back before the reply.
 * File: kernel/vm/fault.c
 * Caught by: lent
 */
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
    if (wanted == old) {
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
 * upgrade-lent-copy: a page that is lent is copied when there is a second
 * reference.
 * File: kernel/vm/fault.c
 * Caught by: lent
 */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted = (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot);
    bool private = region->memory == NULL && !(old & PTE_SHARED);
    if (private && !frame_sole(pte_frame(old))) {
        if (access == PROT_WRITE) {
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
 * upgrade-two: a count of two counts as one.
 * File: kernel/vm/fault.c
 * Caught by: copy, apart[store_child]
 */
static inline __attribute__((always_inline)) int
page_upgrade(struct space *space, const struct region *region, pte_t *leaf,
             va_t page, unsigned access) REQUIRES(space->lock) {
    pte_t old = *leaf;
    pte_t wanted = (old & ~(pte_t)PTE_RIGHTS) | pte_flags(region->prot);
    bool private = region->memory == NULL && !(old & PTE_SHARED);
    if (private && frame_refs(pte_frame(old)) > 2) {
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
 * upgrade-fence: fences for a right that is added: nobody needs that.
 * File: kernel/vm/fault.c
 * Caught by: fences
 */
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
    if (old != wanted) {
        asid_fence(&space->asid, page, 1); /* space_protect is on its way */
    } else if (private && access == PROT_WRITE) {
        hart_count_event(COUNTER_COW_REUSE);
    }
    return 0;
}

/*
 * upgrade-stale: a right that goes by the way is not fenced.
 * File: kernel/vm/fault.c
 * Caught by: rights
 */
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
        hart_count_event(COUNTER_COW_REUSE);
    } else if (private && access == PROT_WRITE) {
        hart_count_event(COUNTER_COW_REUSE);
    }
    return 0;
}

/*
 * seen-remember: the hart keeps what it remembers of the page: the program
 * faults for ever.
 * File: kernel/vm/fault.c
 * Caught by: seen
 */
static int page_seen(struct space *space, const pte_t *leaf, va_t page,
                     unsigned access) {
    (void)space;
    (void)page;
    if (!leaf_permits(leaf, access)) {
        return -EFAULT;
    }
    return 0;
}

/*
 * seen-trust: says that the access is permitted without looking.
 * File: kernel/vm/fault.c
 * Caught by: lent
 */
static int page_seen(struct space *space, const pte_t *leaf, va_t page,
                     unsigned access) {
    (void)leaf;
    (void)access;
    asid_fence_here(&space->asid, page);
    return 0;
}
