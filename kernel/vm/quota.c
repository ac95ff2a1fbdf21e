/* SPDX-License-Identifier: MIT */
/*
 * vm/quota.c: counting what a process holds.
 *
 * Invariants  I1 frames and objects are what was charged and not yet taken
 *                back: both are 0 when the last reference goes;
 *             I2 a charge succeeds only if the result is within the limit.
 * Locks       None: a charge is added first, and taken back if it was too much.
 */
#include "vm/quota.h"

#include "lib/panic.h"
#include "vm/frame.h"
#include "vm/slab.h"

static struct slab quotas = SLAB(struct quota, NULL);

struct quota kernel_quota = {
    .refs = 1,
    .essential = true,
    .frames_max = UINT64_MAX,
    .objects_max = UINT64_MAX,
};

struct quota *quota_create(void) {
    struct quota *quota = slab_alloc(&quotas, NULL);
    if (quota != NULL) {
        *quota = (struct quota){.refs = 1,
                                .frames_max = frame_total() / 2,
                                .objects_max = QUOTA_OBJECTS};
    }
    return quota;
}

struct quota *quota_get(struct quota *quota) {
    __atomic_fetch_add(&quota->refs, 1, __ATOMIC_RELAXED);
    return quota;
}

void quota_put(struct quota *quota) {
    if (__atomic_fetch_sub(&quota->refs, 1, __ATOMIC_ACQ_REL) > 1) {
        return;
    }
    assert(quota->frames == 0 && quota->objects == 0);
    slab_free(&quotas, quota, NULL);
}
