/* SPDX-License-Identifier: MIT */
/*
 * arch/ipi.h: interrupting other harts, and waiting for them.
 *
 * Idea        A hart interrupts another through the firmware, which sets SSIP
 *             there. What it wants lies in memory: fence requests (fence.h),
 *             a thread in a run queue (proc), a panic (lib).
 * Waiting     Whoever waits for another hart calls hart_relax in its loop. On
 *             real hardware that is a pause. Under QEMU's -icount, where one
 *             host thread plays all harts in turn, a hart that merely spins is
 *             given all the time there is, and the one it waits for none: so
 *             now and then hart_relax also gives its turn away.
 */
#ifndef OCTAVO_ARCH_IPI_H
#define OCTAVO_ARCH_IPI_H

#include <stdint.h>

/* Raises a software interrupt on each hart of the mask (bit hart->id) but this
 * one; counts as COUNTER_IPIS. Harts that have not started see it when they
 * do. Panics if the firmware refuses. */
void hart_interrupt(uint32_t mask);

/* Under QEMU, goes on with the next hart. Leaves a software interrupt pending
 * here, with nothing to do. */
void hart_give_way(void);

/* One turn of a waiting loop; *turns starts at 0 and belongs to the loop. May
 * leave a software interrupt pending on this hart, with nothing to do. */
void hart_relax(uint32_t *turns);

#endif
