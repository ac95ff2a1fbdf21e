/* SPDX-License-Identifier: MIT */
/*
 * wrong/switch.S: mistakes in saving and loading registers.
 */

/*
 * resume-scratch: sscratch is not set: the next trap is taken for one in
 * the kernel.
 * File: kernel/trap/entry.S
 * Caught by: resume
 */
trap_resume:
    mv tp, a0
    ld t0, FRAME_PC(tp)
    csrw sepc, t0
    .irp n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    ld tp, FRAME_REG(4)(tp)
    sret

/*
 * resume-pc: the thread goes on where the last trap was, whosoever that
 * was.
 * File: kernel/trap/entry.S
 * Caught by: resume
 */
trap_resume:
    mv tp, a0
    csrw sscratch, tp
    .irp n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    ld tp, FRAME_REG(4)(tp)
    sret

/*
 * resume-s11: the last of the saved registers is forgotten.
 * File: kernel/trap/entry.S
 * Caught by: resume
 */
trap_resume:
    mv tp, a0
    ld t0, FRAME_PC(tp)
    csrw sepc, t0
    csrw sscratch, tp
    .irp n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    ld tp, FRAME_REG(4)(tp)
    sret

/*
 * resume-gp: gp is taken for the kernel's.
 * File: kernel/trap/entry.S
 * Caught by: resume
 */
trap_resume:
    mv tp, a0
    ld t0, FRAME_PC(tp)
    csrw sepc, t0
    csrw sscratch, tp
    .irp n, 1,2,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    ld tp, FRAME_REG(4)(tp)
    sret

/*
 * resume-tp: tp stays the frame.
 * File: kernel/trap/entry.S
 * Caught by: resume
 */
trap_resume:
    mv tp, a0
    ld t0, FRAME_PC(tp)
    csrw sepc, t0
    csrw sscratch, tp
    .irp n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\n, FRAME_REG(\n)(tp)
    .endr
    sret

/*
 * other-t0: t0 is used before it is saved.
 * File: kernel/trap/entry.S
 * Caught by: interrupt, interrupt_switch
 */
trap_other:
    csrr s1, sstatus
    andi s1, s1, SSTATUS_SPP
    bnez s1, trap_from_kernel
    save_light
    sd t0, FRAME_REG(5)(tp)
    mv t0, zero
    sd t0, FRAME_REG(5)(tp)
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

/*
 * other-stack: the handler runs on the program's stack.
 * File: kernel/trap/entry.S
 * Caught by: interrupt, fault
 */
trap_other:
    csrr s1, sstatus
    andi s1, s1, SSTATUS_SPP
    bnez s1, trap_from_kernel
    sd t0, FRAME_REG(5)(tp)
    save_light
    ld s1, FRAME_HART(tp)
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

/*
 * other-light: the hart is to switch, and the registers that C keeps are
 * not saved.
 * File: kernel/trap/entry.S
 * Caught by: interrupt_switch, fault_waits
 */
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
1:
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

/*
 * other-pc: the pc is not saved.
 * File: kernel/trap/entry.S
 * Caught by: interrupt_switch, fault_waits
 */
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

/*
 * other-attention: never looks around: a tick changes nothing.
 * File: kernel/trap/entry.S
 * Caught by: interrupt_switch
 */
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
3:  mv t0, a0
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

/*
 * other-a0: a0 is what the handler returned.
 * File: kernel/trap/entry.S
 * Caught by: interrupt, fault
 */
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

/*
 * other-ecall: goes on behind the instruction, as after a system call: a
 * page that came is never read.
 * File: kernel/trap/entry.S
 * Caught by: fault, interrupt
 */
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
    csrr t0, sepc
    addi t0, t0, 4
    csrw sepc, t0
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

/*
 * other-kind: an interrupt is taken for a fault.
 * File: kernel/trap/entry.S
 * Caught by: interrupt
 */
trap_other:
    csrr s1, sstatus
    andi s1, s1, SSTATUS_SPP
    bnez s1, trap_from_kernel
    sd t0, FRAME_REG(5)(tp)
    save_light
    use_stack
    csrr a0, scause
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

/*
 * other-kernel: does not look where the trap came from.
 * File: kernel/trap/entry.S
 * Caught by: kernel_trap
 */
trap_other:
    csrr s1, sstatus
    andi s1, s1, SSTATUS_SPP
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
