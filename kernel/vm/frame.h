/* SPDX-License-Identifier: MIT */
/*
 * vm/frame.h: physical memory, one 4 KiB frame at a time.
 *
 * Every frame of RAM has a struct frame with a count of the references to it:
 * one for each page-table entry that maps it, or one for the kernel object
 * that it holds. The frame is free again when the count falls to zero.
 *
 *     pa_t pa = frame_alloc_zero(quota->essential);
 *     if (pa == 0)
 *         return -ENOMEM;
 *     ...
 *     frame_unref(pa);
 *
 * No function here panics because memory has run out, none waits, and all may
 * be called with any lock of a lower rank than RANK_FRAME held.
 */
#ifndef OCTAVO_VM_FRAME_H
#define OCTAVO_VM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "arch/memory.h"
#include "lib/panic.h"
#include "vm/oracle.h"

struct machine;

/* What a frame is used for. */
enum frame_kind {
    FRAME_FREE = 0, /* in a hart's stock, or in the pool behind those */
    FRAME_RESERVED, /* never allocated: firmware, kernel, initrd, no RAM */
    FRAME_USED,     /* pages of programs; what the next ones are not */
    FRAME_TABLE,    /* a page table; `tag` counts the entries in use */
    FRAME_SLAB,     /* objects of one type; `part_of` tells which */
    FRAME_DMA,      /* part of a memory object (vm/memory.h) */
};

struct frame {
    uint32_t refs;    /* atomic; 0 while free */
    uint32_t part_of; /* what: FRAME_SLAB, and FRAME_TABLE for vm/oracle.c */
    uint32_t counted; /* vm/check.c: references that it found; else 0 */
    uint16_t tag;     /* see enum frame_kind; owned by the frame's owner */
    uint8_t kind;     /* enum frame_kind */
    bool poisoned;    /* debug builds: it was given back, full of a pattern */
};

/*
 * Takes over the machine's RAM: all of it but what is reserved, the kernel's
 * image, the initrd and the device tree. Called once, by the boot hart, before
 * any other function here. Panics when there is too little RAM to run.
 */
void frame_init(const struct machine *machine);

/*
 * One frame with one reference, its contents undefined; 0: there is none.
 * The last frames (1/32 of RAM, at least 64) are kept for allocations that are
 * `essential`: servers that others need in order to give memory back.
 */
pa_t frame_alloc(bool essential);

/* The same, filled with zeros. */
pa_t frame_alloc_zero(bool essential);

/*
 * `count` (1 or more) adjacent frames, each of kind FRAME_DMA with one
 * reference, contents undefined; the address of the first, or 0. May search
 * all frames: only for holders of the authority handle, as drivers start.
 */
pa_t frame_alloc_contiguous(unsigned count);

/*
 * The records by frame number (address / PAGE_SIZE), from the first frame of
 * RAM, or a little below, to the last: frame_count of them from number
 * frame_first on. Constant after frame_init.
 */
extern struct frame *frame_records;
extern uint32_t frame_first;
extern uint32_t frame_count;

/* The record of a frame; NULL if there is none, so that it is no RAM. */
static inline struct frame *frame_of(pa_t pa) {
    uint64_t number = pa >> PAGE_SHIFT;
    return number - frame_first < frame_count ? &frame_records[number] : NULL;
}

/* The record of a frame that is known to be RAM. */
static inline struct frame *frame_record(pa_t pa) {
    debug_assert(frame_of(pa) != NULL);
    return &frame_records[pa >> PAGE_SHIFT];
}

/* 512 adjacent frames at a multiple of 2 MiB, each of kind FRAME_USED with one
 * reference, contents undefined; the address of the first. 0: no such 512 are
 * free. */
pa_t frame_alloc_block(void);

/* One more reference to a frame that the caller knows to have one. `records` is
 * frame_records, which a loop need not load again for each frame. */
static inline void frame_ref_in(struct frame *records, pa_t pa) {
    uint32_t *refs = &records[pa >> PAGE_SHIFT].refs;
    uint32_t before = __atomic_fetch_add(refs, 1, __ATOMIC_RELAXED);
    debug_assert(frame_of(pa) != NULL && before > 0 && before < UINT32_MAX);
}

static inline void frame_ref(pa_t pa) {
    frame_ref_in(frame_records, pa);
}

/* Makes a frame without references free: the rest of frame_unref. */
void frame_free(pa_t pa);

/*
 * One reference less; true if it was the last and the frame is free. No hart
 * may still reach the frame through this reference: fence first (vm/asid.h).
 */
static inline bool frame_unref(pa_t pa) {
    if (DEBUG_BUILD) {
        oracle_unref(pa);
    }
    uint32_t *refs = &frame_record(pa)->refs;
    /* Release: what was written through this reference comes before the next
     * use of the frame. Acquire: the last one sees what all others wrote. */
    uint32_t before = __atomic_fetch_sub(refs, 1, __ATOMIC_ACQ_REL);
    debug_assert(before > 0);
    if (before > 1) {
        return false;
    }
    frame_free(pa);
    return true;
}

/* The same for `count` adjacent frames. */
static inline void frames_unref(pa_t pa, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        frame_unref(pa + i * PAGE_SIZE);
    }
}

/* References to the frame now; 0 if it is free or not RAM. A holder that sees
 * 1 is the only one, and stays so until it gives a reference away itself. */
static inline uint32_t frame_refs(pa_t pa) {
    const struct frame *frame = frame_of(pa);
    return frame == NULL ? 0 : __atomic_load_n(&frame->refs, __ATOMIC_ACQUIRE);
}

/* Whether a frame of RAM has one reference. */
static inline bool frame_sole(pa_t pa) {
    return __atomic_load_n(&frame_record(pa)->refs, __ATOMIC_ACQUIRE) == 1;
}

/* Frames that can be allocated, in all and now. The second is exact while no
 * other hart allocates or frees. */
uint64_t frame_total(void);
uint64_t frame_free_count(void);

/*
 * Tests: the n-th allocation from now (1: the next) fails, of frames and slab
 * objects together, essential or not; n = 0 takes it back. Returns the
 * allocations tried since the last call with n > 0, so that a large n counts
 * them.
 */
uint64_t frame_fail_after(uint64_t n);

/* True if the allocation that is about to be made is the one to fail. */
bool frame_fail_now(void);

#endif
