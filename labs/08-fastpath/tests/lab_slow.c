/* SPDX-License-Identifier: MIT */
/*
 * lab_slow.c: what the short cut must leave to the slow path.
 *
 * Each check is of a case that looks like an ordinary call or reply, but for
 * one thing.
 */
#include "lab_fast.h"

enum { PRIORITY_LOW = 4, PRIORITY_MIDDLE = 7, PRIORITY_HIGH = 12 };

/* ---- Handles that are no sessions ---- */

static void expect_error(const char *what, uint64_t handle, int error) {
    struct registers r = {.a = {handle, 0, 1, 2, 3, 4, 5, SYS_CALL}};
    raw_trap(&r);
    check_error(what, (int64_t)r.a[0], error);
}

static void check_handles(void) {
    int64_t tid = echo_start(COUNTER_CALL_SLOW);
    uint64_t session = (uint64_t)service.session;
    int64_t signals = check_ok("create", sys_notification_create());
    check_ok("dup", sys_handle_dup(service.session, 40, RIGHT_PASS, 0));
    check_ok("dup", sys_handle_dup(service.session, 41, RIGHT_ALL, 0));
    check_ok("close", sys_handle_close(41));
    expect_error("call by the endpoint's handle", (uint64_t)service.endpoint,
                 EBADF);
    expect_error("call by a notification's handle", (uint64_t)signals, EBADF);
    expect_error("call without SEND", 40, EPERM);
    expect_error("call by a handle that was closed", 41, EBADF);
    expect_error("call by a slot that was never used", 100, EBADF);
    expect_error("call by a number beyond the table", HANDLE_MAX + session,
                 EBADF);
    expect_error("call by a number with more than 32 bits",
                 (1ull << 32) + session, EBADF);
    expect_error("call by a negative number", (uint64_t)-1, EBADF);
    expect_fast(COUNTER_CALL_SLOW, service.session);
    echo_end(tid);
}

/* ---- Sessions that were revoked ---- */

static void check_revoked(void) {
    struct message m;
    int64_t tid = echo_start(COUNTER_CALL_SLOW);
    int64_t first = session_make(service.endpoint, 1);
    int64_t second = session_make(service.endpoint, 2);
    echo_call(first, 1);
    echo_call(second, 1);
    check_equal("revoke", sys_revoke(first), 0);
    check_error("call by a session that was revoked",
                service_call(first, 1, 0, &m), ESTALE);
    echo_call(second, 1);
    check_equal("revoke all", sys_revoke(service.endpoint), 0);
    check_error("call by a session of before all were revoked",
                service_call(second, 1, 0, &m), ESTALE);
    service.session = session_make(service.endpoint, BADGE);
    echo_end(tid);
}

/* ---- A server that owes a reply ---- */

