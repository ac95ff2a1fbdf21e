/* SPDX-License-Identifier: MIT */
/*
 * servers/pipe/pipe.c: moving bytes through a pipe; see pipe.h.
 */
#include "servers/pipe/pipe.h"

#include <stddef.h>

#include "abi/errno.h"
#include "lib/string.h"
#include "lib/syscall.h"
#include "servers/common/service.h"

/* Transfers that wait, at all pipes. */
static unsigned waiters;

void pipe_open(struct pipe *pipe) {
    pipe->open[END_READ] = pipe->open[END_WRITE] = true;
    pipe->ring.head = pipe->ring.tail = 0;
}

static void queue_remove(struct queue *queue, unsigned index) {
    unsigned behind = --queue->count - index;
    waiters--;
    if (behind == 0)
        return;
    memmove(&queue->transfers[index], &queue->transfers[index + 1],
            behind * sizeof(queue->transfers[0]));
    memmove(&queue->bytes[index], &queue->bytes[index + 1],
            behind * sizeof(queue->bytes[0]));
}

static void queue_drop_gone(struct queue *queue) {
    for (unsigned i = 0; i < queue->count;) {
        if (service_waits(queue->transfers[i].reply)) {
            i++;
            continue;
        }
        sys_handle_close(queue->transfers[i].reply);
        queue_remove(queue, i);
    }
}

/* `bytes` are those of an inline write, else NULL. */
static int64_t queue_add(struct queue *queue, const struct transfer *transfer,
                         const void *bytes) {
    if (queue->count == WAITERS_PER_END)
        queue_drop_gone(queue);
    if (queue->count == WAITERS_PER_END || waiters == WAITERS_MAX)
        return -EAGAIN;
    int64_t reply = ipc_reply_save();
    if (reply < 0)
        return reply;
    queue->transfers[queue->count] = *transfer;
    queue->transfers[queue->count].reply = reply;
    if (bytes)
        memcpy(queue->bytes[queue->count], bytes, PROTO_INLINE_WRITE);
    queue->count++;
    waiters++;
    return SERVICE_LATER;
}

