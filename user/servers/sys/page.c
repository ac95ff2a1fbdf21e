/* SPDX-License-Identifier: MIT */
/*
 * servers/sys/page.c: see page.h.
 */
#include "servers/sys/page.h"

#include <stdarg.h>

#include "lib/format.h"
#include "lib/string.h"

void page_add(struct page *page, const char *bytes, uint64_t length) {
    if (page->full || length > PAGE_BYTES - page->length) {
        page->full = true;
        return;
    }
    memcpy(page->bytes + page->length, bytes, length);
    page->length += length;
}

static void page_sink(void *context, const char *text, size_t length) {
    page_add(context, text, length);
}

void page_print(struct page *page, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    format_text(page_sink, page, format, arguments);
    va_end(arguments);
}
