/* SPDX-License-Identifier: MIT */
/*
 * trap/entry.S: the only way into the kernel, and the only way out.
 *
 * In user mode sscratch points at the thread's frame; in the kernel it is 0
 * and tp points there. See trap/trap.h and arch/frame.h.
 */
#include "arch/frame_offsets.h"

/* As in abi/syscall.h and abi/message.h (trap/trap.c checks); the cause of an
 * ecall from user mode. */
#define FAST_CALL 1
#define FAST_REPLY_RECV 2
#define MESSAGE_WORDS 8
#define CAUSE_ECALL 8

    .section .text.trap, "ax", @progbits

/* Saves what a message call keeps: all but the fifteen registers of the
 * message. s0 to s11 and ra are free afterwards. */
.macro save_kept
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
.endm

/* stvec with fastpath=0. */
    .globl trap_entry_plain
    .type trap_entry_plain, @function
    .balign 4
trap_entry_plain:
    save_kept
    j trap_slow
    .size trap_entry_plain, . - trap_entry_plain

/*
 * stvec otherwise. An ecall whose tag says words alone (its low half is at
 * most 8) and that has no deadline may take the fast path, which leaves the
 * words in a2-a6 and t0-t2 where they are.
 */
    .globl trap_entry
    .type trap_entry, @function
    .balign 4
trap_entry:
    save_kept
    csrr s1, scause
    addi s1, s1, -CAUSE_ECALL
    bnez s1, trap_slow
    addi s2, a7, -FAST_CALL
    addi s3, a7, -FAST_REPLY_RECV
    sltiu s2, s2, 1                 # a call
    sltiu s3, s3, 1                 # a reply_recv
    or s1, s2, s3
    beqz s1, trap_slow
    bnez t6, trap_slow
    slli s1, a1, 32
    srli s1, s1, 32
    addi s1, s1, -MESSAGE_WORDS
    bgtz s1, trap_slow
    mv s1, a1
    mv s4, a0
    ld s5, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(s5)
    mv s0, zero
    bnez s3, 1f
    call fastpath_call
    beqz a0, trap_not_fast
    j trap_fast_leave
1:  call fastpath_reply_recv
    beqz a0, trap_not_fast

/* The thread in a0 goes on with the words as they are, the tag from s1 and the
 * badge in a7. What carries nothing is zero. */
trap_fast_leave:
    mv tp, a0
    mv a1, s1
    ld s0, FRAME_PC(tp)
    csrw sepc, s0
    csrw sscratch, tp
    .irp n, 1,2,3,8,9,18,19,20,21,22,23,24,25,26,27
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    mv a0, zero
    mv t3, zero
    mv t4, zero
    mv t5, zero
    mv t6, zero
    ld tp, FRAME_REG(4)(tp)
    sret

/* As it was; t3-t5 carry nothing, as the tag says. */
trap_not_fast:
    mv a0, s4
    mv a1, s1
    li a7, FAST_CALL
    bnez s2, 1f
    li a7, FAST_REPLY_RECV
1:  mv t3, zero
    mv t4, zero
    mv t5, zero
    mv t6, zero

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
