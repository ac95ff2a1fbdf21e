/* SPDX-License-Identifier: MIT */
/*
 * vm/asid.h: address-space numbers, switching spaces, and fences.
 *
 * An ASID tags TLB entries, so that a switch of spaces need not flush. Numbers
 * are handed out in ascending order and never twice; when they run out, a new
 * generation starts with all of them, and each hart flushes its TLB before it
 * next enters a space of that generation. The spaces that harts are in at that
 * moment keep their numbers.
 *
 * A space is fenced on the harts in its mask: those that entered it since it
 * got its number. Memory order: a hart sets its bit before it walks the
 * tables, and who removes a right writes the entry before it reads the mask.
 *
 * On a machine with no ASIDs, or hardly any, no number is ever valid, and each
 * switch takes the slow path and flushes.
 */
#ifndef OCTAVO_VM_ASID_H
#define OCTAVO_VM_ASID_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/info.h"
#include "abi/layout.h"
#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/hart.h"
#include "arch/memory.h"
#include "lib/build.h"
#include "vm/kernelmap.h"
#include "vm/oracle.h"

enum { FENCE_PAGES = 32 }; /* up to here fence page by page */

/* No generation: set by a roll-over in each hart's record. */
#define ASID_FLUSH UINT64_MAX

/* A space's number. Fields: atomic, written under the ASID lock. */
struct asid {
    uint64_t generation; /* in which the number is valid; 0: never */
    uint64_t satp;       /* root and number */
    uint32_t hart_mask;  /* harts that entered with this number */
};

/* A hart's view. */
struct asid_hart {
    uint64_t generation;      /* it may enter numbers of this generation; 0: it
                                 must take the slow path (set by a roll-over) */
    struct asid *active;      /* the number it has entered, or is about to */
    struct asid *reserved;    /* what `active` was at the last roll-over */
    uint64_t reserved_number; /* its number, not to be given out again */
} __attribute__((aligned(64)));

extern struct asid_hart asid_harts[HART_MAX];

/* Finds out which ASID is the highest, and returns it. Once, after
 * kernel_map_init. */
uint64_t asid_init(void);

/* Prepares the number of a fresh space with this root: not valid yet. */
void asid_create(struct asid *asid, pa_t root);

/*
 * Ends the use of a space's number. False if some hart is still in the space
 * (it will leave at its next switch): try again later. This hart leaves it.
 */
bool asid_release(struct asid *asid);

/* The rest of asid_enter, when it cannot be quick. */
void asid_enter_slow(struct asid *asid);

/*
 * Fences `pages` pages from `va`, which have lost a right or their mapping, on
 * every hart that may remember them: this one at once, the others by SBI
 * before this returns. FENCE_ALL: whatever the space maps, tables included.
 */
enum { FENCE_ALL = 0 };
void asid_fence(struct asid *asid, va_t va, uint64_t pages);

/* The same, without a call if no other hart is concerned. `all`: FENCE_ALL. */
static inline void asid_fence_near(struct asid *asid, va_t va, uint64_t pages,
                                   bool all) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* entries before the mask */
    uint64_t number = asid->satp >> SATP_ASID_SHIFT & SATP_ASID_MASK;
    if (__atomic_load_n(&asid->hart_mask, __ATOMIC_ACQUIRE) !=
        1u << hart_self()->id) {
        asid_fence(asid, va, all ? FENCE_ALL : pages);
    } else if (all || pages > FENCE_PAGES) {
        fence_local_asid(number);
    } else {
        for (va_t end = va + pages * PAGE_SIZE; va < end; va += PAGE_SIZE)
            fence_local_page(va, number);
    }
}

/* This hart alone forgets one page: for entries that gained a right. */
void asid_fence_here(struct asid *asid, va_t va);

/* Writes satp. */
static inline void asid_satp(struct hart *hart, uint64_t satp) {
    if (DEBUG_BUILD) {
        oracle_enter(hart, satp);
    }
    csr_write(satp, satp);
    hart->satp = satp;
    hart->counters[COUNTER_SATP_WRITES]++;
}

/*
 * Makes this hart run in a space that it is not in, if the number is valid. If
 * not, false: the hart is where it was, but is noted as being on its way, so
 * it has to take the slow path or leave.
 */
static inline bool asid_switch(struct hart *hart, struct asid *asid) {
    struct asid_hart *self = hart->asid;
    *(struct asid *volatile *)&self->active = asid;
    /* A roll-over sets self->generation, then reads self->active: either it
     * sees the store above, or this sees that it has to flush. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&self->generation, __ATOMIC_RELAXED) !=
            __atomic_load_n(&asid->generation, __ATOMIC_RELAXED) ||
        (__atomic_load_n(&asid->hart_mask, __ATOMIC_RELAXED) >> hart->id & 1) ==
            0) {
        return false;
    }
    asid_satp(hart, asid->satp);
    return true;
}

/*
 * Makes this hart run in the space without a lock or a call; false: that is
 * not possible, and the hart is in the kernel's table, because a roll-over
 * that happens now does not know of the space it was in.
 */
static inline bool asid_try_enter(struct asid *asid) {
    struct hart *hart = hart_self();
    if (hart->satp == asid->satp || asid_switch(hart, asid)) {
        return true;
    }
    asid_satp(hart, kernel_satp);
    return false;
}

/* Makes this hart run in the space on its way to user mode, if that makes no
 * call. False: asid_enter has to do it, or the hart has to leave. */
static inline bool asid_enter_quick(struct asid *asid) {
    struct hart *hart = hart_self();
    if (hart->satp != asid->satp && !asid_switch(hart, asid)) {
        return false;
    }
    if (DEBUG_BUILD) {
        oracle_check();
    }
    return true;
}

/* Makes this hart run in the space. */
static inline void asid_enter(struct asid *asid) {
    if (asid_enter_quick(asid)) {
        return;
    }
    asid_enter_slow(asid);
    if (DEBUG_BUILD) {
        oracle_check();
    }
}

/* Makes this hart run in the kernel's table alone: a hart that goes idle, or
 * drops what may be the last reference to the space it is in. */
void asid_leave(void);

#endif
