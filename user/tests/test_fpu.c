/* SPDX-License-Identifier: MIT */
/*
 * tests/test_fpu.c: floating-point registers belong to their thread.
 */
#include "tests/check.h"
#include "tests/peer.h"

/*
 * The compiler is not told which registers change, or it would put the
 * callee-saved ones back: nothing near keeps a value in any of them.
 */
static void registers_set(uint64_t seed) {
    uint64_t values[32];
    for (unsigned i = 0; i < 32; i++)
        values[i] = seed * 1000 + i;
    __asm__ volatile(
        "fld f0, 0(%0); fld f1, 8(%0); fld f2, 16(%0); fld f3, 24(%0)\n"
        "fld f8, 64(%0); fld f9, 72(%0); fld f15, 120(%0)\n"
        "fld f18, 144(%0); fld f27, 216(%0); fld f31, 248(%0)\n"
        :
        : "r"(values), "m"(*(const uint64_t(*)[32])values));
}

static void registers_expect(uint64_t seed) {
    static const uint8_t which[] = {0, 1, 2, 3, 8, 9, 15, 18, 27, 31};
    uint64_t values[10];
    __asm__ volatile(
        "fsd f0, 0(%0); fsd f1, 8(%0); fsd f2, 16(%0); fsd f3, 24(%0)\n"
        "fsd f8, 32(%0); fsd f9, 40(%0); fsd f15, 48(%0)\n"
        "fsd f18, 56(%0); fsd f27, 64(%0); fsd f31, 72(%0)\n"
        :
        : "r"(values)
        : "memory");
    for (unsigned i = 0; i < 10; i++)
        check_equal("floating-point register", (int64_t)values[i],
                    seed ? (int64_t)(seed * 1000 + which[i]) : 0);
}

static uint64_t rounding_mode(void) {
    uint64_t mode;
    __asm__ volatile("frrm %0" : "=r"(mode));
    return mode;
}

static void first_use(uint64_t unused) {
    (void)unused;
    registers_expect(0);
    check_equal("rounding mode", (int64_t)rounding_mode(), 0);
}

static void dirty(uint64_t seed) {
    registers_set(seed);
    __asm__ volatile("fsrmi 2");
    pause_ms(SETTLE_MS);
    registers_expect(seed);
}

static void check_first_use(void) {
    peer_end(peer_start(dirty, 7));
    int64_t tid = thread_start(dirty, 9);
    thread_end(tid);
    thread_end(thread_start(first_use, 0));
}

static void keeps(uint64_t seed) {
    registers_set(seed);
    for (unsigned i = 0; i < 10; i++) {
        registers_expect(seed);
        if (i % 2)
            sys_yield();
        else
            pause_ms(1);
    }
    registers_expect(seed);
}

static void spins(uint64_t seed) {
    registers_set(seed);
    busy_until(time_after(80));
    registers_expect(seed);
}

static void check_switches(void) {
    int64_t pids[4], tids[4];
    for (unsigned i = 0; i < 4; i++) {
        pids[i] = peer_start(i % 2 ? keeps : spins, 10 + i);
        tids[i] = thread_start(i % 2 ? spins : keeps, 20 + i);
    }
    for (unsigned i = 0; i < 4; i++) {
        peer_end(pids[i]);
        thread_end(tids[i]);
    }
}

static void mode_keeps(uint64_t mode) {
    __asm__ volatile("fsrm %0" : : "r"(mode));
    for (unsigned i = 0; i < 8; i++) {
        sys_yield();
        check_equal("rounding mode", (int64_t)rounding_mode(), (int64_t)mode);
        pause_ms(1);
    }
}

static void check_modes(void) {
    int64_t tids[4];
    for (unsigned i = 0; i < 4; i++)
        tids[i] = thread_start(mode_keeps, i);
    for (unsigned i = 0; i < 4; i++)
        thread_end(tids[i]);
}

/* Goes round the harts, where others of its kind leave their registers. */
static void migrates(uint64_t seed) {
    uint64_t harts = sys_system_info(INFO_HARTS, 0).value[0], mode = seed % 4;
    registers_set(seed);
    __asm__ volatile("fsrm %0" : : "r"(mode));
    for (uint64_t i = 0; i < 6 * harts; i++) {
        check_ok("move", sys_thread_affinity(0, 1ull << (seed + i) % harts));
        registers_expect(seed);
        check_equal("rounding mode", (int64_t)rounding_mode(), (int64_t)mode);
        if (i % 3 == 0) {
            registers_set(++seed);
            mode = seed % 4;
            __asm__ volatile("fsrm %0" : : "r"(mode));
        }
    }
}

