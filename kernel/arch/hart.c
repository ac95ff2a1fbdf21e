/* SPDX-License-Identifier: MIT */
/*
 * arch/hart.c: the harts' own data.
 *
 * Everything here is static: what a hart needs before memory management works
 * (a stack, a frame for tp to point at) cannot be allocated.
 */
#include "arch/hart.h"

#include <stddef.h>

#include "arch/event.h"
#include "arch/frame_offsets.h"
#include "arch/stack.h"

_Static_assert(offsetof(struct trap_frame, hart) == FRAME_HART, "frame.hart");
_Static_assert(sizeof(struct trap_frame) == FRAME_SIZE, "frame");
_Static_assert(offsetof(struct hart, stack_top) == HART_STACK_TOP, "stack_top");
_Static_assert(offsetof(struct hart, sbi_id) == HART_SBI_ID, "sbi_id");
_Static_assert(offsetof(struct hart, attention) == HART_ATTENTION, "attention");
_Static_assert((int)ATTENTION_FULL == HART_ATTENTION_FULL, "attention");
_Static_assert(sizeof(struct hart) == HART_SIZE, "hart");

struct kernel_stack kernel_stacks[HART_MAX] __attribute__((aligned(PAGE_SIZE)));

/* The boot hart's are ready before any C has run: start.S needs them. */
struct hart harts[HART_MAX] = {
    {.stack_top = (uintptr_t)&kernel_stacks[1]},
};
struct trap_frame hart_boot_frames[HART_MAX] = {{.hart = &harts[0]}};
uint32_t hart_count = 1;

struct event_ring event_rings[DEBUG_BUILD * HART_MAX];

void hart_prepare(uint32_t id) {
    harts[id].id = id;
    harts[id].stack_top = (uintptr_t)(kernel_stacks + id + 1);
    hart_boot_frames[id].hart = &harts[id];
}
