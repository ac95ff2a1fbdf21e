/* SPDX-License-Identifier: MIT */
/*
 * posix/text.h: text of any length, whole or by lines.
 *
 * Use         struct text line = {0};
 *             struct reader reader = {.fd = fd, .unit = READER_SIZE};
 *             while (reader_line(&reader, &line) == 1) {
 *                 ... line.bytes[0 .. line.used), with its '\n'
 *                 line.used = 0;
 *             }
 */
#ifndef OCTAVO_POSIX_TEXT_H
#define OCTAVO_POSIX_TEXT_H

#include <stddef.h>

enum {
    READER_SIZE = 4096,
    TEXT_MAX = 256 * 1024, /* a text is not longer than that */
};

/* Text that grows; the bytes are from malloc. */
struct text {
    char *bytes;
    size_t used;
    size_t size;
};

/* A descriptor and what has been read of it ahead. */
struct reader {
    int fd;
    int unit; /* bytes to ask for at once, at most READER_SIZE: 1 reads nothing
                 that comes after the line */
    int used;
    int next;
    char bytes[READER_SIZE];
};

/* Makes room for `more` bytes. 0; -1 and posix_error ENOMEM or E2BIG. */
int text_reserve(struct text *text, size_t more);

/* Appends all that the descriptor holds. 0, or -1 and posix_error. */
int text_load(struct text *text, int fd);

/* Appends a line with its newline, which only the last may lack. 1; 0 at the
 * end; -1 and posix_error: the line is dropped. */
int reader_line(struct reader *reader, struct text *text);

/* Whether the text ends with a backslash that joins the next line to it. */
int text_continues(const struct text *text);

/* Output that is collected, and written WRITER_SIZE bytes at a time. */
enum { WRITER_SIZE = 4096 };

struct writer {
    int fd;
    int failed; /* a write has failed; posix_error has the first reason */
    size_t used;
    char bytes[WRITER_SIZE];
};

void writer_add(struct writer *writer, const char *text, size_t length);

void writer_print(struct writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes what is left. 0, or -1 if this or an earlier write failed. */
int writer_flush(struct writer *writer);

#endif
