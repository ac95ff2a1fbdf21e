/* SPDX-License-Identifier: MIT */
/*
 * arch/stack.h: the kernel stacks, one for each hart.
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

#endif
