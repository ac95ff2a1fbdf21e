/* SPDX-License-Identifier: MIT */
/*
 * servers/console/output.c: the way to the screen; see output.h.
 */
#include "servers/console/output.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/proto.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/ring.h"
#include "servers/common/service.h"
#include "servers/console/uart.h"

enum { WRITERS_MAX = 32 };

struct writer {
    int64_t reply;
    uint64_t length;
    uint64_t done;
    bool window; /* the bytes are in the call's window, else in `bytes` */
    uint8_t bytes[PROTO_INLINE_WRITE];
};

static uint8_t ring_page[RING_SIZE];
static struct ring ring = {.data = ring_page};
static unsigned waiting;
static struct writer writers[WRITERS_MAX]; /* in order of arrival */

/* Sends from the ring; asks for an interrupt exactly while bytes remain. */
static void ring_send(void) {
    static bool room_wanted;
    for (;;) {
        struct span span = ring_bytes(&ring);
        uint64_t sent = uart_write(span.data, span.length);
        ring_take(&ring, sent);
        if (sent < span.length || span.length == 0)
            break;
    }
    ring_rewind(&ring);
    bool wanted = ring_fill(&ring) > 0;
    if (wanted != room_wanted)
        uart_want_room(wanted);
    room_wanted = wanted;
}

/* Brings the next part of a write into the ring. Returns its error. */
static int64_t writer_fill(struct writer *writer) {
    struct span space = ring_space(&ring);
    uint64_t length = writer->length - writer->done;
    if (length > space.length)
        length = space.length;
    struct copy_result copied = {0, length};
    if (writer->window)
        copied =
            ipc_copy(writer->reply, COPY_IN, writer->done, space.data, length);
    else
        memcpy(space.data, writer->bytes + writer->done, length);
    ring_put(&ring, copied.done);
    writer->done += copied.done;
    return copied.error;
}

/* Goes on with a write. Returns the label when it is over, SERVICE_LATER when
 * the ring is full. */
static int64_t writer_continue(struct writer *writer) {
    int64_t error = 0;
    while (error >= 0 && writer->done < writer->length) {
        if (ring_room(&ring) == 0)
            return SERVICE_LATER;
        error = writer_fill(writer);
        ring_send();
    }
    return writer->done > 0 || error >= 0 ? (int64_t)writer->done
                                          : service_copy_error(error);
}

static int64_t writer_save(const struct writer *writer) {
    if (waiting == WRITERS_MAX)
        return -EAGAIN;
    int64_t reply = ipc_reply_save();
    if (reply < 0)
        return reply;
    writers[waiting] = *writer;
    writers[waiting++].reply = reply;
    return SERVICE_LATER;
}

int64_t output_write(const struct message *m) {
    struct writer writer = {.reply = HANDLE_IMPLICIT,
                            .length = m->words[0],
                            .window = tag_items(m->tag) > 0};
    if (writer.window ? writer.length > item_length(m->item_desc)
                      : writer.length > PROTO_INLINE_WRITE)
        return -EINVAL;
    /* A reply's label is 31 bits of count. */
    if (writer.length > INT32_MAX)
        return -EINVAL;
    if (!writer.window)
        memcpy(writer.bytes, &m->words[1], PROTO_INLINE_WRITE);
    int64_t label = waiting == 0 ? writer_continue(&writer) : SERVICE_LATER;
    return label == SERVICE_LATER ? writer_save(&writer) : label;
}

void output_text(const char *text, uint64_t length) {
    if (length > ring_room(&ring))
        length = ring_room(&ring);
    ring_append(&ring, text, length);
    ring_send();
}

void output_continue(void) {
    ring_send();
    while (waiting > 0) {
        int64_t label = writer_continue(&writers[0]);
        if (label == SERVICE_LATER)
            return;
        service_reply(writers[0].reply, label);
        waiting--;
        memmove(&writers[0], &writers[1], waiting * sizeof(writers[0]));
    }
}
