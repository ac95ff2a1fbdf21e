/* SPDX-License-Identifier: MIT */
/*
 * trap/entry.S: the only way into the kernel, and the only way out.
 *
 * Idea        A trap saves no more than it needs. What C functions keep for
 *             their callers (s0 to s11) stays where it is while the same
 *             thread goes on afterwards, as after most system calls and page
 *             faults: that is the light way. A thread that may wait has its
 *             whole frame written first. A message call that takes the fast
 *             path has its words stay in their registers.
 * Invariants  In user mode sscratch points at the thread's frame; in the
 *             kernel tp does, and sscratch is left as it is, so that the way
 *             in has a place for s1 whoever trapped. See trap/trap.h and
 *             arch/frame.h.
 */
#include "arch/frame_offsets.h"

/* As in abi/, sys/syscall.h and proc/wait.h (trap/trap.c checks); the cause of
 * an ecall from user mode. */
#define FAST_CALL 1
#define FAST_REPLY_RECV 0
#define MESSAGE_WORDS 8
#define SYSCALL_SLOTS 64
#define RESULT_WAITING -4096
#define RESULT_RESTART -4097
#define RESULT_LEAST -8192
#define SIGNAL 16
#define ENOSYS 43
#define SPACE_PAGER 2
#define CAUSE_ECALL 8
#define SSTATUS_SPP 0x100

    .section .text.trap, "ax", @progbits
    .globl trap_text
trap_text:

/* ---- What is saved where ---- */

/* What a C function may change, but a0: the light way's part of the frame. */
.macro save_light
    sd ra, FRAME_REG(1)(tp)
    sd sp, FRAME_REG(2)(tp)
    .irp n, 6,7,10,11,12,13,14,15,16,17,28,29,30,31
    sd x\n, FRAME_REG(\n)(tp)
    .endr
    csrrw s1, sscratch, tp          # the user's tp
    sd s1, FRAME_REG(4)(tp)
.endm

.macro load_light
    .irp n, 1,2,5,6,7,9,11,12,13,14,15,16,17,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
.endm

/* The rest, but s1 and the pc. */
.macro save_kept
    sd gp, FRAME_REG(3)(tp)
    .irp n, 8,18,19,20,21,22,23,24,25,26,27
    sd x\n, FRAME_REG(\n)(tp)
    .endr
.endm

/* What a thread that may wait leaves behind, but its message; s1 is saved. */
.macro save_caller
    sd ra, FRAME_REG(1)(tp)
    sd sp, FRAME_REG(2)(tp)
    csrrw s1, sscratch, tp          # the user's tp
    sd s1, FRAME_REG(4)(tp)
    csrr s1, sepc
    addi s1, s1, 4
    sd s1, FRAME_PC(tp)
    save_kept
.endm

/* What is left: the registers of a message. */
.macro save_message
    .irp n, 5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
    sd x\n, FRAME_REG(\n)(tp)
    .endr
.endm

/* Moves to the hart's stack; s1 = the hart. */
.macro use_stack
    ld s1, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(s1)
.endm

/* tp = the frame, s1 = 0 if it is an ecall; s1 is saved. */
.macro enter
    csrrw tp, sscratch, tp
    sd s1, FRAME_REG(9)(tp)
    csrr s1, scause
    addi s1, s1, -CAUSE_ECALL
    bnez s1, trap_other
.endm

/* ---- Light system calls ---- */

/* t0 = syscall_light[a7]; t0 and s1 are saved. */
.macro find_light else
    sd t0, FRAME_REG(5)(tp)
    sltiu s1, a7, SYSCALL_SLOTS
    beqz s1, \else
    slli s1, a7, 3
1:  auipc t0, %pcrel_hi(syscall_light)
    add t0, t0, s1
    ld t0, %pcrel_lo(1b)(t0)
    beqz t0, \else
.endm

/* stvec with fastpath=0. */
    .globl trap_entry_plain
    .type trap_entry_plain, @function
    .balign 4
trap_entry_plain:
    enter
    sltiu s1, a7, FAST_CALL + 1
    bnez s1, trap_full
    find_light trap_syscall
    j trap_light
trap_ecall:
    find_light trap_not_light
trap_light:
    save_light
    use_stack
    mv a0, tp
    jalr t0
    lw t0, HART_ATTENTION(s1)
    bnez t0, light_gives_way
    csrr t0, sepc
    addi t0, t0, 4
    csrw sepc, t0
    load_light
    ld tp, FRAME_REG(4)(tp)
    sret

/* The call is over, but the thread may not simply go on; or the call found that
 * it needs the whole frame, and runs again. */
