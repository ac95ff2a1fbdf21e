/* SPDX-License-Identifier: MIT */
/*
 * lib/print.c: formatted output of the kernel.
 *
 * Idea        Formatting writes single characters into a buffer on the stack,
 *             which is handed on when it is full and at the end.
 * Invariants  Nothing is allocated and no lock is held while formatting: a
 *             panic can come from anywhere.
 */
#include "lib/print.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PIECE = 128,    /* bytes of one kprintf that reach the console together */
    DIGITS_MAX = 20 /* of a 64-bit number in decimal */
};

struct sink {
    size_t used;
    char buffer[PIECE];
};

/* What stands between % and the letter. */
struct spec {
    char pad;
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
    if (sink->used == PIECE) {
        sink_flush(sink);
    }
    sink->buffer[sink->used++] = c;
}

static void put_text(struct sink *sink, const struct spec *spec,
                     const char *text, int len) {
    for (int i = len; i < spec->width; i++) {
        sink_put(sink, spec->pad);
    }
    for (int i = 0; i < len; i++) {
        sink_put(sink, text[i]);
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

/* A negative number comes with its sign and as the unsigned one that has the
 * same bits. */
static void put_number(struct sink *sink, const struct spec *spec,
                       uint64_t number, unsigned base, bool negative) {
    char digits[DIGITS_MAX + 1];
    char *end = digits + sizeof(digits);
    char *first = end;
    number = negative ? -number : number;
    do {
        *--first = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    if (negative) {
        *--first = '-';
    }
    put_text(sink, spec, first, (int)(end - first));
}

static int parse_count(const char **format) {
    int count = 0;
    while (**format >= '0' && **format <= '9') {
        count = count * 10 + *(*format)++ - '0';
    }
    return count;
}

static struct spec parse_spec(const char **format) {
    struct spec spec = {.pad = **format == '0' ? '0' : ' ', .precision = -1};
    spec.width = parse_count(format);
    if (**format == '.') {
        (*format)++;
        spec.precision = parse_count(format);
    }
    for (; **format == 'l'; (*format)++) {
        spec.wide = true;
    }
    return spec;
}

/* Formats one argument by its letter. */
static void put_argument(struct sink *sink, struct spec *spec, char letter,
                         va_list *arguments) {
    uint64_t number;
    switch (letter) {
    case 'p':
        sink_put(sink, '0');
        sink_put(sink, 'x');
        *spec = (struct spec){.pad = '0', .wide = true, .width = 16};
        /* fall through */
    case 'd':
    case 'u':
    case 'x':
        number = spec->wide      ? va_arg(*arguments, uint64_t)
                 : letter == 'd' ? (uint64_t)va_arg(*arguments, int)
                                 : va_arg(*arguments, unsigned);
        put_number(sink, spec, number, letter == 'x' || letter == 'p' ? 16 : 10,
                   letter == 'd' && (int64_t)number < 0);
        break;
    case 's':
        put_string(sink, spec, va_arg(*arguments, const char *));
        break;
    case 'c':
        letter = (char)va_arg(*arguments, int);
        /* fall through */
    default:
        sink_put(sink, letter);
        break;
    }
}

void kvprintf(const char *format, va_list arguments) {
    struct sink sink;
    va_list copy;
    sink.used = 0;
    va_copy(copy, arguments);
    while (*format != '\0') {
        if (*format != '%') {
            sink_put(&sink, *format++);
            continue;
        }
        format++;
        struct spec spec = parse_spec(&format);
        if (*format != '\0') {
            put_argument(&sink, &spec, *format++, &copy);
        }
    }
    va_end(copy);
    sink_flush(&sink);
}

void kprintf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    kvprintf(format, arguments);
    va_end(arguments);
}
