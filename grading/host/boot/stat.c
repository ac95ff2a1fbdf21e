/* SPDX-License-Identifier: MIT */
/*
 * host/boot/stat.c: a hart's measurements, read by another while it adds.
 *
 * Idea        A signal that comes at any instruction plays the other hart:
 *             first the one that adds, then the one that reads. The values are
 *             0, 1, 2, ...: so the count alone says what the sum and the most
 *             must be, and a record that is not of one moment shows.
 */
#include "arch/stat.h"

#include <signal.h>
#include <sys/time.h>

#include "check.h"

enum { SIGNALS = 3000, PERIOD_US = 100 };

static struct statistic shared;
static volatile unsigned signals;

static void check_values(void) {
    static const uint64_t values[] = {7, 3, 9, 3};
    struct statistic stat = {0}, got;
    CHECK(stat_read(&stat, &got) && got.count == 0);
    CHECK(got.min == 0 && got.max == 0 && got.sum == 0);
    stat_add(&stat, values[0]);
    CHECK(stat_read(&stat, &got) && got.count == 1);
    CHECK(got.min == 7 && got.max == 7 && got.sum == 7);
    for (unsigned i = 1; i < 4; i++)
        stat_add(&stat, values[i]);
    CHECK(stat_read(&stat, &got) && got.count == 4);
    CHECK(got.min == 3 && got.max == 9 && got.sum == 22);
    stat.sequence++;
    CHECK(!stat_read(&stat, &got));
}

static void shared_add(void) {
    stat_add(&shared, shared.count);
}

static void shared_check(void) {
    struct statistic got;
    if (!stat_read(&shared, &got) || got.count == 0)
        return;
    CHECK(got.min == 0);
    CHECK(got.max == got.count - 1);
    CHECK(got.sum == got.count * (got.count - 1) / 2);
}

static void signal_add(int number) {
    (void)number;
    signals++;
    shared_add();
}

static void signal_check(int number) {
    (void)number;
    signals++;
    shared_check();
}

/* Does `work` again and again while signals come. */
static void check_pair(void (*work)(void), void (*handler)(int)) {
    const struct itimerval off = {0}, on = {{0, PERIOD_US}, {0, PERIOD_US}};
    signals = 0;
    CHECK(signal(SIGALRM, handler) != SIG_ERR);
    CHECK(setitimer(ITIMER_REAL, &on, NULL) == 0);
    while (signals < SIGNALS)
        work();
    CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
}

int main(void) {
    check_values();
    check_pair(shared_check, signal_add);
    check_pair(shared_add, signal_check);
    return 0;
}
