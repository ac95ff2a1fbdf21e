/* SPDX-License-Identifier: MIT */
/*
 * proc/fpu.h: floating-point registers, only for those who use them.
 *
 * Idea        The FPU is off when a thread starts, so its first FPU
 *             instruction traps; then the registers are loaded (zeros at
 *             first) and it is on until the thread leaves the hart. Leaving,
 *             the registers are saved if they were written (sstatus.FS says
 *             Dirty). Threads that never touch the FPU never pay.
 * Invariant   THREAD_FPU is set, and sstatus.FS is not Off, exactly while the
 *             registers of the thread that a hart runs are live in it.
 */
#ifndef OCTAVO_PROC_FPU_H
#define OCTAVO_PROC_FPU_H

#include "proc/thread.h"

/* An illegal instruction: if the FPU is off, that may be why, and it is turned
 * on. True: try the instruction again; if it is illegal for another reason, it
 * comes back. The current thread's registers become live. */
bool fpu_trap(struct thread *self);

/* The current thread leaves the hart, or others want to read its registers:
 * saves them if need be, and turns the FPU off. */
void fpu_switch_out(struct thread *self);

/* proc/fpu_registers.S: all 32 registers and fcsr, to and from 33 words. */
void fpu_save(uint64_t *registers);
void fpu_load(const uint64_t *registers);

#endif