light_gives_way:
    csrr t1, sepc
    addi t1, t1, 4
    sd t1, FRAME_PC(tp)
    save_kept
    andi t0, t0, HART_ATTENTION_FULL
    bnez t0, 1f
    sd a0, FRAME_REG(10)(tp)
    j trap_leave
1:  not t0, t0
    addi t1, s1, HART_ATTENTION
    amoand.w zero, t0, (t1)
    ld a7, FRAME_REG(17)(tp)
    j syscall_dispatch
    .size trap_entry_plain, . - trap_entry_plain

/* ---- Signals ---- */

/* fastpath_signal may change these registers besides t0; see SIGNAL_REGS in the
 * Makefile. */
    .type trap_not_light, @function
trap_not_light:
    li s1, SIGNAL
    bne a7, s1, trap_syscall
    .irp n, 1,2,10,12,13,14,15
    sd x\n, FRAME_REG(\n)(tp)
    .endr
    csrrw s1, sscratch, tp
    sd s1, FRAME_REG(4)(tp)
    use_stack
    call fastpath_signal
    beqz a0, 1f
    lw t0, HART_ATTENTION(s1)
    bnez t0, 1f
    csrr t0, sepc
    addi t0, t0, 4
    csrw sepc, t0
    .irp n, 1,2,5,9,12,13,14,15
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    mv a0, zero
    ld tp, FRAME_REG(4)(tp)
    sret

/* It is not done; or it is, and the hart has to look around. */
1:  csrr t0, sepc
    addi t0, t0, 4
    sd t0, FRAME_PC(tp)
    save_kept
    .irp n, 6,7,11,16,17,28,29,30,31
    sd x\n, FRAME_REG(\n)(tp)
    .endr
    beqz a0, syscall_dispatch
    sd zero, FRAME_REG(10)(tp)
    j trap_leave
    .size trap_not_light, . - trap_not_light

/* ---- Faults and interrupts ---- */

    .type trap_other, @function
trap_other:
    csrr s1, sstatus
    andi s1, s1, SSTATUS_SPP
    bnez s1, trap_from_kernel
    sd t0, FRAME_REG(5)(tp)
    save_light
    use_stack
    csrr a0, scause
    bltz a0, 4f
    csrr a1, stval
    call fault_bring
3:  lw t0, HART_ATTENTION(s1)
    or t0, t0, a0
    bnez t0, 1f
    ld a0, FRAME_REG(10)(tp)
    load_light
    ld tp, FRAME_REG(4)(tp)
    sret
1:  save_kept
    csrr s1, sepc
    sd s1, FRAME_PC(tp)
    li s3, SPACE_PAGER
    bne a0, s3, 2f
    call fastpath_fault
    bnez a0, trap_fault_leave
    mv a0, s3
2:  beqz a0, trap_leave
    mv a2, a0
    csrr a0, scause
    csrr a1, stval
    call fault_handle
    j trap_leave
4:  call interrupt_handle
    mv a0, zero
    j 3b
    .size trap_other, . - trap_other

/* The pager in a0 goes on: what its message has is in its frame. */
trap_fault_leave:
    mv s11, a0
    .irp n, 11,12,13,14,17
    ld x\n, FRAME_REG(\n)(s11)
    .endr
    .irp n, 5,6,7,10,15,16,28,29,30,31
    mv x\n, zero
    .endr
    j trap_fast_leave

/* ---- Message calls ---- */

/*
 * An ecall whose tag says words alone (its low half is at most 8) and that has
 * no deadline may take the fast path; the words stay in a2-a6 and t0-t2 where
 * they are, and the function goes on at trap_fast_leave or trap_not_fast.
 *
 * The last branch is `beqz t6, function`, which lies near: see ipc/fastpath.c.
 * The assembler does not know that, and would make two instructions of it; so
 * here is the word, for the linker to put the distance in.
 */
.macro message_call function
    save_caller
#ifdef DEBUG
    use_stack                       # a release does without
#endif
    sext.w s1, a1
    sltiu s1, s1, MESSAGE_WORDS + 1
    beqz s1, trap_not_words
    .reloc ., R_RISCV_BRANCH, \function
    .word 0x000f8063
    j trap_slow
.endm

/* stvec with the fast path. */
    .globl trap_entry
    .type trap_entry, @function
    .balign 4
trap_entry:
    enter
    beqz a7, 1f                     # FAST_REPLY_RECV
    addi s1, a7, -FAST_CALL
    bnez s1, trap_ecall
    message_call fastpath_call
1:  message_call fastpath_reply_recv

/* The thread in s11 goes on with words, tag and badge as they are in their
 * registers; those that carry nothing are zero. */
    .globl trap_fast_leave
trap_fast_leave:
    ld s0, FRAME_PC(s11)
    csrw sepc, s0
    csrw sscratch, s11
    .irp n, 1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27
    ld x\n, FRAME_REG(\n)(s11)
    .endr
    sret

/* As it was; t3-t5 carry nothing, as the tag says. */
    .globl trap_not_fast
trap_not_fast:
    mv t3, zero
    mv t4, zero
    mv t5, zero
    j trap_slow

/* More than words. What a call takes along goes through the sender's frame,
 * which s3 keeps; a reply is in the caller's. */
trap_not_words:
    bnez t6, trap_slow
    save_message
    use_stack
    mv a0, tp
    bnez a7, 2f                     # FAST_CALL
    call fastpath_reply_item
    bnez a0, trap_resume
    li a7, FAST_REPLY_RECV
    j syscall_dispatch
2:  mv s3, tp
    call fastpath_call_item
    bnez a0, 1f
    li a7, FAST_CALL
    j syscall_dispatch
1:  mv s11, a0
    ld a7, FRAME_REG(17)(s11)
    .irp n, 5,6,7,11,12,13,14,15,16,28,29,30,31
    ld x\n, FRAME_REG(\n)(s3)
    .endr
    mv a0, zero
    j trap_fast_leave

/* ---- The whole frame ---- */

/* A system call; s1 and t0 are saved. */
trap_syscall:
    ld t0, FRAME_REG(5)(tp)
trap_full:
    save_caller
trap_slow:
    save_message
    use_stack

/* Runs syscall_full[a7]. What it returns goes to a0, unless it is one of enum
 * syscall_result; then the frame may belong to another already, or a0 is in it,
 * or the call is to run again. Or it is the thread to go on with. */
    .globl syscall_dispatch
    .type syscall_dispatch, @function
syscall_dispatch:
    sltiu t0, a7, SYSCALL_SLOTS
    beqz t0, 3f
    slli t0, a7, 3
1:  auipc t1, %pcrel_hi(syscall_full)
    add t1, t1, t0
    ld t1, %pcrel_lo(1b)(t1)
    beqz t1, 3f
    mv a0, tp
    jalr t1
    li t0, RESULT_LEAST
    blt a0, t0, trap_resume
    li t0, RESULT_WAITING
    beq a0, t0, trap_leave
    bgt a0, t0, 2f
    addi t0, t0, RESULT_RESTART - RESULT_WAITING
    bne a0, t0, trap_leave
    ld t0, FRAME_PC(tp)
    addi t0, t0, -4
    sd t0, FRAME_PC(tp)
    j trap_leave
3:  li a0, -ENOSYS
2:  sd a0, FRAME_REG(10)(tp)

    .globl trap_leave
trap_leave:
    call sched_leave

/* The thread in a0 goes on, with its whole frame. */
trap_resume:
    mv tp, a0
    ld t0, FRAME_PC(tp)
    csrw sepc, t0
    csrw sscratch, tp
    .irp n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    ld tp, FRAME_REG(4)(tp)
    sret
    .size trap_resume, . - trap_resume
    .size trap_entry, . - trap_entry

/*
 * A trap in the kernel. Its stack may be what is broken, so the registers go
 * to a place of their own. s1 is in the frame that sscratch has named.
 */
    .type trap_from_kernel, @function
trap_from_kernel:
    csrrw tp, sscratch, tp          # tp is the kernel's again
    csrrw s1, sscratch, t0
    la t0, trap_kernel_frame
    .irp n, 1,2,3,4,6,7,8,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd x\n, FRAME_REG(\n)(t0)
    .endr
    ld s1, FRAME_REG(9)(s1)
    sd s1, FRAME_REG(9)(t0)
    csrrw t1, sscratch, t0          # a place for s1, should there be another
    sd t1, FRAME_REG(5)(t0)
    csrr t1, sepc
    sd t1, FRAME_PC(t0)
    mv a0, t0
    la sp, trap_kernel_stack + 8192
    call trap_kernel
    .size trap_from_kernel, . - trap_from_kernel
    .globl trap_text_end
trap_text_end:

/*
 * ---- With the boot argument stats=1 ----
 *
 * stvec points here, and each sret above has become a jump to timed_leave
 * (trap/trap.c:trap_patch), so that without the argument nothing is any longer.
 * Both call a function of proc/timing.c with all registers that C may change
 * kept in the frame of the thread that runs, which needs it only when it has
 * stopped. proc/timing.c subtracts the instructions here, and so knows how many
 * there are.
 */
    .section .text.timed, "ax", @progbits

/* tp = the frame, which has s1, sscratch = the user's tp; the other way round
 * afterwards. */
.macro timed function
    sd t0, FRAME_REG(5)(tp)
    save_light
    use_stack
    mv a0, tp
    csrr a1, instret
    call \function
    csrr t0, instret
    sd t0, 0(a0)
    ld a0, FRAME_REG(10)(tp)
    load_light
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
