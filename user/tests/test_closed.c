/* SPDX-License-Identifier: MIT */
/*
 * tests/test_closed.c: the CLOSED notice: exactly one, after the last handle.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { BADGE = 33 };

static int64_t endpoint;
static int64_t session;

static int64_t noticed_session(uint64_t badge) {
    return check_ok("session_mint",
                    sys_session_mint(endpoint, badge, SESSION_RIGHTS,
                                     SESSION_NOTIFY_CLOSED));
}

static void start(void) {
    endpoint = check_ok("endpoint_create", sys_endpoint_create());
    session = noticed_session(BADGE);
    service_quiet(endpoint);
}

static void expect_closed(uint64_t badge) {
    struct message m;
    service_receive(endpoint, &m, MESSAGE_CLOSED);
    check_equal("badge of the notice", (int64_t)m.badge, (int64_t)badge);
    check_error("a notice owes no reply", service_answer(0, 0), ESTALE);
    service_quiet(endpoint);
}

static void check_last_close(void) {
    start();
    check_equal("close", sys_handle_close(session), 0);
    expect_closed(BADGE);
}

static void check_copies(void) {
    start();
    int64_t copy =
        check_ok("dup", sys_handle_dup(session, 40, RIGHT_ALL, DUP_LOWEST));
    check_equal("close", sys_handle_close(session), 0);
    service_quiet(endpoint);
    int64_t moved = check_ok(
        "move", sys_handle_dup(copy, 60, RIGHT_ALL, DUP_LOWEST | DUP_MOVE));
    service_quiet(endpoint);
    check_equal("close", sys_handle_close(moved), 0);
    expect_closed(BADGE);
}

static void check_replaced(void) {
    start();
    int64_t other = session_make(endpoint, 1);
    check_equal(
        "replace",
        sys_handle_dup(other, (uint64_t)session, RIGHT_ALL, DUP_REPLACE),
        session);
    expect_closed(BADGE);
}

static void sleeper(uint64_t ms) {
    pause_ms(ms);
}

static void check_inherited(void) {
    start();
    int64_t pid = peer_start(sleeper, 10 * SETTLE_MS);
    check_equal("close", sys_handle_close(session), 0);
    service_quiet(endpoint);
    peer_end(pid);
    expect_closed(BADGE);
}

static void check_killed(void) {
    start();
    int64_t pid = peer_start(sleeper, 100000);
    check_equal("close", sys_handle_close(session), 0);
    pause_ms(SETTLE_MS);
    service_quiet(endpoint);
    peer_kill(pid);
    expect_closed(BADGE);
}

static void check_not_asked(void) {
    endpoint = check_ok("endpoint_create", sys_endpoint_create());
    session = session_make(endpoint, BADGE);
    check_equal("close", sys_handle_close(session), 0);
    service_quiet(endpoint);
}

enum { MANY = 24 };

static void check_many(void) {
    int64_t sessions[MANY];
    bool seen[MANY] = {false};
    endpoint = check_ok("endpoint_create", sys_endpoint_create());
    for (unsigned i = 0; i < MANY; i++)
        sessions[i] = noticed_session(i);
    for (unsigned i = 0; i < MANY; i++)
        check_equal("close", sys_handle_close(sessions[i]), 0);
    for (unsigned i = 0; i < MANY; i++) {
        struct message m;
        service_receive(endpoint, &m, MESSAGE_CLOSED);
        check_true("a badge that was closed", m.badge < MANY);
        check_true("a badge for the first time", !seen[m.badge]);
        seen[m.badge] = true;
    }
    service_quiet(endpoint);
}

static void check_minted_again(void) {
    start();
    check_equal("close", sys_handle_close(session), 0);
    session = noticed_session(BADGE);
    expect_closed(BADGE);
    check_equal("close", sys_handle_close(session), 0);
    expect_closed(BADGE);
}

/* ---- Calls that are open ---- */

static void call_once(uint64_t handle) {
    struct message m;
    check_equal("call", service_call((int64_t)handle, 1, 5, &m), 0);
    check_equal("answer", (int64_t)m.words[0], 6);
}

static void check_open_call(void) {
    struct message m;
    start();
    int64_t tid = thread_start(call_once, (uint64_t)session);
    service_receive(endpoint, &m, MESSAGE_CALL);
    check_equal("close during the call", sys_handle_close(session), 0);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    service_quiet(endpoint);
    m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {6}};
    check_equal("reply", ipc_reply(reply, &m), 0);
    expect_closed(BADGE);
    thread_end(tid);
}

