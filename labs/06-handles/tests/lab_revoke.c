/* SPDX-License-Identifier: MIT */
/*
 * lab_revoke.c: minting that fails, and what a revoke leaves behind.
 *
 * References and memory cannot be seen from a program. What can be: the CLOSED
 * notice, which comes when the last reference is gone, and the process's quota
 * of objects, which is used up by those that are lost.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum {
    TRIES = 2500, /* more than a quota has objects */
    LAST = HANDLE_MAX - 1,
};

static struct service service;

static int64_t mint(int64_t endpoint, uint64_t rights, uint64_t flags) {
    return sys_session_mint(endpoint, 5, rights, flags);
}

static int64_t mint_noticed(void) {
    return check_ok(
        "mint", mint(service.endpoint, SESSION_RIGHTS, SESSION_NOTIFY_CLOSED));
}

static void expect_closed(void) {
    struct message m;
    check_equal("the last handle is gone: a notice",
                ipc_recv(service.endpoint, &m, time_after(200)), 0);
    check_equal("its kind", tag_kind(m.tag), MESSAGE_CLOSED);
    check_equal("its badge", (int64_t)m.badge, 5);
    service_quiet(service.endpoint);
}

static void check_refused(void) {
    service = service_make(1);
    for (unsigned i = 0; i < TRIES; i++) {
        check_error("mint from a session",
                    mint(service.session, RIGHT_SEND, SESSION_NOTIFY_CLOSED),
                    EBADF);
        check_error("mint with READ",
                    mint(service.endpoint, RIGHT_SEND | RIGHT_READ, 0), EINVAL);
    }
    session_make(service.endpoint, 2);
    service_quiet(service.endpoint);
}

static void check_full(void) {
    service = service_make(1);
    while (sys_handle_dup(service.session, 0, RIGHT_ALL, DUP_LOWEST) >= 0)
        continue;
    for (unsigned i = 0; i < TRIES; i++) {
        check_error("mint into a full table",
                    mint(service.endpoint, RIGHT_SEND, SESSION_NOTIFY_CLOSED),
                    ENOSPC);
    }
    service_quiet(service.endpoint);
    check_equal("close", sys_handle_close(LAST), 0);
    check_equal("mint", mint(service.endpoint, RIGHT_SEND, 0), LAST);
}

static void check_anywhere(void) {
    const uint64_t places[] = {LAST, 20, 3, 70};
    service = service_make(1);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int64_t moved =
            check_ok("move the endpoint",
                     sys_handle_dup(service.endpoint, places[i], RIGHT_ALL,
                                    DUP_MOVE | DUP_REPLACE));
        service.endpoint = moved;
        int64_t session = session_make(moved, 7);
        check_equal("revoke", sys_revoke(session), 0);
        check_error("revoked", sys_handle_info(session).result, ESTALE);
        check_equal("close", sys_handle_close(session), 0);
    }
    check_equal("the first session lives",
                sys_handle_info(service.session).result, HANDLE_SESSION);
}

static void other_holder(uint64_t session) {
    struct service own = service_make(2);
    check_error("revoke another's session", sys_revoke((int64_t)session),
                EPERM);
    check_equal("revoke an own one", sys_revoke(own.session), 0);
}

static void check_other(void) {
    service = service_make(1);
    peer_end(peer_start(other_holder, (uint64_t)service.session));
    check_equal("the session lives", sys_handle_info(service.session).result,
                HANDLE_SESSION);
}

static void check_closed(void) {
    service = service_make(1);
    int64_t session = mint_noticed();
    check_equal("revoke", sys_revoke(session), 0);
    service_quiet(service.endpoint);
    check_equal("close", sys_handle_close(session), 0);
    expect_closed();
}

static void check_closed_refused(void) {
    service = service_make(1);
    int64_t session = mint_noticed();
    peer_end(peer_start(other_holder, (uint64_t)session));
    check_equal("close", sys_handle_close(session), 0);
    expect_closed();
    session = mint_noticed();
    check_equal("revoke the endpoint", sys_revoke(service.endpoint), 0);
    check_error("revoke a stale session", sys_revoke(session), ESTALE);
    check_equal("close", sys_handle_close(session), 0);
    expect_closed();
}

static void check_copy(void) {
    service = service_make(1);
    int64_t session = session_make(service.endpoint, 5);
    check_ok("dup", sys_handle_dup(session, 50, RIGHT_ALL, 0));
    check_equal("revoke", sys_revoke(session), 0);
    check_error("dup of a session that was revoked",
                sys_handle_dup(session, 51, RIGHT_ALL, 0), ESTALE);
    check_error("dup of its copy", sys_handle_dup(50, 51, RIGHT_ALL, 0),
                ESTALE);
    check_equal("revoke the endpoint", sys_revoke(service.endpoint), 0);
    check_error("dup of a session whose endpoint was revoked",
                sys_handle_dup(service.session, 51, RIGHT_ALL, 0), ESTALE);
    session = session_make(service.endpoint, 6);
    check_equal("dup of a later one", sys_handle_dup(session, 51, RIGHT_ALL, 0),
                51);
}

static const struct check checks[] = {
    {"refused", "a mint that is refused leaves nothing behind", check_refused},
    {"full", "a mint without a free slot leaves nothing behind", check_full},
    {"anywhere", "the endpoint's holder revokes, whatever slot it is in",
     check_anywhere},
    {"other", "another endpoint's holder may not revoke", check_other},
    {"closed", "a revoked session still ends at its last close", check_closed},
    {"closed_refused", "a revoke that fails holds no reference",
     check_closed_refused},
    {"copy", "what was revoked cannot be copied", check_copy},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
