/* SPDX-License-Identifier: MIT */
/*
 * servers/common/ring.c: see ring.h for the idea and the invariant.
 *
 * Nothing here makes a system call: the host's tests run it as it is.
 */
#include "servers/common/ring.h"

#include "lib/string.h"

_Static_assert((RING_SIZE & (RING_SIZE - 1)) == 0, "places wrap by a mask");

static struct span ring_span(const struct ring *ring, uint64_t from,
                             uint64_t count) {
    uint64_t place = from & (RING_SIZE - 1);
    uint64_t straight = RING_SIZE - place;
    return (struct span){ring->data + place,
                         count < straight ? count : straight};
}

struct span ring_bytes(const struct ring *ring) {
    return ring_span(ring, ring->head, ring_fill(ring));
}

struct span ring_space(const struct ring *ring) {
    return ring_span(ring, ring->tail, ring_room(ring));
}

void ring_take(struct ring *ring, uint64_t count) {
    ring->head += count;
}

void ring_put(struct ring *ring, uint64_t count) {
    ring->tail += count;
}

void ring_rewind(struct ring *ring) {
    if (ring->head == ring->tail)
        ring->head = ring->tail = 0;
}

/* From the end of the page and on from its start. Not inlined: bytes that lie
 * in one piece, as nearly all do, then need no register kept over a call. */
static __attribute__((noinline)) void peek_twice(const struct ring *ring,
                                                 struct span first,
                                                 uint8_t *bytes,
                                                 uint64_t count) {
    memcpy(bytes, first.data, first.length);
    memcpy(bytes + first.length, ring->data, count - first.length);
}

static __attribute__((noinline)) void append_twice(struct ring *ring,
                                                   struct span first,
                                                   const uint8_t *bytes,
                                                   uint64_t count) {
    memcpy(first.data, bytes, first.length);
    memcpy(ring->data, bytes + first.length, count - first.length);
}

void ring_peek(const struct ring *ring, void *bytes, uint64_t count) {
    struct span first = ring_span(ring, ring->head, count);
    if (first.length < count)
        peek_twice(ring, first, bytes, count);
    else
        memcpy(bytes, first.data, count);
}

void ring_append(struct ring *ring, const void *bytes, uint64_t count) {
    struct span first = ring_span(ring, ring->tail, count);
    ring->tail += count;
    if (first.length < count)
        append_twice(ring, first, bytes, count);
    else
        memcpy(first.data, bytes, count);
}
