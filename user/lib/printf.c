/* SPDX-License-Identifier: MIT */
/*
 * lib/printf.c: formatted text to descriptors and into buffers.
 */
#include "lib/printf.h"

#include <stdbool.h>

#include "lib/file.h"
#include "lib/format.h"
#include "lib/string.h"

enum { BUFFER_SIZE = 512 };

struct stream {
    int fd;
    bool failed;
    int made;    /* bytes, also those that could not be written */
    size_t used; /* of the buffer */
    char buffer[BUFFER_SIZE];
};

struct area {
    char *to;
    size_t size;
    size_t made; /* bytes, also those that did not fit */
};

static void stream_flush(struct stream *stream) {
    size_t done = 0;
    while (done < stream->used && !stream->failed) {
        int64_t count =
            file_write(stream->fd, stream->buffer + done, stream->used - done);
        if (count <= 0)
            stream->failed = true;
        else
            done += (size_t)count;
    }
    stream->used = 0;
}

static void stream_add(void *context, const char *text, size_t length) {
    struct stream *stream = context;
    stream->made += (int)length;
    while (length > 0) {
        size_t room = BUFFER_SIZE - stream->used;
        size_t fits = length < room ? length : room;
        memcpy(stream->buffer + stream->used, text, fits);
        stream->used += fits;
        text += fits;
        length -= fits;
        if (stream->used == BUFFER_SIZE)
            stream_flush(stream);
    }
}

static void area_add(void *context, const char *text, size_t length) {
    struct area *area = context;
    if (area->made + 1 < area->size) {
        size_t room = area->size - 1 - area->made;
        memcpy(area->to + area->made, text, length < room ? length : room);
    }
    area->made += length;
}

int vfprintf(int fd, const char *format, va_list arguments) {
    struct stream stream;
    stream.fd = fd;
    stream.failed = false;
    stream.made = 0;
    stream.used = 0;
    format_text(stream_add, &stream, format, arguments);
    stream_flush(&stream);
    return stream.failed ? -1 : stream.made;
}

int fprintf(int fd, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int made = vfprintf(fd, format, arguments);
    va_end(arguments);
    return made;
}

int printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int made = vfprintf(1, format, arguments);
    va_end(arguments);
    return made;
}

int vsnprintf(char *to, size_t size, const char *format, va_list arguments) {
    struct area area = {to, size, 0};
    format_text(area_add, &area, format, arguments);
    if (size > 0)
        to[area.made < size ? area.made : size - 1] = 0;
    return (int)area.made;
}

int snprintf(char *to, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int made = vsnprintf(to, size, format, arguments);
    va_end(arguments);
    return made;
}
