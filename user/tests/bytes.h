/* SPDX-License-Identifier: MIT */
/*
 * tests/bytes.h: one message with bytes, looked at from both sides.
 *
 * Idea        A point is a length, a place within a page, and whether the bytes
 *             are given away. Client and server go through the same points, so
 *             each knows what the other does:
 *
 *               client                          server
 *               fills, sends               -->  finds the bytes, and zeros
 *                                               around them; writes over them
 *               has what it had, or not;   <--  answers
 *               writes over what it has
 *               asks for a second look     -->  has what it wrote
 *
 *             What is expected of a point is worked out here, not with the
 *             library's functions.
 * Use         bytes_start(client);    a peer, which calls points_send()
 *             points_serve(sizes, count, &source);
 *             bytes_end();
 */
#ifndef OCTAVO_TESTS_BYTES_H
#define OCTAVO_TESTS_BYTES_H

#include "lib/bytes.h"
#include "lib/safe.h"
#include "tests/paging.h"

enum {
    MOST = 1 << 20, /* bytes that the server takes */
    OPERATION = 5,
    SECOND_LOOK = 6,
    CANARY = 0xc7,
    ROOM = 2 * PAGE_SIZE, /* of a source before and behind the bytes */
    STRIDE = 509,         /* between the bytes looked at in long messages */
};

struct point {
    uint64_t length;
    uint64_t offset; /* of the first byte in its page */
    unsigned flags;
};

/* Where the client's bytes come from. */
struct source {
    /* Returns a page with ROOM before it and enough behind for the point. */
    uint8_t *(*make)(const struct point *point);
    void (*remove)(uint8_t *page, const struct point *point);
    bool zero;    /* nobody writes there first: the bytes are zero */
    bool fixed;   /* nobody can write: the server has the same bytes there */
    bool written; /* make() has written canaries and bytes */
    bool mixed;   /* written, and some pages can only be read */
};

static struct service bytes_service;
static struct bytes bytes_in;
static int64_t bytes_client;

/* ---- What is expected ---- */

static inline uint64_t point_pages(const struct point *p) {
    uint64_t first = (p->offset + PAGE_SIZE - 1) / PAGE_SIZE;
    uint64_t last = (p->offset + p->length) / PAGE_SIZE;
    return last > first ? last - first : 0;
}

static inline unsigned point_ends(const struct point *p) {
    return (p->offset != 0) + ((p->offset + p->length) % PAGE_SIZE != 0);
}

static inline enum bytes_way point_way(const struct point *p) {
    uint64_t spanned = (p->offset + p->length + PAGE_SIZE - 1) / PAGE_SIZE;
    bool give = p->flags & BYTES_GIVE;
    uint64_t least = give ? BYTES_MOVE_MIN : BYTES_COW_MIN;
    if (p->length == 0)
        return BYTES_NONE;
    if (p->length <= 64)
        return BYTES_REGISTERS;
    least += (uint64_t)point_ends(p) * BYTES_END_MIN;
    if (point_pages(p) * PAGE_SIZE < least || spanned > MOST / PAGE_SIZE)
        return BYTES_COPY;
    return give ? BYTES_MOVE : BYTES_COW;
}

/* What can only be read cannot be given away. */
static inline enum bytes_way point_way_from(const struct point *p,
                                            const struct source *source) {
    enum bytes_way way = point_way(p);
    bool stays = source->fixed || source->mixed;
    return way == BYTES_MOVE && stays ? BYTES_COPY : way;
}

static inline void way_expect(const char *what, const struct point *p,
                              enum bytes_way way, enum bytes_way expected) {
    char text[CHECK_LINE];
    snprintf(text, sizeof(text), "%s of %lu bytes at %lu, flags %u", what,
             (unsigned long)p->length, (unsigned long)p->offset, p->flags);
    check_equal(text, way, expected);
}

