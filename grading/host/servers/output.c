/* SPDX-License-Identifier: MIT */
/*
 * host/servers/output.c: the console's output through a port that is slow.
 *
 * QEMU's port always has room, so the waiting is tested here: the test plays
 * the port, which takes a random few bytes at a time, and the kernel. Every
 * byte of every write must come out once, in the order of the writes, and an
 * interrupt must have been asked for whenever something waits.
 */
#include <stdbool.h>
#include <string.h>

#include "abi/errno.h"
#include "check.h"
#include "lib/proto.h"
#include "servers/common/service.h"
#include "servers/console/output.h"
#include "servers/console/uart.h"

enum {
    CALLS = 40,
    BUFFER = 12000,
    HANDLE_FIRST = 100,
    SENT_MAX = 1 << 24,
    STEPS = 40000,
};

struct call {
    bool used, dead, saved, window;
    uint64_t length, bad_from;
    int64_t label;
    uint8_t buffer[BUFFER];
};

static struct call calls[CALLS], *current;
static uint8_t *want, *sent; /* what must come out, and what did */
static uint64_t want_count, sent_count, port_room, seed = 99;
static bool room_wanted;

/* ---- The port ---- */

uint64_t uart_write(const uint8_t *bytes, uint64_t count) {
    uint64_t taken = count < port_room ? count : port_room;
    CHECK(sent_count + taken < SENT_MAX);
    memcpy(sent + sent_count, bytes, taken);
    sent_count += taken;
    port_room -= taken;
    return taken;
}

void uart_want_room(bool wanted) {
    CHECK(room_wanted != wanted);
    room_wanted = wanted;
}

/* ---- The kernel ---- */

static struct call *call_of(int64_t handle) {
    return handle == HANDLE_IMPLICIT ? current : &calls[handle - HANDLE_FIRST];
}

int64_t ipc_reply_save(void) {
    CHECK(current && !current->saved);
    current->saved = true;
    return HANDLE_FIRST + (current - calls);
}

struct copy_result ipc_copy(int64_t handle, unsigned what, uint64_t offset,
                            const void *local, uint64_t length) {
    struct call *call = call_of(handle);
    CHECK(what == COPY_IN && call->used && call->window);
    if (call->dead)
        return (struct copy_result){-EPIPE, 0};
    CHECK(offset + length <= call->length);
    uint64_t good = call->bad_from > offset ? call->bad_from - offset : 0;
    uint64_t count = length < good ? length : good;
    memcpy((void *)(uintptr_t)local, call->buffer + offset, count);
    memcpy(want + want_count, call->buffer + offset, count);
    want_count += count;
    return (struct copy_result){count < length ? -EPFAULT : 0, count};
}

static void call_end(struct call *call, int64_t label) {
    CHECK(call->used);
    call->used = false;
    call->label = label;
    uint64_t good =
        call->bad_from < call->length ? call->bad_from : call->length;
    if (!call->dead)
        CHECK(label == (good > 0 ? (int64_t)good : -EFAULT));
}

void service_reply(int64_t reply, int64_t label) {
    call_end(call_of(reply), label);
}

/* ---- The clients ---- */

static uint8_t next_byte(void) {
    static uint64_t n;
    return (uint8_t)(n++ % 251);
}

/* Inline bytes are wanted from the moment the write is accepted. */
static int64_t call_make(struct call *call, uint64_t length, uint64_t bad) {
    *call = (struct call){.used = true,
                          .window = length > PROTO_INLINE_WRITE,
                          .length = length,
                          .bad_from = bad};
    for (uint64_t i = 0; i < length; i++)
        call->buffer[i] = next_byte();
    struct message m = {.tag = tag_make(FILE_WRITE, 8, 0, 0),
                        .words = {length}};
    if (call->window) {
        m.tag = tag_make(FILE_WRITE, 1, 0, 1);
        m.item_desc = item_make(length, ITEM_WINDOW, ITEM_READ);
    } else {
        memcpy(&m.words[1], call->buffer, length);
        call->bad_from = UINT64_MAX;
    }
    current = call;
    int64_t label = output_write(&m);
    current = NULL;
    if (label == -EAGAIN) {
        call->used = false;
        return label;
    }
    if (label != SERVICE_LATER)
        call_end(call, label);
    return label;
}

static bool anyone_waits(void) {
    for (unsigned i = 0; i < CALLS; i++) {
        if (calls[i].used)
            return true;
    }
    return false;
}

/* The port has room again, and interrupts if it was asked to. */
static void port_ready(uint64_t room) {
    port_room = room;
    if (room_wanted)
        output_continue();
}

