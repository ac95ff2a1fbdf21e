/* SPDX-License-Identifier: MIT */
/*
 * dev/plic.c: the platform-level interrupt controller.
 *
 * Its registers are words of 32 bits.
 * A context is one mode of one hart; the device tree says which.
 */
#include "dev/plic.h"

#include <stddef.h>

#include "arch/csr.h"
#include "arch/hart.h"
#include "arch/memory.h"
#include "dev/machine.h"
#include "lib/panic.h"

struct plic {
    uint32_t priority[1024]; /* of each interrupt; 0: never */
    uint32_t pending[1024];
    uint32_t enable[16320][32]; /* for each context, a bit an interrupt */
    struct {
        uint32_t threshold; /* lowest priority that is let through, less one */
        uint32_t claim;     /* read: claim; write: complete */
        uint32_t reserved[1022];
    } control[]; /* for each context */
};

_Static_assert(offsetof(struct plic, control) == 0x200000, "as SiFive has it");

static volatile struct plic *plic; /* constant after init */

/* Each hart's claim register: worked out once, used for each interrupt. */
static volatile uint32_t *claims[HART_MAX];

static bool reaches(const struct hart *hart) {
    return machine.plic.registers.size != 0 &&
           machine.plic.context[hart->id] >= 0;
}

/* The id of the hart that takes the interrupt. */
static uint32_t route(uint32_t irq) {
    uint32_t id = irq % hart_count;
    return machine.plic.context[id] >= 0 ? id : 0;
}

bool plic_valid(uint32_t irq) {
    return irq > 0 && irq <= machine.plic.irq_count &&
           reaches(&harts[route(irq)]);
}

void plic_init(void) {
    plic = pa_to_va(machine.plic.registers.base);
    for (uint32_t irq = 1; irq <= machine.plic.irq_count; irq++)
        plic_mask(irq);
}

void plic_init_hart(void) {
    const struct hart *hart = hart_self();
    if (!reaches(hart))
        return;
    uint32_t context = (uint32_t)machine.plic.context[hart->id];
    uint32_t bits = 0;
    assert(offsetof(struct plic, control[context + 1]) <=
           machine.plic.registers.size);
    for (uint32_t irq = 0; irq <= machine.plic.irq_count; irq++) {
        bits |= (uint32_t)(irq > 0 && route(irq) == hart->id) << irq % 32;
        if (irq % 32 == 31 || irq == machine.plic.irq_count) {
            plic->enable[context][irq / 32] = bits;
            bits = 0;
        }
    }
    plic->control[context].threshold = 0;
    claims[hart->id] = &plic->control[context].claim;
    csr_set(sie, SIE_EXTERNAL);
}

void plic_mask(uint32_t irq) {
    plic->priority[irq] = 0;
}

void plic_unmask(uint32_t irq) {
    plic->priority[irq] = 1;
}

/* A device that still asserts its line would interrupt again at once if its
 * interrupt were not masked when it is completed. */
uint32_t plic_take(void) {
    volatile uint32_t *claim = claims[hart_self()->id];
    uint32_t irq = claim ? *claim : 0;
    if (irq != 0) {
        plic->priority[irq] = 0;
        *claim = irq;
    }
    return irq;
}
