/* SPDX-License-Identifier: MIT */
/*
 * tests/test_revoke.c: revocation of sessions and of endpoints.
 *
 * From the return of SYS_REVOKE on, no copy of a revoked handle anywhere does
 * anything, and whoever waited on one knows.
 */
#include "tests/check.h"
#include "tests/peer.h"

static struct service service;

static void expect_stale(uint64_t session) {
    struct message m;
    check_error("call", service_call((int64_t)session, 1, 2, &m), ESTALE);
    m = (struct message){.tag = 0};
    check_error("send", ipc_send((int64_t)session, &m, DEADLINE_NONE), ESTALE);
    check_error("poll", ipc_send((int64_t)session, &m, DEADLINE_POLL), ESTALE);
    check_error("info", sys_handle_info((int64_t)session).result, ESTALE);
}

static void late_stale(uint64_t session) {
    pause_ms(2 * SETTLE_MS);
    expect_stale(session);
}

static void check_session(void) {
    service = service_make(1);
    int64_t second = session_make(service.endpoint, 2);
    int64_t copy = check_ok(
        "dup", sys_handle_dup(service.session, 40, RIGHT_ALL, DUP_LOWEST));
    int64_t pid = peer_start(late_stale, (uint64_t)service.session);
    check_equal("revoke", sys_revoke(service.session), 0);
    expect_stale((uint64_t)service.session);
    expect_stale((uint64_t)copy);
    peer_end(pid);
    check_equal("close", sys_handle_close(service.session), 0);
    check_equal("close a copy", sys_handle_close(copy), 0);
    struct message m = {.tag = 0};
    check_error("the other session is as before",
                ipc_send(second, &m, DEADLINE_POLL), EAGAIN);
}

static void check_endpoint(void) {
    int64_t sessions[4];
    service = service_make(1);
    for (unsigned i = 0; i < 4; i++)
        sessions[i] = session_make(service.endpoint, 10 + i);
    check_equal("revoke", sys_revoke(service.endpoint), 0);
    for (unsigned i = 0; i < 4; i++)
        expect_stale((uint64_t)sessions[i]);
    int64_t fresh = session_make(service.endpoint, 50);
    struct message m = {.tag = 0};
    check_error("a session minted afterwards works",
                ipc_send(fresh, &m, DEADLINE_POLL), EAGAIN);
    service_quiet(service.endpoint);
}

static void waiting_call(uint64_t session) {
    struct message m;
    check_error("call that waits", service_call((int64_t)session, 1, 2, &m),
                ESTALE);
}

static void waiting_send(uint64_t session) {
    struct message m = {.tag = 0};
    check_error("send that waits",
                ipc_send((int64_t)session, &m, time_after(2000)), ESTALE);
}

static void answered(uint64_t session) {
    struct message m;
    check_equal("call by another session",
                service_call((int64_t)session, 1, 2, &m), 0);
}

static void check_waiters(void) {
    int64_t pids[4];
    service = service_make(1);
    int64_t other = session_make(service.endpoint, 2);
    pids[0] = peer_start(waiting_call, (uint64_t)service.session);
    pids[1] = peer_start(answered, (uint64_t)other);
    pids[2] = peer_start(waiting_send, (uint64_t)service.session);
    pids[3] = peer_start(waiting_call, (uint64_t)service.session);
    pause_ms(SETTLE_MS);
    check_equal("revoke", sys_revoke(service.session), 0);
    peer_end(pids[0]);
    peer_end(pids[2]);
    peer_end(pids[3]);
    service_echo(service.endpoint, 1);
    peer_end(pids[1]);
    service_quiet(service.endpoint);
}

static void check_endpoint_waiters(void) {
    int64_t pids[3];
    service = service_make(1);
    int64_t other = session_make(service.endpoint, 2);
    pids[0] = peer_start(waiting_call, (uint64_t)service.session);
    pids[1] = peer_start(waiting_call, (uint64_t)other);
    pids[2] = peer_start(waiting_send, (uint64_t)other);
    pause_ms(SETTLE_MS);
    check_equal("revoke", sys_revoke(service.endpoint), 0);
    for (unsigned i = 0; i < 3; i++)
        peer_end(pids[i]);
    service_quiet(service.endpoint);
}

static void check_open(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(waiting_call, (uint64_t)service.session);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("revoke", sys_revoke(service.session), 0);
    peer_end(pid);
    check_error("reply to a revoked call", service_answer(0, 0), EPIPE);
    service_quiet(service.endpoint);
}

/* A receiver that waits is the fast path's case: it too must see the end of a
 * session. */
