/* SPDX-License-Identifier: MIT */
/*
 * lib/string.h: bytes, strings and whole pages.
 *
 * The first four are those that the compiler may call by itself; all have
 * the meaning that the C standard gives them. The kernel uses them on its own
 * memory only: user memory is reached page by page through the direct map.
 */
#ifndef OCTAVO_LIB_STRING_H
#define OCTAVO_LIB_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t max);

/* Clears one page; `page` is page aligned. Under 570 instructions. */
void page_zero(void *page);

/* Copies a page's worth of bytes; both a multiple of 8. Under 1,050
 * instructions. */
void page_copy(void *to, const void *from);

#endif
