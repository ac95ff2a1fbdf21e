/* SPDX-License-Identifier: MIT */
/*
 * lib/format.h: the formatter under printf, without a place to write to.
 */
#ifndef OCTAVO_LIB_FORMAT_H
#define OCTAVO_LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Takes the next bytes of the text. */
typedef void (*format_sink)(void *context, const char *text, size_t length);

/* Gives the formatted text to the sink, piece by piece. The conversions are
 * those of lib/printf.h. */
void format_text(format_sink sink, void *context, const char *format,
                 va_list arguments);

#endif
