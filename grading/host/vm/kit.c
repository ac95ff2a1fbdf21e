/* SPDX-License-Identifier: MIT */
/*
 * kit.c: what tests of spaces do all the time.
 */
#include "kit.h"

#include "abi/errno.h"
#include "vm/vm.h"

struct quota *quota;

struct space *start(void) {
    sim_boot(FRAMES, 1, 16);
    quota = quota_create();
    return space_create(quota);
}

/* Ends the space; nothing may be left of it. */
void finish(struct space *space) {
    if (space != NULL) {
        sim_end(space);
    }
    CHECK(vm_check_frames() == 0);
    CHECK(quota->frames == 0 && quota->objects == 0);
}

void map(struct space *space, va_t va, unsigned pages, unsigned flags) {
    CHECK(space_map(space, va, pages * PAGE_SIZE, flags, NULL, 0) ==
          (int64_t)va);
}

uint64_t load(struct space *space, va_t va) {
    uint64_t value = 0;
    CHECK(sim_load(space, va, &value) == 0);
    return value;
}

void store(struct space *space, va_t va, uint64_t value) {
    CHECK(sim_store(space, va, value) == 0);
}

struct space *fork_of(struct space *parent, struct quota *child_quota) {
    struct space *child = space_fork_begin(parent, child_quota);
    va_t cursor = 0;
    int result = SPACE_MORE;
    while (child != NULL && result == SPACE_MORE) {
        result = space_fork_step(parent, child, &cursor);
    }
    if (child != NULL && result < 0) {
        CHECK(result == -ENOMEM);
        sim_end(child);
        return NULL;
    }
    return child;
}

int unmap(struct space *space, va_t va, uint64_t length) {
    int result;
    do {
        result = space_unmap(space, va, length);
    } while (result == SPACE_MORE);
    return result;
}

int protect(struct space *space, va_t va, uint64_t length, unsigned prot) {
    int result;
    do {
        result = space_protect(space, va, length, prot);
    } while (result == SPACE_MORE);
    return result;
}

int64_t sbrk(struct space *space, int64_t delta) {
    int64_t result;
    do {
        result = space_sbrk(space, delta);
    } while (result == -EAGAIN);
    return result;
}
