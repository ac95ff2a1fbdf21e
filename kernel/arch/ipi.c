/* SPDX-License-Identifier: MIT */
/*
 * arch/ipi.c: interrupting other harts, and waiting for them.
 *
 * The firmware could interrupt several harts in one call, but names them by
 * numbers of its own, which need not be close to each other: so one a call.
 */
#include "arch/ipi.h"

#include "arch/csr.h"
#include "arch/hart.h"
#include "arch/sbi.h"
#include "lib/bits.h"
#include "lib/panic.h"

/* Turns of a loop between two that give the host thread away: many times what
 * an uncontended wait takes. */
enum { RELAX_TURNS = 256 };

void hart_interrupt(uint32_t mask) {
    mask &= ((1u << hart_count) - 1) & ~(1u << hart_self()->id);
    if (mask == 0)
        return;
    hart_count_event(COUNTER_IPIS);
    /* What was written before is seen by whoever is interrupted. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (; mask != 0; mask &= mask - 1) {
        uint64_t target = harts[bits_lowest(mask)].sbi_id;
        int64_t error = sbi_send_ipi(target);
        if (error != 0)
            panic("firmware refuses to interrupt hart %lu: %ld", target, error);
    }
}

/* With an interrupt pending wfi does not wait, but QEMU goes on to the next
 * hart. start.S has enabled the interrupt in sie. */
void hart_give_way(void) {
    csr_set(sip, SIE_SOFTWARE);
    __asm__ volatile("wfi" ::: "memory");
}

void hart_relax(uint32_t *turns) {
    if (++*turns % RELAX_TURNS != 0) {
        /* `pause`, by its encoding: a hint that every machine accepts. */
        __asm__ volatile(".4byte 0x0100000f" ::: "memory");
        return;
    }
    hart_give_way();
}
