/* SPDX-License-Identifier: MIT */
/*
 * lab_fast.h: a server that echoes, and whether calls to it were fast ones.
 *
 * A check of the fast path says nothing if no call takes it. So each begins
 * with ordinary calls, of which hardly any may have taken the slow path; then
 * it does what it is about.
 */
#ifndef OCTAVO_LAB_FASTPATH_FAST_H
#define OCTAVO_LAB_FASTPATH_FAST_H

#include "tests/check.h"
#include "tests/peer.h"
#include "tests/raw.h"

enum {
    BADGE = 77,
    WARM = 3,   /* calls until both sides are where they are from then on */
    TIMES = 60, /* calls of which ... */
    FEW = 6,    /* ... so many may be slow: at a tick, say */
    LABEL_STOP = 1000,
};

static struct service service;

static inline uint64_t counter_of(enum counter which) {
    return (uint64_t)check_ok("DEBUG_COUNTER wants the boot argument debug=1",
                              sys_debug(DEBUG_COUNTER, which).result) +
           sys_debug(DEBUG_COUNTER, which).value;
}

/* What the server makes of a word. */
static inline uint64_t answer_to(uint64_t word) {
    return word * 3 + 1;
}

/* Answers each call by reply_recv, all eight words, until it is told to stop.
 */
static inline void echo_on(int64_t endpoint) {
    struct message m;
    service_receive(endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        for (unsigned i = 0; i < MESSAGE_WORDS; i++)
            m.words[i] = answer_to(m.words[i]);
        m.tag = tag_make(tag_label(m.tag), MESSAGE_WORDS, 0, 0);
        check_equal("reply_recv", ipc_reply_recv(endpoint, &m, DEADLINE_NONE),
                    0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static inline void echo_thread(uint64_t endpoint) {
    echo_on((int64_t)endpoint);
}

static inline void echo_stop(int64_t session) {
    struct message m;
    check_equal("stop", service_call(session, LABEL_STOP, 0, &m), 0);
}

/* One call of eight words, and what is to come back. */
static inline void echo_call(int64_t session, uint64_t first) {
    uint64_t tag = tag_make(5, MESSAGE_WORDS, 0, 0), words[MESSAGE_WORDS];
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        words[i] = first + i;
    check_equal("call", ipc_call_words(session, &tag, words), 0);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        check_equal("a word of the answer", (int64_t)words[i],
                    (int64_t)answer_to(first + i));
}

/* Calls to a server that echoes: hardly any is slow by this counter. */
static inline void expect_fast(enum counter slow, int64_t session) {
    for (unsigned i = 0; i < WARM; i++)
        echo_call(session, i);
    uint64_t before = counter_of(slow);
    for (unsigned i = 0; i < TIMES; i++)
        echo_call(session, i);
    check_true(slow == COUNTER_CALL_SLOW
                   ? "ordinary calls take the fast path"
                   : "ordinary replies take the fast path",
               counter_of(slow) - before <= FEW);
}

/* An endpoint with a thread that echoes; ordinary calls to it are fast. */
static inline int64_t echo_start(enum counter slow) {
    service = service_make(BADGE);
    int64_t tid = thread_start(echo_thread, (uint64_t)service.endpoint);
    expect_fast(slow, service.session);
    return tid;
}

static inline void echo_end(int64_t tid) {
    echo_stop(service.session);
    thread_end(tid);
}

/* ---- Keeping callers waiting ----
 *
 * By a wait without a deadline, since whoever has one is no ordinary thread. A
 * thread of the check's own lets the waiter go on after some time. */

static int64_t keep_signals;
static volatile bool keep_stop;

static inline void keep_wait(void) {
    check_equal("wait", sys_wait_signal(keep_signals, DEADLINE_NONE).result, 0);
}

static inline void keep_thread(uint64_t unused) {
    (void)unused;
    while (!keep_stop) {
        pause_ms(SETTLE_MS);
        check_equal("signal", sys_signal(keep_signals, 1), 0);
    }
}

static inline int64_t keep_start(void) {
    keep_signals = check_ok("create", sys_notification_create());
    keep_stop = false;
    return thread_start(keep_thread, 0);
}

static inline void keep_end(int64_t tid) {
    keep_stop = true;
    thread_end(tid);
}

#endif
