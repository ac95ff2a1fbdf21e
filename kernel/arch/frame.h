/* SPDX-License-Identifier: MIT */
/*
 * arch/frame.h: the trap frame, which is all that a thread is while it does
 * not run.
 *
 * There is no kernel context: a hart has one stack, emptied whenever it leaves
 * the kernel. So whoever completes an operation for a waiting thread writes
 * the results into its frame, and there is one way to resume it.
 *
 * In the kernel, tp points at the current thread's frame (which starts struct
 * thread, or a hart's idle thread); while a user thread runs, sscratch does.
 * In the kernel, sscratch points at some frame, in which a trap may store s1.
 */
#ifndef OCTAVO_ARCH_FRAME_H
#define OCTAVO_ARCH_FRAME_H

#include <stdint.h>

struct hart;

/* Indexes into trap_frame.x: register numbers, as far as C names them; the pc
 * sits in x[0]. */
enum {
    REG_PC = 0,
    REG_SP = 2,
    REG_T0 = 5,
    REG_T1 = 6,
    REG_T2 = 7,
    REG_A0 = 10,
    REG_A1 = 11,
    REG_A2 = 12,
    REG_A3 = 13,
    REG_A4 = 14,
    REG_A5 = 15,
    REG_A6 = 16,
    REG_A7 = 17,
    REG_T3 = 28,
    REG_T4 = 29,
    REG_T5 = 30,
    REG_T6 = 31,
};

/* trap/entry.S knows these offsets: FRAME_* in arch/frame_offsets.h. */
struct trap_frame {
    uint64_t x[32];    /* x[0] is the pc */
    struct hart *hart; /* the hart it runs on, or ran on last */
};

register struct trap_frame *frame_current __asm__("tp");

/* The frame of the thread this hart works for; never NULL. */
static inline struct trap_frame *frame_self(void) {
    return frame_current;
}

/* This hart works for another thread from now on. */
static inline void frame_set_self(struct trap_frame *frame) {
    frame_current = frame;
    __asm__ volatile("" : : : "memory");
}

#endif