static inline void result_expect(const struct point *p,
                                 const struct bytes_result *r,
                                 const struct source *source) {
    enum bytes_way way = point_way_from(p, source);
    bool fixed = source->fixed || source->mixed;
    uint64_t pages = way >= BYTES_COW ? point_pages(p) : 0;
    way_expect("way", p, r->way, way);
    check_equal("bytes copied", (int64_t)r->bytes_copied,
                (int64_t)(p->length - pages * PAGE_SIZE));
    check_equal("pages cowed", (int64_t)r->pages_cowed,
                way == BYTES_COW && !fixed ? (int64_t)pages : 0);
    check_equal("pages shared", (int64_t)r->pages_shared,
                way == BYTES_COW && fixed ? (int64_t)pages : 0);
    check_equal("pages moved", (int64_t)r->pages_moved,
                way == BYTES_MOVE ? (int64_t)pages : 0);
}

/* ---- Bytes ---- */

/* Byte `at` of a point's message; never 0 nor the canary. */
static inline uint8_t point_byte(const struct point *p, uint64_t at) {
    return (uint8_t)((at * 7 + (at >> 8) * 3 + p->offset + p->length) % 197 +
                     1);
}

/* From byte to byte that is looked at: all of them near both ends. */
static inline uint64_t byte_next(uint64_t at, uint64_t length) {
    if (at < 2 * PAGE_SIZE || at + PAGE_SIZE >= length)
        return at + 1;
    uint64_t tail = length - PAGE_SIZE;
    return at + STRIDE < tail ? at + STRIDE : tail;
}

static inline void point_write(const struct point *p, uint8_t *data,
                               uint8_t twist) {
    for (uint64_t at = 0; at < p->length; at = byte_next(at, p->length))
        data[at] = point_byte(p, at) ^ twist;
}

static inline void point_expect(const char *what, const struct point *p,
                                const uint8_t *data, uint8_t twist) {
    for (uint64_t at = 0; at < p->length; at = byte_next(at, p->length))
        if (data[at] != (point_byte(p, at) ^ twist))
            check_fail(what, data[at], point_byte(p, at) ^ twist);
}

static inline void range_expect(const char *what, uint64_t start, uint64_t end,
                                uint8_t value) {
    for (uint64_t at = start; at < end; at++)
        if (*(const uint8_t *)at != value)
            check_fail(what, *(const uint8_t *)at, value);
}

/* A point's bytes as they were sent, in a source of this kind. */
static inline void sent_expect(const char *what, const struct point *p,
                               const struct source *source, const uint8_t *data,
                               const uint8_t *original) {
    if (source->fixed)
        check_equal(what, memcmp(data, original, p->length), 0);
    else if (source->zero)
        range_expect(what, (uint64_t)data, (uint64_t)data + p->length, 0);
    else
        point_expect(what, p, data, 0);
}

/* ---- Memory of the client ---- */

