/* SPDX-License-Identifier: MIT */
/*
 * lib/crt0.S: where every program starts.
 *
 * The stack holds the argument strings and their vector; a0 = argc, a1 = argv.
 * Before main runs, the kernel is told of the instructions in lib/safe.S that
 * may touch a bad address and live; exec has forgotten what the previous
 * program said. When main returns, its value is the exit status.
 */
    .section .text.start, "ax"
    .globl _start
_start:
    mv      s0, a0
    mv      s1, a1
    call    safe_start
    mv      a0, s0
    mv      a1, s1
    call    main
    call    program_end
