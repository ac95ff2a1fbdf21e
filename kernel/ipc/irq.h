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

#include "cap/object.h"
#include "proc/thread.h"

/* Of handles to interrupts. */
extern const struct object_operations irq_operations;

/* SYS_IRQ_CREATE (the authority has been checked), SYS_IRQ_BIND, SYS_IRQ_ACK */
int64_t irq_create(struct thread *self, uint64_t irq);
int64_t irq_bind(struct thread *self);
int64_t irq_acknowledge(struct thread *self);

/* An external interrupt is pending on this hart: claims and signals it. */
void irq_interrupt(void);

#endif
