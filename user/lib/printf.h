/* SPDX-License-Identifier: MIT */
/*
 * lib/printf.h: formatted text.
 *
 * A conversion is % [-] [0] [width] [.precision] [l, ll or z] and one of
 *   d i u x X o   a number        p   a pointer, as 0x and digits
 *   c             a character     s   a string, "(null)" for NULL
 *   %             the sign itself
 * Width and precision may be '*'. The precision is the most bytes of a string;
 * for numbers it has no meaning. There is no floating point. An unknown
 * conversion is printed as it stands.
 *
 * What a call of printf or fprintf makes goes out in as few writes as fit its
 * buffer, at the latest when it returns: nothing is held back between calls.
 */
#ifndef OCTAVO_LIB_PRINTF_H
#define OCTAVO_LIB_PRINTF_H

#include <stdarg.h>
#include <stddef.h>

/* To standard output. Returns the bytes made, or -1 if a write failed. */
int printf(const char *format, ...) __attribute__((format(__printf__, 1, 2)));

/* To a descriptor. */
int fprintf(int fd, const char *format, ...)
    __attribute__((format(__printf__, 2, 3)));
int vfprintf(int fd, const char *format, va_list arguments)
    __attribute__((format(__printf__, 2, 0)));

/* Into `size` bytes, cut if need be and ended with a NUL (if size > 0).
 * Returns the length that the whole text has. */
int snprintf(char *to, size_t size, const char *format, ...)
    __attribute__((format(__printf__, 3, 4)));
int vsnprintf(char *to, size_t size, const char *format, va_list arguments)
    __attribute__((format(__printf__, 3, 0)));

#endif
