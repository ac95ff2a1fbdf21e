/* SPDX-License-Identifier: MIT */
/*
 * ipc/irq.h: interrupts as notification bits.
 *
 * States of a line: unused -> created (someone has the handle) -> bound:
 * unmasked -> (interrupt: masked, bits signalled) -> (acknowledged) unmasked.
 * Locks: irq_lock (RANK_IRQ) guards the table.
 */
#ifndef OCTAVO_IPC_IRQ_H
#define OCTAVO_IPC_IRQ_H

#include "proc/thread.h"

/* Registers handles. Once. */
void irq_init(void);

/* SYS_IRQ_CREATE (the authority has been checked), SYS_IRQ_BIND, SYS_IRQ_ACK */
int64_t irq_create(struct thread *self, uint64_t irq);
int64_t irq_bind(struct thread *self);
int64_t irq_acknowledge(struct thread *self);

/* An external interrupt is pending on this hart: claims and signals it. */
void irq_interrupt(void);

#endif
