/* SPDX-License-Identifier: MIT */
/*
 * lib/malloc.h: memory of any size, from the heap.
 *
 * The functions of C, with its meaning; safe to call from several threads.
 * Blocks are aligned to 16 bytes. NULL when there is no memory. The heap
 * belongs to malloc, but other users of sbrk are tolerated: what they took is
 * left alone.
 */
#ifndef OCTAVO_LIB_MALLOC_H
#define OCTAVO_LIB_MALLOC_H

#include <stddef.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);

/* Around a fork: no other thread is inside malloc then, so that the child's
 * heap is whole. */
void malloc_lock(void);
void malloc_unlock(void);

#endif
