/* SPDX-License-Identifier: MIT */
/*
 * tests/test_sched.c: who runs when: priorities, turns, time, several harts.
 */
#include "tests/check.h"
#include "tests/order.h"
#include "tests/peer.h"

static int64_t go;

static void start(void) {
    go = check_ok("create", sys_notification_create());
    check_ok("affinity", sys_thread_affinity(0, 1));
}

/* ---- Priorities ---- */

static void log_at(uint64_t packed) {
    order_place((int64_t)(packed & 0xff));
    order_await(go);
    check_ok("pass it on", sys_signal(go, 1));
    busy_ms(15);
    order_add((char)(packed >> 8));
}

static void check_priorities(void) {
    static const uint64_t threads[] = {1 | 'd' << 8, 5 | 'a' << 8, 3 | 'b' << 8,
                                       2 | 'c' << 8};
    int64_t tids[4];
    start();
    for (unsigned i = 0; i < 4; i++)
        tids[i] = thread_start(log_at, threads[i]);
    pause_ms(3 * SETTLE_MS);
    /* All four are ready before the first of them runs. */
    for (unsigned i = 0; i < 4; i++)
        check_ok("signal", sys_signal(go, 1));
    for (unsigned i = 0; i < 4; i++)
        thread_end(tids[i]);
    check_equal("threads that ran", order_count, 4);
    check_equal("the most important is not the last", order_log[3] != 'a', 1);
}

static void high_waits(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_H);
    order_await(go);
    order_add('h');
}

static void low_signals(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_L);
    order_add('l');
    check_ok("signal", sys_signal(go, 1));
    order_add('m');
}

static void check_preempts(void) {
    start();
    int64_t high = thread_start(high_waits, 0);
    pause_ms(2 * SETTLE_MS);
    int64_t low = thread_start(low_signals, 0);
    thread_end(low);
    thread_end(high);
    order_expect("lhm");
}

static void raises(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_L);
    order_await(go);
    order_add('r');
}

static void holds(uint64_t raised) {
    order_place(PRIORITY_M);
    check_ok("signal", sys_signal(go, 1));
    order_add('a');
    check_ok("raise another", sys_thread_priority((int64_t)raised, PRIORITY_H));
    order_add('b');
}

static void check_raise(void) {
    start();
    int64_t raised = thread_start(raises, 0);
    pause_ms(2 * SETTLE_MS);
    int64_t holder = thread_start(holds, (uint64_t)raised);
    thread_end(holder);
    thread_end(raised);
    order_expect("arb");
}

static void lowers(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_H);
    check_ok("signal", sys_signal(go, 1));
    order_add('a');
    check_ok("lower itself", sys_thread_priority(0, PRIORITY_L));
    order_add('b');
}

static void middle_waits(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_M);
    order_await(go);
    order_add('m');
}

static void check_lower(void) {
    start();
    int64_t middle = thread_start(middle_waits, 0);
    pause_ms(2 * SETTLE_MS);
    int64_t own = thread_start(lowers, 0);
    thread_end(own);
    thread_end(middle);
    order_expect("amb");
}

/* ---- Turns ---- */

enum { TURNERS = 3, TURN_MS = 400 };

static volatile uint64_t turns[TURNERS];
static uint64_t turns_end; /* one time for all: who waits loses turns */

static void spins(uint64_t index) {
    order_place(PRIORITY_M);
    while (time_now() < turns_end) {
        turns[index] = turns[index] + 1;
        for (unsigned i = 0; i < 1000; i++)
            __asm__ volatile("");
    }
}

static void check_round_robin(void) {
    int64_t tids[TURNERS];
    start();
    turns_end = time_after(TURN_MS);
    for (unsigned i = 0; i < TURNERS; i++)
        tids[i] = thread_start(spins, i);
    for (unsigned i = 0; i < TURNERS; i++)
        thread_end(tids[i]);
    for (unsigned i = 1; i < TURNERS; i++)
        check_true("threads that spin get equal shares, within a quarter",
                   turns[i] > turns[0] * 3 / 4 && turns[i] < turns[0] * 5 / 4);
}

