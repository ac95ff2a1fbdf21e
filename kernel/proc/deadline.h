/* SPDX-License-Identifier: MIT */
/*
 * proc/deadline.h: ticks, and waits that end by themselves.
 *
 * Each hart has a list of threads sorted by the time at which their wait ends.
 * A thread is armed on the hart it goes to wait on; the timer interrupt of
 * that hart cancels what has expired. An entry names one wait by its sequence
 * number, so an expiry that comes too late finds another number and does
 * nothing.
 */
#ifndef OCTAVO_PROC_DEADLINE_H
#define OCTAVO_PROC_DEADLINE_H

#include "proc/thread.h"

/* Sets up all harts' lists. Once, at boot. */
void deadline_init(void);

/* Starts this hart's tick. */
void clock_init_hart(void);

/* The timer interrupt: the tick if one is due, then what has expired; sets the
 * timer again. No lock held. */
void clock_interrupt(void);

/* Ticks since boot: SYS_UPTIME. */
uint64_t clock_ticks(void);

/* Arms the thread's current wait on this hart. The lock of what it waits for
 * is held. `when` is an absolute time. */
void deadline_arm(struct thread *thread, uint64_t when);

/* Takes the thread off its list if it is on one. */
void deadline_disarm(struct thread *thread);

#endif
