/* SPDX-License-Identifier: MIT */
/*
 * vm/asid.h: address-space numbers, switching spaces, and fences.
 *
 * An ASID tags TLB entries, so that a switch of spaces need not flush. A space
 * has one number from its first day to its last, and then the next space has it
 * that takes its slot.
 *
 * A space is fenced on the harts in its mask: those that ever entered it. A
 * bit stays set as long as the space lives, so a hart that a thread of the
 * space has run on may enter it without a look. Memory order: a hart sets its
 * bit before it walks the tables, and who removes a right writes the entry
 * before it reads the mask.
 *
 * On a machine with no numbers, or hardly any, all spaces have number 0, each
 * switch flushes, and there is no fast path for messages.
 */
#ifndef OCTAVO_VM_ASID_H
#define OCTAVO_VM_ASID_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/layout.h"
#include "arch/csr.h"
#include "arch/fence.h"
#include "arch/hart.h"
#include "arch/memory.h"
#include "lib/panic.h"
#include "vm/kernelmap.h"
#include "vm/oracle.h"

enum { FENCE_PAGES = 32 }; /* up to here fence page by page */

/* A space's number. */
struct asid {
    uint64_t satp;      /* root and number; 0 once it was released */
    uint32_t hart_mask; /* atomic: harts that have entered */
    uint32_t number;    /* of the slot that the space is in */
};

/* Finds out which ASID is the highest, and returns it. Once, after
 * kernel_map_init. */
uint64_t asid_init(void);

/* Whether spaces have numbers of their own. */
bool asid_is_plenty(void);

/* Gives a slot for spaces its number. */
void asid_once(struct asid *asid);

/* Begins a space with this root. False: every number is in use. */
bool asid_create(struct asid *asid, pa_t root);

/* Ends the use of a space's number: no hart is in the space afterwards, or
 * remembers any of it. Again: nothing happens. */
void asid_release(struct asid *asid);

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
    uint32_t mask = __atomic_load_n(&asid->hart_mask, __ATOMIC_ACQUIRE);
    if (__builtin_expect(mask != 1u << hart_self()->id, 0)) {
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

static inline void asid_satp(struct hart *hart, uint64_t satp) {
    if (DEBUG_BUILD) {
        oracle_enter(hart, satp);
        hart->satp = satp;
    }
    csr_write(satp, satp);
}

/* Puts this hart into the space's mask: it will run there. */
static inline void asid_join(struct hart *hart, struct asid *asid) {
    if (!(asid->hart_mask >> hart->id & 1)) {
        __atomic_fetch_or(&asid->hart_mask, 1u << hart->id, __ATOMIC_RELAXED);
        /* The bit is visible before this hart walks the tables. */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}

/* Makes this hart run in a space that it is not in. Makes no call. */
static inline void asid_switch(struct hart *hart, struct asid *asid) {
    asid_join(hart, asid);
    asid_satp(hart, asid->satp);
    if ((asid->satp >> SATP_ASID_SHIFT & SATP_ASID_MASK) == 0) {
        fence_local_asid(0);
    }
}

/* Makes this hart run in the space, on its way to user mode. */
static inline void asid_enter(struct asid *asid) {
    if (csr_read(satp) != asid->satp) {
        asid_switch(hart_self(), asid);
    }
    if (DEBUG_BUILD) {
        oracle_check();
    }
}

/* Makes this hart run in a space that it is mostly not in, for a short cut,
 * with numbers in plenty: a thread of the space was in this hart's queues or
 * ran here, so the hart is in the mask. */
static inline void asid_enter_known(struct hart *hart, struct asid *asid) {
    asid_satp(hart, asid->satp);
}

/* Makes this hart run in the kernel's table alone: a hart that goes idle, or
 * drops what may be the last reference to the space it is in. */
void asid_leave(void);

#endif
