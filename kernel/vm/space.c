/* SPDX-License-Identifier: MIT */
/*
 * vm/space.c: making address spaces, and taking them apart.
 *
 * States      LIVE (refs > 0) -> DYING (space_put dropped the last reference:
 *             no thread is in it, but a hart may still have it in satp) ->
 *             free (space_free_step was called until it returned true).
 * Invariants  I1 every space that has a table is in the list of all spaces, by
 *                rising address;
 *             I2 what a space is charged for is gone from its quota with it.
 * Locks       space->lock guards regions, page table and heap. spaces_lock
 *             guards the list of all spaces; it is taken with no space locked,
 *             and shares RANK_ASID with vm/asid.c's lock, which it never meets.
 * Read        next: vm/map.c, vm/fault.c, vm/fork.c.
 */
#include "vm/space.h"

#include "lib/panic.h"
#include "lib/string.h"
#include "vm/slab.h"

static void space_once(void *object) {
    spin_init(&((struct space *)object)->lock, RANK_SPACE);
}

static struct slab space_slab = SLAB(struct space, space_once);
static struct spinlock spaces_lock = SPINLOCK(RANK_ASID);
static struct list spaces = {&spaces, &spaces};

void (*space_defunct)(struct space *space);

/* ---- Life ---- */

static void spaces_add(struct space *space) {
    spin_lock(&spaces_lock);
    struct list *place = &spaces;
    struct list *next = list_first(&spaces);
    while (next != NULL && next < &space->link) {
        place = next;
        next = list_next(&spaces, next);
    }
    list_insert_after(place, &space->link);
    spin_unlock(&spaces_lock);
}

static void spaces_remove(struct space *space) {
    spin_lock(&spaces_lock);
    list_remove(&space->link);
    spin_unlock(&spaces_lock);
}

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
    /* In the list before it has a table: vm/check.c counts every table. */
    spaces_add(space);
    spin_lock(&space->lock);
    bool made = pagetable_create(&space->table, quota) == 0;
    if (made && !asid_create(&space->asid, space->table.root)) {
        pagetable_destroy(&space->table);
        made = false;
    }
    spin_unlock(&space->lock);
    if (!made) {
        spaces_remove(space);
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

/* By trying, since spin_lock wants each rank but once: whoever holds a space's
 * lock waits neither for spaces_lock nor for a space at a lower address. */
void spaces_freeze(void) NO_THREAD_SAFETY {
    spin_lock(&spaces_lock);
    struct list *link = list_first(&spaces);
    for (; link != NULL; link = list_next(&spaces, link)) {
        struct spinlock *lock = &container_of(link, struct space, link)->lock;
        if (!spin_try(lock)) {
            spin_wait(lock);
        }
    }
}

void spaces_thaw(void) NO_THREAD_SAFETY {
    struct list *link = list_first(&spaces);
    for (; link != NULL; link = list_next(&spaces, link)) {
        spin_unlock(&container_of(link, struct space, link)->lock);
    }
    spin_unlock(&spaces_lock);
}

void space_each(void (*visit)(struct space *space, void *arg), void *arg) {
    assert(spin_held(&spaces_lock));
    struct list *link = list_first(&spaces);
    for (; link != NULL; link = list_next(&spaces, link)) {
        visit(container_of(link, struct space, link), arg);
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
    spaces_remove(space);
    struct quota *quota = space->quota;
    slab_free(&space_slab, space, quota);
    quota_put(quota);
    return true;
}
