/* SPDX-License-Identifier: MIT */
/*
 * boot/image.S: the first program (user/boot/first.c), as it lies in memory:
 * whole pages, with nothing else in them.
 */
    .section .rodata
    .balign 4096
    .globl first_image
first_image:
    .incbin "first.bin"
    .balign 4096
    .globl first_image_end
first_image_end:
