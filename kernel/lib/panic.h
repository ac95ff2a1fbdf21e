/* SPDX-License-Identifier: MIT */
/*
 * lib/panic.h: what the kernel does when it finds itself wrong.
 *
 * Idea        A mistake of the kernel ends the machine, loudly and at once:
 *             the message, the hart, its thread, the registers if a trap led
 *             here, and a backtrace. A mistake of a user never comes here.
 * Use         assert(spin_held(&space->lock));
 *             panic("no memory at %p", address);
 * Invariants  A panic never returns and waits for no lock. One inside the
 *             first prints its message and ends the machine; one on another
 *             hart waits for the first to do so.
 */
#ifndef OCTAVO_LIB_PANIC_H
#define OCTAVO_LIB_PANIC_H

#include <stdbool.h>
#include <stdint.h>

/* Checks that only debug builds make are written `if (DEBUG_BUILD) ...`: the
 * compiler reads them in every build, so that they cannot rot, and drops them
 * from the release. */
#ifdef DEBUG
enum { DEBUG_BUILD = 1 };
#else
enum { DEBUG_BUILD = 0 };
#endif

/* The status with which the machine ends after a panic. */
enum { PANIC_STATUS = 125 };

/*
 * What a panic needs from folders above this one; each may be NULL. Set by
 * boot, before the other harts start.
 */
struct panic_hooks {
    void (*stop)(void);          /* interrupts other harts, console is mine */
    void (*describe)(void);      /* prints the hart, thread and registers */
    uint64_t (*stack_top)(void); /* end of the stack in use, 0: unknown */
    void (*exit)(int status);    /* ends the machine */
};

extern struct panic_hooks panic_hooks;

/* Ends the machine with a message; no newline at its end. */
_Noreturn void panic(const char *format, ...)
    __attribute__((format(printf, 1, 2), cold));

/* The same for a trap taken in the kernel: the backtrace starts at the
 * interrupted pc and stack pointer instead of here. */
_Noreturn void panic_at(uint64_t pc, uint64_t sp, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* Whether some hart has panicked. A hart that finds this so, on an interrupt
 * from another, should wait for ever. */
bool panic_started(void);

/* Ends the machine when an assert failed; use assert(). */
_Noreturn void assert_failed(const char *condition, const char *file, int line)
    __attribute__((cold));

/* Checked in every build. A macro for the sake of the text and the line. */
#define assert(condition)                                                      \
    ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

/* Checked in debug builds only: where each instruction counts. */
#define debug_assert(condition) assert(!DEBUG_BUILD || (condition))

#endif
