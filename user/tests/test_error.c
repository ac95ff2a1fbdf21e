/* SPDX-License-Identifier: MIT */
/*
 * tests/test_error.c: each error that a message call can return.
 *
 * Everything wrong is refused with the error that abi/syscall.h names, and
 * nothing happens besides: no message arrives, no reply is used up.
 */
#include "tests/check.h"
#include "tests/peer.h"

static struct service service;

/* Handles that name nothing, whatever the table holds. */
static const int64_t bad_handles[] = {
    -1,         -2,        HANDLE_MAX, HANDLE_MAX - 1,     HANDLE_MAX + 1,
    1ll << 31,  1ll << 32, 1ll << 40,  INT64_MIN,          INT64_MAX,
    0xffffffff, 0x10000,   77,         (1ll << 32) | 0x10, -128,
};
enum { BAD_HANDLES = sizeof(bad_handles) / sizeof(bad_handles[0]) };

/* ---- The handle that is called ---- */

static void check_bad_handles(void) {
    struct message m = {.tag = 0};
    for (unsigned i = 0; i < BAD_HANDLES; i++) {
        int64_t bad = bad_handles[i];
        check_error("call", ipc_call(bad, &m, DEADLINE_POLL), EBADF);
        check_error("send", ipc_send(bad, &m, DEADLINE_POLL), EBADF);
        check_error("recv", ipc_recv(bad, &m, DEADLINE_POLL), EBADF);
        check_error("reply_recv", ipc_reply_recv(bad, &m, DEADLINE_POLL),
                    EBADF);
        check_error("revoke", sys_revoke(bad), EBADF);
        check_error("mint", sys_session_mint(bad, 0, RIGHT_SEND, 0), EBADF);
        if (bad != HANDLE_IMPLICIT)
            check_error("reply", ipc_reply(bad, &m), EBADF);
    }
}

static void check_wrong_kinds(void) {
    struct message m = {.tag = 0};
    service = service_make(1);
    int64_t signals = check_ok("create", sys_notification_create());
    check_error("call an endpoint",
                ipc_call(service.endpoint, &m, DEADLINE_POLL), EBADF);
    check_error("send to an endpoint",
                ipc_send(service.endpoint, &m, DEADLINE_POLL), EBADF);
    check_error("receive on a session",
                ipc_recv(service.session, &m, DEADLINE_POLL), EBADF);
    check_error("call a notification", ipc_call(signals, &m, DEADLINE_POLL),
                EBADF);
    check_error("receive on a notification",
                ipc_recv(signals, &m, DEADLINE_POLL), EBADF);
    check_error("reply to a session", ipc_reply(service.session, &m), EBADF);
    check_error("reply to an endpoint", ipc_reply(service.endpoint, &m), EBADF);
    check_error("mint from a session",
                sys_session_mint(service.session, 0, RIGHT_SEND, 0), EBADF);
    check_error("revoke a notification", sys_revoke(signals), EBADF);
    service_quiet(service.endpoint);
}

static void check_rights(void) {
    struct message m = {.tag = 0};
    service = service_make(1);
    int64_t mute =
        check_ok("mint", sys_session_mint(service.endpoint, 2, RIGHT_PASS, 0));
    check_error("call without SEND", ipc_call(mute, &m, DEADLINE_POLL), EPERM);
    check_error("send without SEND", ipc_send(mute, &m, DEADLINE_POLL), EPERM);
    int64_t deaf = check_ok("move the endpoint without RECEIVE",
                            sys_handle_dup(service.endpoint, 30, RIGHT_PASS,
                                           DUP_LOWEST | DUP_MOVE));
    check_error("receive without RECEIVE", ipc_recv(deaf, &m, DEADLINE_POLL),
                EPERM);
    check_error("mint without RECEIVE",
                sys_session_mint(deaf, 3, RIGHT_SEND, 0), EPERM);
    check_error("revoke without RECEIVE", sys_revoke(deaf), EPERM);
}

