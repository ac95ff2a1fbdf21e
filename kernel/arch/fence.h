/* SPDX-License-Identifier: MIT */
/*
 * arch/fence.h: making harts forget translations and stale code.
 *
 * Idea        A hart may use a page-table entry it once read until it runs
 *             sfence.vma. So whoever takes a right away fences every hart that
 *             may have read the entry before the frame is used again. Giving a
 *             right needs no fence: the worst that follows is a fault that
 *             finds nothing to do.
 * Use         pte_set(entry, 0);
 *             fence_local_page(va, asid);
 *             fence_remote_range(space->hart_mask, va, PAGE_SIZE, asid);
 * Rules       An address covers leaf entries only: after a change of a
 *             non-leaf entry fence the whole ASID. A fence with an ASID keeps
 *             global mappings: after a change of a kernel mapping fence all.
 * Harts       A mask has bit hart->id for each hart. The calling hart is left
 *             out even if its bit is set: it fences itself, locally.
 * Remote      A request is left in the caller's slot and the harts concerned
 *             are interrupted; each serves it when it takes the interrupt, or
 *             while it waits for a lock, so any lock may be held by anyone
 *             here. The call returns when all have done it. (The firmware's
 *             own remote fence would do, but it waits in machine mode, where
 *             hart_relax cannot help: QEMU's -icount then stands still.)
 * Counters    Each fence counts, by its kind, on the hart that runs it, each
 *             request as COUNTER_FENCE_REMOTE on the one that asks.
 */
#ifndef OCTAVO_ARCH_FENCE_H
#define OCTAVO_ARCH_FENCE_H

#include <stddef.h>
#include <stdint.h>

#include "arch/hart.h"
#include "arch/ipi.h"
#include "arch/memory.h"
#include "lib/panic.h"

#define FENCE_ANY UINT64_MAX /* every address, or every ASID */

/* Debug builds: told of each fence before it is executed; NULL: nobody is. */
extern void (*fence_hook)(const struct hart *hart, va_t va, uint64_t asid);

/* Runs for fence_remote_leave on each hart that is asked. Set once by vm. */
extern void (*fence_leave_hook)(uint64_t satp);

static inline void fence_tell(va_t va, uint64_t asid) {
    if (DEBUG_BUILD && fence_hook != NULL)
        fence_hook(hart_self(), va, asid);
}

/* Forgets the leaf entry for one page of one address space. */
static inline void fence_local_page(va_t va, uint64_t asid) {
    fence_tell(va, asid);
    __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(asid) : "memory");
    hart_count_event(COUNTER_FENCE_PAGE);
}

/* Forgets everything of one address space. */
static inline void fence_local_asid(uint64_t asid) {
    fence_tell(FENCE_ANY, asid);
    __asm__ volatile("sfence.vma x0, %0" ::"r"(asid) : "memory");
    hart_count_event(COUNTER_FENCE_SPACE);
}

/* Forgets everything, global mappings too. */
static inline void fence_local_all(void) {
    fence_tell(FENCE_ANY, FENCE_ANY);
    __asm__ volatile("sfence.vma" ::: "memory");
    hart_count_event(COUNTER_FENCE_ALL);
}

/* Makes this hart fetch code that was written before. */
static inline void fence_local_code(void) {
    __asm__ volatile("fence.i" ::: "memory");
}

/* fence_local_page on other harts, for each page of [va, va + len); or, if len
 * is FENCE_ANY, fence_local_asid. */
void fence_remote_range(uint32_t mask, va_t va, uint64_t len, uint64_t asid);

/* Makes other harts forget the address space with this satp, and leave it if
 * they are in it: no thread is, but a hart may be that has nothing else to run
 * yet. */
void fence_remote_leave(uint32_t mask, uint64_t satp);

/* fence_local_code on every hart. */
void fence_code(void);

/* Does what other harts ask of this one, if anything. Every loop of the kernel
 * that waits for another hart calls it. */
void fence_serve(void);

/*
 * What a hart does first when it takes a software interrupt: takes the
 * interrupt back, waits for ever if a hart has panicked, and serves requests.
 * The caller then looks whether there is a better thread to run.
 */
void fence_interrupt(void);

/* From now on this hart takes requests by fence_interrupt. Once for each hart,
 * when its trap handler is in place. */
void fence_init_hart(void);

#endif
