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

#include "abi/layout.h"
#include "arch/memory.h"

struct space;

/* Bytes that one step copies at most. */
enum { COPY_STEP = 4 * PAGE_SIZE };

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

/* Copies the kernel's own `source` to va: for the boot loader, which writes
 * programs into spaces that nobody runs yet. 0, -EFAULT or -ENOMEM. */
int space_write(struct space *space, va_t va, const void *source,
                uint64_t length);

#endif
