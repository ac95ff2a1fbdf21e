/* SPDX-License-Identifier: MIT */
/*
 * host/servers/pipe.c: pipes under random readers and writers who get killed.
 *
 * The test plays the kernel: a call is a record with a buffer; replies and
 * copies to a dead call fail as the kernel's do. Each write's bytes are known,
 * so each byte that comes out is checked: none lost, none twice, in order of
 * the writes. What a killed writer had handed over by then counts.
 */
#include <stdbool.h>
#include <string.h>

#include "abi/errno.h"
#include "check.h"
#include "servers/common/service.h"
#include "servers/pipe/pipe.h"

enum {
    CALLS = 64,
    WRITES = 1 << 16,
    BUFFER = 3 * RING_SIZE,
    HANDLE_FIRST = 100, /* the saved reply of call 0 */
    STEPS = 100000,
};

struct call {
    bool used, dead, saved, window;
    enum pipe_end end;
    uint64_t length;
    uint64_t bad_from; /* offset at which the buffer is not accessible */
    unsigned write;    /* number of the write */
    uint64_t done_seen;
    uint8_t buffer[BUFFER];
};

/* A write that has begun; `length` is what counts once it is over. */
struct write {
    bool over;
    uint64_t length;
};

static struct call calls[CALLS], *current; /* current: the newest call's */
static struct write writes[WRITES];
static unsigned writes_begun, write_at;
static uint64_t write_offset, bytes_read;
static struct pipe *pipe_under_test;

static uint8_t byte_of(unsigned write, uint64_t offset) {
    return (uint8_t)((write * 37 + offset * 11 + (offset >> 8)) % 251);
}

/* ---- The kernel's part ---- */

static struct call *call_of(int64_t handle) {
    if (handle == HANDLE_IMPLICIT)
        return current;
    CHECK(handle >= HANDLE_FIRST && handle < HANDLE_FIRST + CALLS);
    struct call *call = &calls[handle - HANDLE_FIRST];
    CHECK(call->used && call->saved);
    return call;
}

/* The bytes that reached a reader. */
static void read_check(const uint8_t *bytes, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        while (writes[write_at].over &&
               writes[write_at].length == write_offset) {
            write_at++;
            write_offset = 0;
        }
        CHECK(write_at < writes_begun);
        CHECK(bytes[i] == byte_of(write_at, write_offset++));
    }
    bytes_read += count;
}

static void call_end(struct call *call, int64_t label,
                     const struct message *m) {
    call->used = false;
    if (call->end == END_WRITE) {
        writes[call->write].over = true;
        writes[call->write].length = label > 0 ? (uint64_t)label : 0;
        CHECK(label <= (int64_t)call->length && label != 0);
        return;
    }
    if (call->dead || label <= 0)
        return;
    CHECK((uint64_t)label <= call->length);
    if (!call->window)
        memcpy(call->buffer, m->words, (uint64_t)label);
    read_check(call->buffer, (uint64_t)label);
}

int64_t ipc_reply(int64_t reply, const struct message *m) {
    struct call *call = call_of(reply);
    bool dead = call->dead;
    call_end(call, tag_label(m->tag), m);
    return dead ? -EPIPE : 0;
}

int64_t ipc_reply_save(void) {
    CHECK(current && !current->saved);
    current->saved = true;
    int64_t handle = HANDLE_FIRST + (current - calls);
    current = NULL;
    return handle;
}

int64_t sys_handle_close(int64_t handle) {
    struct call *call = &calls[handle - HANDLE_FIRST];
    if (!call->used)
        return -EBADF; /* the reply that failed closed it */
    CHECK(call->dead);
    call->used = false;
    if (call->end == END_WRITE)
        writes[call->write] = (struct write){true, call->done_seen};
    return 0;
}

struct copy_result ipc_copy(int64_t handle, unsigned what, uint64_t offset,
                            const void *local, uint64_t length) {
    struct call *call = call_of(handle);
    if (call->dead)
        return (struct copy_result){-EPIPE, 0};
    if (!call->window)
        return (struct copy_result){-EINVAL, 0};
    CHECK(offset + length <= call->length);
    uint64_t good = call->bad_from > offset ? call->bad_from - offset : 0;
    uint64_t count = length < good ? length : good;
    CHECK(what == (call->end == END_READ ? COPY_OUT : COPY_IN));
    if (what == COPY_IN)
        memcpy((void *)(uintptr_t)local, call->buffer + offset, count);
    else
        memcpy(call->buffer + offset, local, count);
    return (struct copy_result){count < length ? -EPFAULT : 0, count};
}

void service_reply(int64_t reply, int64_t label) {
    struct message m = {.tag = tag_make((int32_t)label, 0, 0, 0)};
    (void)ipc_reply(reply, &m);
}

