/* SPDX-License-Identifier: MIT */
/*
 * tests/test_handle.c: the handle table: copies, moves, rights, bounds.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { RIGHTS = RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT };

static struct service service;

static void expect_handle(int64_t handle, int64_t type, uint64_t rights) {
    struct sys_words info = sys_handle_info(handle);
    check_equal("type", info.result, type);
    check_equal("rights", (int64_t)info.value[0], (int64_t)rights);
}

static void expect_none(int64_t handle) {
    check_error("a free slot", sys_handle_info(handle).result, EBADF);
}

static void check_info(void) {
    service = service_make(77);
    expect_handle(service.session, HANDLE_SESSION, RIGHTS);
    check_equal("badge", (int64_t)sys_handle_info(service.session).value[1],
                77);
    check_equal("type", sys_handle_info(service.endpoint).result,
                HANDLE_ENDPOINT);
    check_true("an endpoint can be received from",
               sys_handle_info(service.endpoint).value[0] & RIGHT_RECEIVE);
    int64_t signals = check_ok("create", sys_notification_create());
    check_equal("type", sys_handle_info(signals).result, HANDLE_NOTIFICATION);
    int64_t space = check_ok("create", sys_space_create());
    check_equal("type", sys_handle_info(space).result, HANDLE_SPACE);
}

static void badge_hidden(uint64_t session) {
    struct sys_words info = sys_handle_info((int64_t)session);
    check_equal("type", info.result, HANDLE_SESSION);
    check_equal("badge for one who may not receive", (int64_t)info.value[1], 0);
}

static void check_badge_hidden(void) {
    service = service_make(77);
    peer_end(peer_start(badge_hidden, (uint64_t)service.session));
}

/* ---- Copies ---- */

static void check_dup(void) {
    service = service_make(1);
    check_equal("dup", sys_handle_dup(service.session, 100, RIGHT_ALL, 0), 100);
    expect_handle(100, HANDLE_SESSION, RIGHTS);
    check_equal("dup with fewer rights",
                sys_handle_dup(service.session, 101, RIGHT_SEND, 0), 101);
    expect_handle(101, HANDLE_SESSION, RIGHT_SEND);
    check_equal("dup cannot add rights", sys_handle_dup(101, 102, RIGHT_ALL, 0),
                102);
    expect_handle(102, HANDLE_SESSION, RIGHT_SEND);
    check_equal("dup without rights",
                sys_handle_dup(service.session, 103, 0, 0), 103);
    struct message m = {.tag = 0};
    check_error("call without rights", ipc_call(103, &m, DEADLINE_POLL), EPERM);
    check_error("a taken slot",
                sys_handle_dup(service.session, 100, RIGHT_ALL, 0), EEXIST);
    expect_handle(100, HANDLE_SESSION, RIGHTS);
}

static void check_lowest(void) {
    service = service_make(1);
    int64_t slots[3];
    for (unsigned i = 0; i < 3; i++)
        slots[i] = check_ok(
            "dup", sys_handle_dup(service.session, 90, RIGHT_ALL, DUP_LOWEST));
    check_equal("the bound itself", slots[0], 90);
    check_equal("the next", slots[1], 91);
    check_equal("close", sys_handle_close(slots[0]), 0);
    check_equal("the hole is used first",
                sys_handle_dup(service.session, 90, RIGHT_ALL, DUP_LOWEST), 90);
    check_equal(
        "the last slot",
        sys_handle_dup(service.session, HANDLE_MAX - 1, RIGHT_ALL, DUP_LOWEST),
        HANDLE_MAX - 1);
    check_error(
        "beyond the last slot",
        sys_handle_dup(service.session, HANDLE_MAX - 1, RIGHT_ALL, DUP_LOWEST),
        ENOSPC);
}

