/* SPDX-License-Identifier: MIT */
/*
 * shim/lib/syscall.h: the system calls that malloc makes, made by the test.
 */
#ifndef OCTAVO_LIB_SYSCALL_H
#define OCTAVO_LIB_SYSCALL_H

#include <stdint.h>

int64_t sys_sbrk(int64_t delta);

static inline int64_t sys_yield(void) {
    return 0;
}

#endif