static void keep_server(uint64_t unused) {
    struct message m;
    (void)unused;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        uint64_t word = m.words[0];
        keep_wait();
        m = (struct message){.tag = tag_make(0, 1, 0, 0),
                             .words = {answer_to(word)}};
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void keep_client(uint64_t word) {
    struct message m;
    for (unsigned i = 0; i < 3; i++) {
        check_equal("call a server that may be busy",
                    service_call(service.session, 1, word + i, &m), 0);
        check_equal("whose answer", (int64_t)m.words[0],
                    (int64_t)answer_to(word + i));
    }
}

/* Four clients of one server, which owes a reply most of the time. */
static void keep_run(enum counter slow) {
    int64_t pids[4];
    echo_end(echo_start(slow));
    service = service_make(BADGE);
    int64_t keeper = keep_start();
    int64_t tid = thread_start(keep_server, 0);
    pause_ms(SETTLE_MS);
    for (unsigned i = 0; i < 4; i++)
        pids[i] = peer_start(keep_client, 100 * i);
    for (unsigned i = 0; i < 4; i++)
        peer_end(pids[i]);
    echo_end(tid);
    keep_end(keeper);
}

static void check_busy(void) {
    keep_run(COUNTER_CALL_SLOW);
}

/* Those who queued meanwhile are received after the reply. */
static void check_queued(void) {
    keep_run(COUNTER_REPLY_SLOW);
}

/* A server of sends and calls owes a reply only now and then. */
static void sends_server(uint64_t unused) {
    struct message m;
    (void)unused;
    check_equal("recv", ipc_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    while (tag_label(m.tag) != LABEL_STOP) {
        m = (struct message){.tag = tag_make(0, 1, 0, 0),
                             .words = {m.words[0] + 1}};
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_sends(void) {
    struct message m;
    echo_end(echo_start(COUNTER_REPLY_SLOW));
    service = service_make(BADGE);
    int64_t tid = thread_start(sends_server, 0);
    for (unsigned i = 0; i < 20; i++) {
        m = (struct message){.tag = tag_make(1, 1, 0, 0)};
        check_equal("send", ipc_send(service.session, &m, DEADLINE_NONE), 0);
        check_equal("call", service_call(service.session, 1, i, &m), 0);
        check_equal("the answer", (int64_t)m.words[0], i + 1);
    }
    echo_end(tid);
}

/* ---- Kills ---- */

/* A server that waits for its next call, after fast ones, is killed. */
static void check_killed(void) {
    struct message m;
    struct server server = server_start(echo_on);
    expect_fast(COUNTER_REPLY_SLOW, server.session);
    peer_kill(server.pid);
    check_error("call to a server that was killed",
                service_call(server.session, 1, 0, &m), EPIPE);
}

/* ---- Something else to receive ---- */

static int64_t signals;

/* At a call it signals its endpoint, or closes a session, and replies. */
static void notice_server(uint64_t signal) {
    struct message m;
    int64_t other = -1;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    for (unsigned i = 0; i < 10; i++) {
        if (signal)
            check_equal("signal", sys_signal(signals, 4), 0);
        else
            other = check_ok("mint",
                             sys_session_mint(service.endpoint, 9, RIGHT_SEND,
                                              SESSION_NOTIFY_CLOSED));
        if (!signal)
            check_equal("close", sys_handle_close(other), 0);
        m = (struct message){.tag = tag_make(0, 1, 0, 0)};
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
        check_equal("what a reply_recv finds first", tag_kind(m.tag),
                    signal ? MESSAGE_SIGNAL : MESSAGE_CLOSED);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void notice_run(bool signal) {
    struct message m;
    echo_end(echo_start(COUNTER_REPLY_SLOW));
    service = service_make(BADGE);
    signals = check_ok("create", sys_notification_create());
    check_equal("bind", sys_notification_bind(signals, service.endpoint), 0);
    int64_t tid = thread_start(notice_server, signal);
    for (unsigned i = 0; i < 11; i++) {
        pause_ms(SETTLE_MS); /* the server waits, so that the call is fast */
        check_equal("call", service_call(service.session, 1, 0, &m), 0);
    }
    thread_end(tid);
}

static void check_signal(void) {
    notice_run(true);
}

static void check_closed(void) {
    notice_run(false);
}

/* ---- Another endpoint, or the same by another handle ---- */

static struct service other;

static void other_server(uint64_t unused) {
    struct message m;
    (void)unused;
    struct service at[2] = {service, other};
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    for (unsigned i = 1; i < 20; i++) {
        m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {i}};
        check_equal("reply_recv on the other endpoint",
                    ipc_reply_recv(at[i % 2].endpoint, &m, DEADLINE_NONE), 0);
        check_equal("the badge", (int64_t)m.badge, i % 2 ? 2 : 1);
    }
    check_equal("reply", service_answer(0, 20), 0);
}

static void check_other(void) {
    struct message m;
    echo_end(echo_start(COUNTER_REPLY_SLOW));
    service = service_make(1);
    other = service_make(2);
    int64_t tid = thread_start(other_server, 0);
    for (unsigned i = 0; i < 20; i++) {
        int64_t session = i % 2 ? other.session : service.session;
        check_equal("call", service_call(session, 1, 0, &m), 0);
        check_equal("whose answer", (int64_t)m.words[0], i + 1);
    }
    thread_end(tid);
}

/* The endpoint's handle goes elsewhere while a reply is owed. */
static void moved_server(uint64_t unused) {
    struct message m;
    (void)unused;
    int64_t from = service.endpoint, to = 90;
    service_receive(from, &m, MESSAGE_CALL);
    for (unsigned i = 0; i < 10; i++) {
        check_equal("move the endpoint",
                    sys_handle_dup(from, (uint64_t)to, RIGHT_ALL, DUP_MOVE),
                    to);
        m = (struct message){.tag = tag_make(0, 1, 0, 0)};
        check_error("reply_recv by the handle that was",
                    ipc_reply_recv(from, &m, DEADLINE_NONE), EBADF);
        m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {i}};
        check_equal("reply_recv by the handle that is",
                    ipc_reply_recv(to, &m, DEADLINE_NONE), 0);
        int64_t swap = from;
        from = to;
        to = swap;
    }
    check_equal("reply", service_answer(0, 10), 0);
}

static void check_moved(void) {
    struct message m;
    echo_end(echo_start(COUNTER_REPLY_SLOW));
    service = service_make(BADGE);
    int64_t tid = thread_start(moved_server, 0);
    for (unsigned i = 0; i <= 10; i++) {
        check_equal("call", service_call(service.session, 1, 0, &m), 0);
        check_equal("the answer", (int64_t)m.words[0], i);
    }
    thread_end(tid);
}

/* ---- Who is more important ---- */

static int64_t go;
static volatile unsigned turn, urgent_at, client_at;

static void urgent(uint64_t unused) {
    (void)unused;
    check_ok("priority", sys_thread_priority(0, PRIORITY_MIDDLE));
    check_equal("wait", sys_wait_signal(go, DEADLINE_NONE).result, 0);
    urgent_at = ++turn;
}

static void urgent_client(uint64_t unused) {
    struct message m;
    (void)unused;
    check_ok("priority", sys_thread_priority(0, PRIORITY_LOW));
    for (unsigned i = 0; i < WARM; i++)
        check_equal("call", service_call(service.session, 1, 0, &m), 0);
    check_equal("call", service_call(service.session, 2, 0, &m), 0);
    client_at = ++turn;
    echo_stop(service.session);
}

/* Makes a thread ready that is less important than it is itself, and more than
 * its client; and replies. */
static void urgent_server(uint64_t unused) {
    struct message m;
    (void)unused;
    check_ok("priority", sys_thread_priority(0, PRIORITY_HIGH));
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        if (tag_label(m.tag) == 2)
            check_equal("signal", sys_signal(go, 1), 0);
        m = (struct message){.tag = 0};
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_urgent(void) {
    int64_t tids[3];
    echo_end(echo_start(COUNTER_REPLY_SLOW));
    service = service_make(BADGE);
    go = check_ok("create", sys_notification_create());
    tids[0] = thread_start(urgent_server, 0);
    tids[1] = thread_start(urgent, 0);
    pause_ms(SETTLE_MS);
    tids[2] = thread_start(urgent_client, 0);
    for (unsigned i = 0; i < 3; i++)
        thread_end(tids[i]);
    check_true("who is ready and more important than the client runs first",
               urgent_at < client_at);
}

/* ---- Deadlines ---- */

/* A call's deadline ends with the call; the next one's answer takes longer. */
static void slow_server(uint64_t unused) {
    struct message m;
    (void)unused;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        if (tag_label(m.tag) == 2)
            pause_ms(40);
        m = (struct message){.tag = 0};
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_deadline(void) {
    struct message m = {.tag = 0};
    echo_end(echo_start(COUNTER_REPLY_SLOW));
    service = service_make(BADGE);
    int64_t tid = thread_start(slow_server, 0);
    for (unsigned i = 0; i < 3; i++) {
        m = (struct message){.tag = tag_make(1, 0, 0, 0)};
        check_equal("a call with a deadline, answered in time",
                    ipc_call(service.session, &m, time_after(20)), 0);
        check_equal("the next call, without one",
                    service_call(service.session, 2, 0, &m), 0);
    }
    echo_end(tid);
}

static const struct check checks[] = {
    {"handles", "a handle that is no session with SEND is an error",
     check_handles},
    {"revoked", "a session that was revoked is ESTALE", check_revoked},
    {"busy", "callers of a server that owes a reply wait for their turn",
     check_busy},
    {"queued", "who queued meanwhile is received after the reply",
     check_queued},
    {"sends", "a server of sends and calls owes no reply for a send",
     check_sends},
    {"killed", "a server that waits after fast calls can be killed",
     check_killed},
    {"signal", "a signal is received before the next call", check_signal},
    {"closed", "so is the notice of a session's end", check_closed},
    {"other", "a server receives where it says, not where it did last",
     check_other},
    {"moved", "a handle that is no more is an error, and the reply is owed",
     check_moved},
    {"urgent", "a reply does not overtake who is more important", check_urgent},
    {"deadline", "a call's deadline ends with the call", check_deadline},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
