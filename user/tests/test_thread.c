/* SPDX-License-Identifier: MIT */
/*
 * tests/test_thread.c: threads: create, exit, join, priority, affinity.
 */
#include "tests/check.h"
#include "tests/peer.h"

static volatile uint64_t shared;

static void thread_adds(uint64_t value) {
    __atomic_fetch_add(&shared, value, __ATOMIC_SEQ_CST);
}

static void check_shared(void) {
    int64_t tids[10];
    shared = 0;
    for (unsigned i = 0; i < 10; i++)
        tids[i] = thread_start(thread_adds, 1ull << i);
    for (unsigned i = 0; i < 10; i++)
        thread_end(tids[i]);
    check_equal("sum", (int64_t)shared, 1023);
}

static void thread_status(uint64_t status) {
    sys_thread_exit((int64_t)status);
}

static void check_join(void) {
    static const int64_t statuses[] = {0, 1, -1, 1ll << 40};
    for (unsigned i = 0; i < 4; i++) {
        int64_t tid = thread_start(thread_status, (uint64_t)statuses[i]);
        if (i % 2)
            pause_ms(2 * SETTLE_MS);
        struct sys_pair end = sys_thread_join(tid, time_after(1000));
        check_equal("join", end.result, 0);
        check_equal("status", (int64_t)end.value, statuses[i]);
        check_error("join again", sys_thread_join(tid, DEADLINE_POLL).result,
                    ENOENT);
    }
}

static volatile int64_t own_tid;

static void join_self(uint64_t unused) {
    (void)unused;
    while (own_tid == 0)
        sys_yield();
    check_error("join itself", sys_thread_join(own_tid, DEADLINE_NONE).result,
                EDEADLK);
}

static void thread_pauses(uint64_t ms) {
    pause_ms(ms);
}

static void join_busy(uint64_t tid) {
    struct sys_pair end = sys_thread_join((int64_t)tid, time_after(2000));
    check_equal("the first joiner", end.result, 0);
}

static void check_join_errors(void) {
    check_error("no such thread", sys_thread_join(60, DEADLINE_POLL).result,
                ENOENT);
    check_error("thread 0", sys_thread_join(0, DEADLINE_POLL).result, ENOENT);
    check_error("thread -1", sys_thread_join(-1, DEADLINE_POLL).result, ENOENT);
    check_error("far away", sys_thread_join(1ll << 40, DEADLINE_POLL).result,
                ENOENT);
    own_tid = 0;
    int64_t tid = thread_start(join_self, 0);
    own_tid = tid;
    thread_end(tid);
    tid = thread_start(thread_pauses, 20 * SETTLE_MS);
    int64_t joiner = thread_start(join_busy, (uint64_t)tid);
    pause_ms(3 * SETTLE_MS);
    check_error("someone else joins",
                sys_thread_join(tid, time_after(1000)).result, EBUSY);
    thread_end(joiner);
}

static void check_create_errors(void) {
    check_true("entry in the kernel's half",
               sys_thread_create(1ull << 63, 0x1000, 0, 0) == -EINVAL ||
                   sys_thread_create(1ull << 63, 0x1000, 0, 0) >= 0);
}

static void arguments(uint64_t a0, uint64_t a1) {
    check_equal("first argument", (int64_t)a0, 0x123456789abcdef);
    check_equal("second argument", (int64_t)a1, -5);
    uint64_t sp;
    __asm__ volatile("mv %0, sp" : "=r"(sp));
    check_true("stack", sp != 0);
    sys_thread_exit(0);
}

static void check_arguments(void) {
    int64_t stack = check_ok("map", sys_map(HANDLE_SELF, 0, THREAD_STACK,
                                            PROT_READ | PROT_WRITE, -1, 0));
    thread_end(
        check_ok("create", sys_thread_create((uint64_t)arguments,
                                             (uint64_t)stack + THREAD_STACK,
                                             0x123456789abcdef, (uint64_t)-5)));
}

/* The last thread's exit status is the process's. */
static void last_thread(uint64_t status) {
    pause_ms(3 * SETTLE_MS);
    sys_thread_exit((int64_t)status);
}

static void main_goes_first(uint64_t status) {
    thread_start(last_thread, status);
    sys_thread_exit(99);
}

static void check_last_exit(void) {
    peer_end_with(peer_start(main_goes_first, 33), 33);
}

/* Only the calling thread crosses a fork. */
static volatile uint64_t beats;

