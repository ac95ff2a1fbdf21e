/* SPDX-License-Identifier: MIT */
/*
 * vm/slab.c: frames cut into objects of one type.
 *
 *   frame   [ object | link ][ object | link ] ... [ object | link ][ rest ]
 *
 * The link of the free list lies behind the object, not in it, so nothing of
 * a free object is ever overwritten but by its own type's code.
 *
 * Invariants  I1 an object is in use, or on its slab's free list, once;
 *             I2 frames of a slab are never given back;
 *             I3 the link of an object in use holds IN_USE, so that freeing it
 *                twice is seen.
 * Locks       slab->lock (RANK_SLAB). A new frame is prepared without it.
 */
#include "vm/slab.h"

#include "abi/layout.h"
#include "lib/panic.h"
#include "vm/frame.h"
#include "vm/quota.h"

/* A link that is no address: the object is in use. */
#define IN_USE ((void *)1)

static void **object_link(const struct slab *slab, void *object) {
    return (void **)((char *)object + slab->size - sizeof(void *));
}

/* What the frames of the slab are part of. */
static uint32_t slab_mark(const struct slab *slab) {
    return (uint32_t)(uintptr_t)slab;
}

/* Adds a frame's worth of objects; false: there is no frame. */
static bool slab_grow(struct slab *slab, bool essential) {
    pa_t pa = frame_alloc_zero(essential);
    if (pa == 0) {
        return false;
    }
    struct frame *frame = frame_of(pa);
    char *page = pa_to_va(pa);
    char *last = page + (PAGE_SIZE / slab->size - 1) * slab->size;
    for (char *object = page; object <= last; object += slab->size) {
        *object_link(slab, object) = object + slab->size;
        if (slab->init_once != NULL) {
            slab->init_once(object);
        }
    }
    spin_lock(&slab->lock);
    frame->kind = FRAME_SLAB;
    frame->part_of = slab_mark(slab);
    *object_link(slab, last) = slab->free;
    slab->free = page;
    spin_unlock(&slab->lock);
    return true;
}

static void *slab_pop(struct slab *slab) {
    spin_lock(&slab->lock);
    void *object = slab->free;
    if (object != NULL) {
        void **link = object_link(slab, object);
        slab->free = *link;
        *link = IN_USE;
    }
    spin_unlock(&slab->lock);
    return object;
}

void *slab_alloc(struct slab *slab, struct quota *quota) {
    bool essential = quota != NULL && quota_essential(quota);
    void *object = NULL;
    if (quota != NULL && !quota_charge_objects(quota, 1)) {
        return NULL;
    }
    if (!frame_fail_now()) {
        /* Another hart may take all of a new frame's objects before this. */
        do {
            object = slab_pop(slab);
        } while (object == NULL && slab_grow(slab, essential));
    }
    if (object == NULL && quota != NULL) {
        quota_uncharge_objects(quota, 1);
    }
    return object;
}

void slab_free(struct slab *slab, void *object, struct quota *quota) {
    assert(slab_contains(slab, object));
    void **link = object_link(slab, object);
    spin_lock(&slab->lock);
    assert(*link == IN_USE);
    *link = slab->free;
    slab->free = object;
    spin_unlock(&slab->lock);
    if (quota != NULL) {
        quota_uncharge_objects(quota, 1);
    }
}

void slab_each(const struct slab *slab, void (*visit)(void *object, void *arg),
               void *arg) {
    for (uint32_t i = frame_first; i < frame_first + frame_count; i++) {
        const struct frame *frame = &frame_records[i];
        uint64_t offset =
            frame->kind == FRAME_SLAB && frame->part_of == slab_mark(slab)
                ? 0
                : PAGE_SIZE;
        for (; offset + slab->size <= PAGE_SIZE; offset += slab->size) {
            visit((char *)pa_to_va((pa_t)i << PAGE_SHIFT) + offset, arg);
        }
    }
}

bool slab_contains(const struct slab *slab, const void *object) {
    pa_t pa = va_to_pa(object);
    const struct frame *frame = frame_of(pa);
    uint64_t offset = pa % PAGE_SIZE;
    return frame != NULL && frame->kind == FRAME_SLAB &&
           frame->part_of == slab_mark(slab) && offset % slab->size == 0 &&
           offset + slab->size <= PAGE_SIZE;
}
