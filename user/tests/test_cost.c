/* SPDX-License-Identifier: MIT */
/*
 * tests/test_cost.c: guest instructions of what programs do most.
 *
 * Idea        Instructions are counted in the program, over many rounds, on one
 *             hart with time that counts instructions: the figures are the
 *             same on any host. A budget is the most that a round may take.
 * Use         Figures are printed as lines "# NAME INSTRUCTIONS"; PROG -f and
 *             -d tell which path and build are running.
 * Invariants  The first round is not counted: it fills caches and touches
 *             pages.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { ROUNDS = 200 };

static struct service service;

static bool feature(uint64_t bit) {
    return sys_system_info(INFO_FEATURES, 0).value[0] & bit;
}

/* Instructions of one round of `work`, on average. */
static uint64_t cost_of(void (*work)(void)) {
    work();
    uint64_t start = instructions_now();
    for (unsigned i = 0; i < ROUNDS; i++)
        work();
    return (instructions_now() - start) / ROUNDS;
}

static void figure(const char *name, uint64_t cost) {
    char line[CHECK_LINE];
    snprintf(line, sizeof(line), "# %s %lu\n", name, (unsigned long)cost);
    line_write(line);
}

/* The debug build checks and counts; it has no budget. */
static void budget(const char *name, uint64_t cost, uint64_t most) {
    figure(name, cost);
    if (cost > most && !feature(FEATURE_DEBUG))
        check_fail("instructions a round, at most", (int64_t)cost,
                   (int64_t)most);
}

/* ---- What is measured ---- */

static void work_getpid(void) {
    sys_getpid();
}

static void check_getpid(void) {
    budget("getpid", cost_of(work_getpid), 250);
}

static void echo_server(uint64_t unused) {
    struct message m;
    (void)unused;
    int64_t error = ipc_recv(service.endpoint, &m, DEADLINE_NONE);
    while (error == 0)
        error = ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE);
}

static void work_call0(void) {
    uint64_t tag = 0, words[MESSAGE_WORDS] = {0};
    ipc_call_words(service.session, &tag, words);
}

static void work_call8(void) {
    uint64_t tag = tag_make(0, 8, 0, 0);
    uint64_t words[MESSAGE_WORDS] = {1, 2, 3, 4, 5, 6, 7, 8};
    ipc_call_words(service.session, &tag, words);
    check_equal("word", (int64_t)words[7], 8);
}

/* The server is this process; its client a child. */
static void client_measures(uint64_t threads) {
    (void)threads;
    uint64_t most = feature(FEATURE_FASTPATH) ? 900 : 4000;
    budget("call_0_words", cost_of(work_call0), most);
    budget("call_8_words", cost_of(work_call8), most);
}

static void check_call(void) {
    service = service_make(1);
    int64_t pid = check_ok("fork", sys_fork());
    if (pid == 0) {
        client_measures(0);
        sys_exit(0);
    }
    thread_start(echo_server, 0);
    peer_end(pid);
}

static void check_call_same_space(void) {
    service = service_make(1);
    thread_start(echo_server, 0);
    pause_ms(SETTLE_MS);
    budget("call_same_space", cost_of(work_call0),
           feature(FEATURE_FASTPATH) ? 900 : 4000);
}

static int fds[2];

static void work_pipe(void) {
    char byte = 'x';
    check_equal("write", write(fds[1], &byte, 1), 1);
    check_equal("read", read(fds[0], &byte, 1), 1);
}

static void check_pipe(void) {
    check_equal("pipe", pipe(fds), 0);
    budget("pipe_byte_there_and_back", cost_of(work_pipe), 20000);
}

static void work_fork(void) {
    int64_t pid = sys_fork();
    if (pid == 0)
        sys_exit(0);
    sys_wait(pid, DEADLINE_NONE);
}

static void check_fork(void) {
    budget("fork_exit_wait", cost_of(work_fork), 100000);
}

static uint64_t touch_at;

static void work_touch(void) {
    touch_at = (uint64_t)sys_sbrk(PAGE_SIZE);
    store_at(touch_at, 1);
}

static void check_touch(void) {
    budget("sbrk_and_touch_a_page", cost_of(work_touch), 8000);
}

static uint64_t counter(enum counter which) {
    return sys_debug(DEBUG_COUNTER, which).value;
}

/* The fast path is taken when it is on, and never when it is off. */
static void check_path(void) {
    service = service_make(1);
    thread_start(echo_server, 0);
    pause_ms(SETTLE_MS);
    check_ok("one hart", sys_thread_affinity(0, 1));
    work_call0();
    uint64_t slow = counter(COUNTER_CALL_SLOW);
    for (unsigned i = 0; i < 100; i++)
        work_call0();
    slow = counter(COUNTER_CALL_SLOW) - slow;
    if (feature(FEATURE_FASTPATH))
        check_true("nearly all calls are fast", slow <= 10);
    else
        check_true("all calls are slow", slow >= 100);
}

static const struct check checks[] = {
    {"getpid", "the shortest system call stays within its budget",
     check_getpid},
    {"call", "a call between two processes stays within its budget",
     check_call},
    {"call_same_space", "a call between two threads stays within its budget",
     check_call_same_space},
    {"pipe", "a byte through a pipe stays within its budget", check_pipe},
    {"fork", "fork, exit and wait stay within their budget", check_fork},
    {"touch", "the first touch of a page stays within its budget", check_touch},
    {"path", "calls take the fast path when it is on, and only then",
     check_path},
};

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "-f") == 0) {
        printf("fast path %s\n", feature(FEATURE_FASTPATH) ? "on" : "off");
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "-d") == 0) {
        printf("%s build\n", feature(FEATURE_DEBUG) ? "debug" : "release");
        return 0;
    }
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