static void yields(uint64_t letter) {
    order_place(PRIORITY_M);
    order_await(go);
    for (unsigned i = 0; i < 3; i++) {
        order_add((char)letter);
        sys_yield();
    }
}

static void check_yield(void) {
    int64_t tids[3];
    start();
    for (unsigned i = 0; i < 3; i++) {
        tids[i] = thread_start(yields, 'a' + i);
        pause_ms(SETTLE_MS);
    }
    for (unsigned i = 0; i < 3; i++)
        check_ok("signal", sys_signal(go, 1));
    for (unsigned i = 0; i < 3; i++)
        thread_end(tids[i]);
    check_equal("letters", order_count, 9);
    for (unsigned i = 0; i < 8; i++)
        check_true("a yield lets another run",
                   order_log[i] != order_log[i + 1]);
}

static void starved(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_L);
    order_add('l');
}

static void check_yield_alone(void) {
    start();
    int64_t low = thread_start(starved, 0);
    pause_ms(SETTLE_MS);
    thread_end(low);
    for (unsigned i = 0; i < 1000; i++)
        check_equal("yield", sys_yield(), 0);
}

/* ---- Time ---- */

static void check_uptime(void) {
    uint64_t tick = sys_system_info(INFO_TIMEBASE, 0).value[1];
    check_true("a tick has a length", tick > 0);
    int64_t before = sys_uptime();
    check_true("time has passed", before >= 0);
    sys_sleep(time_now() + 10 * tick);
    int64_t passed = sys_uptime() - before;
    check_true("ten ticks are ten ticks", passed >= 9 && passed <= 13);
}

static void check_clock(void) {
    uint64_t last = time_now();
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = time_now();
        check_true("time does not go back", now >= last);
        last = now;
        if (i % 50 == 0)
            sys_yield();
    }
}

static bool info_of(int64_t pid, struct process_info *info) {
    for (uint64_t index = 0;; index++) {
        int64_t got = sys_process_info(index, info);
        if (got == -EINVAL)
            return false;
        if (got == 0 && info->pid == pid)
            return true;
    }
}

/* Within a factor of two. */
static void check_near(const char *what, uint64_t got, uint64_t expected) {
    if (got < expected / 2 || got > expected * 2)
        check_fail(what, (int64_t)got, (int64_t)expected);
}

static void check_accounting(void) {
    struct process_info before, after;
    check_true("listed", info_of(sys_getpid(), &before));
    busy_ms(50);
    check_true("listed", info_of(sys_getpid(), &after));
    uint64_t used = after.time - before.time;
    uint64_t expected = time_after(50) - time_now();
    check_near("busy time", used, expected);
    before = after;
    pause_ms(50);
    check_true("listed", info_of(sys_getpid(), &after));
    check_true("sleep is not counted", after.time - before.time < expected / 4);
}

/* ---- Several harts ---- */

static volatile uint64_t running, most;

static void counts(uint64_t unused) {
    (void)unused;
    for (uint64_t end = time_after(60); time_now() < end;) {
        uint64_t now = __atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
        if (now > most)
            most = now;
        for (unsigned i = 0; i < 50; i++)
            __asm__ volatile("");
        __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    }
}

static void check_all_harts(void) {
    enum { THREADS = 8 };
    int64_t tids[THREADS];
    uint64_t harts = sys_system_info(INFO_HARTS, 0).value[0];
    for (unsigned i = 0; i < THREADS; i++)
        tids[i] = thread_start(counts, 0);
    for (unsigned i = 0; i < THREADS; i++)
        thread_end(tids[i]);
    check_true("ready threads spread over the harts", harts == 1 || most >= 2);
}

static volatile uint64_t moved;

