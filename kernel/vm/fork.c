/* SPDX-License-Identifier: MIT */
/*
 * vm/fork.c: a copy of an address space, without copying it.
 *
 * Idea        The child gets the parent's regions at once and its pages step by
 *             step. A private page becomes common: one more reference, and
 *             nobody may write it until the first who tries gets a copy (the
 *             last one needs none: vm/fault.c).
 *
 *      parent [ W ]--> frame, 1 reference
 *      parent [ r ]--> frame, 2 references <--[ r ] child
 *
 *             A page that somebody else may write meanwhile, PTE_SHARED, is no
 *             candidate: its contents are copied at once, or it stays shared
 *             if its region is.
 * Locks       Both spaces', the one at the lower address first.
 */
#include "abi/errno.h"
#include "lib/string.h"
#include "vm/frame.h"
#include "vm/gather.h"
#include "vm/large.h"
#include "vm/space.h"

enum {
    SPLIT_COST = 10,       /* budget for making small pages of a megapage */
    COPY_COST = 3,         /* budget for copying a page, beside the usual 1 */
    REGIONS_PER_UNIT = 32, /* regions passed over at the cost of a page */
};

/* Whether the child has these pages too. */
static bool region_inherits(const struct region *region) {
    return region->memory == NULL &&
           !(region->flags & (REGION_LENT | REGION_BORROWED));
}

static int regions_copy(struct space *child, const struct space *parent) {
    const struct region *region = region_after(parent, 0);
    for (; region != NULL; region = region_next(parent, region)) {
        struct region copy = *region;
        copy.stale = copy.end;
        if (region_inherits(region) && region_add(child, &copy) == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

struct space *space_fork_begin(struct space *parent, struct quota *quota) {
    struct space *child = space_create(quota);
    if (child == NULL) {
        return NULL;
    }
    spin_lock_pair(&parent->lock, &child->lock);
    int result = regions_copy(child, parent);
    child->heap_start = parent->heap_start;
    child->heap_end = parent->heap_end;
    spin_unlock_pair(&parent->lock, &child->lock);
    if (result < 0) {
        space_put(child);
        return NULL;
    }
    return child;
}

/* Maps the frame in the child too. */
static int page_share(struct space *child, va_t va, pa_t pa, pte_t flags) {
    frame_ref(pa);
    int result = pagetable_map(&child->table, va, pa, flags);
    if (result < 0) {
        frame_unref(pa);
    }
    return result;
}

/* Maps a copy of the frame in the child. */
static int page_duplicate(struct space *child, va_t va, pa_t pa, pte_t flags) {
    pa_t copy = frame_alloc(quota_essential(child->quota));
    if (copy == 0) {
        return -ENOMEM;
    }
    page_copy(pa_to_va(copy), pa_to_va(pa));
    int result = pagetable_map(&child->table, va, copy, flags);
    if (result < 0) {
        frame_unref(copy);
    }
    return result;
}

/* Gives the child the parent's page, which has this entry. */
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
    if (pagetable_protect(leaf, old & private)) {
        gather_page(gather, va, old, 0);
    }
    return 0;
}

/*
 * Where to look for pages to fork: the part of the child's first region from
 * *va on that the parent's first one has too. The range is empty, and *va
 * moved on, if they do not meet or the parent's is not inherited. NULL: there
 * are no more regions.
 */
static const struct region *fork_range(const struct space *parent,
                                       const struct space *child, va_t *va,
                                       va_t *end) {
    const struct region *to = region_after(child, *va);
    const struct region *from = region_after(parent, *va);
    if (to == NULL || from == NULL) {
        return NULL;
    }
    va_t start = from->start > to->start ? from->start : to->start;
    *va = start > *va ? start : *va;
    *end = from->end < to->end ? from->end : to->end;
    if (*va < *end && !region_inherits(from)) {
        *va = *end;
    }
    return to;
}

/* Forks the pages of [*va, end) until the budget is used up. */
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
        *budget -= copies ? (*budget < COPY_COST ? *budget : COPY_COST) : 0;
    }
}

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
    return result;
}
