/* SPDX-License-Identifier: MIT */
/*
 * lib/malloc.c: a first-fit allocator.
 *
 * Idea        Memory from sbrk is cut into blocks, each behind a header of 16
 *             bytes with its size. Free blocks are in a list in the order of
 *             their addresses; an allocation takes the first that is large
 *             enough and cuts off what it does not need, and a freed block is
 *             put into its place and joined with the neighbours it touches.
 * States      in use: `next` is IN_USE; free: in the list.
 * Invariants  I1  Sizes include the header and are multiples of UNIT.
 *             I2  No two blocks in the list touch.
 *             I3  A block that is freed twice, or never was one, is found out
 *                 by its mark, and the program aborts.
 * Locks       heap_lock guards the list; held for one walk of it.
 */
#include "lib/malloc.h"

#include <stdint.h>

#include "lib/assert.h"
#include "lib/lock.h"
#include "lib/string.h"
#include "lib/syscall.h"

struct block {
    size_t size;
    struct block *next; /* the next free block, or IN_USE */
};

enum {
    UNIT = sizeof(struct block),
    GROW_MIN = 64 * 1024, /* asked of sbrk at once: pages come when touched */
};

#define IN_USE ((struct block *)0xa110ca7edull)

/* Larger requests cannot be met, and would wrap when rounded. */
static const size_t size_max = (size_t)1 << 40;

static struct lock heap_lock;
static struct block *free_list; /* by address; heap_lock */

void malloc_lock(void) {
    lock_acquire(&heap_lock);
}

void malloc_unlock(void) {
    lock_release(&heap_lock);
}

static size_t block_size(size_t size) {
    return (size + sizeof(struct block) + UNIT - 1) / UNIT * UNIT;
}

static struct block *block_end(struct block *block) {
    return (struct block *)((char *)block + block->size);
}

/* Joins the block with its successor in the list if they touch. */
static void block_join(struct block *block) {
    struct block *next = block->next;
    if (next != NULL && block_end(block) == next) {
        block->size += next->size;
        block->next = next->next;
    }
}

static void list_insert(struct block *block) {
    struct block *before = NULL, *after = free_list;
    while (after != NULL && after < block) {
        before = after;
        after = after->next;
    }
    block->next = after;
    block_join(block);
    if (before == NULL) {
        free_list = block;
        return;
    }
    before->next = block;
    block_join(before);
}

/* Adds at least `size` bytes to the list. Returns 0, or -1 without memory. */
static int heap_grow(size_t size) {
    if (size < GROW_MIN)
        size = GROW_MIN;
    int64_t old = sys_sbrk((int64_t)size + UNIT);
    if (old < 0)
        return -1;
    uintptr_t start = ((uintptr_t)old + UNIT - 1) / UNIT * UNIT;
    uintptr_t end = ((uintptr_t)old + size + UNIT) / UNIT * UNIT;
    struct block *block = (struct block *)start;
    block->size = end - start;
    list_insert(block);
    return 0;
}

/* Cuts the block to `size` bytes; the rest, if it is any use, is freed. */
static void block_cut(struct block *block, size_t size) {
    if (block->size < size + 2 * UNIT)
        return;
    struct block *rest = (struct block *)((char *)block + size);
    rest->size = block->size - size;
    block->size = size;
    list_insert(rest);
}

/* Takes the first block that is large enough out of the list. */
static struct block *list_take(size_t size) {
    for (struct block **link = &free_list; *link != NULL;
         link = &(*link)->next) {
        struct block *block = *link;
        if (block->size < size)
            continue;
        *link = block->next;
        block->next = IN_USE;
        block_cut(block, size);
        return block;
    }
    return NULL;
}

static struct block *block_of(void *memory) {
    struct block *block = (struct block *)memory - 1;
    assert((uintptr_t)memory % UNIT == 0 && block->next == IN_USE);
    return block;
}

void *malloc(size_t size) {
    if (size > size_max)
        return NULL;
    size = block_size(size);
    lock_acquire(&heap_lock);
    struct block *block = list_take(size);
    if (block == NULL && heap_grow(size) == 0)
        block = list_take(size);
    lock_release(&heap_lock);
    return block != NULL ? block + 1 : NULL;
}

void free(void *memory) {
    if (memory == NULL)
        return;
    struct block *block = block_of(memory);
    lock_acquire(&heap_lock);
    list_insert(block);
    lock_release(&heap_lock);
}

void *calloc(size_t count, size_t size) {
    if (size != 0 && count > size_max / size)
        return NULL;
    void *memory = malloc(count * size);
    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

/* Grows the block in place if a free one of enough size follows it. */
static int block_extend(struct block *block, size_t size) {
    for (struct block **link = &free_list;
         *link != NULL && *link <= block_end(block); link = &(*link)->next) {
        struct block *next = *link;
        if (next != block_end(block) || block->size + next->size < size)
            continue;
        *link = next->next;
        block->size += next->size;
        return 1;
    }
    return block->size >= size;
}

void *realloc(void *memory, size_t size) {
    if (memory == NULL)
        return malloc(size);
    if (size > size_max)
        return NULL;
    struct block *block = block_of(memory);
    size_t need = block_size(size);
    lock_acquire(&heap_lock);
    int fits = block->size >= need || block_extend(block, need);
    if (fits)
        block_cut(block, need);
    lock_release(&heap_lock);
    if (fits)
        return memory;
    void *other = malloc(size);
    if (other == NULL)
        return NULL;
    memcpy(other, memory, block->size - sizeof(struct block));
    free(memory);
    return other;
}
