/* SPDX-License-Identifier: MIT */
/*
 * tests/order.h: what ran before what, on one hart.
 *
 * Idea        Threads of one process, all bound to hart 0, write letters into
 *             a shared log; the log is compared with the only right order.
 *             Nothing is timed: a test of order cannot be flaky.
 * Invariants  The check's own thread has the highest priority of all and waits
 *             while the others run.
 */
#ifndef OCTAVO_TESTS_ORDER_H
#define OCTAVO_TESTS_ORDER_H

#include "tests/peer.h"

enum { PRIORITY_L = 2, PRIORITY_M = 4, PRIORITY_H = 6 };

static char order_log[64];
static volatile unsigned order_count;

static inline void order_add(char letter) {
    check_true("room in the log", order_count < sizeof(order_log) - 1);
    order_log[order_count] = letter;
    order_count = order_count + 1;
}

/* The log holds these letters in this order. */
static inline void order_expect(const char *expected) {
    char line[CHECK_LINE];
    if (strcmp(order_log, expected) == 0)
        return;
    snprintf(line, sizeof(line), "FAIL %s: order, expected %s got %s\n",
             check_name, expected, order_log);
    line_write(line);
    sys_exit(1);
}

/* Binds the caller to hart 0 at a priority. */
static inline void order_place(int64_t priority) {
    check_ok("affinity", sys_thread_affinity(0, 1));
    check_ok("priority", sys_thread_priority(0, priority));
}

/* Keeps the hart busy, over several ticks if need be. */
static inline void busy_ms(uint64_t ms) {
    busy_until(time_after(ms));
}

/* Waits for any bit of a notification. */
static inline void order_await(int64_t notification) {
    check_equal(
        "wait_signal",
        sys_wait_signal(notification, time_after(CHECK_LIMIT_MS / 2)).result,
        0);
}

#endif
