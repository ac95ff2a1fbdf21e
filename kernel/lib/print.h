/* SPDX-License-Identifier: MIT */
/*
 * lib/print.h: formatted output of the kernel.
 *
 * Idea        The text of one call is gathered in a buffer and handed on in
 *             pieces, so that lines of different harts do not mix letter by
 *             letter. Where it goes is a hook, because devices come later in
 *             the order of folders than printing.
 * Use         kprintf("hart %u at %p\n", id, pc);
 * Formats     %d, %u and %x with l before them for 64 bits; %p (0x and 16
 *             digits); %s and %.5s; %c, %%; a width, with 0 for zeros on the
 *             left of %u and %x.
 * Locks       None here; the hook takes RANK_CONSOLE, the highest rank, so
 *             printing is allowed with any lock held.
 */
#ifndef OCTAVO_LIB_PRINT_H
#define OCTAVO_LIB_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/* Takes `len` bytes of output; set by boot. While NULL, output is lost. */
extern void (*print_write)(const char *text, size_t len);

void kprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

#endif
