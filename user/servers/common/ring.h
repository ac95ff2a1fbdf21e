/* SPDX-License-Identifier: MIT */
/*
 * servers/common/ring.h: bytes on their way from one process to another.
 *
 * Idea        A page used as a circle. `head` and `tail` count all bytes ever
 *             taken and put, and never wrap in a lifetime: their difference is
 *             the fill, and the page offset is their low bits. Bytes are read
 *             and written in place, in at most two pieces, so that SYS_COPY
 *             can move them without a stop in between.
 * Use         struct span span = ring_space(&ring);
 *             ... put up to span.length bytes at span.data ...
 *             ring_put(&ring, bytes put);
 * Invariants  tail - RING_SIZE <= head <= tail.
 */
#ifndef OCTAVO_COMMON_RING_H
#define OCTAVO_COMMON_RING_H

#include <stdint.h>

enum { RING_SIZE = 4096 };

struct ring {
    uint64_t head; /* bytes taken so far */
    uint64_t tail; /* bytes put so far */
    uint8_t *data; /* RING_SIZE bytes of the owner's */
};

/* A piece of the ring that is contiguous in memory. */
struct span {
    uint8_t *data;
    uint64_t length;
};

static inline uint64_t ring_fill(const struct ring *ring) {
    return ring->tail - ring->head;
}

static inline uint64_t ring_room(const struct ring *ring) {
    return RING_SIZE - ring_fill(ring);
}

/* The first bytes to take; the length is 0 only if there are none. */
struct span ring_bytes(const struct ring *ring);

/* Where the next bytes go; the length is 0 only if there is no room. */
struct span ring_space(const struct ring *ring);

/* Takes `count` bytes that ring_bytes() or ring_peek() showed. */
void ring_take(struct ring *ring, uint64_t count);

/* Adds `count` bytes that were written to ring_space(). */
void ring_put(struct ring *ring, uint64_t count);

/* Starts over at the page's start, where the longest piece is, if the ring is
 * empty. */
void ring_rewind(struct ring *ring);

/* Copies the first `count` bytes, which the ring has, without taking them. */
void ring_peek(const struct ring *ring, void *bytes, uint64_t count);

/* Adds `count` bytes, for which there is room. */
void ring_append(struct ring *ring, const void *bytes, uint64_t count);

#endif
