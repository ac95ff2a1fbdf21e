/* SPDX-License-Identifier: MIT */
/*
 * wrong/steps.c: mistakes in going over the parent's pages.
 */

/*
 * inherit-lent: what the parent has lent or borrowed is the child's, too.
 * File: kernel/vm/fork.c
 * Caught by: fork_not
 */
static bool region_inherits(const struct region *region) {
    return region->memory == NULL;
}

/*
 * inherit-device: the child has its parent's devices.
 * File: kernel/vm/fork.c
 * Caught by: fork_not
 */
static bool region_inherits(const struct region *region) {
    return !(region->flags & (REGION_LENT | REGION_BORROWED));
}

/*
 * range-large: a megapage ends the fork: the child does without.
 * File: kernel/vm/fork.c
 * Caught by: fork_large
 */
static int range_fork(struct gather *gather, struct space *child,
                      const struct region *region, va_t *va, va_t end,
                      unsigned *budget) {
    struct space *parent = gather->space;
    for (;;) {
        pte_t *leaf = pagetable_next(&parent->table, va, end, budget);
        if (leaf == NULL) {
            if (*budget > 0) {
                *va = end;
            }
            return 0;
        }
        bool copies = *leaf & PTE_SHARED;
        int result = page_fork(gather, child, region, *va, leaf);
        if (result < 0) {
            return result;
        }
        *va += PAGE_SIZE;
        *budget -= copies ? (*budget < COPY_COST ? *budget : COPY_COST) : 0;
    }
}

/*
 * range-cheap: a page that is copied costs as little as one that is not:
 * nobody else runs meanwhile.
 * File: kernel/vm/fork.c
 * Caught by: fork_steps
 */
static int range_fork(struct gather *gather, struct space *child,
                      const struct region *region, va_t *va, va_t end,
                      unsigned *budget) {
    struct space *parent = gather->space;
    for (;;) {
        pte_t *leaf = pagetable_next(&parent->table, va, end, budget);
        if (leaf == NULL && *budget > 0 && *va < end) {
            if (large_split(parent, *va) < 0) {
                return -ENOMEM;
            }
            *budget -= *budget < SPLIT_COST ? *budget : SPLIT_COST;
            continue;
        }
        if (leaf == NULL) {
            return 0;
        }
        bool copies = *leaf & PTE_SHARED;
        int result = page_fork(gather, child, region, *va, leaf);
        if (result < 0) {
            return result;
        }
        *va += PAGE_SIZE;
        (void)copies;
    }
}

/*
 * range-skip: a page that could not be shared is passed over.
 * File: kernel/vm/fork.c
 * Caught by: fork_nothing, fork_quota
 */
static int range_fork(struct gather *gather, struct space *child,
                      const struct region *region, va_t *va, va_t end,
                      unsigned *budget) {
    struct space *parent = gather->space;
    for (;;) {
        pte_t *leaf = pagetable_next(&parent->table, va, end, budget);
        if (leaf == NULL && *budget > 0 && *va < end) {
            if (large_split(parent, *va) < 0) {
                return -ENOMEM;
            }
            *budget -= *budget < SPLIT_COST ? *budget : SPLIT_COST;
            continue;
        }
        if (leaf == NULL) {
            return 0;
        }
        bool copies = *leaf & PTE_SHARED;
        int result = page_fork(gather, child, region, *va, leaf);
        (void)result;
        *va += PAGE_SIZE;
        *budget -= copies ? (*budget < COPY_COST ? *budget : COPY_COST) : 0;
    }
}

/*
 * range-wrap: the budget falls below 0, which is a great deal: a fork in one
 * step.
 * File: kernel/vm/fork.c
 * Caught by: fork_steps
 */
