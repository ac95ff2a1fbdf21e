/* SPDX-License-Identifier: MIT */
/*
 * tests/test_signal.c: notifications: a word of bits, waited for or bound.
 */
#include "tests/check.h"
#include "tests/peer.h"

static int64_t signals;
static struct service service;

static void start(void) {
    signals = check_ok("create", sys_notification_create());
    service = service_make(1);
}

static void expect_bits(uint64_t bits) {
    struct sys_pair got =
        sys_wait_signal(signals, time_after(CHECK_LIMIT_MS / 2));
    check_equal("wait_signal", got.result, 0);
    check_equal("bits", (int64_t)got.value, (int64_t)bits);
}

static void expect_no_bits(void) {
    check_error("poll", sys_wait_signal(signals, DEADLINE_POLL).result, EAGAIN);
}

static void check_or(void) {
    start();
    expect_no_bits();
    check_equal("signal", sys_signal(signals, 1), 0);
    check_equal("signal", sys_signal(signals, 4), 0);
    check_equal("signal", sys_signal(signals, 1), 0);
    check_equal("signal", sys_signal(signals, 1ull << 63), 0);
    expect_bits(5 | 1ull << 63);
    expect_no_bits();
}

static void signal_later(uint64_t bits) {
    pause_ms(SETTLE_MS);
    check_equal("signal", sys_signal(signals, bits), 0);
}

static void check_wakes(void) {
    start();
    for (unsigned i = 0; i < 5; i++) {
        int64_t tid = thread_start(signal_later, 1ull << (i * 13));
        expect_bits(1ull << (i * 13));
        thread_end(tid);
    }
    expect_no_bits();
}

static void wait_for_one(uint64_t unused) {
    (void)unused;
    check_equal("wait_signal", sys_wait_signal(signals, DEADLINE_NONE).result,
                0);
}

static void check_several_waiters(void) {
    int64_t tids[3];
    start();
    for (unsigned i = 0; i < 3; i++)
        tids[i] = thread_start(wait_for_one, 0);
    pause_ms(SETTLE_MS);
    for (unsigned i = 0; i < 3; i++) {
        check_equal("signal", sys_signal(signals, 1), 0);
        pause_ms(SETTLE_MS);
    }
    for (unsigned i = 0; i < 3; i++)
        thread_end(tids[i]);
    expect_no_bits();
}

/* ---- Bound to an endpoint ---- */

static void expect_signal_message(uint64_t bits) {
    struct message m;
    service_receive(service.endpoint, &m, MESSAGE_SIGNAL);
    check_equal("bits in the message", (int64_t)m.words[0], (int64_t)bits);
    check_error("a signal owes no reply", service_answer(0, 0), ESTALE);
}

static void start_bound(void) {
    start();
    check_equal("bind", sys_notification_bind(signals, service.endpoint), 0);
}

static void check_bound(void) {
    start_bound();
    service_quiet(service.endpoint);
    check_equal("signal", sys_signal(signals, 6), 0);
    check_equal("signal", sys_signal(signals, 9), 0);
    expect_signal_message(15);
    service_quiet(service.endpoint);
    int64_t tid = thread_start(signal_later, 32);
    expect_signal_message(32);
    thread_end(tid);
}

static void check_bound_before(void) {
    start();
    check_equal("signal", sys_signal(signals, 3), 0);
    check_equal("bind", sys_notification_bind(signals, service.endpoint), 0);
    expect_signal_message(3);
}

static void call_once(uint64_t unused) {
    struct message m;
    (void)unused;
    check_equal("call", service_call(service.session, 1, 9, &m), 0);
}

static void check_both(void) {
    struct message m;
    unsigned calls = 0, signal_messages = 0;
    start_bound();
    int64_t pid = peer_start(call_once, 0);
    pause_ms(SETTLE_MS);
    check_equal("signal", sys_signal(signals, 1), 0);
    for (unsigned i = 0; i < 2; i++) {
        check_equal("recv", ipc_recv(service.endpoint, &m, time_after(1000)),
                    0);
        if (tag_kind(m.tag) == MESSAGE_SIGNAL) {
            signal_messages++;
            continue;
        }
        calls++;
        check_equal("reply", service_answer(0, 0), 0);
    }
    check_equal("calls", calls, 1);
    check_equal("signals", signal_messages, 1);
    peer_end(pid);
}

static void check_reply_recv(void) {
    struct message m;
    start_bound();
    int64_t pid = peer_start(call_once, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("signal", sys_signal(signals, 8), 0);
    m = (struct message){.tag = 0};
    check_equal("reply_recv",
                ipc_reply_recv(service.endpoint, &m, time_after(1000)), 0);
    check_equal("kind", tag_kind(m.tag), MESSAGE_SIGNAL);
    check_equal("bits", (int64_t)m.words[0], 8);
    peer_end(pid);
}

static void check_bind_errors(void) {
    start_bound();
    struct service other = service_make(2);
    int64_t more = check_ok("create", sys_notification_create());
    check_error("wait on a bound one",
                sys_wait_signal(signals, DEADLINE_POLL).result, EBUSY);
    check_error("a second one at the endpoint",
                sys_notification_bind(more, service.endpoint), EBUSY);
    check_error("at a second endpoint",
                sys_notification_bind(signals, other.endpoint), EBUSY);
    check_error("bind to a session", sys_notification_bind(more, other.session),
                EBADF);
    check_error("bind a session",
                sys_notification_bind(other.session, other.endpoint), EBADF);
    check_error("bind nothing", sys_notification_bind(99, other.endpoint),
                EBADF);
    check_equal("bind", sys_notification_bind(more, other.endpoint), 0);
}

/* ---- Rights and death ---- */

static void check_rights(void) {
    start();
    int64_t deaf =
        check_ok("dup", sys_handle_dup(signals, 30, RIGHT_SIGNAL, DUP_LOWEST));
    int64_t mute =
        check_ok("dup", sys_handle_dup(signals, 30, RIGHT_WAIT, DUP_LOWEST));
    check_error("wait without WAIT",
                sys_wait_signal(deaf, DEADLINE_POLL).result, EPERM);
    check_error("bind without WAIT",
                sys_notification_bind(deaf, service.endpoint), EPERM);
    check_error("signal without SIGNAL", sys_signal(mute, 1), EPERM);
    check_error("signal a session", sys_signal(service.session, 1), EBADF);
    check_error("signal nothing", sys_signal(99, 1), EBADF);
    check_error("wait on a session",
                sys_wait_signal(service.session, DEADLINE_POLL).result, EBADF);
    check_equal("signal through a copy", sys_signal(deaf, 2), 0);
    struct sys_pair got = sys_wait_signal(mute, DEADLINE_POLL);
    check_equal("wait through a copy", got.result, 0);
    check_equal("bits", (int64_t)got.value, 2);
}

static void wait_epipe(uint64_t unused) {
    (void)unused;
    check_error("wait on a notification that dies",
                sys_wait_signal(signals, time_after(1000)).result, EPIPE);
}

static void check_dies(void) {
    start();
    int64_t tid = thread_start(wait_epipe, 0);
    pause_ms(SETTLE_MS);
    check_equal("close", sys_handle_close(signals), 0);
    thread_end(tid);
}

static void check_bound_dies(void) {
    struct message m;
    start_bound();
    check_equal("close", sys_handle_close(signals), 0);
    int64_t pid = peer_start(call_once, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(pid);
}

static void check_endpoint_dies(void) {
    start_bound();
    check_equal("close", sys_handle_close(service.endpoint), 0);
    check_ok("signal to nobody", sys_signal(signals, 1));
    check_equal("close", sys_handle_close(signals), 0);
}

static void crosser(uint64_t unused) {
    struct message m = {.tag = 0};
    (void)unused;
    check_equal("call", ipc_call(service.session, &m, time_after(1000)), 0);
    int64_t handle = handle_at(m.handles, 0);
    check_equal("type", sys_handle_info(handle).result, HANDLE_NOTIFICATION);
    check_equal("signal", sys_signal(handle, 64), 0);
}

static void check_crosses(void) {
    struct message m;
    start();
    int64_t pid = peer_start(crosser, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    m = (struct message){.tag = tag_make(0, 0, 1, 0),
                         .handles = handle_pack(signals, 0)};
    check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    expect_bits(64);
    peer_end(pid);
}

/* ---- Deaths of children ---- */

static void exit_now(uint64_t unused) {
    (void)unused;
}

static void check_watch(void) {
    start();
    check_equal("watch", sys_process_watch(signals, 16), 0);
    int64_t pid = peer_start(exit_now, 0);
    expect_bits(16);
    peer_end(pid);
    check_equal("watch no more", sys_process_watch(signals, 0), 0);
    peer_end(peer_start(exit_now, 0));
    expect_no_bits();
    check_error("watch by nothing", sys_process_watch(99, 1), EBADF);
    check_error("watch by a session", sys_process_watch(service.session, 1),
                EBADF);
}

static const struct check checks[] = {
    {"or", "signals are ORed into one word, and a wait takes all", check_or},
    {"wakes", "a signal wakes who waits", check_wakes},
    {"several_waiters", "each signal wakes one of several waiters",
     check_several_waiters},
    {"bound", "receives on the endpoint return a bound notification's bits",
     check_bound},
    {"bound_before", "bits set before binding are not lost",
     check_bound_before},
    {"both", "a server gets messages and signals in one wait", check_both},
    {"reply_recv", "reply_recv replies and returns a signal", check_reply_recv},
    {"bind_errors", "binding refuses what makes no sense", check_bind_errors},
    {"rights", "SIGNAL and WAIT are rights of their own", check_rights},
    {"dies", "a waiter whose notification dies gets EPIPE", check_dies},
    {"bound_dies", "an endpoint outlives its notification", check_bound_dies},
    {"endpoint_dies", "a notification outlives its endpoint",
     check_endpoint_dies},
    {"crosses", "a notification crosses in a message and is signalled",
     check_crosses},
    {"watch", "the death of a child signals its parent", check_watch},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
