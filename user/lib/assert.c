/* SPDX-License-Identifier: MIT */
/*
 * lib/assert.c: how a program gives up.
 */
#include "lib/assert.h"

#include "lib/printf.h"
#include "lib/syscall.h"

void abort(void) {
    sys_exit(STATUS_ABORTED);
}

void assert_failed(const char *what, const char *file, int line) {
    fprintf(2, "%s:%d: assertion failed: %s\n", file, line, what);
    abort();
}
