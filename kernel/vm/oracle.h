/* SPDX-License-Identifier: MIT */
/*
 * vm/oracle.h: a debug check that no stale translation is ever used.
 *
 * Idea        An emulator forgets translations all the time, so a missing
 *             fence goes unnoticed on it. The oracle remembers for each hart
 *             what hardware may: everything of every space that the hart
 *             entered, until a fence covers it. An entry that loses a right
 *             is recorded, with the harts that may hold it; each fence takes
 *             its hart off the records that it covers. It is a panic
 *             ("stale translation: ...") when
 *               - a hart is in the space of a record when the frame behind it
 *                 loses that reference, or the writer leaves the kernel;
 *               - a hart enters a space later, under a number for which it may
 *                 hold what a fence has missed, or another space's;
 *               - a fence for a record comes after the space's lock was given
 *                 back, for then others have seen the space;
 *               - a global mapping changed, and not every hart fenced all.
 * Use         The boot argument oracle=1 of a debug build. vm/pte.h,
 *             vm/asid.h, vm/frame.h and arch/fence.h tell it; release builds
 *             have none of this.
 */
#ifndef OCTAVO_VM_ORACLE_H
#define OCTAVO_VM_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/csr.h"
#include "arch/hart.h"
#include "arch/memory.h"
#include "lib/panic.h"
#include "vm/kernelmap.h"

struct space;

#define ORACLE_ANY UINT64_MAX /* every address, or every number */

/* A value of oracle_held: more than one space's, or what a fence missed. */
enum { ORACLE_STALE = 1 };

/*
 * What each hart may hold under each number: the root's frame number, 0 for
 * nothing, or ORACLE_STALE; at [number * hart_count + hart]. Atomic. NULL: the
 * oracle is off.
 */
extern uint32_t *oracle_held;

/* Turns it on, before there is a space, for numbers 0 to `highest`, in memory
 * of this size, which it keeps. */
void oracle_init(uint32_t *held, uint64_t highest);
static inline uint64_t oracle_size(uint64_t highest) {
    return (highest + 1) * hart_count * sizeof(*oracle_held);
}

/* The space has its root; its lock is held when its entries change. */
void oracle_space(struct space *space);

/* An entry that was `old` was just overwritten, by this hart. */
void oracle_stored(const uint64_t *entry, uint64_t old);

/* A reference to the frame is about to be dropped. */
void oracle_unref(pa_t pa);

/* The hart is about to fence what it holds for the page, the number, or both;
 * ORACLE_ANY: for all of them. */
void oracle_fence(const struct hart *hart, va_t va, uint64_t number);

/* This root and number are used no more. */
void oracle_dead(uint64_t satp);

/* This hart is about to leave the kernel, or to go idle. */
void oracle_check(void);

/* The hart is about to write satp. Makes no call, for the fast path. */
static inline void oracle_enter(const struct hart *hart, uint64_t satp) {
    if (oracle_held == NULL || satp == kernel_satp) {
        return;
    }
    uint32_t root = (uint32_t)(satp & SATP_PPN_MASK);
    uint64_t number = satp >> SATP_ASID_SHIFT & SATP_ASID_MASK;
    uint32_t *held = &oracle_held[number * hart_count + hart->id];
    uint32_t before = 0;
    if (!__atomic_compare_exchange_n(held, &before, root, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
        before != root) {
        __atomic_store_n(held, ORACLE_STALE, __ATOMIC_SEQ_CST);
    }
}

#endif
