/* SPDX-License-Identifier: MIT */
/*
 * trap/trap.h: into the kernel and out again.
 *
 * Idea        A trap from user mode saves the thread's registers in its frame,
 *             which sscratch points at, and starts on the hart's empty stack.
 *             The handler returns to trap/entry.S, which asks the scheduler
 *             whom to resume. A trap from the kernel is a bug and panics.
 * Interrupts  are off in the kernel: long operations ask sched_pressing, an
 *             idle hart polls.
 */
#ifndef OCTAVO_TRAP_TRAP_H
#define OCTAVO_TRAP_TRAP_H

#include <stdint.h>

struct trap_frame;

/* With the boot argument stats=1 makes the ways in and out timed ones. Once, at
 * boot, while the kernel's code can be written: before vm_init. */
void trap_patch(void);

/* Installs the handlers that lower folders call. Once, at boot. */
void trap_init(void);

/* This hart takes traps and interrupts from now on. */
void trap_init_hart(void);

/* trap/entry.S: where stvec points, with and without the fast path, and the
 * way out through the scheduler, also for a hart that has started. */
void trap_entry(void);
void trap_entry_plain(void);
_Noreturn void trap_leave(void);

/* The same with stats=1. */
void timed_enter(void);
void timed_enter_end(void);
void timed_leave(void);

/* Called by trap/entry.S for an interrupt, with some of the current thread's
 * registers not yet in its frame. */
void interrupt_handle(uint64_t cause);

/*
 * trap/fault.c, called by trap/entry.S for a trap of the current thread that is
 * neither a system call nor an interrupt, first with some of its registers not
 * yet in its frame: 0 if that was enough, a page fault that brought memory.
 */
int fault_bring(uint64_t cause, uint64_t address);

/* Then, with that result and all registers in the frame. The thread cannot go
 * on: it waits for its pager, or continues at its recovery handler if it has
 * one for this pc, or its process dies with a line. */
void fault_handle(uint64_t cause, uint64_t value, int error);

/* Called by trap/entry.S for a trap in the kernel, with the registers. */
_Noreturn void trap_kernel(const struct trap_frame *frame);

#endif