static void echo_for_ever(uint64_t endpoint) {
    struct message m;
    int64_t error = ipc_recv((int64_t)endpoint, &m, DEADLINE_NONE);
    while (error == 0)
        error = ipc_reply_recv((int64_t)endpoint, &m, DEADLINE_NONE);
}

static void check_receiver_waits(void) {
    struct message m;
    check_ok("affinity", sys_thread_affinity(0, 1));
    service = service_make(1);
    thread_start(echo_for_ever, (uint64_t)service.endpoint);
    pause_ms(SETTLE_MS);
    for (unsigned i = 0; i < 4; i++)
        check_equal("call", service_call(service.session, 1, i, &m), 0);
    int64_t other = session_make(service.endpoint, 2);
    check_equal("revoke the session", sys_revoke(service.session), 0);
    expect_stale((uint64_t)service.session);
    check_equal("the other one", service_call(other, 1, 5, &m), 0);
    check_equal("revoke the endpoint", sys_revoke(service.endpoint), 0);
    expect_stale((uint64_t)other);
    int64_t fresh = session_make(service.endpoint, 3);
    check_equal("a fresh one", service_call(fresh, 1, 6, &m), 0);
    check_equal("close", sys_handle_close(fresh), 0);
    check_error("closed", service_call(fresh, 1, 6, &m), EBADF);
}

static void check_in_message(void) {
    service = service_make(1);
    struct service carrier = service_make(2);
    check_equal("revoke", sys_revoke(service.session), 0);
    struct message m = {.tag = tag_make(0, 0, 1, 0),
                        .handles = handle_pack(service.session, 0)};
    check_error("send a revoked handle",
                ipc_send(carrier.session, &m, DEADLINE_POLL), ESTALE);
    check_error("dup a revoked handle",
                sys_handle_dup(service.session, 40, RIGHT_ALL, DUP_LOWEST),
                ESTALE);
    check_error("revoke it again", sys_revoke(service.session), ESTALE);
}

static void revoke_stranger(uint64_t session) {
    check_error("revoke without the endpoint", sys_revoke((int64_t)session),
                EPERM);
}

static void check_stranger(void) {
    service = service_make(1);
    peer_end(peer_start(revoke_stranger, (uint64_t)service.session));
    check_equal("the session lives", sys_handle_info(service.session).result,
                HANDLE_SESSION);
}

/* A generation kept in 8 or 16 bits would come round to the old one. */
enum { GENERATIONS = 65536 + 300 };

static void check_generations(void) {
    struct message m = {.tag = 0};
    service = service_make(1);
    for (unsigned i = 0; i < GENERATIONS; i++) {
        check_equal("revoke", sys_revoke(service.endpoint), 0);
        if ((i & 255) < 2 || i > 65530)
            check_error("stale session",
                        ipc_send(service.session, &m, DEADLINE_POLL), ESTALE);
    }
}

static void check_reuse(void) {
    service = service_make(1);
    for (unsigned i = 0; i < 300; i++) {
        int64_t session = session_make(service.endpoint, i);
        int64_t copy =
            check_ok("dup", sys_handle_dup(session, 40, RIGHT_ALL, DUP_LOWEST));
        check_equal("revoke", sys_revoke(session), 0);
        check_equal("close", sys_handle_close(session), 0);
        int64_t next = session_make(service.endpoint, i + 1);
        struct message m = {.tag = 0};
        check_error("the old handle, another session",
                    ipc_send(copy, &m, DEADLINE_POLL), ESTALE);
        check_equal("close", sys_handle_close(copy), 0);
        check_equal("close", sys_handle_close(next), 0);
    }
}

static const struct check checks[] = {
    {"session",
     "every copy of a revoked session is ESTALE, here and in "
     "other processes",
     check_session},
    {"endpoint", "revoking an endpoint ends its sessions, not the endpoint",
     check_endpoint},
    {"waiters", "waiters on a revoked session get ESTALE, others stay",
     check_waiters},
    {"endpoint_waiters", "waiters on a revoked endpoint get ESTALE",
     check_endpoint_waiters},
    {"open", "a call that is being served ends with ESTALE", check_open},
    {"receiver_waits", "a revoked session does not reach a waiting receiver",
     check_receiver_waits},
    {"in_message", "a revoked handle can neither travel nor be copied",
     check_in_message},
    {"stranger", "only who may receive can revoke", check_stranger},
    {"generations", "a revoked handle stays dead after 65,836 revocations",
     check_generations},
    {"reuse", "a revoked handle does not reach the next session made",
     check_reuse},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