static void check_move(void) {
    service = service_make(5);
    check_equal("move",
                sys_handle_dup(service.session, 60, RIGHT_ALL, DUP_MOVE), 60);
    expect_none(service.session);
    expect_handle(60, HANDLE_SESSION, RIGHTS);
    check_equal("move with fewer rights",
                sys_handle_dup(60, 61, RIGHT_SEND, DUP_MOVE), 61);
    expect_none(60);
    expect_handle(61, HANDLE_SESSION, RIGHT_SEND);
    check_error(
        "move to a taken slot",
        sys_handle_dup(61, (uint64_t)service.endpoint, RIGHT_ALL, DUP_MOVE),
        EEXIST);
    expect_handle(61, HANDLE_SESSION, RIGHT_SEND);
}

static void check_replace(void) {
    service = service_make(1);
    int64_t other = session_make(service.endpoint, 2);
    check_equal("replace",
                sys_handle_dup(service.session, (uint64_t)other, RIGHT_SEND,
                               DUP_REPLACE),
                other);
    expect_handle(other, HANDLE_SESSION, RIGHT_SEND);
    check_equal("badge", (int64_t)sys_handle_info(other).value[1], 1);
    check_equal("replace a free slot",
                sys_handle_dup(service.session, 99, RIGHT_ALL, DUP_REPLACE),
                99);
    int64_t same = sys_handle_dup(service.session, (uint64_t)service.session,
                                  RIGHT_ALL, DUP_REPLACE);
    check_true("replace a handle by itself: done or refused",
               same == service.session || same == -EINVAL || same == -EEXIST);
    check_equal("it is still there", sys_handle_info(service.session).result,
                HANDLE_SESSION);
}

static void check_dup_errors(void) {
    service = service_make(1);
    check_error("slot beyond the table",
                sys_handle_dup(service.session, HANDLE_MAX, RIGHT_ALL, 0),
                EINVAL);
    check_error("slot far beyond",
                sys_handle_dup(service.session, 1ull << 63, RIGHT_ALL, 0),
                EINVAL);
    check_error("slot -1",
                sys_handle_dup(service.session, UINT64_MAX, RIGHT_ALL, 0),
                EINVAL);
    check_error("unknown flags",
                sys_handle_dup(service.session, 50, RIGHT_ALL, 64), EINVAL);
    check_error("copy of an endpoint",
                sys_handle_dup(service.endpoint, 50, RIGHT_ALL, 0), EPERM);
    check_equal("move of an endpoint",
                sys_handle_dup(service.endpoint, 50, RIGHT_ALL, DUP_MOVE), 50);
    service_quiet(50);
}

/* ---- Bounds ---- */

static const int64_t bad_handles[] = {
    -1,         -2,         HANDLE_MAX,      HANDLE_MAX + 1, 1000,
    1ll << 16,  1ll << 31,  (1ll << 31) - 1, 1ll << 32,      (1ll << 32) + 16,
    1ll << 40,  INT64_MIN,  INT64_MAX,       -128,           HANDLE_MAX - 1,
    0xffffffff, 0x80000010, INT64_MIN + 16,
};

static void check_bounds(void) {
    for (unsigned i = 0; i < sizeof(bad_handles) / sizeof(bad_handles[0]);
         i++) {
        int64_t bad = bad_handles[i];
        check_error("info", sys_handle_info(bad).result, EBADF);
        check_error("close", sys_handle_close(bad), EBADF);
        check_error("dup", sys_handle_dup(bad, 50, RIGHT_ALL, 0), EBADF);
        check_error("signal", sys_signal(bad, 1), EBADF);
        check_error("wait_signal", sys_wait_signal(bad, DEADLINE_POLL).result,
                    EBADF);
        check_error("bind", sys_notification_bind(bad, bad), EBADF);
        check_error("irq_create", sys_irq_create(bad, 1), EBADF);
        check_error("irq_bind", sys_irq_bind(bad, bad, 1), EBADF);
        check_error("irq_ack", sys_irq_ack(bad), EBADF);
        check_error("memory_create",
                    sys_memory_create(bad, 0, PAGE_SIZE, MEMORY_DMA), EBADF);
        check_error("memory_info", sys_memory_info(bad).result, EBADF);
        check_error("poweroff", sys_poweroff(bad, 0), EBADF);
        check_error("process_limit",
                    sys_process_limit(bad, 1, LIMIT_PRIORITY, 31), EBADF);
        check_error("process_watch", sys_process_watch(bad, 1), EBADF);
        expect_none(50);
    }
}

static void check_authority(void) {
    uint64_t words[5] = {0};
    service = service_make(1);
    check_error("irq_create", sys_irq_create(service.session, 1), EBADF);
    check_error("memory_create",
                sys_memory_create(service.session, 0, PAGE_SIZE, MEMORY_DMA),
                EBADF);
    check_error("kernel_log", sys_kernel_log(service.session, 1, words), EBADF);
    check_error("poweroff", sys_poweroff(service.session, 0), EBADF);
    check_error(
        "process_limit",
        sys_process_limit(service.session, sys_getpid(), LIMIT_PRIORITY, 31),
        EBADF);
    for (int64_t handle = 0; handle < HANDLE_MAX; handle++)
        check_true("an ordinary program has no authority",
                   sys_handle_info(handle).result != HANDLE_AUTHORITY);
}

/* ---- A full table ---- */

static unsigned table_fill(void) {
    unsigned count = 0;
    while (sys_handle_dup(service.session, 0, RIGHT_ALL, DUP_LOWEST) >= 0)
        count++;
    return count;
}

static void check_full(void) {
    service = service_make(1);
    check_true("room for many handles", table_fill() > HANDLE_MAX / 2);
    check_error("dup",
                sys_handle_dup(service.session, 0, RIGHT_ALL, DUP_LOWEST),
                ENOSPC);
    check_error("endpoint_create", sys_endpoint_create(), ENOSPC);
    check_error("session_mint",
                sys_session_mint(service.endpoint, 1, RIGHT_SEND, 0), ENOSPC);
    check_error("notification_create", sys_notification_create(), ENOSPC);
    check_error("space_create", sys_space_create(), ENOSPC);
    check_equal("close", sys_handle_close(service.session), 0);
    check_equal("the slot is used again", sys_endpoint_create(),
                service.session);
}

static void check_close(void) {
    service = service_make(1);
    check_equal("close", sys_handle_close(service.session), 0);
    expect_none(service.session);
    check_error("close again", sys_handle_close(service.session), EBADF);
    for (unsigned i = 0; i < 1000; i++) {
        int64_t endpoint = check_ok("create", sys_endpoint_create());
        int64_t session = session_make(endpoint, i);
        check_equal("close", sys_handle_close(endpoint), 0);
        check_equal("close", sys_handle_close(session), 0);
    }
}

/* ---- Inheritance ---- */

static int64_t plain;
static int64_t inherited;

static void heir(uint64_t unused) {
    (void)unused;
    expect_handle(inherited, HANDLE_SESSION, RIGHTS);
    expect_none(plain);
    expect_none(service.endpoint);
}

static void check_inherit(void) {
    service = service_make(1);
    inherited = service.session;
    plain = check_ok("mint", sys_session_mint(service.endpoint, 2,
                                              RIGHT_SEND | RIGHT_PASS, 0));
    peer_end(peer_start(heir, 0));
}

static const struct check checks[] = {
    {"info", "handle_info tells type, rights and badge", check_info},
    {"badge_hidden", "only who may receive learns a session's badge",
     check_badge_hidden},
    {"dup", "a copy has at most the rights of its source", check_dup},
    {"lowest", "the lowest free slot at or above a bound", check_lowest},
    {"move", "a move takes the handle from its slot, or fails whole",
     check_move},
    {"replace", "a replaced handle is closed first", check_replace},
    {"dup_errors", "dup refuses bad slots, flags, and copies of endpoints",
     check_dup_errors},
    {"bounds", "no handle outside of the table is taken for one", check_bounds},
    {"authority", "what needs authority is refused without it",
     check_authority},
    {"full", "a full table is ENOSPC for everything that makes a handle",
     check_full},
    {"close", "closed slots are free again, a thousand times", check_close},
    {"inherit", "a child has the inheritable handles in the same slots",
     check_inherit},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
