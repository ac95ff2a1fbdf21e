/* SPDX-License-Identifier: MIT */
/*
 * vm/slab.h: caches of kernel objects of one type each.
 *
 * Memory that has held one type of object never holds another: a stale pointer
 * still points at an object of its type, whose lock works and whose generation
 * tells that it is not the one meant any more. For that, the object's contents
 * survive slab_free; `init_once` ran when the memory was new, and never runs
 * again. Whoever allocates an object sets the other fields.
 *
 *     static struct slab endpoints = SLAB(struct endpoint, once);
 *     struct endpoint *endpoint = slab_alloc(&endpoints, quota);
 *     ...
 *     slab_free(&endpoints, endpoint, quota);
 */
#ifndef OCTAVO_VM_SLAB_H
#define OCTAVO_VM_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/contract.h"
#include "sync/spinlock.h"

struct quota;

enum { SLAB_ALIGN = 16 }; /* objects are at multiples of this */

struct slab {
    struct spinlock lock;
    uint32_t size; /* of a slot: the object, and the link at its end */
    void (*init_once)(void *object);
    void *free; /* lock: first free object */
};

/* An empty slab for objects of this type, as an initialiser. One with its link
 * must fit a frame. init_once may be NULL; it gets zeroed memory and must not
 * allocate. */
#define SLAB(type, once)                                                       \
    {                                                                          \
        .lock = SPINLOCK(RANK_SLAB),                                           \
        .size = (sizeof(type) + sizeof(void *) + SLAB_ALIGN - 1) /             \
                SLAB_ALIGN * SLAB_ALIGN,                                       \
        .init_once = once,                                                     \
    }

/* An object, as its last user left it (zeros and init_once, if there was
 * none), charged to a quota, whose owner may perhaps use the reserve of frames;
 * or to none. NULL: no memory, or quota used up. */
void *slab_alloc(struct slab *slab, struct quota *quota);

/* Gives an object back, with the charge if there is a quota; its contents stay
 * until it is allocated again. */
void slab_free(struct slab *slab, void *object, struct quota *quota);

/* Calls `visit` with each slot, in use or not, by rising address. Nobody
 * allocates or frees an object meanwhile. */
void slab_each(const struct slab *slab, void (*visit)(void *object, void *arg),
               void *arg) REQUIRES(slab->lock);

/* True if `object` is a slot of this slab, in use or not. */
bool slab_contains(const struct slab *slab, const void *object);

#endif
