/* SPDX-License-Identifier: MIT */
/*
 * lib/assert.h: for what can only be false by a mistake in the program.
 */
#ifndef OCTAVO_LIB_ASSERT_H
#define OCTAVO_LIB_ASSERT_H

/* Exit status of a program that gave up. */
enum { STATUS_ABORTED = 134 };

/* Says on standard error what did not hold, and where, and aborts. */
void assert_failed(const char *what, const char *file, int line)
    __attribute__((noreturn));

/* Ends the process with STATUS_ABORTED. */
void abort(void) __attribute__((noreturn));

#define assert(condition)                                                      \
    ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

#endif
