/* SPDX-License-Identifier: MIT */
/*
 * arch/stack.h: what a hart runs on before and between threads: its kernel
 * stack and the frame it has at boot.
 *
 * A hart's stack is empty whenever it is outside the kernel, so there is one
 * for each hart and none for a thread. Below each lies a page that vm leaves
 * unmapped: running off the end traps instead of writing over a neighbour.
 */
#ifndef OCTAVO_ARCH_STACK_H
#define OCTAVO_ARCH_STACK_H

#include <stdint.h>

#include "abi/layout.h"
#include "arch/hart.h"

enum { KERNEL_STACK_SIZE = 16384 };

struct kernel_stack {
    uint8_t guard[PAGE_SIZE]; /* unmapped by vm */
    uint8_t bytes[KERNEL_STACK_SIZE];
};

/* Page aligned; index hart->id. harts[i].stack_top is the end of i's. */
extern struct kernel_stack kernel_stacks[HART_MAX];

/* What tp points at from a hart's first instruction of C until it has a
 * thread; index hart->id. */
extern struct trap_frame hart_boot_frames[HART_MAX];

/* Fills the parts of harts[id] and its boot frame that the hart needs to run
 * C: id, stack_top, and the frame's hart. */
void hart_prepare(uint32_t id);

#endif
