/* SPDX-License-Identifier: MIT */
/*
 * vm/copy.h: bytes from one address space to another.
 *
 * The kernel never uses a user's pointer. It looks up the page on either side,
 * making lazy and copy-on-write pages what they need to be, and copies through
 * the direct map while both spaces are locked, so that neither can change
 * under it. One step stays within one page on either side; the caller loops,
 * and may let others run in between. Most pages are there, with their rights:
 * for these there is space_copy_quick, in line.
 *
 *     while (done < length && part >= 0) {
 *         part = space_copy_step(to, tva + done, from, fva + done,
 *                                length - done, false);
 *         done += part > 0 ? part : 0;
 *     }
 */
#ifndef OCTAVO_VM_COPY_H
#define OCTAVO_VM_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"
#include "vm/space.h"

/* Which side a copy stopped at: no such memory, or not allowed. */
enum {
    COPY_FAULT_TO = -4096,
    COPY_FAULT_FROM = -4097,
};

/*
 * Copies up to `length` (at least 1) bytes from fva in `from` to tva in `to`,
 * which may be the same space (overlapping ranges behave as by memmove within
 * a step only). Returns how many, at least 1; or COPY_FAULT_TO,
 * COPY_FAULT_FROM or -ENOMEM, and no byte was copied. The source is looked at
 * first. A space that is dying faults. With nofault, so does a page that would
 * have to be filled or copied first. Takes the lock of both spaces.
 */
int64_t space_copy_step(struct space *to, va_t tva, struct space *from,
                        va_t fva, uint64_t length, bool nofault);

/* Bytes from va to the end of its page, at most n. */
static inline uint64_t page_rest(va_t va, uint64_t n) {
    uint64_t rest = PAGE_SIZE - va % PAGE_SIZE;
    return rest < n ? rest : n;
}

/* Where the byte at va is, whose page has this leaf. */
static inline char *leaf_byte(const pte_t *leaf, va_t va) {
    return (char *)pa_to_va(pte_frame(*leaf)) + va % PAGE_SIZE;
}

/* Copies bytes that do not leave their pages. */
static inline void page_part_copy(char *to, const char *from, uint64_t n) {
    if (n == PAGE_SIZE) {
        page_copy(to, from);
    } else {
        memmove(to, from, n);
    }
    hart_self()->counters[COUNTER_BYTES_COPIED] += n;
}

/* The rest of space_copy_quick: both spaces are locked. */
static inline uint64_t copy_present(const struct space *to, va_t tva,
                                    const struct space *from, va_t fva,
                                    uint64_t length) {
    const pte_t *source = pagetable_leaf(&from->table, fva);
    if (!leaf_permits(source, PROT_READ)) {
        return 0;
    }
    const pte_t *target = pagetable_leaf(&to->table, tva);
    if (!leaf_permits(target, PROT_WRITE)) {
        return 0;
    }
    uint64_t part = page_rest(tva, page_rest(fva, length));
    page_part_copy(leaf_byte(target, tva), leaf_byte(source, fva), part);
    return part;
}

/* As space_copy_step, of spaces that someone lives in, if nothing is in the
 * way. 0: nothing happened, and a step tells why. */
static inline uint64_t space_copy_quick(struct space *to, va_t tva,
                                        struct space *from, va_t fva,
                                        uint64_t length) NO_THREAD_SAFETY {
    uint64_t done = 0;
    /* Not in order, therefore by trying. */
    if (to == from || tva >= USER_END || fva >= USER_END ||
        !spin_try(&from->lock)) {
        return 0;
    }
    if (spin_try(&to->lock)) {
        done = copy_present(to, tva, from, fva, length);
        spin_unlock(&to->lock);
    }
    spin_unlock(&from->lock);
    return done;
}

#endif
