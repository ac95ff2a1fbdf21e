/* SPDX-License-Identifier: MIT */
/*
 * proc/timing.h: how many instructions message operations and switches take.
 *
 * Idea        With the boot argument stats=1 each trap from user mode and each
 *             return there is noted. An operation is timed from its ecall until
 *             its thread is back behind it, whoever runs in between; a switch
 *             from the trap of one thread to the return of another, unless the
 *             hart idled. What the noting itself takes does not count.
 * Limits      instret is the hart's own, so an operation that ends on another
 *             hart than it began is left out.
 * Locks       none: each hart writes only what is its own, and whoever reads
 *             may find a value that is not yet in all fields.
 */
#ifndef OCTAVO_PROC_TIMING_H
#define OCTAVO_PROC_TIMING_H

#include <stdint.h>

#include "abi/info.h"

struct thread;

/* What each hart, by its id, has found for each of enum timed. */
extern uint64_t timed_records[][TIMED_MAX][TIMED_FIELDS];

/* Called by trap/entry.S:timed: a trap of the thread, and its return to user
 * mode. `begin` is instret; returns where instret is to be put in the end. */
uint64_t *timing_enter(struct thread *self, uint64_t begin);
uint64_t *timing_leave(struct thread *self, uint64_t begin);

/* This hart idles: what follows is no switch. */
void timing_idle(void);

#endif