int service_waits(int64_t reply) {
    return !call_of(reply)->dead;
}

/* ---- The clients' part ---- */

static struct call *call_new(void) {
    for (unsigned i = 0; i < CALLS; i++) {
        if (!calls[i].used)
            return &calls[i];
    }
    return NULL;
}

/* What has left each waiting writer, should it be dropped. */
static void progress_note(void) {
    struct queue *queue = &pipe_under_test->waiting[END_WRITE];
    for (unsigned i = 0; i < queue->count; i++)
        call_of(queue->transfers[i].reply)->done_seen =
            queue->transfers[i].done;
}

static struct message call_message(const struct call *call) {
    struct message m = {.words = {call->length}};
    if (call->window) {
        m.tag = tag_make(0, 1, 0, 1);
        m.item_desc = item_make(call->length, ITEM_WINDOW, ITEM_READ);
    } else if (call->end == END_WRITE) {
        memcpy(&m.words[1], call->buffer, call->length);
    }
    return m;
}

static void call_make(struct call *call, enum pipe_end end, uint64_t length,
                      uint64_t bad_from) {
    uint64_t inline_max =
        end == END_READ ? PROTO_INLINE_READ : PROTO_INLINE_WRITE;
    *call = (struct call){.used = true,
                          .window = length > inline_max,
                          .end = end,
                          .length = length,
                          .bad_from = bad_from,
                          .write = writes_begun};
    if (end == END_WRITE) {
        CHECK(writes_begun < WRITES);
        writes[writes_begun++] = (struct write){false, 0};
        for (uint64_t i = 0; i < length; i++)
            call->buffer[i] = byte_of(call->write, i);
    }
    struct message m = call_message(call);
    progress_note();
    current = call;
    int64_t label = end == END_READ ? pipe_read(pipe_under_test, &m)
                                    : pipe_write(pipe_under_test, &m);
    if (label == SERVICE_MESSAGE)
        call_end(call, tag_label(m.tag), &m);
    else if (label != SERVICE_LATER)
        call_end(call, label, &m);
    current = NULL;
}

/* P1, and the ring's own invariant. */
static void pipe_check(const struct pipe *pipe) {
    CHECK(ring_fill(&pipe->ring) <= RING_SIZE);
    if (pipe->waiting[END_READ].count > 0)
        CHECK(ring_fill(&pipe->ring) == 0 && pipe->open[END_WRITE]);
    if (pipe->waiting[END_WRITE].count > 0)
        CHECK(ring_room(&pipe->ring) == 0 && pipe->open[END_READ]);
}

static uint64_t random_length(uint64_t *random) {
    switch (random_next(random) % 3) {
    case 0:
        return 1 + random_next(random) % 8;
    case 1:
        return 1 + random_next(random) % 100;
    default:
        return 1 + random_next(random) % BUFFER;
    }
}

static void kill_one(uint64_t *random) {
    struct call *call = &calls[random_next(random) % CALLS];
    if (call->used)
        call->dead = true;
}

static void random_step(uint64_t *random) {
    struct call *call = call_new();
    uint64_t pick = random_next(random) % 100;
    uint64_t length = random_length(random);
    uint64_t bad =
        random_next(random) % 50 ? UINT64_MAX : random_next(random) % BUFFER;
    if (pick < 45 && call)
        call_make(call, END_READ, length, bad);
    else if (pick < 90 && call)
        call_make(call, END_WRITE, length, bad);
    else if (pick < 98)
        kill_one(random);
    else {
        progress_note();
        pipe_drop_gone(pipe_under_test);
    }
}

/* All of an end's clients die and the end is closed. */
static void end_close(struct pipe *pipe, enum pipe_end end) {
    for (unsigned i = 0; i < CALLS; i++) {
        if (calls[i].used && calls[i].end == end)
            calls[i].dead = true;
    }
    progress_note();
    pipe_close_end(pipe, end);
    CHECK(pipe->waiting[end].count == 0);
}

static void pipe_begin(struct pipe *pipe) {
    CHECK(pipe_free(pipe) && pipe->waiting[0].count == 0 &&
          pipe->waiting[1].count == 0);
    pipe_open(pipe);
    memset(calls, 0, sizeof(calls));
    writes_begun = write_at = 0;
    write_offset = bytes_read = 0;
}

static void test_random(struct pipe *pipe) {
    uint64_t random = 424242;
    pipe_begin(pipe);
    for (int i = 0; i < STEPS; i++) {
        random_step(&random);
        pipe_check(pipe);
    }
    CHECK(bytes_read > 1000 * RING_SIZE);
    end_close(pipe, END_WRITE);
    while (ring_fill(&pipe->ring) > 0)
        call_make(call_new(), END_READ, BUFFER, UINT64_MAX);
    for (; write_at < writes_begun; write_at++, write_offset = 0)
        CHECK(writes[write_at].over && writes[write_at].length == write_offset);
    end_close(pipe, END_READ);
}

