/* SPDX-License-Identifier: MIT */
/*
 * arch/ipi.c: interrupting other harts, and waiting for them.
 *
 * The kernel numbers harts densely; the firmware knows them by ids of its own
 * and takes a 64-bit mask that counts from a base. So a set of harts becomes
 * one call when all their ids lie within 64 of each other, and several
 * otherwise.
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

/* Moves the harts that one call can name from *mask to the result: the lowest,
 * and those whose ids are less than 64 above its own. */
static struct sbi_harts hart_take(uint32_t *mask) {
    struct sbi_harts target = {.base = harts[bits_lowest(*mask)].sbi_id};
    for (uint32_t rest = *mask; rest != 0; rest &= rest - 1) {
        unsigned id = bits_lowest(rest);
        uint64_t distance = harts[id].sbi_id - target.base;
        if (distance < 64) {
            target.mask |= 1ull << distance;
            *mask &= ~(1u << id);
        }
    }
    return target;
}

void hart_interrupt(uint32_t mask) {
    mask &= ((1u << hart_count) - 1) & ~(1u << hart_self()->id);
    if (mask == 0) {
        return;
    }
    hart_count_event(COUNTER_IPIS);
    /* What was written before is seen by whoever is interrupted. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    while (mask != 0) {
        struct sbi_harts target = hart_take(&mask);
        int64_t error = sbi_send_ipi(target);
        if (error != 0) {
            panic("firmware refuses to interrupt harts 0x%lx + 0x%lx: %ld",
                  target.base, target.mask, error);
        }
    }
}

void hart_relax(uint32_t *turns) {
    if (++*turns % RELAX_TURNS != 0) {
        /* `pause`, by its encoding: a hint that every machine accepts. */
        __asm__ volatile(".4byte 0x0100000f" ::: "memory");
        return;
    }
    /* With an interrupt pending wfi does not wait, but QEMU goes on to the
     * next hart. start.S has enabled the interrupt in sie. */
    csr_set(sip, SIE_SOFTWARE);
    __asm__ volatile("wfi" ::: "memory");
}
