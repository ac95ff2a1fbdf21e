/* SPDX-License-Identifier: MIT */
/*
 * boot/start.S: from the firmware to C.
 *
 * Idea        A hart arrives in supervisor mode with paging off, at a physical
 *             address, while the kernel is linked in the high half. The early
 *             page table maps all physical memory there in pages of 1 GiB.
 *             Nothing is mapped at the address where the code is running: once
 *             satp is written, the next fetch faults, and the trap vector was
 *             set to the high address where it is to go on.
 * In          a0: the hart's number. a1: physical address of the device tree
 *             for the hart that boots; for the others, the kernel address of
 *             the frame (arch/stack.h) that boot/main.c prepared.
 * Invariants  The early table is writable and executable throughout; it is
 *             used only until vm switches to the final one. tp and sp are
 *             valid before the first line of C; gp belongs to user threads.
 *             .bss is not cleared here: whoever loads an ELF file does that.
 */
#include "arch/frame_offsets.h"

#define SATP_SV39 (8 << 60)
#define PTE_LEAF_ALL 0xef /* dirty, accessed, global, X, W, R, valid */
#define SSTATUS_CLEAR 0xc6002 /* MXR, SUM, FS, SIE */
#define SIE_SOFTWARE 2 /* hart_relax counts on it */
#define HART_COUNT 8 /* HART_MAX */
#define COUNTERS_USER 7 /* cycle, time, instret */

    .cfi_sections .debug_frame
    .section .text.entry, "ax"

    /* First of all: the firmware enters at the lowest address. */
    .globl _start
    .type _start, @function
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
    la t3, kernel_main
    j enter_c
    .cfi_endproc
    .size _start, . - _start

    /* Where the firmware starts the other harts. */
    .globl start_secondary
    .type start_secondary, @function
start_secondary:
    .cfi_startproc
    .cfi_undefined ra
    csrwi sie, SIE_SOFTWARE
    la t1, 1f
    j enter_high_half
    .balign 4
1:  mv tp, a1
    la t3, secondary_main
    j enter_c
    .cfi_endproc
    .size start_secondary, . - start_secondary

    /*
     * A hart that arrives here although another one has booted. OpenSBI before
     * 1.3 marks a hart as started before it stores the address, so one that
     * looks at the wrong moment comes here instead of to start_secondary. Its
     * frame is the one prepared for its number.
     */
late_hart:
    la t0, harts
    la a1, hart_boot_frames
    li t2, HART_COUNT
1:  ld t1, HART_SBI_ID(t0)
    beq t1, a0, 2f
    addi t0, t0, HART_SIZE
    addi a1, a1, FRAME_SIZE
    addi t2, t2, -1
    bnez t2, 1b
3:  wfi
    j 3b
2:  ld t1, direct_base
    add a1, a1, t1
    j start_secondary

    /* Goes on at the address in t1 as it lies in the high half, with the early
     * page table. Changes t0, t1 and t2. */
enter_high_half:
    la t0, early_root
    srli t0, t0, 12
    li t2, SATP_SV39
    or t0, t0, t2
    ld t2, direct_base
    add t1, t1, t2
    csrw stvec, t1
    sfence.vma
    csrw satp, t0
    sfence.vma
1:  j 1b /* the fetch faults, here or before */
    .size enter_high_half, . - enter_high_half

    /* Brings the registers that C relies on into a known state and jumps to
     * t3, on the stack of the hart whose frame tp points at; a0 and a1 are its
     * arguments. */
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
    ld t0, FRAME_HART(tp)
    ld sp, HART_STACK_TOP(t0)
    mv ra, zero
    jr t3
    .cfi_endproc
    .size enter_c, . - enter_c

    /* A trap before trap/entry.S is in charge is a mistake of the kernel. */
    .balign 4
early_trap:
    csrr a0, scause
    csrr a1, sepc
    csrr a2, stval
    mv a3, sp
    call boot_trap
    .size early_trap, . - early_trap

    .section .data.boot, "aw"
    .balign 4
boot_claimed:
    .word 0

    .section .text.entry, "ax"
    .balign 8
direct_base:
    .dword 0xffffffc000000000

    /* Sv39: entry 256 + n maps gigabyte n of physical memory. */
    .section .data.page_table, "aw"
    .balign 4096
early_root:
    .fill 256, 8, 0
    .set gigabyte, 0
    .rept 256
    .dword (gigabyte << 28) | PTE_LEAF_ALL
    .set gigabyte, gigabyte + 1
    .endr
