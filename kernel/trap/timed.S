/* SPDX-License-Identifier: MIT */
/*
 * trap/timed.S: the ways in and out that are taken with the boot argument
 * stats=1.
 *
 * Idea        stvec points here, and each sret of trap/entry.S has become a
 *             jump to timed_leave (trap/trap.c:trap_patch), so that without the
 *             argument nothing is any longer. Both call a function of
 *             proc/timing.c with all registers that C may change kept in the
 *             frame of the thread that runs, which needs it only when it has
 *             stopped.
 * Invariant   proc/timing.c subtracts the instructions here, and so knows how
 *             many there are.
 */
#include "arch/frame_offsets.h"

#define SSTATUS_SPP 0x100

    .section .text.timed, "ax", @progbits
    .cfi_sections .debug_frame

/* tp = the frame, which has s1, sscratch = the user's tp; the other way round
 * afterwards. */
.macro timed function
    .irp n, 1,2,5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
    sd x\n, FRAME_REG(\n)(tp)
    .endr
    csrrw s1, sscratch, tp
    sd s1, FRAME_REG(4)(tp)
    ld s1, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(s1)
    mv a0, tp
    csrr a1, instret
    call \function
    csrr t0, instret
    sd t0, 0(a0)
    .irp n, 1,2,5,6,7,9,10,11,12,13,14,15,16,17,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    ld tp, FRAME_REG(4)(tp)
.endm

    .globl timed_enter
    .type timed_enter, @function
    .balign 4
timed_enter:
    csrrw tp, sscratch, tp
    sd s1, FRAME_REG(9)(tp)
    csrr s1, sstatus
    andi s1, s1, SSTATUS_SPP
    bnez s1, timed_from_kernel
    timed timing_enter
    .option push
    .option norvc
    .globl timed_enter_end
timed_enter_end:
    j trap_entry                    # or trap_entry_plain: trap_patch
    .option pop
timed_from_kernel:
    ld s1, FRAME_REG(9)(tp)
    csrrw tp, sscratch, tp
    j trap_entry
    .size timed_enter, . - timed_enter

    .globl timed_leave
    .type timed_leave, @function
timed_leave:
    csrrw tp, sscratch, tp
    sd s1, FRAME_REG(9)(tp)
    timed timing_leave
    sret
    .size timed_leave, . - timed_leave
