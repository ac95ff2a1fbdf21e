/* SPDX-License-Identifier: MIT */
/*
 * trap/entry.S: the only way into the kernel, and the only way out.
 *
 * In user mode sscratch points at the thread's frame; in the kernel it is 0
 * and tp points there. See trap/trap.h and arch/frame.h.
 */
#include "arch/frame_offsets.h"

    .section .text.trap, "ax", @progbits

    .globl trap_entry
    .type trap_entry, @function
    .balign 4
trap_entry:
    csrrw tp, sscratch, tp
    beqz tp, trap_from_kernel
    sd s0, FRAME_REG(8)(tp)
    csrrw s0, sscratch, zero        # the user's tp
    sd s0, FRAME_REG(4)(tp)
    sd s1, FRAME_REG(9)(tp)
    csrr s1, sepc
    sd s1, FRAME_PC(tp)
    sd ra, FRAME_REG(1)(tp)
    sd sp, FRAME_REG(2)(tp)
    sd gp, FRAME_REG(3)(tp)
    .irp n, 18,19,20,21,22,23,24,25,26,27
    sd x\n, FRAME_REG(\n)(tp)
    .endr

trap_slow:
    .irp n, 5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
    sd x\n, FRAME_REG(\n)(tp)
    .endr
    ld s1, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(s1)
    mv s0, zero                     # backtraces end here
    csrr a0, scause
    csrr a1, stval
    call trap_handle

    .globl trap_leave
trap_leave:
    call sched_leave
    mv tp, a0
    ld t0, FRAME_PC(tp)
    csrw sepc, t0
    csrw sscratch, tp
    .irp n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    ld tp, FRAME_REG(4)(tp)
    sret
    .size trap_entry, . - trap_entry

/*
 * A trap with sscratch 0. The stack may be what is broken, so the registers go
 * to a place of their own.
 */
    .type trap_from_kernel, @function
trap_from_kernel:
    csrrw tp, sscratch, tp          # tp is the kernel's again, sscratch 0
    csrw sscratch, t0
    la t0, trap_kernel_frame
    .irp n, 1,2,3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd x\n, FRAME_REG(\n)(t0)
    .endr
    csrrw t1, sscratch, zero
    sd t1, FRAME_REG(5)(t0)
    csrr t1, sepc
    sd t1, FRAME_PC(t0)
    mv a0, t0
    la sp, trap_kernel_stack + 8192
    mv s0, zero
    call trap_kernel
    .size trap_from_kernel, . - trap_from_kernel
