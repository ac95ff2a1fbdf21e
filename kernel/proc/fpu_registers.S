/* SPDX-License-Identifier: MIT */
/*
 * proc/fpu_registers.S: the 32 floating-point registers and fcsr, to and from
 * 33 words at a0. The kernel is compiled without floating point, so only this
 * file may name those registers; sstatus.FS must not be Off.
 */
    .option arch, +f, +d
    .text

    .globl fpu_save
    .type fpu_save, @function
fpu_save:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fsd f\n, 8*\n(a0)
    .endr
    csrr t0, fcsr
    sd t0, 256(a0)
    ret
    .size fpu_save, . - fpu_save

    .globl fpu_load
    .type fpu_load, @function
fpu_load:
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fld f\n, 8*\n(a0)
    .endr
    ld t0, 256(a0)
    csrw fcsr, t0
    ret
    .size fpu_load, . - fpu_load
