/* SPDX-License-Identifier: MIT */
/*
 * posix/text.c: text of any length, whole or by lines.
 */
#include "posix/text.h"

#include <stdarg.h>
#include <stdint.h>

#include "lib/format.h"
#include "posix/internal.h"
#include "posix/posix.h"

int text_reserve(struct text *text, size_t more) {
    if (text->used + more <= text->size)
        return 0;
    if (text->used + more > TEXT_MAX)
        return posix_result(-E2BIG);
    size_t size = text->size * 2 + more;
    char *bytes = realloc(text->bytes, size);
    if (bytes == NULL)
        return posix_result(-ENOMEM);
    text->bytes = bytes;
    text->size = size;
    return 0;
}

int text_load(struct text *text, int fd) {
    int count;
    do {
        if (text_reserve(text, 512) < 0)
            return -1;
        count =
            read(fd, text->bytes + text->used, (int)(text->size - text->used));
        text->used += count > 0 ? (size_t)count : 0;
    } while (count > 0);
    return count;
}

/* Reads ahead if nothing is left. Returns the bytes that are there. */
static int reader_fill(struct reader *reader) {
    if (reader->next < reader->used)
        return reader->used - reader->next;
    reader->next = reader->used = 0;
    int count = read(reader->fd, reader->bytes, reader->unit);
    if (count > 0)
        reader->used = count;
    return count;
}

int reader_line(struct reader *reader, struct text *text) {
    size_t start = text->used;
    int result = 0, count;
    while ((count = reader_fill(reader)) > 0) {
        const char *from = reader->bytes + reader->next;
        const char *newline = memchr(from, '\n', (size_t)count);
        size_t length =
            newline != NULL ? (size_t)(newline + 1 - from) : (size_t)count;
        reader->next += (int)length;
        if (result == 0)
            result = 1;
        if (result > 0 && text_reserve(text, length) < 0)
            result = -1;
        if (result > 0) {
            memcpy(text->bytes + text->used, from, length);
            text->used += length;
        }
        if (newline != NULL)
            break;
    }
    if (result < 0)
        text->used = start;
    return count < 0 ? -1 : result;
}

int text_continues(const struct text *text) {
    size_t backslashes = 0;
    while (backslashes + 1 < text->used &&
           text->bytes[text->used - 2 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

static void writer_sink(void *context, const char *text, size_t length) {
    struct writer *writer = context;
    while (length > 0) {
        size_t room = WRITER_SIZE - writer->used;
        size_t fits = length < room ? length : room;
        memcpy(writer->bytes + writer->used, text, fits);
        writer->used += fits;
        text += fits;
        length -= fits;
        if (writer->used == WRITER_SIZE)
            writer_flush(writer);
    }
}

void writer_add(struct writer *writer, const char *text, size_t length) {
    writer_sink(writer, text, length);
}

void writer_print(struct writer *writer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    format_text(writer_sink, writer, format, arguments);
    va_end(arguments);
}

int writer_flush(struct writer *writer) {
    if (!writer->failed &&
        write_all(writer->fd, writer->bytes, writer->used) < 0)
        writer->failed = 1;
    writer->used = 0;
    return writer->failed ? -1 : 0;
}