static uint64_t minimum(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Copies ring bytes into a reader's window, in two pieces if they wrap. */
static struct copy_result window_fill(const struct ring *ring,
                                      const struct transfer *reader,
                                      uint64_t count) {
    struct span span = ring_bytes(ring);
    uint64_t first = minimum(span.length, count);
    struct copy_result copied =
        ipc_copy(reader->reply, COPY_OUT, 0, span.data, first);
    if (copied.error < 0 || first == count)
        return copied;
    struct copy_result rest =
        ipc_copy(reader->reply, COPY_OUT, first, ring->data, count - first);
    return (struct copy_result){rest.error, first + rest.done};
}

/*
 * Makes *m the answer to a read of what the ring has, in words or in the
 * reader's window; the bytes stay in the ring. Returns their number, or the
 * error that the reader is to be told.
 */
static int64_t reader_fill(const struct ring *ring,
                           const struct transfer *reader, struct message *m) {
    uint64_t count = minimum(reader->length, ring_fill(ring));
    unsigned words = 0;
    if (reader->window) {
        struct copy_result copied = window_fill(ring, reader, count);
        if (copied.done == 0 && copied.error < 0)
            return service_copy_error(copied.error);
        count = copied.done;
    } else {
        ring_peek(ring, m->words, count);
        words = (unsigned)(count + 7) / 8;
    }
    m->tag = tag_make((int32_t)count, words, 0, 0);
    return (int64_t)count;
}

static void bytes_take(struct ring *ring, uint64_t count) {
    ring_take(ring, count);
    ring_rewind(ring);
}

/* Answers a reader that waited, with the end of the file if there is nothing.
 * Bytes are taken only if it was there to get them (P2). */
static void reader_answer(struct ring *ring, const struct transfer *reader) {
    struct message m;
    int64_t count = reader_fill(ring, reader, &m);
    if (count < 0)
        service_reply(reader->reply, count);
    else if (ipc_reply(reader->reply, &m) >= 0)
        bytes_take(ring, (uint64_t)count);
    else
        sys_handle_close(reader->reply);
}

/* Brings as much of a write into the ring as fits, from `bytes` if it has no
 * window. Returns its error. */
static int64_t writer_fill(struct ring *ring, struct transfer *writer,
                           const uint8_t *bytes) {
    while (writer->done < writer->length && ring_room(ring) > 0) {
        uint64_t count =
            minimum(writer->length - writer->done, ring_room(ring));
        if (!writer->window) {
            ring_append(ring, bytes + writer->done, count);
            writer->done += count;
            continue;
        }
        struct span span = ring_space(ring);
        struct copy_result copied =
            ipc_copy(writer->reply, COPY_IN, writer->done, span.data,
                     minimum(count, span.length));
        ring_put(ring, copied.done);
        writer->done += copied.done;
        if (copied.error < 0)
            return copied.error;
    }
    return 0;
}

/* The label of a write that cannot go on: what was written counts first. */
static int64_t writer_label(const struct transfer *writer, int64_t error) {
    return writer->done > 0 || error >= 0 ? (int64_t)writer->done
                                          : service_copy_error(error);
}

/* Serves the readers while there is something for them. True: some left. */
static bool readers_run(struct pipe *pipe) {
    struct queue *queue = &pipe->waiting[END_READ];
    bool moved = false;
    while (queue->count > 0 &&
           (ring_fill(&pipe->ring) > 0 || !pipe->open[END_WRITE])) {
        reader_answer(&pipe->ring, &queue->transfers[0]);
        queue_remove(queue, 0);
        moved = true;
    }
    return moved;
}

/* Lets the writers fill the ring. True: bytes moved, or some left. */
static bool writers_run(struct pipe *pipe) {
    struct queue *queue = &pipe->waiting[END_WRITE];
    bool moved = false;
    while (queue->count > 0) {
        struct transfer *writer = &queue->transfers[0];
        uint64_t before = writer->done;
        int64_t error = pipe->open[END_READ]
                            ? writer_fill(&pipe->ring, writer, queue->bytes[0])
                            : -EPIPE;
        moved = moved || writer->done != before;
        if (error >= 0 && writer->done < writer->length)
            break;
        service_reply(writer->reply, writer_label(writer, error));
        queue_remove(queue, 0);
        moved = true;
    }
    return moved;
}

static void pipe_run(struct pipe *pipe) {
    while (readers_run(pipe) | writers_run(pipe))
        ;
}

/* The read or write that a message asks for. False: it is malformed. */
static bool transfer_set(struct transfer *transfer, const struct message *m,
                         uint64_t inline_max) {
    transfer->reply = HANDLE_IMPLICIT;
    transfer->length = m->words[0];
    transfer->done = 0;
    transfer->window = tag_items(m->tag) > 0;
    /* A reply's label is 31 bits of count. */
    return transfer->length <= INT32_MAX &&
           transfer->length <=
               (transfer->window ? item_length(m->item_desc) : inline_max);
}

int64_t pipe_read(struct pipe *pipe, struct message *m) {
    struct transfer reader;
    if (!transfer_set(&reader, m, PROTO_INLINE_READ))
        return -EINVAL;
    if (reader.length == 0)
        return 0;
    if (ring_fill(&pipe->ring) == 0 && pipe->open[END_WRITE])
        return queue_add(&pipe->waiting[END_READ], &reader, NULL);
    int64_t count = reader_fill(&pipe->ring, &reader, m);
    if (count < 0)
        return count;
    bytes_take(&pipe->ring, (uint64_t)count);
    if (pipe->waiting[END_WRITE].count > 0)
        pipe_run(pipe);
    return SERVICE_MESSAGE;
}

/* A short write for which there is room: the common case, straight from the
 * message into the ring. */
static bool write_short(struct pipe *pipe, const struct message *m) {
    uint64_t length = m->words[0];
    if (tag_items(m->tag) > 0 || length > PROTO_INLINE_WRITE ||
        length > ring_room(&pipe->ring) || !pipe->open[END_READ])
        return false;
    ring_append(&pipe->ring, &m->words[1], length);
    /* There was room, so no writer waits (P1). */
    readers_run(pipe);
    return true;
}

/*
 * Any other write puts into the ring what fits, and queues up behind the
 * others with the rest; then whoever can go on does.
 */
static int64_t write_long(struct pipe *pipe, const struct message *m) {
    struct transfer writer;
    if (!transfer_set(&writer, m, PROTO_INLINE_WRITE))
        return -EINVAL;
    const void *bytes = writer.window ? NULL : &m->words[1];
    if (!pipe->open[END_READ])
        return -EPIPE;
    /* With others waiting the ring is full (P1): nobody is overtaken. */
    int64_t error = writer_fill(&pipe->ring, &writer, bytes);
    int64_t label = writer_label(&writer, error);
    if (error >= 0 && writer.done < writer.length) {
        int64_t later = queue_add(&pipe->waiting[END_WRITE], &writer, bytes);
        label = later == SERVICE_LATER ? later : writer_label(&writer, later);
    }
    pipe_run(pipe);
    return label;
}

int64_t pipe_write(struct pipe *pipe, const struct message *m) {
    if (write_short(pipe, m))
        return (int64_t)m->words[0];
    return write_long(pipe, m);
}

void pipe_drop_gone(struct pipe *pipe) {
    queue_drop_gone(&pipe->waiting[END_READ]);
    queue_drop_gone(&pipe->waiting[END_WRITE]);
}

void pipe_close_end(struct pipe *pipe, enum pipe_end end) {
    pipe->open[end] = false;
    /* No call is open on a session that is closed: all who waited are dead. */
    queue_drop_gone(&pipe->waiting[end]);
    pipe_run(pipe);
}
