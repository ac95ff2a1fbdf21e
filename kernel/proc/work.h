/* SPDX-License-Identifier: MIT */
/*
 * proc/work.h: long operations without a thread, in small steps.
 *
 * Taking a process or an address space apart can take millions of
 * instructions, and the thread that caused it may be gone. Such work is queued
 * on the hart where it arose, with the priority of whoever caused it, and the
 * scheduler runs one step whenever no thread of higher priority is ready.
 * Interrupts are looked at between steps.
 */
#ifndef OCTAVO_PROC_WORK_H
#define OCTAVO_PROC_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/hart.h"
#include "lib/list.h"

struct work {
    struct list link;
    uint32_t priority;
    /* Does a bounded step (at most 20,000 instructions). True: finished, and
     * the struct work may be gone. */
    bool (*step)(struct work *work);
};

/* Sets up the harts' queues. Once, at boot. */
void work_init(void);

/* Queues work on this hart. It must not be queued already. */
void work_queue(struct work *work);

/* The priority of this hart's first work, or -1 if it has none. */
static inline int32_t work_priority(void) {
    return hart_self()->work;
}

/* Runs one step of this hart's first work. */
void work_step(void);

#endif
