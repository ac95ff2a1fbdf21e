/* SPDX-License-Identifier: MIT */
/*
 * lab_wake.c: waits that end, whatever the timer does meanwhile.
 *
 * The checks are short, and are to be run with many seeds, on several harts,
 * with short ticks: each seed is another order of the same events. A wake-up
 * that is lost shows as a hang.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { ROUNDS = 6, CHILDREN = 3 };

static uint64_t dice = 88172645463325252ull;

/* A number below `sides`, the same in each run. */
static uint64_t roll(uint64_t sides) {
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice % sides;
}

static void spin(uint64_t turns) {
    for (uint64_t i = 0; i < turns; i++)
        __asm__ volatile("");
}

/* Sleeps some units of time; not less. */
static void nap(uint64_t units) {
    uint64_t until = time_now() + units;
    check_equal("sleep", sys_sleep(until), 0);
    check_true("it does not end before its time", time_now() >= until);
}

/* Waits with a deadline that mostly passes, and then again. */
static void wait_for(int64_t pid, int64_t status) {
    struct sys_pair end;
    do {
        uint64_t until = time_now() + 20 + roll(200);
        end = sys_wait(pid, until);
        if (end.result == -ETIMEDOUT)
            check_true("no time-out before the time", time_now() >= until);
    } while (end.result == -ETIMEDOUT);
    check_equal("the child that ended", end.result, pid);
    check_equal("its status", (int64_t)end.value, status);
}

static int64_t child_start(uint64_t number) {
    uint64_t turns = roll(9000), units = roll(400);
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        spin(turns);
        if (number != 0)
            nap(units);
        sys_exit((int64_t)number);
    }
    return pid;
}

static void check_children(void) {
    int64_t pids[CHILDREN];
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CHILDREN; i++)
            pids[i] = child_start(i);
        for (unsigned i = CHILDREN; i-- > 0;)
            wait_for(pids[i], i);
    }
}

static void napper(uint64_t units) {
    for (unsigned i = 0; i < 3; i++) {
        nap(units);
        spin(units * 7);
    }
}

static void check_joins(void) {
    int64_t tids[CHILDREN];
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CHILDREN; i++)
            tids[i] = thread_start(napper, roll(300));
        for (unsigned i = 0; i < CHILDREN; i++)
            thread_end(tids[i]);
    }
}

/* A sleeper that is killed, at about the time at which it wakes. */
static void check_kills(void) {
    for (unsigned round = 0; round < 2 * ROUNDS; round++) {
        uint64_t units = 100 + roll(200), mine = 100 + roll(200);
        int64_t pid = check_ok("fork", sys_fork());
        if (pid == 0) {
            for (;;)
                nap(units);
        }
        nap(mine);
        check_ok("kill", sys_kill(pid));
        struct sys_pair end = sys_wait(pid, DEADLINE_NONE);
        check_equal("the child that was killed", end.result, pid);
    }
}

static const struct check checks[] = {
    {"children", "a wait for a child ends when the child does", check_children},
    {"joins", "a join ends when the thread does", check_joins},
    {"kills", "a sleeper that is killed dies", check_kills},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
