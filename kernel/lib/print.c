/* SPDX-License-Identifier: MIT */
/*
 * lib/print.c: formatted output of the kernel.
 *
 * Idea        Formatting writes single characters into a sink. A sink is a
 *             buffer that either is handed on when it is full (kprintf) or
 *             drops what does not fit (ksnprintf).
 * Invariants  sink.used <= sink.size. Nothing is allocated and no lock is
 *             held while formatting: a panic can come from anywhere.
 */
#include "lib/print.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

enum {
    PIECE = 128,    /* bytes of one kprintf that reach the console together */
    DIGITS_MAX = 20 /* of a 64-bit number in decimal */
};

struct sink {
    char *buffer;
    size_t size;
    size_t used;
    size_t total; /* all characters, also dropped ones */
    bool flush;   /* hand on when full */
};

/* What stands between % and the letter. */
struct spec {
    bool left;
    bool zeros;
    bool wide; /* a 64-bit number */
    int width;
    int precision; /* -1: none */
};

void (*print_write)(const char *text, size_t len);

static void sink_flush(struct sink *sink) {
    if (print_write != NULL && sink->used > 0) {
        print_write(sink->buffer, sink->used);
    }
    sink->used = 0;
}

static void sink_put(struct sink *sink, char c) {
    sink->total++;
    if (sink->used == sink->size && sink->flush) {
        sink_flush(sink);
    }
    if (sink->used < sink->size) {
        sink->buffer[sink->used++] = c;
    }
}

static void sink_pad(struct sink *sink, char c, int count) {
    for (; count > 0; count--) {
        sink_put(sink, c);
    }
}

static void put_text(struct sink *sink, const struct spec *spec,
                     const char *text, int len) {
    if (!spec->left) {
        sink_pad(sink, ' ', spec->width - len);
    }
    for (int i = 0; i < len; i++) {
        sink_put(sink, text[i]);
    }
    if (spec->left) {
        sink_pad(sink, ' ', spec->width - len);
    }
}

static void put_string(struct sink *sink, const struct spec *spec,
                       const char *text) {
    int len = 0;
    if (text == NULL) {
        text = "(null)";
    }
    while (len != spec->precision && text[len] != '\0') {
        len++;
    }
    put_text(sink, spec, text, len);
}

static void put_number(struct sink *sink, const struct spec *spec,
                       uint64_t number, unsigned base, bool negative) {
    char digits[DIGITS_MAX + 1];
    char *first = digits + sizeof(digits);
    do {
        *--first = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    int len = (int)(digits + sizeof(digits) - first);
    if (spec->zeros && !spec->left) {
        if (negative) {
            sink_put(sink, '-');
        }
        sink_pad(sink, '0', spec->width - len - negative);
        put_text(sink, &(struct spec){.width = 0}, first, len);
        return;
    }
    if (negative) {
        *--first = '-';
        len++;
    }
    put_text(sink, spec, first, len);
}

static void put_signed(struct sink *sink, const struct spec *spec,
                       int64_t number) {
    uint64_t magnitude = number < 0 ? -(uint64_t)number : (uint64_t)number;
    put_number(sink, spec, magnitude, 10, number < 0);
}

static int parse_count(const char **format, va_list *arguments) {
    int count = 0;
    if (**format == '*') {
        (*format)++;
        return va_arg(*arguments, int);
    }
    while (**format >= '0' && **format <= '9') {
        count = count * 10 + *(*format)++ - '0';
    }
    return count;
}

static struct spec parse_spec(const char **format, va_list *arguments) {
    struct spec spec = {.precision = -1};
    for (; **format == '-' || **format == '0'; (*format)++) {
        if (**format == '-') {
            spec.left = true;
        } else {
            spec.zeros = true;
        }
    }
    spec.width = parse_count(format, arguments);
    if (**format == '.') {
        (*format)++;
        spec.precision = parse_count(format, arguments);
    }
    for (; **format == 'l' || **format == 'z'; (*format)++) {
        spec.wide = true;
    }
    return spec;
}

/* Formats one argument by its letter. */
static void put_argument(struct sink *sink, struct spec *spec, char letter,
                         va_list *arguments) {
    switch (letter) {
    case 'd':
    case 'i':
        put_signed(sink, spec,
                   spec->wide ? va_arg(*arguments, int64_t)
                              : va_arg(*arguments, int));
        break;
    case 'u':
    case 'x':
        put_number(sink, spec,
                   spec->wide ? va_arg(*arguments, uint64_t)
                              : va_arg(*arguments, unsigned),
                   letter == 'x' ? 16 : 10, false);
        break;
    case 'p':
        sink_put(sink, '0');
        sink_put(sink, 'x');
        put_number(sink, &(struct spec){.zeros = true, .width = 16},
                   (uintptr_t)va_arg(*arguments, void *), 16, false);
        break;
    case 's':
        put_string(sink, spec, va_arg(*arguments, const char *));
        break;
    case 'c':
        put_text(sink, spec, &(char){(char)va_arg(*arguments, int)}, 1);
        break;
    default:
        sink_put(sink, letter);
        break;
    }
}

static void format_into(struct sink *sink, const char *format,
                        va_list *arguments) {
    while (*format != '\0') {
        if (*format != '%') {
            sink_put(sink, *format++);
            continue;
        }
        format++;
        struct spec spec = parse_spec(&format, arguments);
        if (*format != '\0') {
            put_argument(sink, &spec, *format++, arguments);
        }
    }
}

void kvprintf(const char *format, va_list arguments) {
    char buffer[PIECE];
    struct sink sink = {
        .buffer = buffer, .size = sizeof(buffer), .flush = true};
    va_list copy;
    va_copy(copy, arguments);
    format_into(&sink, format, &copy);
    va_end(copy);
    sink_flush(&sink);
}

void kprintf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    kvprintf(format, arguments);
    va_end(arguments);
}

size_t ksnprintf(char *to, size_t size, const char *format, ...) {
    struct sink sink = {.buffer = to, .size = size - 1};
    va_list arguments;
    va_start(arguments, format);
    format_into(&sink, format, &arguments);
    va_end(arguments);
    to[sink.used] = '\0';
    return sink.total;
}
