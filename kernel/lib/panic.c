/* SPDX-License-Identifier: MIT */
/*
 * lib/panic.c: how the kernel ends when it finds itself wrong.
 *
 * Idea        Print what is known, from the surest to the most doubtful, and
 *             end the machine. Functions keep no frame pointer, so the
 *             backtrace names each word of the stack that is the address
 *             behind a call: nearly always a return address, now and then one
 *             that an earlier call left in a buffer.
 * Invariants  Only memory of the stack in use and of the kernel's text is
 *             read, so a damaged stack costs names and no more.
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
    uint64_t offset = 0;
    const char *name = symbol_find(pc, &offset);
    kprintf(" #%u 0x%lx %s+0x%lx\n", number, pc, name == NULL ? "?" : name,
            offset);
}

/* Whether the instruction before `pc` is a call: jal or jalr with ra, or its
 * short form. */
static bool follows_call(uint64_t pc) {
    uint64_t offset;
    if (pc % 2 != 0 || symbol_find(pc - 4, &offset) == NULL)
        return false;
    const uint16_t *code = (const uint16_t *)pc;
    return (code[-2] & 0xfff) == 0x0ef || (code[-2] & 0xfff) == 0x0e7 ||
           ((code[-1] & 0xf07f) == 0x9002 && (code[-1] & 0xf80) != 0);
}

/* Prints the functions that led to pc. A call site, not the place returned
 * to: that may be the next function when the callee never returns. */
static void backtrace(uint64_t pc, uint64_t sp) {
    uint64_t high = stack_top();
    unsigned number = 0;
    kprintf("backtrace:\n");
    print_address(number++, pc);
    if (sp % sizeof(uint64_t) != 0 || sp >= high || high - sp > STACK_MAX)
        return;
    const uint64_t *end = (const uint64_t *)high;
    for (const uint64_t *word = (const uint64_t *)sp; word < end; word++)
        if (number < BACKTRACE_MAX && follows_call(*word))
            print_address(number++, *word - 1);
}

static _Noreturn void wait_for_ever(void) {
    for (;;)
        __asm__ volatile("wfi");
}

static _Noreturn void machine_end(void) {
    if (panic_hooks.exit != NULL)
        panic_hooks.exit(PANIC_STATUS);
    wait_for_ever();
}

/* Claims the console and stops the other harts. Returns whether this is the
 * first panic; does not return on a hart other than the first one's. */
static bool panic_begin(void) {
    if (__atomic_exchange_n(&started, 1, __ATOMIC_ACQ_REL) != 0) {
        if (stack_top() != panic_stack)
            wait_for_ever();
        return false;
    }
    panic_stack = stack_top();
    if (panic_hooks.stop != NULL)
        panic_hooks.stop();
    return true;
}

static _Noreturn void panic_report(uint64_t pc, uint64_t sp, const char *format,
                                   va_list arguments) {
    bool first = panic_begin();
    kprintf("panic: ");
    kvprintf(format, arguments);
    kprintf("\n");
    if (first) {
        if (panic_hooks.describe != NULL)
            panic_hooks.describe();
        backtrace(pc, sp);
    }
    machine_end();
}

void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    panic_report((uint64_t)__builtin_return_address(0) - 1,
                 (uint64_t)__builtin_frame_address(0), format, arguments);
}

void panic_at(uint64_t pc, uint64_t sp, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    panic_report(pc, sp, format, arguments);
}

void assert_failed(const char *condition, const char *file, int line) {
    panic("%s:%d: assert failed: %s", file, line, condition);
}
