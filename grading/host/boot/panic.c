/* SPDX-License-Identifier: MIT */
/*
 * host/boot/panic.c: lib/panic.h on the host.
 */
#include "lib/panic.h"

#include <stdarg.h>
#include <stdint.h>

#include "check.h"

jmp_buf panic_caught;
char panic_text[256];

bool panics(void (*run)(const void *argument), const void *argument) {
    if (setjmp(panic_caught) != 0) {
        return true;
    }
    run(argument);
    return false;
}

void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(panic_text, sizeof(panic_text), format, arguments);
    va_end(arguments);
    longjmp(panic_caught, 1);
}

void assert_failed(const char *condition, const char *file, int line) {
    printf("%s:%d: assert failed: %s\n", file, line, condition);
    abort();
}