/* Rights count also when the receiver waits, as the fast path has it. */
static void receive_once(uint64_t unused) {
    struct message m;
    (void)unused;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("badge of the one that may", (int64_t)m.badge, 1);
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_receiver_waits(void) {
    struct message m;
    check_ok("affinity", sys_thread_affinity(0, 1));
    service = service_make(1);
    int64_t signals = check_ok("create", sys_notification_create());
    int64_t mute =
        check_ok("mint", sys_session_mint(service.endpoint, 2, RIGHT_PASS, 0));
    int64_t tid = thread_start(receive_once, 0);
    pause_ms(SETTLE_MS);
    check_error("call without SEND", service_call(mute, 1, 0, &m), EPERM);
    for (unsigned i = 0; i < BAD_HANDLES; i++)
        check_error("call of nothing", service_call(bad_handles[i], 1, 0, &m),
                    EBADF);
    check_error("call a notification", service_call(signals, 1, 0, &m), EBADF);
    check_error("call an endpoint", service_call(service.endpoint, 1, 0, &m),
                EBADF);
    check_equal("call", service_call(service.session, 1, 0, &m), 0);
    thread_end(tid);
}

static void check_mint(void) {
    service = service_make(1);
    check_error(
        "mint with RECEIVE",
        sys_session_mint(service.endpoint, 0, RIGHT_SEND | RIGHT_RECEIVE, 0),
        EINVAL);
    check_error("mint with unknown rights",
                sys_session_mint(service.endpoint, 0, 1u << 20, 0), EINVAL);
    check_error("mint with unknown flags",
                sys_session_mint(service.endpoint, 0, RIGHT_SEND, 8), EINVAL);
    int64_t session =
        check_ok("mint", sys_session_mint(service.endpoint, 9,
                                          RIGHT_SEND | RIGHT_INHERIT, 0));
    struct sys_words info = sys_handle_info(session);
    check_equal("type", info.result, HANDLE_SESSION);
    check_equal("rights", (int64_t)info.value[0], RIGHT_SEND | RIGHT_INHERIT);
    check_equal("badge", (int64_t)info.value[1], 9);
}

/* ---- The message ---- */

static void tag_refused(uint64_t tag) {
    uint64_t words[MESSAGE_WORDS] = {0};
    uint64_t sent = tag;
    check_error("call with a bad tag",
                ipc_call_words(service.session, &sent, words), EINVAL);
}

static void check_tags(void) {
    service = service_make(1);
    for (unsigned bit = 14; bit < 32; bit++)
        tag_refused(1ull << bit);
    for (unsigned words = MESSAGE_WORDS + 1; words < 16; words++)
        tag_refused(words);
    for (unsigned handles = MESSAGE_HANDLES + 1; handles < 8; handles++)
        tag_refused(tag_make(0, 0, handles, 0));
    for (unsigned items = MESSAGE_ITEMS + 1; items < 8; items++)
        tag_refused(tag_make(0, 0, 0, items));
    service_quiet(service.endpoint);
}

static void item_refused(const char *what, uint64_t base, uint64_t desc) {
    struct message m = {.tag = tag_make(0, 0, 0, 1)};
    message_item(&m, 0, base, desc);
    check_error(what, ipc_call(service.session, &m, DEADLINE_POLL), EINVAL);
}

static void check_items(void) {
    uint64_t window = item_make(16, ITEM_WINDOW, ITEM_READ);
    uint64_t here = (uint64_t)&service;
    service = service_make(1);
    item_refused("a window beyond user memory", USER_END - 8, window);
    item_refused("a window in the kernel's half", 1ull << 63, window);
    item_refused("a window that wraps", UINT64_MAX - 4, window);
    item_refused("a window that is too long", here,
                 item_make(ITEM_LENGTH_MASK, ITEM_WINDOW, ITEM_READ));
    item_refused("reserved bits", here, window | 1ull << 50);
    item_refused("the top bit", here, window | 1ull << 63);
    item_refused("a window without rights", here,
                 item_make(16, ITEM_WINDOW, 0));
    item_refused("an executable window", here,
                 item_make(16, ITEM_WINDOW, ITEM_READ | ITEM_EXECUTE));
    item_refused("no mode", here, item_make(16, ITEM_NONE, ITEM_READ));
    for (unsigned mode = ITEM_WINDOW + 1; mode < 16; mode++)
        item_refused("an unknown mode", here,
                     item_make(16, (enum item_mode)mode, ITEM_READ));
    service_quiet(service.endpoint);
}

static void handle_refused(int64_t handle, int error) {
    struct message m = {.tag = tag_make(0, 0, 1, 0),
                        .handles = handle_pack(handle, 0)};
    check_error("call with a handle",
                ipc_call(service.session, &m, DEADLINE_POLL), error);
    check_error("send with a handle",
                ipc_send(service.session, &m, DEADLINE_POLL), error);
}

static void check_handles(void) {
    service = service_make(1);
    handle_refused(127, EBADF);
    handle_refused(128, EBADF);
    handle_refused(0xffff, EBADF);
    int64_t fixed =
        check_ok("mint", sys_session_mint(service.endpoint, 2, RIGHT_SEND, 0));
    handle_refused(fixed, EPERM);
    check_equal("the handle stays", sys_handle_info(fixed).result,
                HANDLE_SESSION);
    service_quiet(service.endpoint);
}

static void check_poll(void) {
    struct message m = {.tag = tag_make(1, 1, 0, 0), .words = {5}};
    service = service_make(1);
    check_error("call", ipc_call(service.session, &m, DEADLINE_POLL), EAGAIN);
    check_error("send", ipc_send(service.session, &m, DEADLINE_POLL), EAGAIN);
    service_quiet(service.endpoint);
    check_error("reply_recv with nothing owed",
                ipc_reply_recv(service.endpoint, &m, DEADLINE_POLL), EAGAIN);
}

/* ---- Replies ---- */

static void one_call(uint64_t answer) {
    struct message m;
    check_equal("call", service_call(service.session, 1, 2, &m), 0);
    check_equal("answer", (int64_t)m.words[0], (int64_t)answer);
}

static void check_no_reply_owed(void) {
    service = service_make(1);
    check_error("reply", service_answer(0, 0), ESTALE);
    check_error("reply_save", ipc_reply_save(), ESTALE);
    int64_t pid = peer_start(one_call, 3);
    struct message m;
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 3), 0);
    check_error("second reply", service_answer(0, 4), ESTALE);
    check_error("reply_save after the reply", ipc_reply_save(), ESTALE);
    peer_end(pid);
}

static void check_busy(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(one_call, 7);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_error("recv with a reply owed",
                ipc_recv(service.endpoint, &m, DEADLINE_POLL), EBUSY);
    check_error("recv with a reply owed",
                ipc_recv(service.endpoint, &m, DEADLINE_NONE), EBUSY);
    check_equal("reply", service_answer(0, 7), 0);
    service_quiet(service.endpoint);
    peer_end(pid);
}

static void reply_refused(const struct message *reply, int error) {
    struct message m = *reply;
    check_error("reply", ipc_reply(HANDLE_IMPLICIT, &m), error);
    m = *reply;
    check_error("reply_recv",
                ipc_reply_recv(service.endpoint, &m, DEADLINE_POLL), error);
}

static void check_bad_reply(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(one_call, 8);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    m = (struct message){.tag = tag_make(0, 9, 0, 0)};
    reply_refused(&m, EINVAL);
    m = (struct message){.tag = 1ull << 16};
    reply_refused(&m, EINVAL);
    m = (struct message){.tag = tag_make(0, 0, 1, 0),
                         .handles = handle_pack(120, 0)};
    reply_refused(&m, EBADF);
    int64_t fixed =
        check_ok("mint", sys_session_mint(service.endpoint, 2, RIGHT_SEND, 0));
    m.handles = handle_pack(fixed, 0);
    reply_refused(&m, EPERM);
    check_equal("the reply is still owed", service_answer(0, 8), 0);
    peer_end(pid);
}

static void fussy_caller(uint64_t unused) {
    (void)unused;
    check_ok("accept no handles", sys_accept(1, 0, 0, 0, 0, HANDLE_RECEIVED));
    one_call(9);
}

static void check_reply_too_big(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(fussy_caller, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    m = (struct message){.tag = tag_make(0, 0, 1, 0),
                         .handles = handle_pack(service.session, 0)};
    reply_refused(&m, EMSGSIZE);
    check_equal("the reply is still owed", service_answer(0, 9), 0);
    peer_end(pid);
}

static void check_accept(void) {
    check_error("five handles", sys_accept(0, 0, 0, 0, 5, 16), EINVAL);
    check_error("kind 2", sys_accept(2, 0, 0, 0, 0, 16), EINVAL);
    check_error("slot beyond the table", sys_accept(0, 0, 0, 0, 1, HANDLE_MAX),
                EINVAL);
    check_error("window in the kernel's half",
                sys_accept(0, 1ull << 63, PAGE_SIZE, 1, 0, 16), EINVAL);
    check_error("window not on a page",
                sys_accept(0, USER_MAP_BASE + 1, PAGE_SIZE, 1, 0, 16), EINVAL);
    check_equal("four handles", sys_accept(0, 0, 0, 0, 4, 16), 0);
}

static void check_numbers(void) {
    static const int64_t numbers[] = {
        SYS_MAX, SYS_MAX + 1, 63, 1000, -1, INT64_MAX, INT64_MIN, 1ll << 32};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        check_error("unknown call", sys_trap0(numbers[i]), ENOSYS);
}

static const struct check checks[] = {
    {"bad_handles", "a handle that names nothing is EBADF", check_bad_handles},
    {"wrong_kinds", "a handle of another kind is EBADF", check_wrong_kinds},
    {"rights", "a missing right is EPERM", check_rights},
    {"receiver_waits", "a wrong handle does not reach a waiting receiver",
     check_receiver_waits},
    {"mint", "minting checks rights and flags, and gives what was asked",
     check_mint},
    {"tags", "a malformed tag is EINVAL, and nothing arrives", check_tags},
    {"items", "a malformed memory item is EINVAL, and nothing arrives",
     check_items},
    {"handles", "a handle that may not travel is refused", check_handles},
    {"poll", "a poll with nobody there is EAGAIN", check_poll},
    {"no_reply_owed", "a reply that nobody waits for is ESTALE",
     check_no_reply_owed},
    {"busy", "receiving with a reply owed is EBUSY", check_busy},
    {"bad_reply", "a refused reply is still owed", check_bad_reply},
    {"reply_too_big",
     "a reply with more handles than the caller takes is "
     "EMSGSIZE, and still owed",
     check_reply_too_big},
    {"accept", "accept refuses what makes no sense", check_accept},
    {"numbers", "an unknown system call is ENOSYS", check_numbers},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
