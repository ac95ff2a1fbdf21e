/* SPDX-License-Identifier: MIT */
/*
 * tests/raw.h: system calls register by register.
 *
 * The stubs of user/lib hide what the kernel does with registers that carry
 * nothing. Here all fifteen caller-saved registers but ra go in and come out
 * as they are.
 */
#ifndef OCTAVO_TESTS_RAW_H
#define OCTAVO_TESTS_RAW_H

#include <stdint.h>

/* The order is known to the assembly below. */
struct registers {
    uint64_t a[8];
    uint64_t t[7];
};

/* What should survive any system call. */
enum { SURVIVORS = 14 }; /* s1-s11, ra, gp, tp */

/* Traps with *r; *r becomes what the kernel returned. */
void raw_trap(struct registers *r);

/* The same, with the pattern SURVIVOR_BASE + i in each register that should
 * survive; survivors[i] is what was in it afterwards. */
void raw_trap_survivors(struct registers *r, uint64_t survivors[SURVIVORS]);

enum { SURVIVOR_BASE = 0x700 };

__asm__(".macro registers_load\n"
        "ld a1, 8(s0); ld a2, 16(s0); ld a3, 24(s0); ld a4, 32(s0)\n"
        "ld a5, 40(s0); ld a6, 48(s0); ld a7, 56(s0); ld t0, 64(s0)\n"
        "ld t1, 72(s0); ld t2, 80(s0); ld t3, 88(s0); ld t4, 96(s0)\n"
        "ld t5, 104(s0); ld t6, 112(s0); ld a0, 0(s0)\n"
        ".endm\n"
        ".macro registers_store\n"
        "sd a0, 0(s0); sd a1, 8(s0); sd a2, 16(s0); sd a3, 24(s0)\n"
        "sd a4, 32(s0); sd a5, 40(s0); sd a6, 48(s0); sd a7, 56(s0)\n"
        "sd t0, 64(s0); sd t1, 72(s0); sd t2, 80(s0); sd t3, 88(s0)\n"
        "sd t4, 96(s0); sd t5, 104(s0); sd t6, 112(s0)\n"
        ".endm\n"
        ".macro survivors_each operation, base\n"
        "\\operation s1, 0(\\base); \\operation s2, 8(\\base)\n"
        "\\operation s3, 16(\\base); \\operation s4, 24(\\base)\n"
        "\\operation s5, 32(\\base); \\operation s6, 40(\\base)\n"
        "\\operation s7, 48(\\base); \\operation s8, 56(\\base)\n"
        "\\operation s9, 64(\\base); \\operation s10, 72(\\base)\n"
        "\\operation s11, 80(\\base); \\operation ra, 88(\\base)\n"
        "\\operation gp, 96(\\base); \\operation tp, 104(\\base)\n"
        ".endm\n"
        ".text\n"
        "raw_trap:\n"
        "addi sp, sp, -16; sd s0, 0(sp); mv s0, a0\n"
        "registers_load\n"
        "ecall\n"
        "registers_store\n"
        "ld s0, 0(sp); addi sp, sp, 16; ret\n"
        "raw_trap_survivors:\n"
        "addi sp, sp, -128; sd s0, 112(sp); sd a1, 120(sp)\n"
        "survivors_each sd, sp\n"
        "mv s0, a0\n"
        "survivors_each ld, a1\n"
        "registers_load\n"
        "ecall\n"
        "registers_store\n"
        "ld a1, 120(sp)\n"
        "survivors_each sd, a1\n"
        "survivors_each ld, sp\n"
        "ld s0, 112(sp); addi sp, sp, 128; ret\n");

#endif
