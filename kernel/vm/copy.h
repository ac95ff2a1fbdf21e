/* SPDX-License-Identifier: MIT */
/*
 * vm/copy.h: bytes from one address space to another.
 *
 * The kernel never uses a user's pointer. It looks up the page on either side,
 * making lazy and copy-on-write pages what they need to be, and copies through
 * the direct map while both spaces are locked, so that neither can change
 * under it. One step stays within one page on either side; the caller loops,
 * and may let others run in between.
 *
 *     while (done < length && result == 0) {
 *         result = space_copy_step(to, tva + done, from, fva + done,
 *                                  length - done, false, &part);
 *         done += part;
 *     }
 */
#ifndef OCTAVO_VM_COPY_H
#define OCTAVO_VM_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/memory.h"

struct space;

/* Which side a copy stopped at: no such memory, or not allowed. */
enum {
    COPY_FAULT_TO = 1,
    COPY_FAULT_FROM = 2,
};

/*
 * Copies up to `length` (at least 1) bytes from fva in `from` to tva in `to`,
 * which may be the same space (overlapping ranges behave as by memmove within
 * a step only). 0: *done > 0 bytes were copied. COPY_FAULT_TO, COPY_FAULT_FROM
 * or -ENOMEM: *done = 0, and no byte was. The source is looked at first. A
 * space that is dying faults. With nofault, so does a page that would have to
 * be filled or copied first. Takes the lock of both spaces.
 */
int space_copy_step(struct space *to, va_t tva, struct space *from, va_t fva,
                    uint64_t length, bool nofault, uint64_t *done);

/* Copies the kernel's own `source` to va: for the boot loader, which writes
 * programs into spaces that nobody runs yet. 0, -EFAULT or -ENOMEM. */
int space_write(struct space *space, va_t va, const void *source,
                uint64_t length);

#endif
