/* SPDX-License-Identifier: MIT */
/*
 * tests/test_path.c: the fast path does what the slow path does.
 *
 * Idea        A script of calls, sends, receives and replies, with errors among
 *             them, is made from a seed and run twice: without deadlines, and
 *             with deadlines that never pass, which keep every operation off
 *             the fast path. Each system call leaves a line: all fifteen
 *             registers that come back. The two traces must be the same.
 * Invariants  The server has the higher priority and both are on one hart, so
 *             the order does not depend on time.
 */
#include "tests/check.h"
#include "tests/order.h"
#include "tests/peer.h"
#include "tests/raw.h"

enum { ROUNDS = 60, SEEDS = 12, TRACE_MAX = 1600, SLOT = 70 };

struct line {
    uint64_t who; /* operation, and which thread */
    struct registers out;
};

struct trace {
    unsigned count;
    struct line lines[TRACE_MAX];
};

static struct trace traces[2];
static struct trace *trace;
static struct service service;
static uint64_t deadline; /* of everything that may wait */
static uint64_t random_state[2];

static uint64_t pick(unsigned thread, uint64_t n) {
    uint64_t *state = &random_state[thread];
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (*state >> 33) % n;
}

/* One system call, with every register it does not use filled with noise. */
static int64_t traced(unsigned thread, uint64_t number, uint64_t handle,
                      uint64_t tag) {
    struct registers r;
    for (unsigned i = 0; i < 8; i++)
        r.a[i] = pick(thread, 1ull << 31);
    for (unsigned i = 0; i < 7; i++)
        r.t[i] = pick(thread, 1ull << 31);
    r.a[0] = handle;
    r.a[1] = tag;
    r.a[7] = number;
    if (number <= SYS_RECV)
        r.t[6] = deadline;
    raw_trap(&r);
    check_true("room in the trace", trace->count < TRACE_MAX);
    trace->lines[trace->count].who = number << 1 | thread;
    trace->lines[trace->count++].out = r;
    return (int64_t)r.a[0];
}

static uint64_t any_tag(unsigned thread) {
    static const uint64_t bad[] = {9, 15, 1 << 10, 1 << 16, 5 << 7, 6 << 4};
    if (pick(thread, 5) == 0)
        return bad[pick(thread, sizeof(bad) / sizeof(bad[0]))];
    return tag_make((int32_t)pick(thread, 99), (unsigned)pick(thread, 9), 0, 0);
}

/* ---- The two threads ---- */

/* What a server may do wrong, or in another way, while it owes a reply. */
static void serve_oddly(void) {
    uint64_t endpoint = (uint64_t)service.endpoint;
    switch (pick(0, 8)) {
    case 0:
        traced(0, SYS_RECV, endpoint, 0);
        break;
    case 1:
        traced(0, SYS_REPLY_RECV, 127, any_tag(0));
        break;
    case 2:
        traced(0, SYS_REPLY_RECV, (uint64_t)service.session, any_tag(0));
        break;
    case 3:
        traced(0, SYS_REPLY, (uint64_t)HANDLE_IMPLICIT, any_tag(0));
        break;
    case 4: {
        int64_t reply = traced(0, SYS_REPLY_SAVE, 0, 0);
        traced(0, SYS_REPLY, (uint64_t)reply, any_tag(0));
        sys_handle_close(reply);
        break;
    }
    default:
        break;
    }
}

static void server(uint64_t unused) {
    (void)unused;
    order_place(PRIORITY_H);
    int64_t error = traced(0, SYS_RECV, (uint64_t)service.endpoint, 0);
    while (error == 0 || error == -EINVAL) {
        serve_oddly();
        error =
            traced(0, SYS_REPLY_RECV, (uint64_t)service.endpoint, any_tag(0));
    }
    check_equal("the server ends", error, -EPIPE);
}

static void client_round(void) {
    uint64_t session = (uint64_t)service.session;
    switch (pick(1, 10)) {
    case 0:
        traced(1, SYS_CALL, pick(1, 2) ? 127 : 128, any_tag(1));
        break;
    case 1:
        traced(1, SYS_CALL, (uint64_t)service.endpoint, any_tag(1));
        break;
    case 2:
        traced(1, SYS_SEND, session, any_tag(1));
        break;
    case 3: /* without the right to send, then revoked */
        sys_handle_dup(service.session, SLOT, RIGHT_PASS, DUP_REPLACE);
        traced(1, SYS_CALL, SLOT, any_tag(1));
        break;
    case 4: {
        int64_t dead = session_make(service.endpoint, 3);
        sys_revoke(dead);
        traced(1, SYS_CALL, (uint64_t)dead, any_tag(1));
        sys_handle_close(dead);
        break;
    }
    default:
        traced(1, SYS_CALL, session, any_tag(1));
    }
}

static void script_run(uint64_t seed, struct trace *into, uint64_t when) {
    random_state[0] = seed;
    random_state[1] = seed + 1000;
    into->count = 0;
    trace = into;
    deadline = when;
    service = service_make(seed);
    int64_t tid = thread_start(server, 0);
    pause_ms(1);
    for (unsigned i = 0; i < ROUNDS; i++)
        client_round();
    check_ok("close", sys_handle_close(service.endpoint));
    check_ok("close", sys_handle_close(service.session));
    sys_handle_close(SLOT);
    thread_end(tid);
}

/* ---- Comparing ---- */

static void traces_compare(uint64_t seed) {
    check_equal("lines", traces[0].count, traces[1].count);
    for (unsigned i = 0; i < traces[0].count; i++) {
        const struct line *fast = &traces[0].lines[i];
        const struct line *slow = &traces[1].lines[i];
        if (memcmp(fast, slow, sizeof(*fast)) == 0)
            continue;
        printf("# seed %lu, line %u, call %lu: a0 %ld and %ld\n", seed, i,
               fast->who >> 1, (long)fast->out.a[0], (long)slow->out.a[0]);
        check_fail("the traces differ in line", i, -1);
    }
}

/* Calls and replies that did not take the fast path. */
static uint64_t slow_count(void) {
    return sys_debug(DEBUG_COUNTER, COUNTER_CALL_SLOW).value +
           sys_debug(DEBUG_COUNTER, COUNTER_REPLY_SLOW).value;
}

static void check_same(void) {
    order_place(PRIORITY_M);
    bool tests = sys_system_info(INFO_FEATURES, 0).value[0] & FEATURE_TESTS;
    bool fast = sys_system_info(INFO_FEATURES, 0).value[0] & FEATURE_FASTPATH;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t start = slow_count();
        script_run(seed, &traces[0], DEADLINE_NONE);
        uint64_t between = slow_count();
        script_run(seed, &traces[1], INT64_MAX);
        uint64_t saved = slow_count() - between - (between - start);
        if (tests && fast)
            check_true("the fast path was taken", (int64_t)saved > 20);
        traces_compare(seed);
    }
}

static const struct check checks[] = {
    {"same", "the fast path returns what the slow path returns", check_same},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
