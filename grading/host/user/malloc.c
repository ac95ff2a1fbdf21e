/* SPDX-License-Identifier: MIT */
/*
 * host/user/malloc.c: random allocations in a small heap.
 *
 * Each block is filled with a pattern of its own, which must still be there
 * when it is freed or moved. At the end everything has been freed, and then
 * one block of nearly the heap's whole size must fit: nothing was lost.
 */
#define malloc lib_malloc
#define calloc lib_calloc
#define realloc lib_realloc
#define free lib_free
#include "lib/malloc.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

#include "check.h"

enum { HEAP = 1 << 20, BLOCKS = 300, ROUNDS = 300000 };

static _Alignas(16) uint8_t heap[HEAP];
static uint64_t heap_used;

static struct {
    uint8_t *bytes;
    size_t size;
    uint8_t pattern;
} blocks[BLOCKS];

static uint64_t seed = 4711;

int64_t sys_sbrk(int64_t delta) {
    if (delta < 0 || heap_used + (uint64_t)delta > HEAP)
        return -1;
    heap_used += (uint64_t)delta;
    return (int64_t)(uintptr_t)(heap + heap_used - (uint64_t)delta);
}

void assert_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    exit(3);
}

static void block_check(int index, size_t size) {
    for (size_t i = 0; i < size; i++)
        CHECK(blocks[index].bytes[i] == blocks[index].pattern);
}

static void block_fill(int index, uint8_t *bytes, size_t size) {
    CHECK((uintptr_t)bytes % 16 == 0);
    CHECK(bytes >= heap && bytes + size <= heap + HEAP);
    blocks[index].bytes = bytes;
    blocks[index].size = size;
    blocks[index].pattern = (uint8_t)random_next(&seed);
    for (size_t i = 0; i < size; i++)
        bytes[i] = blocks[index].pattern;
}

static void block_free(int index) {
    if (blocks[index].bytes != NULL)
        block_check(index, blocks[index].size);
    lib_free(blocks[index].bytes);
    blocks[index].bytes = NULL;
}

static size_t size_random(void) {
    size_t size = random_next(&seed) % 64;
    return random_next(&seed) % 20 == 0 ? size * 400 : size;
}

/* Returns 1 if there was no memory. */
static int step(void) {
    int index = (int)(random_next(&seed) % BLOCKS);
    size_t size = size_random();
    uint8_t *bytes;
    switch (random_next(&seed) % 4) {
    case 0:
    case 1:
        block_free(index);
        bytes = lib_malloc(size);
        break;
    case 2:
        bytes = lib_realloc(blocks[index].bytes, size);
        if (bytes != NULL && blocks[index].bytes != NULL) {
            blocks[index].bytes = bytes;
            block_check(index,
                        size < blocks[index].size ? size : blocks[index].size);
        }
        if (bytes == NULL)
            return 1;
        break;
    default:
        block_free(index);
        return 0;
    }
    if (bytes == NULL)
        return 1;
    block_fill(index, bytes, size);
    return 0;
}

int main(void) {
    int refused = 0;
    for (int round = 0; round < ROUNDS; round++)
        refused += step();
    CHECK(refused < ROUNDS / 10);
    for (int i = 0; i < BLOCKS; i++)
        block_free(i);
    CHECK(free_list != NULL && free_list->next == NULL);
    CHECK(lib_malloc(free_list->size - UNIT) != NULL);
    CHECK(lib_malloc((size_t)-1) == NULL && lib_malloc(HEAP) == NULL);
    CHECK(lib_calloc((size_t)1 << 33, (size_t)1 << 33) == NULL);
    CHECK(lib_calloc(4, SIZE_MAX / 2) == NULL);
    return 0;
}
