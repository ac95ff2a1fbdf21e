/* SPDX-License-Identifier: MIT */
/*
 * vm/quota.h: how much memory a process may hold.
 *
 * A quota counts frames and kernel objects. An address space is charged one
 * frame for each page it maps and for each of its page tables, so a page that
 * two spaces share is charged to both: nobody can make others pay, and the sum
 * of the charges is an upper bound of the frames in use. Objects are what the
 * kernel allocates from slabs on behalf of a process.
 *
 * The kernel's own quota has no limit, and is essential.
 */
#ifndef OCTAVO_VM_QUOTA_H
#define OCTAVO_VM_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/panic.h"

enum { QUOTA_OBJECTS = 2048 }; /* objects_max of a fresh quota */

/* All fields are atomic: two harts may charge the same quota at once. */
struct quota {
    uint32_t refs;
    bool essential; /* may use the reserve of frames; set by proc */
    uint64_t frames;
    uint64_t frames_max; /* lowering it below `frames` is fine: no more then */
    uint64_t objects;
    uint64_t objects_max;
};

extern struct quota kernel_quota;

/* A quota with one reference and the default limits: half of all frames,
 * QUOTA_OBJECTS objects. NULL: no memory. */
struct quota *quota_create(void);

/* References. The last one gone, the quota is. */
struct quota *quota_get(struct quota *quota);
void quota_put(struct quota *quota);

/* Whether n more than `now` are within the limit. */
static inline bool quota_fits(uint64_t now, const uint64_t *max, uint64_t n) {
    uint64_t limit = __atomic_load_n(max, __ATOMIC_RELAXED);
    return now <= limit && n <= limit - now;
}

static inline void quota_uncharge(uint64_t *count, uint64_t n) {
    uint64_t before = __atomic_fetch_sub(count, n, __ATOMIC_RELAXED);
    debug_assert(before >= n);
}

/* Adds n to a count unless that goes over its limit. What does not fit is added
 * and taken back, and that may keep another hart from what would just fit. */
static inline bool quota_charge(uint64_t *count, const uint64_t *max,
                                uint64_t n) {
    uint64_t before = __atomic_fetch_add(count, n, __ATOMIC_RELAXED);
    if (quota_fits(before, max, n)) {
        return true;
    }
    __atomic_fetch_sub(count, n, __ATOMIC_RELAXED);
    return false;
}

/* Charges n more; false, and nothing is charged, if that is over the limit. */
static inline bool quota_charge_frames(struct quota *quota, uint64_t n) {
    return quota_charge(&quota->frames, &quota->frames_max, n);
}
static inline bool quota_charge_objects(struct quota *quota, uint64_t n) {
    return quota_charge(&quota->objects, &quota->objects_max, n);
}

/* Takes back n that were charged before. */
static inline void quota_uncharge_frames(struct quota *quota, uint64_t n) {
    quota_uncharge(&quota->frames, n);
}
static inline void quota_uncharge_objects(struct quota *quota, uint64_t n) {
    quota_uncharge(&quota->objects, n);
}

/* True if n more frames would fit now: a promise of nothing. */
static inline bool quota_has_frames(const struct quota *quota, uint64_t n) {
    return quota_fits(__atomic_load_n(&quota->frames, __ATOMIC_RELAXED),
                      &quota->frames_max, n);
}

/* True if n frames are not more than the quota allows in all: a heap that
 * could never be filled is refused when it grows, not when it is touched. */
static inline bool quota_could_hold(const struct quota *quota, uint64_t n) {
    return n <= quota->frames_max;
}

static inline bool quota_essential(const struct quota *quota) {
    return quota->essential;
}

#endif