static void beat(uint64_t unused) {
    (void)unused;
    for (;;) {
        beats = beats + 1;
        sys_yield();
    }
}

static void child_is_alone(uint64_t unused) {
    (void)unused;
    uint64_t before = beats;
    pause_ms(3 * SETTLE_MS);
    check_equal("beats in the child", (int64_t)beats, (int64_t)before);
}

static void check_fork(void) {
    thread_start(beat, 0);
    pause_ms(SETTLE_MS);
    uint64_t before = beats;
    peer_end(peer_start(child_is_alone, 0));
    check_true("beats in the parent", beats > before);
}

static void thread_faults(uint64_t unused) {
    (void)unused;
    store_at(8, 1);
}

static void process_with_fault(uint64_t unused) {
    (void)unused;
    thread_start(thread_faults, 0);
    pause_ms(1000);
}

static void check_fault(void) {
    peer_dies(process_with_fault, 0);
}

/* ---- Priority and affinity ---- */

static void check_priority(void) {
    int64_t own = check_ok("ask", sys_thread_priority(0, -1));
    check_true("a priority", own >= 0 && own < PRIORITY_COUNT);
    check_equal("lower", sys_thread_priority(0, 2), own);
    check_equal("as it was set", sys_thread_priority(0, -1), 2);
    check_equal("back", sys_thread_priority(0, own), 2);
    check_error("32", sys_thread_priority(0, 32), EINVAL);
    check_error("-2", sys_thread_priority(0, -2), EINVAL);
    check_error("far away", sys_thread_priority(0, 1ll << 32), EINVAL);
    check_error("above the ceiling", sys_thread_priority(0, PRIORITY_MAX),
                EPERM);
    check_error("no such thread", sys_thread_priority(60, 1), ENOENT);
    int64_t tid = thread_start(thread_pauses, 5 * SETTLE_MS);
    check_ok("another thread's", sys_thread_priority(tid, 3));
    check_equal("as it was set", sys_thread_priority(tid, -1), 3);
    thread_end(tid);
}

static void child_priority(uint64_t expected) {
    check_equal("a child's priority", sys_thread_priority(0, -1),
                (int64_t)expected);
}

static void check_priority_inherited(void) {
    check_ok("set", sys_thread_priority(0, 5));
    peer_end(peer_start(child_priority, 5));
    thread_end(thread_start(child_priority, 5));
}

static uint64_t harts(void) {
    return sys_system_info(INFO_HARTS, 0).value[0];
}

static void check_affinity(void) {
    uint64_t all = (1ull << harts()) - 1;
    uint64_t own = (uint64_t)check_ok("ask", sys_thread_affinity(0, 0));
    check_equal("every hart", (int64_t)(own & all), (int64_t)all);
    for (uint64_t hart = 0; hart < harts(); hart++) {
        check_ok("set", sys_thread_affinity(0, 1ull << hart));
        check_equal("as it was set", sys_thread_affinity(0, 0),
                    (int64_t)(1ull << hart));
        sys_yield();
    }
    check_error("a hart that is not there", sys_thread_affinity(0, 1ull << 63),
                EINVAL);
    check_error("no such thread", sys_thread_affinity(60, 1), ENOENT);
    check_ok("back", sys_thread_affinity(0, all));
}

static void affinity_of_child(uint64_t expected) {
    check_equal("a child's affinity", sys_thread_affinity(0, 0),
                (int64_t)expected);
}

static void check_affinity_inherited(void) {
    check_ok("set", sys_thread_affinity(0, 1));
    peer_end(peer_start(affinity_of_child, 1));
    thread_end(thread_start(affinity_of_child, 1));
}

static const struct check checks[] = {
    {"shared", "ten threads share memory", check_shared},
    {"join", "join returns a thread's status, once", check_join},
    {"join_errors", "join refuses itself, strangers and a second joiner",
     check_join_errors},
    {"create_errors", "a bad entry harms nobody", check_create_errors},
    {"arguments", "a thread starts with its arguments and stack",
     check_arguments},
    {"last_exit", "the last thread's exit ends the process", check_last_exit},
    {"fork", "only the calling thread is in the child", check_fork},
    {"fault", "a fault in any thread kills the process", check_fault},
    {"priority", "priorities are set and asked for, up to a ceiling",
     check_priority},
    {"priority_inherited", "children and threads start at the same priority",
     check_priority_inherited},
    {"affinity", "affinity is set and asked for", check_affinity},
    {"affinity_inherited", "children and threads start on the same harts",
     check_affinity_inherited},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