static void check_queued_call(void) {
    struct message m;
    start();
    int64_t tid = thread_start(call_once, (uint64_t)session);
    pause_ms(SETTLE_MS);
    check_equal("close with a call queued", sys_handle_close(session), 0);
    service_receive(endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 6), 0);
    expect_closed(BADGE);
    thread_end(tid);
}

static void last_words(uint64_t unused) {
    struct message m = {.tag = tag_make(4, 0, 0, 0)};
    (void)unused;
    check_equal("send", ipc_send(session, &m, DEADLINE_NONE), 0);
}

static void check_after_messages(void) {
    struct message m;
    start();
    int64_t pid = peer_start(last_words, 0);
    check_equal("close", sys_handle_close(session), 0);
    pause_ms(SETTLE_MS);
    service_receive(endpoint, &m, MESSAGE_SEND);
    check_equal("badge", (int64_t)m.badge, BADGE);
    peer_end(pid);
    expect_closed(BADGE);
}

/* ---- Handles in flight ---- */

static struct service carrier;

static struct message moving(int64_t handle) {
    return (struct message){.tag = tag_make(2, 0, 1, 0) | tag_move(0),
                            .handles = handle_pack(handle, 0)};
}

static void send_last_handle(uint64_t unused) {
    struct message m = moving(session);
    (void)unused;
    check_equal("send", ipc_send(carrier.session, &m, DEADLINE_NONE), 0);
    pause_ms(SETTLE_MS);
}

static void check_flight_lands(void) {
    struct message m;
    start();
    carrier = service_make(1);
    int64_t pid = peer_start(send_last_handle, 0);
    check_equal("close", sys_handle_close(session), 0);
    pause_ms(SETTLE_MS);
    service_quiet(endpoint);
    check_ok("accept", sys_accept(0, 0, 0, 0, 1, HANDLE_RECEIVED));
    service_receive(carrier.endpoint, &m, MESSAGE_SEND);
    peer_end(pid);
    service_quiet(endpoint);
    check_equal("close what was received",
                sys_handle_close(handle_at(m.handles, 0)), 0);
    expect_closed(BADGE);
}

static void check_flight_killed(void) {
    start();
    carrier = service_make(1);
    int64_t pid = peer_start(send_last_handle, 0);
    check_equal("close", sys_handle_close(session), 0);
    pause_ms(SETTLE_MS);
    service_quiet(endpoint);
    peer_kill(pid);
    expect_closed(BADGE);
    service_quiet(carrier.endpoint);
}

static void check_flight_returns(void) {
    start();
    carrier = service_make(1);
    struct message m = moving(session);
    check_error("send", ipc_send(carrier.session, &m, time_after(SETTLE_MS)),
                ETIMEDOUT);
    service_quiet(endpoint);
    check_equal("the handle came back", sys_handle_info(session).result,
                HANDLE_SESSION);
    check_equal("close", sys_handle_close(session), 0);
    expect_closed(BADGE);
}

static const struct check checks[] = {
    {"last_close", "closing the last handle sends one CLOSED",
     check_last_close},
    {"copies", "copies and moves count: only the last close tells",
     check_copies},
    {"replaced", "a handle replaced by dup is closed", check_replaced},
    {"inherited", "a child's copy counts until the child exits",
     check_inherited},
    {"killed", "a killed process closes its handles", check_killed},
    {"not_asked", "a session that did not ask sends no CLOSED",
     check_not_asked},
    {"many", "24 sessions send 24 notices, each once", check_many},
    {"minted_again", "a new session with an old badge is another session",
     check_minted_again},
    {"open_call", "CLOSED waits for a call that is being served",
     check_open_call},
    {"queued_call", "CLOSED waits for a call that is queued",
     check_queued_call},
    {"after_messages", "CLOSED comes after what was sent before",
     check_after_messages},
    {"flight_lands", "a handle in flight counts, and then where it landed",
     check_flight_lands},
    {"flight_killed",
     "a sender killed with the last handle in flight closes "
     "it",
     check_flight_killed},
    {"flight_returns",
     "a handle whose message timed out is still the "
     "sender's",
     check_flight_returns},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