/* A reader that was killed in its sleep loses nothing for the next one. */
static void test_dead_reader(struct pipe *pipe) {
    pipe_begin(pipe);
    call_make(&calls[0], END_READ, 8, UINT64_MAX);
    call_make(&calls[1], END_READ, 1000, UINT64_MAX);
    CHECK(pipe->waiting[END_READ].count == 2);
    calls[0].dead = calls[1].dead = true;
    call_make(&calls[2], END_WRITE, 50, UINT64_MAX);
    CHECK(ring_fill(&pipe->ring) == 50 && bytes_read == 0);
    call_make(&calls[0], END_READ, 64, UINT64_MAX);
    CHECK(bytes_read == 50);
    end_close(pipe, END_READ);
    end_close(pipe, END_WRITE);
}

static int64_t label_of(struct pipe *pipe, enum pipe_end end, uint64_t length) {
    struct call call = {.used = true, .end = end, .length = length};
    struct message m = call_message(&call);
    current = &call;
    int64_t label =
        end == END_READ ? pipe_read(pipe, &m) : pipe_write(pipe, &m);
    return label == SERVICE_MESSAGE ? tag_label(m.tag) : label;
}

static void test_ends(struct pipe *pipe) {
    pipe_begin(pipe);
    CHECK(label_of(pipe, END_WRITE, 0) == 0);
    CHECK(label_of(pipe, END_READ, 0) == 0);
    call_make(&calls[0], END_WRITE, 5, UINT64_MAX);
    end_close(pipe, END_WRITE);
    call_make(&calls[0], END_READ, 5,
              UINT64_MAX); /* what was written is read */
    CHECK(bytes_read == 5);
    CHECK(label_of(pipe, END_READ, 5) == 0); /* then the end */
    end_close(pipe, END_READ);
    pipe_begin(pipe);
    end_close(pipe, END_READ);
    CHECK(label_of(pipe, END_WRITE, 5) == -EPIPE);
    end_close(pipe, END_WRITE);
    CHECK(pipe_free(pipe));
}

/* A reader that waits sees the end when the last writer goes. */
static void test_end_wakes(struct pipe *pipe) {
    pipe_begin(pipe);
    call_make(&calls[0], END_READ, 5, UINT64_MAX);
    CHECK(calls[0].used);
    end_close(pipe, END_WRITE);
    CHECK(!calls[0].used && bytes_read == 0);
    end_close(pipe, END_READ);
    pipe_begin(pipe);
    call_make(&calls[0], END_WRITE, RING_SIZE + 1, UINT64_MAX);
    call_make(&calls[1], END_WRITE, 5, UINT64_MAX);
    CHECK(calls[0].used && calls[1].used);
    end_close(pipe, END_READ);
    CHECK(!calls[0].used && writes[0].length == RING_SIZE);
    CHECK(!calls[1].used && writes[1].length == 0);
    end_close(pipe, END_WRITE);
}

/* Too many waiters are turned away, and dead ones make room. */
static void test_crowd(struct pipe *pipe) {
    pipe_begin(pipe);
    for (unsigned i = 0; i < WAITERS_PER_END; i++)
        call_make(&calls[i], END_READ, 5, UINT64_MAX);
    CHECK(label_of(pipe, END_READ, 5) == -EAGAIN);
    calls[3].dead = true;
    call_make(&calls[20], END_READ, 5, UINT64_MAX);
    CHECK(calls[20].used && !calls[3].used);
    end_close(pipe, END_READ);
    end_close(pipe, END_WRITE);
}

static void test_malformed(struct pipe *pipe) {
    pipe_begin(pipe);
    CHECK(label_of(pipe, END_READ, PROTO_INLINE_READ + 1) == -EINVAL);
    struct message m = {.words = {101},
                        .tag = tag_make(0, 1, 0, 1),
                        .item_desc = item_make(100, ITEM_WINDOW, ITEM_READ)};
    CHECK(pipe_write(pipe, &m) == -EINVAL && pipe_read(pipe, &m) == -EINVAL);
    m.words[0] = UINT64_MAX;
    CHECK(pipe_write(pipe, &m) == -EINVAL && pipe_read(pipe, &m) == -EINVAL);
    end_close(pipe, END_READ);
    end_close(pipe, END_WRITE);
}

int main(void) {
    struct pipe pipe = {.ring = {.data = malloc(RING_SIZE)}};
    pipe_under_test = &pipe;
    test_random(&pipe);
    test_dead_reader(&pipe);
    test_ends(&pipe);
    test_end_wakes(&pipe);
    test_crowd(&pipe);
    test_malformed(&pipe);
    free(pipe.ring.data);
    return 0;
}
