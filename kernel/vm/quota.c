/* SPDX-License-Identifier: MIT */
/*
 * vm/quota.c: counting what a process holds.
 *
 * Invariants  I1 frames and objects are what was charged and not yet taken
 *                back: both are 0 when the last reference goes;
 *             I2 a charge succeeds only if the result is within the limit.
 * Locks       None: a count changes by compare-and-swap, so that it never goes
 *             past its limit, not even for a moment.
 */
#include "vm/quota.h"

#include "lib/panic.h"
#include "vm/frame.h"
#include "vm/slab.h"

static struct slab quotas;

void quota_init(void) {
    slab_init(&quotas, "quota", sizeof(struct quota), 8, NULL);
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

/* Whether n more are within the limit. */
static bool fits(uint64_t now, const uint64_t *max, uint64_t n) {
    uint64_t limit = __atomic_load_n(max, __ATOMIC_RELAXED);
    return now <= limit && n <= limit - now;
}

/* Adds n to a count unless that goes over its limit. */
static bool charge(uint64_t *count, const uint64_t *max, uint64_t n) {
    uint64_t now = __atomic_load_n(count, __ATOMIC_RELAXED);
    do {
        if (!fits(now, max, n)) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(count, &now, now + n, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

static void uncharge(uint64_t *count, uint64_t n) {
    uint64_t before = __atomic_fetch_sub(count, n, __ATOMIC_RELAXED);
    assert(before >= n);
}

bool quota_charge_frames(struct quota *quota, uint64_t n) {
    return quota == NULL || charge(&quota->frames, &quota->frames_max, n);
}

bool quota_charge_objects(struct quota *quota, uint64_t n) {
    return quota == NULL || charge(&quota->objects, &quota->objects_max, n);
}

void quota_uncharge_frames(struct quota *quota, uint64_t n) {
    if (quota != NULL) {
        uncharge(&quota->frames, n);
    }
}

void quota_uncharge_objects(struct quota *quota, uint64_t n) {
    if (quota != NULL) {
        uncharge(&quota->objects, n);
    }
}

bool quota_has_frames(struct quota *quota, uint64_t n) {
    return quota == NULL ||
           fits(__atomic_load_n(&quota->frames, __ATOMIC_RELAXED),
                &quota->frames_max, n);
}