static int range_fork(struct gather *gather, struct space *child,
                      const struct region *region, va_t *va, va_t end,
                      unsigned *budget) {
    struct space *parent = gather->space;
    for (;;) {
        pte_t *leaf = pagetable_next(&parent->table, va, end, budget);
        if (leaf == NULL && *budget > 0 && *va < end) {
            if (large_split(parent, *va) < 0) {
                return -ENOMEM;
            }
            *budget -= *budget < SPLIT_COST ? *budget : SPLIT_COST;
            continue;
        }
        if (leaf == NULL) {
            return 0;
        }
        bool copies = *leaf & PTE_SHARED;
        int result = page_fork(gather, child, region, *va, leaf);
        if (result < 0) {
            return result;
        }
        *va += PAGE_SIZE;
        *budget -= copies ? COPY_COST : 0;
    }
}

/*
 * step-no-flush: what was gathered is never fenced.
 * File: kernel/vm/fork.c
 * Caught by: fork_fences, harts
 */
int space_fork_step(struct space *parent, struct space *child, va_t *cursor) {
    unsigned budget = SPACE_STEP;
    int result = SPACE_MORE;
    struct gather gather;
    gather_init(&gather, parent);
    spin_lock_pair(&parent->lock, &child->lock);
    unsigned cost = 1 + parent->region_count / REGIONS_PER_UNIT;
    while (result == SPACE_MORE && budget > 0) {
        va_t end;
        const struct region *region = fork_range(parent, child, cursor, &end);
        if (region == NULL) {
            result = 0;
        } else if (range_fork(&gather, child, region, cursor, end, &budget) <
                   0) {
            result = -ENOMEM;
        }
        budget -= cost < budget ? cost : budget;
    }
    /* A private page that lost its right to write is not yet common while a
     * TLB remembers it: fence before the child can run. */
    spin_unlock_pair(&parent->lock, &child->lock);
    return result;
}

/*
 * step-done: one step is taken for all of the fork.
 * File: kernel/vm/fork.c
 * Caught by: fork_steps
 */
int space_fork_step(struct space *parent, struct space *child, va_t *cursor) {
    unsigned budget = SPACE_STEP;
    int result = SPACE_MORE;
    struct gather gather;
    gather_init(&gather, parent);
    spin_lock_pair(&parent->lock, &child->lock);
    unsigned cost = 1 + parent->region_count / REGIONS_PER_UNIT;
    while (result == SPACE_MORE && budget > 0) {
        va_t end;
        const struct region *region = fork_range(parent, child, cursor, &end);
        if (region == NULL) {
            result = 0;
        } else if (range_fork(&gather, child, region, cursor, end, &budget) <
                   0) {
            result = -ENOMEM;
        }
        budget -= cost < budget ? cost : budget;
    }
    /* A private page that lost its right to write is not yet common while a
     * TLB remembers it: fence before the child can run. */
    gather_flush(&gather);
    spin_unlock_pair(&parent->lock, &child->lock);
    return result == SPACE_MORE ? 0 : result;
}

/*
 * step-again: every step begins from the start: it shares pages that the child
 * has.
 * File: kernel/vm/fork.c
 * Caught by: fork_steps
 */
int space_fork_step(struct space *parent, struct space *child, va_t *cursor) {
    unsigned budget = SPACE_STEP;
    int result = SPACE_MORE;
    struct gather gather;
    gather_init(&gather, parent);
    *cursor = 0;
    spin_lock_pair(&parent->lock, &child->lock);
    unsigned cost = 1 + parent->region_count / REGIONS_PER_UNIT;
    while (result == SPACE_MORE && budget > 0) {
        va_t end;
        const struct region *region = fork_range(parent, child, cursor, &end);
        if (region == NULL) {
            result = 0;
        } else if (range_fork(&gather, child, region, cursor, end, &budget) <
                   0) {
            result = -ENOMEM;
        }
        budget -= cost < budget ? cost : budget;
    }
    /* A private page that lost its right to write is not yet common while a
     * TLB remembers it: fence before the child can run. */
    gather_flush(&gather);
    spin_unlock_pair(&parent->lock, &child->lock);
    return result;
}
