/* SPDX-License-Identifier: MIT */
/*
 * dev/timer.h: time, and each hart's timer interrupt.
 *
 * Idea        Time is the `time` register, the same on all harts, in units of
 *             machine.timebase a second. Each hart has one timer; proc sets it
 *             to its next deadline or the next tick, whichever comes first.
 *             With the Sstc extension that is one register, else a call to the
 *             firmware.
 * Ticks       Every hart ticks, also an idle one. `tick=` sets the length in
 *             microseconds. With `seed=` each tick is up to a quarter longer
 *             or shorter, from a generator of the hart's own: one seed is one
 *             schedule, again and again, and other seeds explore others.
 */
#ifndef OCTAVO_DEV_TIMER_H
#define OCTAVO_DEV_TIMER_H

#include <stdint.h>

#include "arch/csr.h"
#include "arch/hart.h"

extern uint64_t timer_timebase;    /* units a second; constant after init */
extern uint64_t timer_tick_length; /* units a tick; constant after init */

/* The time since some moment before boot. */
static inline uint64_t timer_now(void) {
    return csr_read(time);
}

/* Reads tick= and seed=. Once, before the other harts start. */
void timer_init(void);

/* Enables the timer interrupt of this hart; the first tick is a tick away. */
void timer_init_hart(void);

/* The timer interrupt of this hart comes at `when`, at once if that is past;
 * a pending one is withdrawn when `when` is to come. */
void timer_set(uint64_t when);

/* When the next tick of this hart is due, counted from now. */
uint64_t timer_next_tick(struct hart *hart);

#endif
