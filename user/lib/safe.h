/* SPDX-License-Identifier: MIT */
/*
 * lib/safe.h: touching memory that may not be there.
 *
 * Idea        A kernel checks a caller's pointer and returns an error. Here
 *             the "system call" is library code in the caller's own process,
 *             and a bad pointer would kill it. So the few instructions that
 *             touch a caller's bytes are kept together, and the kernel is told
 *             (SYS_FAULT_RANGE) that a fault among them continues at a handler
 *             which returns -EFAULT.
 * Use         error = safe_copy(&local, pointer, sizeof(local));
 * Invariants  These are leaf functions that use no stack, so the handler can
 *             return for any of them. crt0 registers the range; fork keeps it.
 */
#ifndef OCTAVO_LIB_SAFE_H
#define OCTAVO_LIB_SAFE_H

#include <stdint.h>

/* Tells the kernel of the range. Called once, by crt0. */
void safe_start(void);

/* Copies `length` bytes that do not overlap. 0, or EFAULT after copying some
 * of them. */
int64_t safe_copy(void *to, const void *from, uint64_t length);

/*
 * Whether `length` bytes, at most a page, can be written: 0 or EFAULT. Changes
 * none of them, whatever other threads do with them meanwhile. For results
 * that cannot be asked for again.
 */
int64_t safe_probe(void *to, uint64_t length);

/*
 * Copies a string and its NUL into `size` bytes. Returns its length without
 * the NUL. EFAULT; ENAMETOOLONG: it does not fit.
 */
int64_t safe_string(char *to, const char *from, uint64_t size);

#endif
