/* SPDX-License-Identifier: MIT */
/*
 * lib/panic.c: how the kernel ends when it finds itself wrong.
 *
 * Idea        Print what is known, from the surest to the most doubtful, and
 *             end the machine. Frame pointers lead the backtrace:
 *
 *               higher   | return address |  <- s0 - 8
 *                        | caller's s0    |  <- s0 - 16
 *               lower    | ...            |  <- sp
 *
 * Invariants  Only memory of the stack in use is read, and each step of the
 *             backtrace goes up, so a damaged chain ends it and no more. (The
 *             last s0 in the chain is the user's, so it may be anything.)
 */
#include "lib/panic.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/print.h"
#include "lib/symbols.h"

enum { BACKTRACE_MAX = 32, STACK_MAX = 16384 };

struct panic_hooks panic_hooks;

/* The first panic's stack: it tells a panic inside the first, on the same
 * hart, from one on another hart. */
static uint64_t panic_stack;
static uint32_t started; /* a word: there are no atomic bytes */

bool panic_started(void) {
    return __atomic_load_n(&started, __ATOMIC_RELAXED) != 0;
}

static uint64_t stack_top(void) {
    return panic_hooks.stack_top == NULL ? 0 : panic_hooks.stack_top();
}

static void print_address(unsigned number, uint64_t pc) {
    uint64_t offset;
    const char *name = symbol_find(pc, &offset);
    if (name != NULL) {
        kprintf(" #%u 0x%lx %s+0x%lx\n", number, pc, name, offset);
    } else {
        kprintf(" #%u 0x%lx\n", number, pc);
    }
}

static bool frame_readable(uint64_t frame, uint64_t low, uint64_t high) {
    return frame % sizeof(uint64_t) == 0 && frame >= low + 16 && frame <= high;
}

/* Prints the functions that led to pc. */
static void backtrace(uint64_t pc, uint64_t frame) {
    uint64_t high = stack_top();
    uint64_t low = high - STACK_MAX;
    kprintf("backtrace:\n");
    print_address(0, pc);
    for (unsigned i = 1; i < BACKTRACE_MAX; i++) {
        if (high == 0 || !frame_readable(frame, low, high)) {
            return;
        }
        const uint64_t *saved = (const uint64_t *)frame;
        if (saved[-1] == 0) {
            return;
        }
        low = frame;
        /* A call site, not the place returned to: that may be the next
         * function when the callee never returns. */
        print_address(i, saved[-1] - 1);
        frame = saved[-2];
    }
}

static _Noreturn void wait_for_ever(void) {
    for (;;) {
        __asm__ volatile("wfi");
    }
}

static _Noreturn void machine_end(void) {
    if (panic_hooks.exit != NULL) {
        panic_hooks.exit(PANIC_STATUS);
    }
    wait_for_ever();
}

/* Claims the console and stops the other harts. Returns whether this is the
 * first panic; does not return on a hart other than the first one's. */
static bool panic_begin(void) {
    if (__atomic_exchange_n(&started, 1, __ATOMIC_ACQ_REL) != 0) {
        if (stack_top() != panic_stack) {
            wait_for_ever();
        }
        return false;
    }
    panic_stack = stack_top();
    if (panic_hooks.stop != NULL) {
        panic_hooks.stop();
    }
    return true;
}

static _Noreturn void panic_report(uint64_t pc, uint64_t frame,
                                   const char *format, va_list arguments) {
    bool first = panic_begin();
    kprintf("panic: ");
    kvprintf(format, arguments);
    kprintf("\n");
    if (first) {
        if (panic_hooks.describe != NULL) {
            panic_hooks.describe();
        }
        backtrace(pc, frame);
    }
    machine_end();
}

void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    panic_report((uint64_t)__builtin_return_address(0) - 1,
                 *((const uint64_t *)__builtin_frame_address(0) - 2), format,
                 arguments);
}

void panic_at(uint64_t pc, uint64_t frame, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    panic_report(pc, frame, format, arguments);
}

void assert_failed(const char *condition, const char *file, int line) {
    panic("%s:%d: assert failed: %s", file, line, condition);
}
