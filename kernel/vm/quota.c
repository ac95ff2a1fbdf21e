/* SPDX-License-Identifier: MIT */
/*
 * vm/quota.c: counting what a process holds.
 *
 * Invariants  I1 frames and objects are what was charged and not yet taken
 *                back: both are 0 when the last reference goes;
 *             I2 a charge succeeds only if the result is within the limit.
 * Locks       quota->lock (RANK_QUOTA) guards the counts and limits. The limit
 *             `essential` is a plain flag: either value is fine to read.
 */
#include "vm/quota.h"

#include "lib/panic.h"
#include "vm/frame.h"
#include "vm/slab.h"

static struct slab quotas;

static void quota_init_once(void *object) {
    struct quota *quota = object;
    spin_init(&quota->lock, RANK_QUOTA);
}

void quota_init(void) {
    slab_init(&quotas, "quota", sizeof(struct quota), 8, quota_init_once);
}

struct quota *quota_create(void) {
    struct quota *quota = slab_alloc(&quotas);
    if (quota == NULL) {
        return NULL;
    }
    quota->refs = 1;
    quota->frames = 0;
    quota->frames_max = frame_total() / 2;
    quota->objects = 0;
    quota->objects_max = QUOTA_OBJECTS;
    quota->essential = false;
    return quota;
}

struct quota *quota_get(struct quota *quota) {
    if (quota != NULL) {
        __atomic_fetch_add(&quota->refs, 1, __ATOMIC_RELAXED);
    }
    return quota;
}

void quota_put(struct quota *quota) {
    if (quota == NULL ||
        __atomic_fetch_sub(&quota->refs, 1, __ATOMIC_ACQ_REL) > 1) {
        return;
    }
    assert(quota->frames == 0 && quota->objects == 0);
    slab_free(&quotas, quota);
}

/* Adds n to a count unless that goes over its limit. */
static bool charge(struct quota *quota, uint64_t *count, const uint64_t *max,
                   uint64_t n) {
    spin_lock(&quota->lock);
    bool fits = *count <= *max && n <= *max - *count;
    if (fits) {
        *count += n;
    }
    spin_unlock(&quota->lock);
    return fits;
}

static void uncharge(struct quota *quota, uint64_t *count, uint64_t n) {
    spin_lock(&quota->lock);
    assert(*count >= n);
    *count -= n;
    spin_unlock(&quota->lock);
}

bool quota_charge_frames(struct quota *quota, uint64_t n) {
    return quota == NULL ||
           charge(quota, &quota->frames, &quota->frames_max, n);
}

bool quota_charge_objects(struct quota *quota, uint64_t n) {
    return quota == NULL ||
           charge(quota, &quota->objects, &quota->objects_max, n);
}

void quota_uncharge_frames(struct quota *quota, uint64_t n) {
    if (quota != NULL) {
        uncharge(quota, &quota->frames, n);
    }
}

void quota_uncharge_objects(struct quota *quota, uint64_t n) {
    if (quota != NULL) {
        uncharge(quota, &quota->objects, n);
    }
}

bool quota_has_frames(struct quota *quota, uint64_t n) {
    if (quota == NULL) {
        return true;
    }
    spin_lock(&quota->lock);
    bool fits = quota->frames <= quota->frames_max &&
                n <= quota->frames_max - quota->frames;
    spin_unlock(&quota->lock);
    return fits;
}
