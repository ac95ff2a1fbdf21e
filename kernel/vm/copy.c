/* SPDX-License-Identifier: MIT */
/*
 * vm/copy.c: copying between spaces, a page at a time.
 *
 * Idea        Resolve the source's page for reading, then the destination's for
 *             writing, then copy what both pages have. If the two are the same
 *             page of one space, or the destination's fault replaces the frame
 *             that was the source, the source is looked up again: its frame is
 *             read from its entry last.
 * Locks       Both spaces', the one at the lower address first, so nothing that
 *             was looked up can change before the bytes have moved.
 */
#include "vm/copy.h"

#include "abi/errno.h"

/* Makes both pages accessible and copies what they have of [.., + length).
 * Returns how many bytes, or an error. */
static inline int64_t copy_page(struct space *to, va_t tva, struct space *from,
                                va_t fva, uint64_t length, bool nofault)
    REQUIRES(to->lock) REQUIRES(from->lock) {
    pte_t *source;
    pte_t *target;
    uint64_t part = page_rest(tva, page_rest(fva, length));
    int result = space_resolve(from, fva, PROT_READ, nofault, &source);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_FROM : result;
    }
    result = space_resolve(to, tva, PROT_WRITE, nofault, &target);
    if (result < 0) {
        return result == -EFAULT ? COPY_FAULT_TO : result;
    }
    page_part_copy(leaf_byte(target, tva), leaf_byte(source, fva), part);
    return (int64_t)part;
}

int64_t space_copy_step(struct space *to, va_t tva, struct space *from,
                        va_t fva, uint64_t length, bool nofault) {
    int64_t part = from->dying ? COPY_FAULT_FROM : COPY_FAULT_TO;
    spin_lock_pair(&to->lock, &from->lock);
    if (!to->dying && !from->dying) {
        part = copy_page(to, tva, from, fva, length, nofault);
    }
    spin_unlock_pair(&to->lock, &from->lock);
    return part;
}