static void drain(void) {
    for (int i = 0; anyone_waits() || room_wanted; i++) {
        CHECK(i < 1 << 20);
        CHECK(room_wanted); /* else nobody would ever wake it */
        port_ready(1 + random_next(&seed) % 500);
    }
}

/* Windows only: what was wanted is noted as it is copied, in order. */
static void test_windows(void) {
    for (int step = 0; step < STEPS; step++) {
        struct call *call = &calls[random_next(&seed) % CALLS];
        uint64_t length = 57 + random_next(&seed) % (BUFFER / 8);
        uint64_t bad = random_next(&seed) % 20
                           ? UINT64_MAX
                           : random_next(&seed) % (2 * length);
        if (want_count + BUFFER > SENT_MAX / 2)
            break;
        if (!call->used)
            (void)call_make(call, length, bad);
        else if (random_next(&seed) % 4 == 0)
            call->dead = true;
        port_ready(random_next(&seed) % 900);
        CHECK(room_wanted || !anyone_waits());
    }
    drain();
    CHECK(want_count == sent_count && want_count > 1 << 20);
    CHECK(memcmp(want, sent, want_count) == 0);
}

/* Short writes, long ones and echo keep their order. */
static void test_order(void) {
    static uint8_t all[BUFFER * 3];
    uint64_t start = sent_count, at = 0;
    port_room = 10;
    for (unsigned i = 0; i < 30; i++) {
        uint64_t length = i % 3 ? 1 + i : 300 + i;
        CHECK(call_make(&calls[i], length, UINT64_MAX) != -EAGAIN);
        memcpy(all + at, calls[i].buffer, length);
        at += length;
    }
    drain();
    CHECK(sent_count - start == at && memcmp(sent + start, all, at) == 0);
    for (unsigned i = 0; i < 30; i++)
        CHECK(calls[i].label == (i % 3 ? 1 + (int64_t)i : 300 + (int64_t)i));
}

/* Room in the ring that echo made is for those who wait, not for a newcomer. */
static void test_overtaking(void) {
    port_room = 0;
    CHECK(call_make(&calls[0], 4096, UINT64_MAX) == 4096);
    CHECK(call_make(&calls[1], 50, UINT64_MAX) == SERVICE_LATER);
    port_room = 100;
    output_text("", 0);
    CHECK(call_make(&calls[2], 1, UINT64_MAX) == SERVICE_LATER);
    drain();
    CHECK(memcmp(sent + sent_count - 51, calls[1].buffer, 50) == 0);
    CHECK(sent[sent_count - 1] == calls[2].buffer[0]);
}

/* With the port stuck, the ring fills, then writers wait, then they are turned
 * away; echo is dropped; nothing breaks and all goes on afterwards. */
static void test_stuck(void) {
    unsigned waiting = 0;
    port_room = 0;
    int64_t label = call_make(&calls[0], 4096, UINT64_MAX);
    CHECK(label == 4096); /* the ring took it */
    while (waiting + 1 < CALLS &&
           (label = call_make(&calls[1 + waiting], 10, UINT64_MAX)) ==
               SERVICE_LATER)
        waiting++;
    CHECK(label == -EAGAIN && waiting >= 16);
    uint64_t before = sent_count;
    output_text("echo", 4);
    drain();
    CHECK(sent_count == before + 4096 + 10 * waiting); /* and no echo */
    before = sent_count;
    port_room = 100;
    output_text("echo", 4);
    CHECK(sent_count == before + 4 && memcmp(sent + before, "echo", 4) == 0);
}

static void test_malformed(void) {
    struct message m = {.tag = tag_make(FILE_WRITE, 1, 0, 0), .words = {57}};
    CHECK(output_write(&m) == -EINVAL);
    m.words[0] = UINT64_MAX;
    CHECK(output_write(&m) == -EINVAL);
    m.tag = tag_make(FILE_WRITE, 1, 0, 1);
    m.item_desc = item_make(100, ITEM_WINDOW, ITEM_READ);
    m.words[0] = 101;
    CHECK(output_write(&m) == -EINVAL);
    m.item_desc = item_make(ITEM_LENGTH_MASK, ITEM_WINDOW, ITEM_READ);
    m.words[0] = (uint64_t)INT32_MAX + 1;
    CHECK(output_write(&m) == -EINVAL);
}

int main(void) {
    want = malloc(SENT_MAX);
    sent = malloc(SENT_MAX);
    test_windows();
    test_order();
    test_overtaking();
    test_stuck();
    test_malformed();
    free(want);
    free(sent);
    return 0;
}
