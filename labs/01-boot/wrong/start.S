/* SPDX-License-Identifier: MIT */
/*
 * wrong/start.S: mistakes on the way from the firmware to C.
 */

/*
 * start-stack-first: the boot hart gets another hart's frame, and so no stack.
 * File: kernel/boot/start.S
 * Caught by: start
 */
_start:
    .cfi_startproc
    .cfi_undefined ra
    csrwi sie, SIE_SOFTWARE
    la t0, boot_claimed
    li t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez t1, late_hart
    la t1, 1f
    j enter_high_half
    .balign 4
1:  la tp, hart_boot_frames
    addi tp, tp, FRAME_SIZE
    la t3, kernel_main
    j enter_c
    .cfi_endproc

/*
 * start-low-frame: tp is computed before the jump to the high half: a physical
 * address.
 * File: kernel/boot/start.S
 * Caught by: start
 */
_start:
    .cfi_startproc
    .cfi_undefined ra
    csrwi sie, SIE_SOFTWARE
    la t0, boot_claimed
    li t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez t1, late_hart
    la tp, hart_boot_frames
    la t1, 1f
    j enter_high_half
    .balign 4
1:  la t3, kernel_main
    j enter_c
    .cfi_endproc

/*
 * start-unclaimed: every hart that comes here boots.
 * File: kernel/boot/start.S
 * Caught by: twice
 */
_start:
    .cfi_startproc
    .cfi_undefined ra
    csrwi sie, SIE_SOFTWARE
    la t1, 1f
    j enter_high_half
    .balign 4
1:  la tp, hart_boot_frames
    la t3, kernel_main
    j enter_c
    .cfi_endproc

/*
 * start-a0: uses a0 as a scratch register, which is kernel_main's argument.
 * File: kernel/boot/start.S
 * Caught by: garbage
 */
_start:
    .cfi_startproc
    .cfi_undefined ra
    csrwi sie, SIE_SOFTWARE
    la t0, boot_claimed
    li a0, 1
    amoswap.w.aqrl a0, a0, (t0)
    bnez a0, late_hart
    la t1, 1f
    j enter_high_half
    .balign 4
1:  la tp, hart_boot_frames
    la t3, kernel_main
    j enter_c
    .cfi_endproc

/*
 * secondary-main: other harts run what the boot hart runs.
 * File: kernel/boot/start.S
 * Caught by: secondary
 */
start_secondary:
    .cfi_startproc
    .cfi_undefined ra
    csrwi sie, SIE_SOFTWARE
    la t1, 1f
    j enter_high_half
    .balign 4
1:  mv tp, a1
    la t3, kernel_main
    j enter_c
    .cfi_endproc

/*
 * secondary-frame: other harts use the boot hart's frame, and its stack.
 * File: kernel/boot/start.S
 * Caught by: secondary
 */
start_secondary:
    .cfi_startproc
    .cfi_undefined ra
    csrwi sie, SIE_SOFTWARE
    la t1, 1f
    j enter_high_half
    .balign 4
1:  la tp, hart_boot_frames
    la t3, secondary_main
    j enter_c
    .cfi_endproc

/*
 * high-mode: satp gets the table, and no mode: translation stays off.
 * File: kernel/boot/start.S
 * Caught by: high, start
 */
enter_high_half:
    la t0, early_root
    srli t0, t0, 12
    ld t2, direct_base
    add t1, t1, t2
    csrw stvec, t1
    sfence.vma
    csrw satp, t0
    sfence.vma
1:  j 1b

/*
 * high-address: the table's address is not made a frame number.
 * File: kernel/boot/start.S
 * Caught by: high, start
 */
enter_high_half:
    la t0, early_root
    li t2, SATP_SV39
    or t0, t0, t2
    ld t2, direct_base
    add t1, t1, t2
    csrw stvec, t1
    sfence.vma
    csrw satp, t0
    sfence.vma
1:  j 1b

/*
 * high-vector: stvec is set to the low address, where nothing is mapped any
 * more.
 * File: kernel/boot/start.S
 * Caught by: high, start
 */
enter_high_half:
    la t0, early_root
    srli t0, t0, 12
    li t2, SATP_SV39
    or t0, t0, t2
    csrw stvec, t1
    sfence.vma
    csrw satp, t0
    sfence.vma
1:  j 1b

/*
 * high-late: stvec is set behind the instruction that cannot be fetched.
 * File: kernel/boot/start.S
 * Caught by: high, garbage
 */
enter_high_half:
    la t0, early_root
    srli t0, t0, 12
    li t2, SATP_SV39
    or t0, t0, t2
    ld t2, direct_base
    add t1, t1, t2
    sfence.vma
    csrw satp, t0
    csrw stvec, t1
    sfence.vma
1:  j 1b

/*
 * c-sscratch: sscratch keeps what the firmware left: the first trap takes it
 * for a frame.
 * File: kernel/boot/start.S
 * Caught by: enter_c, garbage
 */
enter_c:
    .cfi_startproc
    .cfi_undefined ra
    la t0, early_trap
    csrw stvec, t0
    li t0, COUNTERS_USER
    csrw scounteren, t0
    li t0, SSTATUS_CLEAR
    csrc sstatus, t0
    ld t0, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(t0)
    mv ra, zero
    jr t3
    .cfi_endproc

/*
 * c-status: sstatus keeps what the firmware left, SUM for example.
 * File: kernel/boot/start.S
 * Caught by: enter_c, garbage
 */
enter_c:
    .cfi_startproc
    .cfi_undefined ra
    la t0, early_trap
    csrw stvec, t0
    csrw sscratch, zero
    li t0, COUNTERS_USER
    csrw scounteren, t0
    ld t0, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(t0)
    mv ra, zero
    jr t3
    .cfi_endproc

/*
 * c-set: sets the bits that are to be cleared.
 * File: kernel/boot/start.S
 * Caught by: enter_c, start
 */
enter_c:
    .cfi_startproc
    .cfi_undefined ra
    la t0, early_trap
    csrw stvec, t0
    csrw sscratch, zero
    li t0, COUNTERS_USER
    csrw scounteren, t0
    li t0, SSTATUS_CLEAR
    csrs sstatus, t0
    ld t0, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(t0)
    mv ra, zero
    jr t3
    .cfi_endproc

/*
 * c-stack: sp is the stack of the first hart, whoever comes.
 * File: kernel/boot/start.S
 * Caught by: enter_c, secondary
 */
enter_c:
    .cfi_startproc
    .cfi_undefined ra
    la t0, early_trap
    csrw stvec, t0
    csrw sscratch, zero
    li t0, COUNTERS_USER
    csrw scounteren, t0
    li t0, SSTATUS_CLEAR
    csrc sstatus, t0
    la t0, harts
    ld sp, HART_STACK_TOP(t0)
    mv ra, zero
    jr t3
    .cfi_endproc

/*
 * c-vector: stvec still points into enter_high_half's caller.
 * File: kernel/boot/start.S
 * Caught by: enter_c, start
 */
enter_c:
    .cfi_startproc
    .cfi_undefined ra
    csrw sscratch, zero
    li t0, COUNTERS_USER
    csrw scounteren, t0
    li t0, SSTATUS_CLEAR
    csrc sstatus, t0
    ld t0, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(t0)
    mv ra, zero
    jr t3
    .cfi_endproc

/*
 * trap-order: pc and address change places in the report.
 * File: kernel/boot/start.S
 * Caught by: early_trap
 */
early_trap:
    csrr a0, scause
    csrr a1, stval
    csrr a2, sepc
    csrr a3, sepc
    call boot_trap