static void check_migration(void) {
    int64_t pids[3], tids[3];
    for (unsigned i = 0; i < 3; i++) {
        pids[i] = peer_start(migrates, 101 + 100 * i);
        tids[i] = thread_start(migrates, 1101 + 100 * i);
    }
    for (unsigned i = 0; i < 3; i++) {
        peer_end(pids[i]);
        thread_end(tids[i]);
    }
}

static void check_calls(void) {
    struct service service = service_make(1);
    int64_t pid = check_ok("fork", sys_fork());
    struct message m;
    if (pid == 0) {
        registers_set(31);
        for (unsigned i = 0; i < 50; i++)
            check_equal("call", service_call(service.session, 1, i, &m), 0);
        registers_expect(31);
        sys_exit(0);
    }
    registers_set(32);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    for (unsigned i = 0; i < 49; i++) {
        m.tag = tag_make(0, 1, 0, 0);
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
    registers_expect(32);
    peer_end(pid);
}

static void child_has(uint64_t seed) {
    registers_expect(seed);
}

static void check_fork(void) {
    registers_set(41);
    int64_t pid = sys_fork();
    if (pid == 0) {
        child_has(41);
        registers_set(42);
        sys_exit(0);
    }
    peer_end(pid);
    registers_set(43);
    sys_yield();
    registers_expect(43);
}

/* Sums that are exact only if nothing is lost on the way. */
static void sums(uint64_t step) {
    double sum = 0;
    for (unsigned i = 0; i < 20000; i++) {
        sum += (double)step;
        if (i % 1000 == 0)
            sys_yield();
    }
    check_equal("sum", (int64_t)sum, (int64_t)(20000 * step));
}

static void check_sums(void) {
    int64_t tids[4];
    for (unsigned i = 0; i < 4; i++)
        tids[i] = thread_start(sums, i + 1);
    for (unsigned i = 0; i < 4; i++)
        thread_end(tids[i]);
}

static uint64_t counter(enum counter which) {
    return sys_debug(DEBUG_COUNTER, which).value;
}

static void check_lazy(void) {
    if (sys_debug(DEBUG_CHECK_FRAMES, 0).result == -EPERM)
        return; /* counters need debug=1 */
    uint64_t saves = counter(COUNTER_FPU_SAVE);
    for (unsigned i = 0; i < 50; i++)
        pause_ms(1);
    check_equal("saves for a thread without floating point",
                (int64_t)(counter(COUNTER_FPU_SAVE) - saves), 0);
    registers_set(51);
    for (unsigned i = 0; i < 20; i++) {
        registers_expect(51);
        pause_ms(1);
    }
    check_true("saves for a thread that only reads its registers",
               counter(COUNTER_FPU_SAVE) - saves <= 2);
}

static void yields(uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        sys_yield();
}

/* Neither its switches nor those between it and the other touch the FPU. */
static void check_integers(void) {
    if (sys_debug(DEBUG_CHECK_FRAMES, 0).result == -EPERM)
        return; /* counters need debug=1 */
    uint64_t traps = counter(COUNTER_FPU_TRAP);
    uint64_t saves = counter(COUNTER_FPU_SAVE);
    int64_t tid = thread_start(yields, 100);
    int64_t pid = peer_start(yields, 100);
    yields(100);
    thread_end(tid);
    peer_end(pid);
    check_equal("traps of integer threads",
                (int64_t)(counter(COUNTER_FPU_TRAP) - traps), 0);
    check_equal("saves for integer threads",
                (int64_t)(counter(COUNTER_FPU_SAVE) - saves), 0);
}

static const struct check checks[] = {
    {"first_use", "a thread's first use finds zeros, whoever ran before",
     check_first_use},
    {"switches", "registers survive switches between threads and processes",
     check_switches},
    {"modes", "the rounding mode belongs to the thread", check_modes},
    {"migration", "registers and the rounding mode go along to other harts",
     check_migration},
    {"calls", "registers survive calls between processes", check_calls},
    {"fork", "a child has its parent's registers", check_fork},
    {"sums", "four threads' sums are exact", check_sums},
    {"lazy", "registers are saved only when they have changed", check_lazy},
    {"integers", "threads without floating point never pay", check_integers},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
