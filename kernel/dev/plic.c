/* SPDX-License-Identifier: MIT */
/*
 * dev/plic.c: the platform-level interrupt controller.
 *
 * Its registers, 32 bits each:
 *
 *   0x000000 + 4 n            priority of interrupt n; 0: never
 *   0x002000 + 0x80 c + 4 w   context c: enabled interrupts 32w .. 32w+31
 *   0x200000 + 0x1000 c       context c: lowest priority that is let through,
 *                             less one
 *   0x200004 + 0x1000 c       context c: read: claim; write: complete
 *
 * A context is one mode of one hart; the device tree says which.
 */
#include "dev/plic.h"

#include "arch/csr.h"
#include "arch/hart.h"
#include "arch/memory.h"
#include "dev/machine.h"
#include "lib/panic.h"

enum {
    PLIC_PRIORITY = 0,
    PLIC_ENABLE = 0x2000,
    PLIC_ENABLE_CONTEXT = 0x80,
    PLIC_CONTROL = 0x200000,
    PLIC_CONTROL_CONTEXT = 0x1000,
    PLIC_THRESHOLD = 0,
    PLIC_CLAIM = 4,
};

static volatile uint32_t *plic_register(uint64_t offset) {
    assert(offset < machine.plic.registers.size);
    return pa_to_va(machine.plic.registers.base + offset);
}

/* Each hart's claim register, and the first of the priorities: worked out once,
 * used for each interrupt. */
static volatile uint32_t *claims[HART_MAX];
static volatile uint32_t *priorities;

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
    if (machine.plic.registers.size != 0)
        priorities = plic_register(PLIC_PRIORITY);
    for (uint32_t irq = 1; irq <= machine.plic.irq_count; irq++) {
        plic_mask(irq);
    }
}

void plic_init_hart(void) {
    const struct hart *hart = hart_self();
    if (!reaches(hart)) {
        return;
    }
    uint64_t context = (uint64_t)machine.plic.context[hart->id];
    uint64_t enable = PLIC_ENABLE + PLIC_ENABLE_CONTEXT * context;
    uint64_t control = PLIC_CONTROL + PLIC_CONTROL_CONTEXT * context;
    uint32_t bits = 0;
    for (uint32_t irq = 0; irq <= machine.plic.irq_count; irq++) {
        bits |= (uint32_t)(irq > 0 && route(irq) == hart->id) << irq % 32;
        if (irq % 32 == 31 || irq == machine.plic.irq_count) {
            *plic_register(enable + irq / 32 * 4) = bits;
            bits = 0;
        }
    }
    *plic_register(control + PLIC_THRESHOLD) = 0;
    claims[hart->id] = plic_register(control + PLIC_CLAIM);
    csr_set(sie, SIE_EXTERNAL);
}

void plic_mask(uint32_t irq) {
    priorities[irq] = 0;
}

void plic_unmask(uint32_t irq) {
    priorities[irq] = 1;
}

/* A device that still asserts its line would interrupt again at once if its
 * interrupt were not masked when it is completed. */
uint32_t plic_take(void) {
    volatile uint32_t *claim = claims[hart_self()->id];
    uint32_t irq = claim ? *claim : 0;
    if (irq != 0) {
        priorities[irq] = 0;
        *claim = irq;
    }
    return irq;
}
