/* SPDX-License-Identifier: MIT */
/*
 * host/boot/check.h: checks for the tests of the kernel's low folders on the
 * host, and a panic that can be caught.
 */
#ifndef OCTAVO_HOST_BOOT_CHECK_H
#define OCTAVO_HOST_BOOT_CHECK_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Where a panic goes on, and what it said. */
extern jmp_buf panic_caught;
extern char panic_text[256];

#define CHECK(condition)                                                       \
    ((condition)                                                               \
         ? (void)0                                                             \
         : (printf("%s:%d: %s\n", __FILE__, __LINE__, #condition), exit(1)))

/* Whether run(argument) panics. */
bool panics(void (*run)(const void *argument), const void *argument);

#endif
