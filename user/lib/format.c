/* SPDX-License-Identifier: MIT */
/*
 * lib/format.c: from a format and its arguments to pieces of text.
 *
 * Idea        The format is a row of plain stretches and conversions. Each
 *             conversion is read into a struct spec, its argument is turned
 *             into a piece of text, and the piece is padded to the width.
 */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

struct output {
    format_sink sink;
    void *context;
};

/* One conversion: %[-][0][width][.precision][l|ll|z]letter */
struct spec {
    bool left;
    bool zero;
    int width;
    int precision; /* -1: none */
    bool wide;     /* the argument has 64 bits */
    char letter;
};

enum { DIGITS_MAX = 24 }; /* 22 octal digits of 64 bits, or 0x and 16 */

static void pad(const struct output *out, char byte, int count) {
    static const char blanks[] = "                ";
    static const char zeros[] = "0000000000000000";
    const char *from = byte == '0' ? zeros : blanks;
    for (; count > 0; count -= 16)
        out->sink(out->context, from, count < 16 ? (size_t)count : 16);
}

/* Emits prefix (a sign or 0x) and text, padded: zeros go between the two. */
static void emit(const struct output *out, const struct spec *spec,
                 const char *prefix, const char *text, size_t length) {
    size_t prefix_length = strlen(prefix);
    int gap = spec->width - (int)(prefix_length + length);
    bool zero = spec->zero && !spec->left;
    if (!spec->left && !zero)
        pad(out, ' ', gap);
    if (prefix_length > 0)
        out->sink(out->context, prefix, prefix_length);
    if (zero)
        pad(out, '0', gap);
    if (length > 0)
        out->sink(out->context, text, length);
    if (spec->left)
        pad(out, ' ', gap);
}

static void emit_number(const struct output *out, const struct spec *spec,
                        const char *prefix, uint64_t value) {
    const char *digits =
        spec->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = 10;
    if (spec->letter == 'x' || spec->letter == 'X' || spec->letter == 'p')
        base = 16;
    else if (spec->letter == 'o')
        base = 8;
    char text[DIGITS_MAX];
    char *start = text + DIGITS_MAX;
    do {
        *--start = digits[value % base];
        value /= base;
    } while (value != 0);
    emit(out, spec, prefix, start, (size_t)(text + DIGITS_MAX - start));
}

static void emit_signed(const struct output *out, const struct spec *spec,
                        int64_t value) {
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    emit_number(out, spec, value < 0 ? "-" : "", size);
}

static void emit_string(const struct output *out, struct spec *spec,
                        const char *text) {
    if (text == NULL)
        text = "(null)";
    size_t length = spec->precision < 0
                        ? strlen(text)
                        : strnlen(text, (size_t)spec->precision);
    spec->zero = false;
    emit(out, spec, "", text, length);
}

/* A width or precision: digits or '*'. Large ones stop growing. */
static int read_size(const char **cursor, va_list *arguments) {
    if (**cursor == '*') {
        (*cursor)++;
        return va_arg(*arguments, int);
    }
    int value = 0;
    for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++)
        if (value < 10000)
            value = value * 10 + (**cursor - '0');
    return value;
}

/* Reads the conversion after its '%' and moves *cursor beyond it. */
static struct spec read_spec(const char **cursor, va_list *arguments) {
    struct spec spec = {.precision = -1};
    for (; **cursor == '-' || **cursor == '0'; (*cursor)++)
        *(**cursor == '-' ? &spec.left : &spec.zero) = true;
    spec.width = read_size(cursor, arguments);
    if (spec.width < 0) {
        spec.left = true;
        spec.width = -spec.width;
    }
    if (**cursor == '.') {
        (*cursor)++;
        spec.precision = read_size(cursor, arguments);
    }
    for (; **cursor == 'l' || **cursor == 'z'; (*cursor)++)
        spec.wide = true;
    spec.letter = **cursor;
    if (spec.letter != 0)
        (*cursor)++;
    return spec;
}

/* Emits the conversion's argument. False: there is no such conversion. */
static bool convert(const struct output *out, struct spec *spec,
                    va_list *arguments) {
    char byte;
    switch (spec->letter) {
    case 'd':
    case 'i':
        emit_signed(out, spec,
                    spec->wide ? va_arg(*arguments, int64_t)
                               : va_arg(*arguments, int));
        return true;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        emit_number(out, spec, "",
                    spec->wide ? va_arg(*arguments, uint64_t)
                               : va_arg(*arguments, unsigned));
        return true;
    case 'p':
        emit_number(out, spec, "0x", va_arg(*arguments, uintptr_t));
        return true;
    case 's':
        emit_string(out, spec, va_arg(*arguments, const char *));
        return true;
    case 'c':
    case '%':
        byte = spec->letter == 'c' ? (char)va_arg(*arguments, int) : '%';
        spec->zero = false;
        emit(out, spec, "", &byte, 1);
        return true;
    default:
        return false;
    }
}

void format_text(format_sink sink, void *context, const char *format,
                 va_list arguments) {
    struct output out = {sink, context};
    va_list rest;
    va_copy(rest, arguments);
    while (*format != 0) {
        const char *start = format;
        while (*format != 0 && *format != '%')
            format++;
        if (format != start)
            sink(context, start, (size_t)(format - start));
        if (*format == 0)
            break;
        start = format++;
        struct spec spec = read_spec(&format, &rest);
        if (!convert(&out, &spec, &rest))
            sink(context, start, (size_t)(format - start));
    }
    va_end(rest);
}
