/* SPDX-License-Identifier: MIT */
/*
 * lib/ubsan.c: where what the compiler checks in debug builds ends.
 *
 * Idea        With -fsanitize=undefined the compiler puts a check before each
 *             operation that C leaves undefined for some operands, and a call
 *             of one of these functions where the check fails. Each gets the
 *             place in the source first, and details that are not printed: the
 *             place is enough to find the mistake. Checks of C++, of floating
 *             point and of attributes that the kernel does not use have none.
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

static _Noreturn void undefined(const char *what, const struct place *place) {
    panic("undefined behaviour: %s at %s:%u:%u", what, place->file, place->line,
          place->column);
}

/* A macro, as each function is only a name that the compiler knows. */
#define HANDLER(name, what)                                                    \
    _Noreturn void __ubsan_handle_##name(const struct place *place);           \
    void __ubsan_handle_##name(const struct place *place) {                    \
        undefined(what, place);                                                \
    }

HANDLER(add_overflow, "signed addition overflows")
HANDLER(sub_overflow, "signed subtraction overflows")
HANDLER(mul_overflow, "signed multiplication overflows")
HANDLER(negate_overflow, "signed negation overflows")
HANDLER(divrem_overflow, "division by zero or overflow")
HANDLER(shift_out_of_bounds, "shift by too much")
HANDLER(out_of_bounds, "array index out of bounds")
HANDLER(pointer_overflow, "pointer arithmetic overflows")
HANDLER(type_mismatch_v1, "null, misaligned or too small object")
HANDLER(load_invalid_value, "value outside its type")
HANDLER(nonnull_arg, "null argument")
HANDLER(invalid_builtin, "builtin's argument out of range")
HANDLER(builtin_unreachable, "unreachable code reached")

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
