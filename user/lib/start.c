/* SPDX-License-Identifier: MIT */
/*
 * lib/start.c: the two things crt0 does that are easier said in C.
 */
#include "lib/start.h"

#include "abi/errno.h"
#include "lib/safe.h"
#include "lib/syscall.h"

_Static_assert(ENAMETOOLONG == 39, "lib/safe.S has the same number");

/* In lib/safe.S: first instruction, first one after, handler. */
extern const uint64_t safe_range[3];

void safe_start(void) {
    sys_fault_range(safe_range[0], safe_range[1], safe_range[2]);
}

void program_end(int status) {
    sys_exit(status);
}
