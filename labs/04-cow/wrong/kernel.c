/* SPDX-License-Identifier: MIT */
/*
 * wrong/kernel.c: mistakes in the kernel's own accesses.
 */

/*
 * resolve-bypass: the kernel writes to whatever page it finds: into the frame
 * that somebody else has, too.
 * File: kernel/vm/space.h
 * Caught by: resolve, kernel_write
 */
static inline int space_resolve(struct space *space, va_t va, unsigned access,
                                bool nofault, pte_t **leaf)
    REQUIRES(space->lock) {
    if (va >= USER_END) {
        return -EFAULT;
    }
    *leaf = pagetable_leaf(&space->table, va);
    return leaf_permits(*leaf, PROT_READ)
               ? 0
               : space_provide(space, va, access, nofault, leaf);
}

/*
 * resolve-short: makes the copy itself, but for its last word.
 * File: kernel/vm/space.h
 * Caught by: resolve, kernel_write
 */
static inline int space_resolve(struct space *space, va_t va, unsigned access,
                                bool nofault, pte_t **leaf)
    REQUIRES(space->lock) {
    if (va >= USER_END) {
        return -EFAULT;
    }
    *leaf = pagetable_leaf(&space->table, va);
    if (leaf_permits(*leaf, access)) {
        return 0;
    }
    pa_t old = *leaf != NULL ? pte_frame(**leaf) : 0;
    int result = space_provide(space, va, access, nofault, leaf);
    if (result == 0 && old != 0 && pte_frame(**leaf) != old) {
        uint64_t *page = pa_to_va(pte_frame(**leaf));
        page[PAGE_SIZE / sizeof(*page) - 1] = 0;
    }
    return result;
}

/*
 * resolve-unchecked: a page that cannot be copied for want of memory is
 * written to as it is.
 * File: kernel/vm/space.h
 * Caught by: resolve_not, kernel_write
 */
static inline int space_resolve(struct space *space, va_t va, unsigned access,
                                bool nofault, pte_t **leaf)
    REQUIRES(space->lock) {
    if (va >= USER_END) {
        return -EFAULT;
    }
    *leaf = pagetable_leaf(&space->table, va);
    if (leaf_permits(*leaf, access)) {
        return 0;
    }
    int result = space_provide(space, va, access, nofault, leaf);
    return result == -ENOMEM && *leaf != NULL && **leaf != 0 ? 0 : result;
}

/*
 * resolve-range: an address beyond user memory is looked up like any other:
 * bits above the table's are lost on the way.
 * File: kernel/vm/space.h
 * Caught by: resolve_not
 */
static inline int space_resolve(struct space *space, va_t va, unsigned access,
                                bool nofault, pte_t **leaf)
    REQUIRES(space->lock) {
    *leaf = pagetable_leaf(&space->table, va);
    return leaf_permits(*leaf, access)
               ? 0
               : space_provide(space, va, access, nofault, leaf);
}
