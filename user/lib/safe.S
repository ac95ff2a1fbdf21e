/* SPDX-License-Identifier: MIT */
/*
 * lib/safe.S: the instructions that may touch a bad address (lib/safe.h).
 *
 * Invariant   Between safe_begin and safe_end nothing but a0-a5 changes, so
 *             that safe_fault can return to the caller of any routine there:
 *             it is entered by the kernel with a0 = -EFAULT and ra intact.
 */
    .equ    ENAMETOOLONG, 39    /* abi/errno.h; checked in lib/start.c */

    .text

/* a0 = to, a1 = from, a2 = length. Whole words while both are aligned. */
    .globl safe_copy
safe_begin:
safe_copy:
    add     a3, a1, a2          /* the end of the source */
    or      a4, a0, a1
    andi    a4, a4, 7
    bnez    a4, 3f
    andi    a4, a2, -8
    add     a4, a1, a4          /* the end of its whole words */
    beq     a1, a4, 3f
2:  ld      a5, 0(a1)
    sd      a5, 0(a0)
    addi    a1, a1, 8
    addi    a0, a0, 8
    bne     a1, a4, 2b
3:  beq     a1, a3, 5f
4:  lbu     a5, 0(a1)
    sb      a5, 0(a0)
    addi    a1, a1, 1
    addi    a0, a0, 1
    bne     a1, a3, 4b
5:  li      a0, 0
    ret

/* a0 = to, a1 = length. ORs nothing into the word of the first byte and that of
 * the last: such a store faults like any other and changes nothing. */
    .globl safe_probe
safe_probe:
    beqz    a1, 1f
    add     a1, a0, a1
    addi    a1, a1, -1
    andi    a0, a0, -4
    andi    a1, a1, -4
    amoor.w zero, zero, (a0)
    amoor.w zero, zero, (a1)
1:  li      a0, 0
    ret

/* a0 = to, a1 = from, a2 = size. */
    .globl safe_string
safe_string:
    add     a3, a1, a2          /* the end of what fits */
    mv      a4, a1
1:  beq     a4, a3, 2f
    lbu     a5, 0(a4)
    sb      a5, 0(a0)
    addi    a4, a4, 1
    addi    a0, a0, 1
    bnez    a5, 1b
    sub     a0, a4, a1
    addi    a0, a0, -1
    ret
2:  li      a0, -ENAMETOOLONG
    ret
safe_end:

safe_fault:
    ret

/* The range and its handler, for safe_start(). */
    .section .rodata
    .globl safe_range
    .balign 8
safe_range:
    .dword  safe_begin, safe_end, safe_fault