/* Where the page of `address` ends. */
static inline uint64_t page_after(uint64_t address) {
    return (address + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
}

static inline uint64_t own_length(const struct point *p) {
    return 2 * ROOM + page_after(p->offset + p->length);
}

static inline uint8_t *own_make(const struct point *p) {
    uint8_t *memory = bytes_alloc(own_length(p));
    check_true("memory", memory != NULL);
    return memory + ROOM;
}

static inline void own_remove(uint8_t *page, const struct point *p) {
    bytes_free(page - ROOM, own_length(p));
}

/* ---- The client ---- */

static inline void canaries_write(uint8_t *data, uint64_t length) {
    memset(data - PAGE_SIZE, CANARY, PAGE_SIZE);
    memset(data + length, CANARY, PAGE_SIZE);
}

static inline void canaries_expect(const uint8_t *data, uint64_t length) {
    range_expect("neighbour before", (uint64_t)data - PAGE_SIZE, (uint64_t)data,
                 CANARY);
    range_expect("neighbour behind", (uint64_t)data + length,
                 (uint64_t)data + length + PAGE_SIZE, CANARY);
}

/* The whole pages are gone; what is on partial pages is as it was. */
static inline void given_expect(const struct point *p, const uint8_t *data) {
    uint64_t start = (uint64_t)data, end = start + p->length;
    uint64_t first = page_after(start);
    uint64_t last = end / PAGE_SIZE * PAGE_SIZE;
    uint8_t byte;
    for (uint64_t at = start; at < first; at++)
        check_equal("byte of the first page", *(const uint8_t *)at,
                    point_byte(p, at - start));
    for (uint64_t at = last; at < end; at++)
        check_equal("byte of the last page", *(const uint8_t *)at,
                    point_byte(p, at - start));
    for (uint64_t at = first; at < last; at += PAGE_SIZE)
        check_error("a page that was given away",
                    safe_copy(&byte, (const void *)at, 1), EFAULT);
}

static inline void point_send(const struct point *p,
                              const struct source *source) {
    struct bytes_result result;
    uint8_t *page = source->make(p), *data = page + p->offset;
    bool own = !source->zero && !source->fixed;
    if (own && !source->written) {
        canaries_write(data, p->length);
        point_write(p, data, 0);
    }
    int64_t label = msg_send_bytes(bytes_service.session, OPERATION, data,
                                   p->length, p->flags, &result);
    check_equal("answer", label, p->length > MOST ? -EMSGSIZE : 0);
    result_expect(p, &result, source);
    if (own)
        canaries_expect(data, p->length);
    if (result.pages_moved > 0 && own)
        given_expect(p, data);
    if (result.pages_moved == 0) {
        sent_expect("own byte", p, source, data, data);
        if (!source->fixed && !source->mixed)
            point_write(p, data, 0xff);
    }
    struct message m;
    check_equal("second look",
                service_call(bytes_service.session, SECOND_LOOK, 0, &m), 0);
    source->remove(page, p);
}

/* ---- The server ---- */

/* The bytes of the point are there, as they should be, and can be written. */
static inline void point_received(const struct point *p,
                                  const struct source *source) {
    uint64_t start = (uint64_t)bytes_in.data, end = start + p->length;
    check_equal("label", bytes_in.label, OPERATION);
    check_equal("length", (int64_t)bytes_in.length, (int64_t)p->length);
    way_expect("way at the server", p, bytes_in.way, point_way_from(p, source));
    if (p->length == 0) {
        check_equal("no bytes", (int64_t)bytes_in.data, 0);
        return;
    }
    if (bytes_in.way != BYTES_REGISTERS) {
        check_equal("place in the page", (int64_t)(start % PAGE_SIZE),
                    (int64_t)p->offset);
        range_expect("byte before", start - p->offset, start, 0);
        range_expect("byte behind", end, page_after(end), 0);
    }
    sent_expect("byte", p, source, bytes_in.data,
                source->fixed ? source->make(p) + p->offset : NULL);
    check_equal("can be written", bytes_in.writable,
                !(source->fixed || source->mixed) || bytes_in.way < BYTES_COW);
    if (bytes_in.writable)
        point_write(p, bytes_in.data, 0x55);
}

static inline void point_serve(const struct point *p,
                               const struct source *source) {
    struct message m;
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    int64_t error = msg_recv_bytes(&m, &bytes_in);
    if (p->length > MOST) {
        check_error("a message too long", error, EMSGSIZE);
        check_equal("bytes of it", (int64_t)bytes_in.length, 0);
    } else {
        check_ok("receive bytes", error);
        point_received(p, source);
    }
    check_equal("reply", service_answer((int32_t)error, 0), 0);
    service_receive(bytes_service.endpoint, &m, MESSAGE_CALL);
    check_equal("second look", tag_label(m.tag), SECOND_LOOK);
    if (bytes_in.length > 0 && bytes_in.writable)
        point_expect("byte that the server wrote", p, bytes_in.data, 0x55);
    msg_release_bytes(&bytes_in);
    check_equal("reply", service_answer(0, 0), 0);
}

/* ---- Many points ---- */

static const uint64_t point_offsets[] = {0, 1, 8, 2048, 4095};

/* Each size at each offset, kept and given away. */
static inline void
points_each(const uint64_t *sizes, unsigned count, const struct source *source,
            void (*each)(const struct point *, const struct source *)) {
    struct point p;
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = 0; k < 5; k++)
            for (p.flags = 0; p.flags <= BYTES_GIVE; p.flags++) {
                p.length = sizes[i];
                p.offset = point_offsets[k];
                each(&p, source);
            }
}

static inline void bytes_start(void (*client)(uint64_t), uint64_t arg) {
    bytes_service = service_make(1);
    check_ok("accept bytes", msg_accept_bytes(&bytes_in, MOST, 0));
    bytes_client = peer_start(client, arg);
}

static inline void bytes_end(void) {
    peer_end(bytes_client);
    msg_close_bytes(&bytes_in);
}

#endif
