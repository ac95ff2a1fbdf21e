/* SPDX-License-Identifier: MIT */
/*
 * vm/check.c: recounting every reference.
 *
 * Idea        The count that the tables lead to is kept in the frame's record:
 *             no memory is allocated, and the check runs also when there is
 *             none left.
 * Locks       All spaces are locked while it counts, and their slab, so that
 *             there come no others. Frames that are just then taken for kernel
 *             objects, which needs no space, may be seen half taken: what
 *             looks wrong is looked at again.
 */
#include "vm/vm.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/print.h"
#include "vm/frame.h"
#include "vm/kernelmap.h"
#include "vm/large.h"
#include "vm/pagetable.h"
#include "vm/space.h"

enum {
    COMPLAINTS = 8, /* printed; the rest is only counted */
    TRIES = 3,
};

struct tally {
    bool quiet;
    uint64_t wrong;
    uint64_t free; /* frames */
};

static void complain(struct tally *tally, pa_t pa, const struct frame *frame,
                     const char *what) {
    if (tally->wrong++ < COMPLAINTS && !tally->quiet) {
        kprintf("frame %lx: %s (kind %u, refs %u, counted %u)\n", pa, what,
                frame->kind, frame->refs, frame->counted);
    }
}

/* Counts a page of a program. What has no frame of kind FRAME_USED is pinned,
 * and belongs to its memory object. */
static void count_leaf(struct tally *tally, pte_t pte) {
    pa_t pa = pte_frame(pte);
    struct frame *frame = frame_of(pa);
    if (frame == NULL || frame->kind == FRAME_RESERVED ||
        frame->kind == FRAME_DMA) {
        return;
    }
    if (frame->kind != FRAME_USED) {
        complain(tally, pa, frame, "mapped, but no page of a program");
        return;
    }
    frame->counted++;
    if (pte & PTE_W && !(pte & (PTE_SHARED | PTE_LENT)) && frame->refs > 1) {
        complain(tally, pa, frame, "private, writable and referenced twice");
    }
}

/* Counts a table and what is below its first `entries` entries. The leaves of
 * the kernel's half are the direct map, and no references. */
static void count_table(struct tally *tally, pa_t pa, unsigned level,
                        unsigned entries) {
    const pte_t *table = pa_to_va(pa);
    frame_of(pa)->counted++;
    for (unsigned i = 0; i < entries; i++) {
        if (level > 0 && pte_is_table(table[i])) {
            count_table(tally, pte_frame(table[i]), level - 1,
                        PAGETABLE_ENTRIES);
            continue;
        }
        unsigned pages = level > 0 ? PAGETABLE_ENTRIES : 1;
        for (unsigned k = 0; table[i] & PTE_U && k < pages; k++) {
            count_leaf(tally, table[i] + ((pte_t)k << PTE_PPN_SHIFT));
        }
    }
}

/* Counts the blocks that regions are filling. */
static void count_blocks(struct tally *tally, const struct space *space) {
    const struct region *region = region_after(space, 0);
    for (; region != NULL; region = region_next(space, region)) {
        pa_t block = large_block(region);
        for (unsigned k = 0; block != 0 && k < PAGETABLE_ENTRIES; k++) {
            count_leaf(tally, pte_make(block + (pa_t)k * PAGE_SIZE, 0));
        }
    }
}

static void count_space(void *object, void *arg) {
    struct space *space = object;
    if (space->table.root != 0) {
        count_table(arg, space->table.root, PAGETABLE_LEVELS - 1,
                    PAGETABLE_ENTRIES / 2);
        count_blocks(arg, space);
        region_check(space);
    }
}

/* By trying, since spin_lock wants each rank but once: whoever holds a space's
 * lock waits neither for the slab's nor for a space at a lower address. */
static void space_lock(void *object, void *arg) NO_THREAD_SAFETY {
    struct spinlock *lock = &((struct space *)object)->lock;
    (void)arg;
    if (!spin_try(lock)) {
        spin_wait(lock);
    }
}

static void space_unlock(void *object, void *arg) NO_THREAD_SAFETY {
    (void)arg;
    spin_unlock(&((struct space *)object)->lock);
}

static void count_compare(struct tally *tally, pa_t pa) {
    struct frame *frame = frame_of(pa);
    switch (frame->kind) {
    case FRAME_RESERVED:
        break;
    case FRAME_FREE:
        tally->free++;
        if (frame->refs != 0) {
            complain(tally, pa, frame, "free, but referenced");
        }
        break;
    case FRAME_SLAB:
    case FRAME_DMA:
        if (frame->refs != 1) {
            complain(tally, pa, frame, "the kernel's, but not once");
        }
        break;
    default:
        if (frame->refs != frame->counted || frame->refs == 0) {
            complain(tally, pa, frame, "lost or miscounted");
        }
    }
    frame->counted = 0;
}

/* Counts once; `quiet`: prints nothing. */
static uint64_t check_once(bool quiet) {
    struct tally tally = {.quiet = quiet};
    spin_lock(&space_slab.lock);
    slab_each(&space_slab, space_lock, NULL);
    count_table(&tally, kernel_root, PAGETABLE_LEVELS - 1, PAGETABLE_ENTRIES);
    slab_each(&space_slab, count_space, &tally);
    for (uint64_t i = 0; i < frame_count; i++) {
        count_compare(&tally, (frame_first + i) << PAGE_SHIFT);
    }
    uint64_t said = frame_free_count();
    slab_each(&space_slab, space_unlock, NULL);
    spin_unlock(&space_slab.lock);
    if (tally.free != said) {
        tally.wrong++;
        if (!quiet) {
            kprintf("%lu frames are free, %lu are said to be\n", tally.free,
                    said);
        }
    }
    return tally.wrong;
}

uint64_t vm_check_frames(void) {
    uint64_t wrong = 1;
    for (unsigned i = 1; i <= TRIES && wrong > 0; i++) {
        wrong = check_once(i < TRIES);
    }
    return wrong;
}
