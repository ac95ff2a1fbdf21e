/* SPDX-License-Identifier: MIT */
/*
 * arch/frame_offsets.h: offsets into struct trap_frame and struct hart, for
 * assembly. arch/hart.c checks each of them against the C declarations.
 */
#ifndef OCTAVO_ARCH_FRAME_OFFSETS_H
#define OCTAVO_ARCH_FRAME_OFFSETS_H

#define FRAME_REG(number) ((number)*8)
#define FRAME_PC 0
#define FRAME_HART 256
#define FRAME_SIZE 264

#define HART_STACK_TOP 0
#define HART_SBI_ID 24
#define HART_ATTENTION 40
#define HART_ATTENTION_FULL 16
#define HART_SIZE 448

#endif
