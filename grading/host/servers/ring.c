/* SPDX-License-Identifier: MIT */
/*
 * host/servers/ring.c: the ring against the sequence 0, 1, 2, ... of bytes.
 */
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "servers/common/ring.h"

enum { STEPS = 300000 };

/* What byte number n is. A period that is no power of two shows wraps that
 * went wrong. */
static uint8_t byte_at(uint64_t n) {
    return (uint8_t)(n % 251);
}

static uint64_t written, taken;

static void put_some(struct ring *ring, uint64_t count, bool in_place) {
    static uint8_t bytes[RING_SIZE];
    struct span span = ring_space(ring);
    uint8_t *to = in_place ? span.data : bytes;
    if (in_place && count > span.length)
        count = span.length;
    for (uint64_t i = 0; i < count; i++)
        to[i] = byte_at(written++);
    if (in_place)
        ring_put(ring, count);
    else
        ring_append(ring, bytes, count);
}

static void take_some(struct ring *ring, uint64_t count, bool in_place) {
    static uint8_t bytes[RING_SIZE];
    struct span span = ring_bytes(ring);
    const uint8_t *from = in_place ? span.data : bytes;
    if (in_place && count > span.length)
        count = span.length;
    if (!in_place)
        ring_peek(ring, bytes, count);
    for (uint64_t i = 0; i < count; i++)
        CHECK(from[i] == byte_at(taken++));
    ring_take(ring, count);
}

static void test_random(void) {
    struct ring ring = {.data = malloc(RING_SIZE)};
    uint64_t random = 2463534242u;
    for (unsigned step = 0; step < STEPS; step++) {
        bool in_place = random_next(&random) & 1;
        uint64_t room = ring_room(&ring), fill = ring_fill(&ring);
        CHECK(fill == written - taken && room + fill == RING_SIZE);
        CHECK((ring_space(&ring).length == 0) == (room == 0));
        CHECK((ring_bytes(&ring).length == 0) == (fill == 0));
        if (random_next(&random) & 1)
            put_some(&ring, random_next(&random) % (room + 1), in_place);
        else
            take_some(&ring, random_next(&random) % (fill + 1), in_place);
        if (random_next(&random) % 8 == 0)
            ring_rewind(&ring);
    }
    CHECK(written > 100 * RING_SIZE);
    free(ring.data);
}

/* After a rewind an empty ring is one piece; a filled one is left alone. */
static void test_rewind(void) {
    uint8_t page[RING_SIZE];
    struct ring ring = {.head = 100, .tail = 100, .data = page};
    ring_rewind(&ring);
    CHECK(ring_space(&ring).length == RING_SIZE);
    ring_append(&ring, "ab", 2);
    ring_take(&ring, 1);
    ring_rewind(&ring);
    CHECK(ring_fill(&ring) == 1 && ring_bytes(&ring).data[0] == 'b');
}

int main(void) {
    test_random();
    test_rewind();
    return 0;
}
