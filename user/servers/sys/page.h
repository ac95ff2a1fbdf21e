/* SPDX-License-Identifier: MIT */
/*
 * servers/sys/page.h: the content of a file while it is open.
 *
 * A page that is full takes no more and remembers that it was asked to: half a
 * table would be taken for a whole one, so who opens such a file gets an error
 * instead.
 */
#ifndef OCTAVO_SYS_PAGE_H
#define OCTAVO_SYS_PAGE_H

#include <stdbool.h>
#include <stdint.h>

enum { PAGE_BYTES = 16 * 1024 };

struct page {
    uint64_t length;
    bool full; /* something did not fit */
    char bytes[PAGE_BYTES];
};

/* Appends bytes; all of them or none. */
void page_add(struct page *page, const char *bytes, uint64_t length);

/* Appends text. */
void page_print(struct page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