static void hops(uint64_t unused) {
    uint64_t harts = sys_system_info(INFO_HARTS, 0).value[0];
    (void)unused;
    for (uint64_t i = 0; i < 40; i++) {
        check_ok("affinity", sys_thread_affinity(0, 1ull << (i % harts)));
        uint64_t local = i;
        sys_yield();
        check_equal("a local over a move", (int64_t)local, (int64_t)i);
        __atomic_fetch_add(&moved, 1, __ATOMIC_SEQ_CST);
    }
}

static void check_hops(void) {
    int64_t tids[4];
    for (unsigned i = 0; i < 4; i++)
        tids[i] = thread_start(hops, 0);
    for (unsigned i = 0; i < 4; i++)
        thread_end(tids[i]);
    check_equal("moves", (int64_t)moved, 160);
}

enum { SLEEPERS = 12 };

static volatile bool blocked, released;
static int64_t bells[SLEEPERS];

static uint64_t other_hart(void) {
    return 1ull << (sys_system_info(INFO_HARTS, 0).value[0] - 1);
}

static void sleeps(uint64_t i) {
    check_ok("priority", sys_thread_priority(0, PRIORITY_L));
    check_ok("affinity", sys_thread_affinity(0, other_hart()));
    order_await(bells[i]);
    order_add((char)('a' + i));
}

static void blocks(uint64_t unused) {
    (void)unused;
    check_ok("affinity", sys_thread_affinity(0, other_hart()));
    check_ok("priority", sys_thread_priority(0, PRIORITY_H));
    blocked = true;
    while (!released)
        sys_yield();
}

/* While another hart runs something more important, those made ready for it
 * are left in its inbox, and it is not interrupted. */
static void check_inbox(void) {
    int64_t tids[SLEEPERS + 1];
    bool alone = other_hart() == 1;
    start();
    for (unsigned i = 0; i < SLEEPERS; i++) {
        bells[i] = check_ok("create", sys_notification_create());
        tids[i] = thread_start(sleeps, i);
    }
    pause_ms(2 * SETTLE_MS);
    tids[SLEEPERS] = thread_start(blocks, 0);
    while (!blocked)
        pause_ms(1);
    uint64_t ipis = sys_debug(DEBUG_COUNTER, COUNTER_IPIS).value;
    uint64_t wakes = sys_debug(DEBUG_COUNTER, COUNTER_FAR_WAKES).value;
    for (unsigned i = 0; i < SLEEPERS; i++)
        check_ok("signal", sys_signal(bells[i], 1));
    wakes = sys_debug(DEBUG_COUNTER, COUNTER_FAR_WAKES).value - wakes;
    ipis = sys_debug(DEBUG_COUNTER, COUNTER_IPIS).value - ipis;
    released = true;
    for (unsigned i = 0; i <= SLEEPERS; i++)
        thread_end(tids[i]);
    order_expect("abcdefghijkl");
    check_true("each is left in the inbox", alone || wakes >= SLEEPERS);
    check_true("nobody is interrupted for them", ipis < SLEEPERS / 2);
}

static const struct check checks[] = {
    {"priorities", "ready threads of several priorities all run",
     check_priorities},
    {"preempts", "a woken thread of higher priority runs at once",
     check_preempts},
    {"raise", "a ready thread that is raised above the caller runs at once",
     check_raise},
    {"lower", "a thread that lowers itself lets others run at once",
     check_lower},
    {"round_robin", "threads of one priority get equal time",
     check_round_robin},
    {"yield", "yield gives way to the next of the same priority", check_yield},
    {"yield_alone", "yield returns when nobody else is ready",
     check_yield_alone},
    {"uptime", "uptime counts ticks", check_uptime},
    {"clock", "the time a program reads does not go back", check_clock},
    {"accounting", "a process's time is what it ran", check_accounting},
    {"all_harts", "ready threads spread over the harts", check_all_harts},
    {"hops", "threads move from hart to hart unharmed", check_hops},
    {"inbox", "threads for a busy hart wait in its inbox, in order",
     check_inbox},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
