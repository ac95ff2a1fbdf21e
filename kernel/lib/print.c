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

/* One kvprintf: its text so far, and what stands between % and the letter. */
struct output {
    size_t used;
    char buffer[PIECE];
    char pad;
    bool wide; /* a 64-bit number */
    int width;
    int precision; /* -1: none */
};

void (*print_write)(const char *text, size_t len);

static void flush(struct output *out) {
    if (print_write != NULL && out->used > 0)
        print_write(out->buffer, out->used);
    out->used = 0;
}

static void put(struct output *out, char c) {
    if (out->used == PIECE)
        flush(out);
    out->buffer[out->used++] = c;
}

static void put_text(struct output *out, const char *text, int len) {
    for (int i = len; i < out->width; i++)
        put(out, out->pad);
    for (int i = 0; i < len; i++)
        put(out, text[i]);
}

static void put_string(struct output *out, const char *text) {
    int len = 0;
    if (text == NULL)
        text = "(null)";
    while (len != out->precision && text[len] != '\0')
        len++;
    put_text(out, text, len);
}

/* A negative number comes with its sign and as the unsigned one that has the
 * same bits. */
static void put_number(struct output *out, uint64_t number, unsigned base,
                       bool negative) {
    char digits[DIGITS_MAX + 1];
    char *end = digits + sizeof(digits);
    char *first = end;
    number = negative ? -number : number;
    do {
        *--first = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    if (negative)
        *--first = '-';
    put_text(out, first, (int)(end - first));
}

static int parse_count(const char **format) {
    int count = 0;
    while (**format >= '0' && **format <= '9')
        count = count * 10 + *(*format)++ - '0';
    return count;
}

/* Reads from behind % up to the letter, which it returns. */
static char parse_spec(struct output *out, const char **format) {
    out->pad = **format == '0' ? '0' : ' ';
    out->width = parse_count(format);
    out->precision = -1;
    if (**format == '.') {
        (*format)++;
        out->precision = parse_count(format);
    }
    for (out->wide = false; **format == 'l'; (*format)++)
        out->wide = true;
    return **format;
}

/* Formats one argument by its letter. */
static void put_argument(struct output *out, char letter, va_list *arguments) {
    uint64_t number;
    switch (letter) {
    case 'p':
        put(out, '0');
        put(out, 'x');
        out->pad = '0';
        out->wide = true;
        out->width = 16;
        /* fall through */
    case 'd':
    case 'u':
    case 'x':
        number = out->wide       ? va_arg(*arguments, uint64_t)
                 : letter == 'd' ? (uint64_t)va_arg(*arguments, int)
                                 : va_arg(*arguments, unsigned);
        put_number(out, number, letter == 'x' || letter == 'p' ? 16 : 10,
                   letter == 'd' && (int64_t)number < 0);
        break;
    case 's':
        put_string(out, va_arg(*arguments, const char *));
        break;
    case 'c':
        letter = (char)va_arg(*arguments, int);
        /* fall through */
    default:
        put(out, letter);
        break;
    }
}

void kvprintf(const char *format, va_list arguments) {
    struct output out;
    va_list copy;
    out.used = 0;
    va_copy(copy, arguments);
    for (; *format != '\0'; format++) {
        char letter = *format;
        if (letter != '%') {
            put(&out, letter);
            continue;
        }
        format++;
        letter = parse_spec(&out, &format);
        if (letter == '\0')
            break;
        put_argument(&out, letter, &copy);
    }
    va_end(copy);
    flush(&out);
}

void kprintf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    kvprintf(format, arguments);
    va_end(arguments);
}
