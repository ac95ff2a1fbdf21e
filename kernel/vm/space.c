/* SPDX-License-Identifier: MIT */
/*
 * vm/space.c: making address spaces, and taking them apart.
 *
 * States      LIVE (refs > 0) -> DYING (space_put dropped the last reference:
 *             no thread is in it, but a hart may still have it in satp) ->
 *             free (space_free_step was called until it returned true).
 * Invariant   What a space is charged for is gone from its quota with it.
 * Locks       space->lock guards regions, page table and heap.
 * Read        next: vm/map.c, vm/fault.c, vm/fork.c.
 */
#include "vm/space.h"

#include "lib/panic.h"
#include "lib/string.h"
#include "vm/slab.h"

static void space_once(void *object) {
    struct space *space = object;
    spin_init(&space->lock, RANK_SPACE);
    asid_once(&space->asid);
}

struct slab space_slab = SLAB(struct space, space_once);

void (*space_defunct)(struct space *space);

/* ---- Life ---- */

struct space *space_create(struct quota *quota) {
    struct space *space = slab_alloc(&space_slab, quota);
    if (space == NULL) {
        return NULL;
    }
    memset(&space->refs, 0, sizeof(*space) - offsetof(struct space, refs));
    space->refs = 1;
    list_init(&space->regions);
    list_init(&space->defunct);
    space->paged_start = USER_END;
    space->quota = quota;
    spin_lock(&space->lock);
    bool made = pagetable_create(&space->table, quota) == 0;
    if (made && !asid_create(&space->asid, space->table.root)) {
        pagetable_destroy(&space->table);
        made = false;
    }
    spin_unlock(&space->lock);
    if (!made) {
        slab_free(&space_slab, space, quota);
        return NULL;
    }
    if (DEBUG_BUILD) {
        oracle_space(space);
    }
    quota_get(quota);
    return space;
}

void space_put(struct space *space) {
    if (__atomic_fetch_sub(&space->refs, 1, __ATOMIC_ACQ_REL) == 1) {
        space->dying = true;
        space_defunct(space);
    }
}

/* ---- The end ---- */

bool space_free_step(struct space *space) {
    assert(space->dying && space->refs == 0);
    asid_release(&space->asid);
    spin_lock(&space->lock);
    int result = space_empty_step(space, 0, USER_END);
    if (result == 0) {
        pagetable_destroy(&space->table);
    }
    spin_unlock(&space->lock);
    if (result == SPACE_MORE) {
        return false;
    }
    struct quota *quota = space->quota;
    slab_free(&space_slab, space, quota);
    quota_put(quota);
    return true;
}
