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
 *     static struct slab endpoints;
 *     slab_init(&endpoints, "endpoint", sizeof(struct endpoint), 8, once);
 *     struct endpoint *endpoint = slab_alloc(&endpoints);
 *     ...
 *     slab_free(&endpoints, endpoint);
 */
#ifndef OCTAVO_VM_SLAB_H
#define OCTAVO_VM_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/spinlock.h"

struct quota;

struct slab {
    struct spinlock lock;
    const char *name;
    void (*init_once)(void *object);
    uint32_t size;  /* of a slot: the object and the link behind it */
    uint32_t link;  /* offset of the link in a slot */
    uint32_t count; /* slots in a frame */
    uint16_t tag;   /* marks the slab's frames */
    /* lock: */
    void *free;      /* first free object */
    uint64_t in_use; /* objects allocated */
    uint64_t frames; /* frames the slab holds, for good */
};

/*
 * Sets up an empty slab. size + 8, rounded up to align (a power of two, at
 * least 8), must fit a frame. init_once may be NULL; it gets zeroed memory and
 * must not allocate.
 */
void slab_init(struct slab *slab, const char *name, size_t size, size_t align,
               void (*init_once)(void *object));

/* An object, as its last user left it (zeros and init_once, if there was
 * none); NULL: no memory. */
void *slab_alloc(struct slab *slab);

/* The same, charged to a quota, whose owner may perhaps use the reserve of
 * frames; NULL: no memory, or quota used up. */
void *slab_alloc_for(struct slab *slab, struct quota *quota);

/* Gives an object back; its contents stay until it is allocated again. The
 * second: with the charge. */
void slab_free(struct slab *slab, void *object);
void slab_free_for(struct slab *slab, void *object, struct quota *quota);

/* True if `object` is a slot of this slab, in use or not. */
bool slab_contains(struct slab *slab, const void *object);

#endif
