/* SPDX-License-Identifier: MIT */
/*
 * boot/image.S: the first program (user/boot/first.c), as it lies in memory.
 */
    .section .rodata
    .balign 8
    .globl first_image
first_image:
    .incbin "first.bin"
    .globl first_image_end
first_image_end:
