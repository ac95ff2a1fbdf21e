/* SPDX-License-Identifier: MIT */
/*
 * dev/plic.h: the platform-level interrupt controller.
 *
 * Idea        Drivers are user processes, so the kernel's part of an interrupt
 *             is short: claim it, mask it, complete it, and set a bit in the
 *             driver's notification. It stays masked until the driver says
 *             that it has served the device; otherwise a level-triggered
 *             device would interrupt for ever.
 * Routing     Each interrupt belongs to one hart: number modulo harts.
 * Masking     By the interrupt's priority, 0 or 1, one word of its own. The
 *             enable bits stay set: a completion is ignored for an interrupt
 *             that is not enabled. So no register is shared and no lock is
 *             needed.
 */
#ifndef OCTAVO_DEV_PLIC_H
#define OCTAVO_DEV_PLIC_H

#include <stdbool.h>
#include <stdint.h>

/* Highest interrupt number that the kernel keeps a record for. */
enum { PLIC_IRQ_MAX = 127 };

/* Masks all interrupts. Once, before plic_init_hart of any hart. */
void plic_init(void);

/* Routes this hart's share of the interrupts to it, still masked. */
void plic_init_hart(void);

/* Whether `irq` is the number of an interrupt that can reach a hart. */
bool plic_valid(uint32_t irq);

/* Claims the most urgent pending interrupt of this hart, masks and completes
 * it; 0: there is none. */
uint32_t plic_take(void);

/* Holds an interrupt back, or lets it through. Any hart may do both. */
void plic_mask(uint32_t irq);
void plic_unmask(uint32_t irq);

#endif
