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
 * A NULL quota is the kernel's own: no limit, and essential.
 */
#ifndef OCTAVO_VM_QUOTA_H
#define OCTAVO_VM_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Makes the cache of quotas. Once, at boot. */
void quota_init(void);

/* A quota with one reference and the default limits: half of all frames,
 * QUOTA_OBJECTS objects. NULL: no memory. */
struct quota *quota_create(void);

/* References. The last one gone, the quota is; NULL is allowed. */
struct quota *quota_get(struct quota *quota);
void quota_put(struct quota *quota);

/* Charges n more; false, and nothing is charged, if that is over the limit. */
bool quota_charge_frames(struct quota *quota, uint64_t n);
bool quota_charge_objects(struct quota *quota, uint64_t n);

/* Takes back n that were charged before. */
void quota_uncharge_frames(struct quota *quota, uint64_t n);
void quota_uncharge_objects(struct quota *quota, uint64_t n);

/* True if n more frames would fit now: a promise of nothing. */
bool quota_has_frames(struct quota *quota, uint64_t n);

/* True if n frames are not more than the quota allows in all: a heap that
 * could never be filled is refused when it grows, not when it is touched. */
static inline bool quota_could_hold(const struct quota *quota, uint64_t n) {
    return quota == NULL || n <= quota->frames_max;
}

static inline bool quota_essential(const struct quota *quota) {
    return quota == NULL || quota->essential;
}

#endif
