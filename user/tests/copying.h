/* SPDX-License-Identifier: MIT */
/*
 * tests/copying.h: a client with a window, and a server that copies.
 *
 * Use         copying_start(ITEM_READ, 0, 64);   a client waits in a call
 *             copy_expect(COPY_IN, 0, AREA, 8, 0, 8);
 *             copying_end();                     answered, and the client gone
 * Idea        Both sides have the same pages at AREA, each its own, filled with
 *             its own pattern: a byte tells whose it is and where it was.
 * Invariants  HOLE is never mapped.
 */
#ifndef OCTAVO_TESTS_COPYING_H
#define OCTAVO_TESTS_COPYING_H

#include "tests/check.h"
#include "tests/peer.h"

#define AREA 0x800000000ull
#define HOLE 0x900000000ull
#define AREA_SIZE (8ull * PAGE_SIZE)

enum { CLIENT_PATTERN = 0x31, SERVER_PATTERN = 0xa7 };

static struct service copying_service;
static int64_t copying_client;
static bool copying_ready;

/* What the client's call grants: offset in AREA, length, rights. */
static uint64_t window_start, window_length;
static unsigned window_rights;

static inline uint8_t pattern_byte(unsigned pattern, uint64_t offset) {
    return (uint8_t)(pattern + offset * 13 + (offset >> 8) * 7);
}

static inline void area_fill(unsigned pattern) {
    uint8_t *area = (uint8_t *)AREA;
    for (uint64_t i = 0; i < AREA_SIZE; i++)
        area[i] = pattern_byte(pattern, i);
}

/* [offset, +length) of this side's area holds the bytes that the pattern's side
 * had from `source` on. */
static inline void area_expect(uint64_t offset, uint64_t length,
                               uint64_t source, unsigned pattern) {
    const uint8_t *area = (const uint8_t *)AREA;
    for (uint64_t i = 0; i < length; i++)
        if (area[offset + i] != pattern_byte(pattern, source + i))
            check_fail("byte of what was copied", area[offset + i],
                       pattern_byte(pattern, source + i));
}

/* All but [offset, +length) is as area_fill(pattern) left it; pages that are
 * not mapped any more must not be asked about. */
static inline void area_expect_rest(uint64_t offset, uint64_t length,
                                    unsigned pattern) {
    const uint8_t *area = (const uint8_t *)AREA;
    for (uint64_t i = 0; i < AREA_SIZE; i++) {
        if (i == offset)
            i += length;
        if (i < AREA_SIZE && area[i] != pattern_byte(pattern, i))
            check_fail("byte outside of what was copied", area[i],
                       pattern_byte(pattern, i));
    }
}

/* Maps what is missing of the area; the kernel refuses pages that are there. */
static inline void area_map_again(void) {
    for (uint64_t at = 0; at < AREA_SIZE; at += PAGE_SIZE) {
        int64_t got = sys_map(HANDLE_SELF, AREA + at, PAGE_SIZE,
                              PROT_READ | PROT_WRITE | MAP_FIXED, -1, 0);
        if (got != -EEXIST)
            check_ok("map the area", got);
    }
}

static inline void copying_prepare(void) {
    if (copying_ready)
        return;
    area_map_again();
    copying_service = service_make(1);
    copying_ready = true;
}

/* ---- The client's side ---- */

/* Calls with a window of its area and expects an ordinary answer. */
static inline void client_call(uint64_t start, uint64_t length,
                               unsigned rights) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    message_item(&m, 0, AREA + start, item_make(length, ITEM_WINDOW, rights));
    check_equal(
        "call",
        ipc_call(copying_service.session, &m, time_after(CHECK_LIMIT_MS / 2)),
        0);
    check_equal("label of the answer", tag_label(m.tag), 0);
}

static inline void client_plain(uint64_t unused) {
    (void)unused;
    area_fill(CLIENT_PATTERN);
    client_call(window_start, window_length, window_rights);
    if (!(window_rights & ITEM_WRITE))
        area_expect(0, AREA_SIZE, 0, CLIENT_PATTERN);
}

/* ---- The server's side ---- */

static inline void copying_start_arg(void (*client)(uint64_t), uint64_t arg) {
    copying_prepare();
    copying_client = peer_start(client, arg);
}

static inline void copying_start_with(void (*client)(uint64_t)) {
    copying_start_arg(client, 0);
}

static inline void copying_receive(void) {
    struct message m;
    service_receive(copying_service.endpoint, &m, MESSAGE_CALL);
}

/* A client that grants a window with these rights, received. */
static inline void copying_start(unsigned rights, uint64_t start,
                                 uint64_t length) {
    window_rights = rights;
    window_start = start;
    window_length = length;
    copying_start_with(client_plain);
    copying_receive();
}

static inline void copying_end(void) {
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(copying_client);
}

static inline void copy_expect_by(int64_t reply, unsigned what, uint64_t offset,
                                  uint64_t local, uint64_t length,
                                  int64_t error, uint64_t done) {
    struct copy_result got =
        ipc_copy(reply, what, offset, (const void *)local, length);
    check_equal("error of copy", got.error, error);
    check_equal("bytes copied", (int64_t)got.done, (int64_t)done);
}

static inline void copy_expect(unsigned what, uint64_t offset, uint64_t local,
                               uint64_t length, int64_t error, uint64_t done) {
    copy_expect_by(HANDLE_IMPLICIT, what, offset, local, length, error, done);
}

#endif
