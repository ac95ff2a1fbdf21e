/* SPDX-License-Identifier: MIT */
/*
 * lib/stack_protector.c: canaries on the kernel stack, in debug builds.
 *
 * The compiler puts __stack_chk_guard between a function's arrays and its
 * return address, and calls __stack_chk_fail when it finds something else
 * there before it returns. The value is fixed: it is to catch mistakes, not
 * attackers, and a run must repeat. Its zero byte stops a stray string.
 */
#include <stdint.h>

#include "lib/panic.h"

#ifdef DEBUG

extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x00b5ac7a57ac2ff5;

_Noreturn void __stack_chk_fail(void);
void __stack_chk_fail(void) {
    panic("stack of the function that ends here is overwritten");
}

#endif
