/* SPDX-License-Identifier: MIT */
/*
 * lib/ubsan.c: where what the compiler checks in debug builds ends.
 *
 * Idea        With -fsanitize=undefined the compiler puts a check before each
 *             operation that C leaves undefined for some operands, and a call
 *             of a handler where the check fails, one for each kind of check
 *             (UBSAN in the Makefile lists them). Each gets the place in the
 *             source first, and details that are not printed: the place is
 *             enough to find the mistake.
 * Use         make DEBUG=1; release builds have neither checks nor this file.
 */
#include <stdint.h>

#include "lib/panic.h"

#ifdef DEBUG

/* ---- Undefined behaviour ---- */

/* What the compiler passes: the start of every handler's data. */
struct place {
    const char *file;
    uint32_t line;
    uint32_t column;
};

/* All handlers: the linker gives it their names. */
_Noreturn void __ubsan_failed(const struct place *place);
void __ubsan_failed(const struct place *place) {
    panic("undefined behaviour at %s:%u:%u", place->file, place->line,
          place->column);
}

/* ---- Canaries on the stack ---- */

/* The compiler puts __stack_chk_guard between a function's arrays and its
 * return address, and calls __stack_chk_fail when it finds something else
 * there before it returns. The value is fixed: it is to catch mistakes, not
 * attackers, and a run must repeat. Its zero byte stops a stray string. */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x00b5ac7a57ac2ff5;

_Noreturn void __stack_chk_fail(void);
void __stack_chk_fail(void) {
    panic("stack of the function that ends here is overwritten");
}

#endif
