/* SPDX-License-Identifier: MIT */
/*
 * tests/test_bytes.c: messages with bytes, of every length around the edges.
 *
 * What is checked at each point: tests/bytes.h.
 */
#include "lib/malloc.h"
#include "tests/bytes.h"

/* ---- Sources ---- */

static uint8_t *heap;       /* one block for all points of a check */
static uint8_t *heap_block; /* as malloc returned it */

static uint8_t *heap_make(const struct point *p) {
    (void)p;
    if (heap == NULL) {
        heap_block = malloc(MOST + 2 * ROOM + 2 * PAGE_SIZE);
        check_true("memory from malloc", heap_block != NULL);
        heap = (uint8_t *)page_after((uint64_t)heap_block + ROOM);
    }
    return heap;
}

/* What was given away comes back as zeros; the block is whole. */
static void heap_remove(uint8_t *page, const struct point *p) {
    check_ok("refill", bytes_refill(page + p->offset, p->length));
    page[p->offset + p->length / 2] = 1;
}

static void heap_end(void) {
    free(heap_block);
    void *again = malloc(2 * MOST);
    check_true("memory from malloc", again != NULL);
    memset(again, 1, 2 * MOST);
    free(again);
}

static const struct source from_heap = {.make = heap_make,
                                        .remove = heap_remove};

static uint64_t lazy_length(const struct point *p) {
    return p->offset + p->length + PAGE_SIZE;
}

static uint8_t *lazy_make(const struct point *p) {
    uint8_t *page = bytes_alloc(lazy_length(p));
    check_true("memory from bytes_alloc", page != NULL);
    return page;
}

static void lazy_remove(uint8_t *page, const struct point *p) {
    bytes_free(page, lazy_length(p));
}

static const struct source from_zeros = {
    .make = lazy_make, .remove = lazy_remove, .zero = true};

/* ---- Checks ---- */

static const uint64_t few[] = {0, 1, 63, 64, 65, 2047, 2048, 4095, 4096, 4097};
static const uint64_t middle[] = {8191,  8192,  8193,  12287, 12288,
                                  12289, 16384, 16385, 22528, 20481};
static const uint64_t large[] = {32768, 131072,   24576, 28672,
                                 36865, MOST - 1, MOST,  MOST + 1};

static const struct range {
    const uint64_t *sizes;
    unsigned count;
    const struct source *source;
} ranges[] = {
    {few, sizeof(few) / sizeof(few[0]), &from_heap},
    {middle, sizeof(middle) / sizeof(middle[0]), &from_heap},
    {large, sizeof(large) / sizeof(large[0]), &from_heap},
    {few, sizeof(few) / sizeof(few[0]), &from_zeros},
    {middle, sizeof(middle) / sizeof(middle[0]), &from_zeros},
    {large, 2, &from_zeros},
};

static void client(uint64_t which) {
    const struct range *r = &ranges[which];
    points_each(r->sizes, r->count, r->source, point_send);
    if (r->source == &from_heap)
        heap_end();
}

static void range_run(unsigned which) {
    const struct range *r = &ranges[which];
    bytes_start(client, which);
    points_each(r->sizes, r->count, r->source, point_serve);
    bytes_end();
}

static void check_few(void) {
    range_run(0);
}

static void check_middle(void) {
    range_run(1);
}

static void check_large(void) {
    range_run(2);
}

static void check_zeros_few(void) {
    range_run(3);
}

static void check_zeros_middle(void) {
    range_run(4);
}

static void check_zeros_large(void) {
    range_run(5);
}

static const struct check checks[] = {
    {"few", "up to a page and a byte, in registers or copied", check_few},
    {"middle", "around the edges of 8, 12 and 20 KiB, at five alignments",
     check_middle},
    {"large", "24 KiB to the most that the server takes, and one more",
     check_large},
    {"zeros_few", "memory that nobody has touched, up to a page",
     check_zeros_few},
    {"zeros_middle", "untouched memory around 8, 12 and 20 KiB",
     check_zeros_middle},
    {"zeros_large", "untouched memory, 32 and 128 KiB", check_zeros_large},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
