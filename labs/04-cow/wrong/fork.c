/* SPDX-License-Identifier: MIT */
/*
 * wrong/fork.c: mistakes in giving a child its parent's pages.
 */

/*
 * fork-parent-writes: the parent keeps W: the child sees what it writes.
 * Mutant: M-15-fork
 * Caught by: fork, again, apart[store_parent], harts
 */

/*
 * fork-child-writes: the child gets W: the parent sees what it writes.
 * Mutant: M-16-fork
 * Caught by: fork, apart[store_child]
 */

/*
 * fork-write-all: every page of the child is mapped with the right to write,
 * those that may only be read as well.
 * File: kernel/vm/fork.c
 * Caught by: fork, read_only
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
    int result = page_share(child, va, pa, pte_flags(PROT_READ | PROT_WRITE));
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
 * fork-old-flags: the child gets the flags of the parent's entry, and not its
 * region's rights.
 * File: kernel/vm/fork.c
 * Caught by: fork_shared
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
    int result = page_share(child, va, pa, old & PTE_FLAGS & ~(pte_t)PTE_W);
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
 * fork-shared-common: a page that others may write becomes common: they write
 * into the copy.
 * File: kernel/vm/fork.c
 * Caught by: fork_shared
 */
static int page_fork(struct gather *gather, struct space *child,
                     const struct region *region, va_t va, pte_t *leaf) {
    pte_t old = *leaf;
    pa_t pa = pte_frame(old);
    pte_t flags = pte_flags(region->prot);
    if (old & PTE_SHARED && region->flags & REGION_SHARE) {
        return page_share(child, va, pa, flags | PTE_SHARED);
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
 * fork-shared-apart: a page that is meant to be shared is copied.
 * File: kernel/vm/fork.c
 * Caught by: fork_shared
 */
static int page_fork(struct gather *gather, struct space *child,
                     const struct region *region, va_t va, pte_t *leaf) {
    pte_t old = *leaf;
    pa_t pa = pte_frame(old);
    pte_t flags = pte_flags(region->prot);
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
 * fork-unmarked: the child of a shared page does not know that it is one.
 * File: kernel/vm/fork.c
 * Caught by: fork_shared
 */
static int page_fork(struct gather *gather, struct space *child,
                     const struct region *region, va_t va, pte_t *leaf) {
    pte_t old = *leaf;
    pa_t pa = pte_frame(old);
    pte_t flags = pte_flags(region->prot);
    if (old & PTE_SHARED && region->flags & REGION_SHARE) {
        return page_share(child, va, pa, flags);
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
 * fork-mark: the mark stays on a page that nobody else shares: both write, and
 * both see it.
 * File: kernel/vm/fork.c
 * Caught by: fork_shared
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
    pte_t private = PTE_FLAGS & ~(pte_t)PTE_W;
    if (pagetable_protect(leaf, old & private)) {
        gather_page(gather, va, old, 0);
    }
    return 0;
}

/*
 * fork-no-gather: pages that lose W are not fenced.
 * File: kernel/vm/fork.c
 * Caught by: fork_fences, harts
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
    (void)gather;
    pagetable_protect(leaf, old & private);
    return 0;
}

/*
 * fork-gather-all: pages that have no W to lose are fenced as well.
 * File: kernel/vm/fork.c
 * Caught by: fork_fences
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
    pagetable_protect(leaf, old & private);
    gather_page(gather, va, old, 0);
    return 0;
}

/*
 * fork-lost-right: the parent loses W even if the child could not be given the
 * page, and the error as well.
 * File: kernel/vm/fork.c
 * Caught by: fork_nothing
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
    (void)result;
    /* A mark that no other space shares any more goes with the right. */
    pte_t private = PTE_FLAGS & ~(pte_t)(PTE_W | PTE_SHARED);
    if (pagetable_protect(leaf, old & private)) {
        gather_page(gather, va, old, 0);
    }
    return 0;
}

/*
 * share-no-ref: the child's entry has no reference: the frame goes with the
 * first of the two.
 * File: kernel/vm/fork.c
 * Caught by: fork, apart[store_child]
 */
static int page_share(struct space *child, va_t va, pa_t pa, pte_t flags) {
    int result = pagetable_map(&child->table, va, pa, flags);
    if (result < 0) {
        frame_unref(pa);
    }
    return result;
}

/*
 * share-keep: the reference of a page that could not be mapped is kept.
 * File: kernel/vm/fork.c
 * Caught by: fork_nothing, fork_quota
 */
static int page_share(struct space *child, va_t va, pa_t pa, pte_t flags) {
    frame_ref(pa);
    int result = pagetable_map(&child->table, va, pa, flags);
    return result;
}

/*
 * share-twice: the parent's reference goes, too, when a page cannot be mapped.
 * File: kernel/vm/fork.c
 * Caught by: fork_nothing, fork_quota
 */
static int page_share(struct space *child, va_t va, pa_t pa, pte_t flags) {
    frame_ref(pa);
    int result = pagetable_map(&child->table, va, pa, flags);
    if (result < 0) {
        frame_unref(pa);
        frame_unref(pa);
    }
    return result;
}

/*
 * duplicate-leak: a copy that cannot be mapped is lost.
 * File: kernel/vm/fork.c
 * Caught by: fork_quota
 */
static int page_duplicate(struct space *child, va_t va, pa_t pa, pte_t flags) {
    pa_t copy = frame_alloc(quota_essential(child->quota));
    if (copy == 0) {
        return -ENOMEM;
    }
    page_copy(pa_to_va(copy), pa_to_va(pa));
    int result = pagetable_map(&child->table, va, copy, flags);
    return result;
}

/*
 * duplicate-short: a page that is copied at once is copied but for its last
 * word.
 * File: kernel/vm/fork.c
 * Caught by: fork_shared
 */
static int page_duplicate(struct space *child, va_t va, pa_t pa, pte_t flags) {
    pa_t copy = frame_alloc(quota_essential(child->quota));
    if (copy == 0) {
        return -ENOMEM;
    }
    memcpy(pa_to_va(copy), pa_to_va(pa), PAGE_SIZE - 8);
    int result = pagetable_map(&child->table, va, copy, flags);
    if (result < 0) {
        frame_unref(copy);
    }
    return result;
}

/*
 * duplicate-ref: the page is copied, and counted as if it were common.
 * File: kernel/vm/fork.c
 * Caught by: fork_shared
 */
static int page_duplicate(struct space *child, va_t va, pa_t pa, pte_t flags) {
    pa_t copy = frame_alloc(quota_essential(child->quota));
    if (copy == 0) {
        return -ENOMEM;
    }
    frame_ref(pa);
    page_copy(pa_to_va(copy), pa_to_va(pa));
    int result = pagetable_map(&child->table, va, copy, flags);
    if (result < 0) {
        frame_unref(copy);
    }
    return result;
}
