/* SPDX-License-Identifier: MIT */
/*
 * tests/test_window.c: whose window SYS_COPY may use, and for how long.
 *
 * The right to copy is the open call: it ends with the reply, the client's
 * death or its deadline, and belongs to the one who owes the reply.
 */
#include "tests/copying.h"

static void check_implicit(void) {
    copying_prepare();
    copy_expect(COPY_IN, 0, AREA, 8, -ESTALE, 0);
    copying_start(ITEM_READ, 0, 64);
    copy_expect(COPY_IN, 0, AREA, 8, 0, 8);
    copying_end();
    copy_expect(COPY_IN, 0, AREA, 8, -ESTALE, 0);
}

static void check_handles(void) {
    static const int64_t bad[] = {-2,        120,       128,
                                  1ll << 31, 1ll << 40, INT64_MIN};
    copying_start(ITEM_READ, 0, 64);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        copy_expect_by(bad[i], COPY_IN, 0, AREA, 8, -EBADF, 0);
    copy_expect_by(copying_service.session, COPY_IN, 0, AREA, 8, -EBADF, 0);
    copy_expect_by(copying_service.endpoint, COPY_IN, 0, AREA, 8, -EBADF, 0);
    copying_end();
}

static void check_saved(void) {
    copying_start(ITEM_READ | ITEM_WRITE, 0, 64);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    copy_expect(COPY_IN, 0, AREA, 8, -ESTALE, 0);
    copy_expect_by(reply, COPY_IN, 4, AREA, 60, 0, 60);
    area_expect(0, 60, 4, CLIENT_PATTERN);
    copy_expect_by(reply, COPY_OUT, 0, AREA, 8, 0, 8);
    struct message m = {.tag = 0};
    check_equal("reply", ipc_reply(reply, &m), 0);
    copy_expect_by(reply, COPY_IN, 0, AREA, 8, -EBADF, 0);
    peer_end(copying_client);
}

static void check_dead_client(void) {
    copying_start(ITEM_READ, 0, 64);
    check_ok("kill", sys_kill(copying_client));
    peer_end_with(copying_client, STATUS_KILLED);
    copy_expect(COPY_IN, 0, AREA, 8, -EPIPE, 0);
    check_error("reply", service_answer(0, 0), EPIPE);
    copying_start(ITEM_READ, 0, 64);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    check_ok("kill", sys_kill(copying_client));
    peer_end_with(copying_client, STATUS_KILLED);
    copy_expect_by(reply, COPY_IN, 0, AREA, 8, -EPIPE, 0);
}

static void impatient(uint64_t unused) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    (void)unused;
    message_item(&m, 0, AREA, item_make(64, ITEM_WINDOW, ITEM_READ));
    check_error("call",
                ipc_call(copying_service.session, &m, time_after(SETTLE_MS)),
                ETIMEDOUT);
    pause_ms(20 * SETTLE_MS);
}

static void check_timed_out(void) {
    copying_start_with(impatient);
    copying_receive();
    copy_expect(COPY_IN, 0, AREA, 8, 0, 8);
    pause_ms(10 * SETTLE_MS);
    copy_expect(COPY_IN, 0, AREA, 8, -EPIPE, 0);
    check_error("reply", service_answer(0, 0), EPIPE);
    peer_end(copying_client);
}

/* A call with a window, answered with a page, and one with words alone. */
static void two_calls(uint64_t unused) {
    int64_t session = copying_service.session;
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    (void)unused;
    check_ok("accept a page", sys_accept(1, 0, 0, 1, 0, HANDLE_RECEIVED));
    message_item(&m, 0, AREA, item_make(64, ITEM_WINDOW, ITEM_READ));
    check_equal("call", ipc_call(session, &m, DEADLINE_NONE), 0);
    check_equal("items", tag_items(m.tag), 1);
    m = (struct message){.tag = tag_make(1, 8, 0, 0)};
    check_equal("call", ipc_call(session, &m, DEADLINE_NONE), 0);
}

/* What the first call leaves in the kernel is a window, and a tag that says one
 * item: the reply's. */
static void check_call_before(void) {
    copying_start_with(two_calls);
    int64_t endpoint = copying_service.endpoint;
    copying_receive();
    copy_expect(COPY_IN, 0, AREA, 8, 0, 8);
    struct message m = {.tag = tag_make(0, 0, 0, 1)};
    message_item(&m, 0, AREA + PAGE_SIZE,
                 item_make(PAGE_SIZE, ITEM_COW, ITEM_READ));
    check_equal("reply", ipc_reply_recv(endpoint, &m, DEADLINE_NONE), 0);
    copy_expect(COPY_IN, 0, AREA, 8, -EINVAL, 0);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(copying_client);
}

/* A call with a window, to nobody, and one with words alone. */
static void failed_call(uint64_t unused) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    (void)unused;
    message_item(&m, 0, AREA, item_make(64, ITEM_WINDOW, ITEM_READ));
    check_error("call", ipc_call(HANDLE_MAX - 1, &m, DEADLINE_NONE), EBADF);
    m = (struct message){.tag = tag_make(1, 8, 0, 0)};
    check_equal("call", ipc_call(copying_service.session, &m, DEADLINE_NONE),
                0);
}

static void check_call_failed(void) {
    struct message m;
    copying_start_with(failed_call);
    service_receive(copying_service.endpoint, &m, MESSAGE_CALL);
    copy_expect(COPY_IN, 0, AREA, 8, -EINVAL, 0);
    check_equal("reply", service_answer(0, 0), 0);
    peer_end(copying_client);
}

static int64_t saved_reply;

static void thief(uint64_t unused) {
    (void)unused;
    copy_expect(COPY_IN, 0, AREA, 8, -ESTALE, 0);
    copy_expect_by(saved_reply, COPY_IN, 0, AREA, 8, -EBADF, 0);
}

static void check_thief(void) {
    copying_start(ITEM_READ, 0, 64);
    saved_reply = check_ok("reply_save", ipc_reply_save());
    peer_end(peer_start(thief, 0));
    struct message m = {.tag = 0};
    check_equal("reply", ipc_reply(saved_reply, &m), 0);
    peer_end(copying_client);
}

static void other_thread(uint64_t unused) {
    (void)unused;
    copy_expect(COPY_IN, 0, AREA, 8, -ESTALE, 0);
}

static void check_other_thread(void) {
    copying_start(ITEM_READ, 0, 64);
    thread_end(thread_start(other_thread, 0));
    copying_end();
}

/* ---- Several windows ---- */

enum { ITEMS = MESSAGE_ITEMS };

static void items_client(uint64_t unused) {
    struct message m = {.tag = tag_make(1, 2, 0, ITEMS), .words = {71, 72}};
    (void)unused;
    area_fill(CLIENT_PATTERN);
    for (unsigned i = 0; i < ITEMS; i++)
        message_item(&m, i, AREA + 1000 * i,
                     item_make(100 + i, ITEM_WINDOW,
                               i % 2 ? ITEM_READ : ITEM_READ | ITEM_WRITE));
    check_equal("call", ipc_call(copying_service.session, &m, time_after(2000)),
                0);
    area_expect(0, 5, 0, SERVER_PATTERN);
    area_expect(2000, 5, 0, SERVER_PATTERN);
}

static void check_items(void) {
    struct message m;
    copying_start_with(items_client);
    service_receive(copying_service.endpoint, &m, MESSAGE_CALL);
    check_equal("items", tag_items(m.tag), ITEMS);
    check_equal("word beside the items", (int64_t)m.words[0], 71);
    check_equal("word beside the items", (int64_t)m.words[1], 72);
    for (unsigned i = 0; i < ITEMS; i++) {
        area_fill(SERVER_PATTERN);
        copy_expect(COPY_IN | i, 0, AREA, 1000, -EOVERFLOW, 100 + i);
        area_expect(0, 100 + i, 1000 * i, CLIENT_PATTERN);
        area_fill(SERVER_PATTERN);
        copy_expect(COPY_OUT | i, 0, AREA, 5, i % 2 ? -EPERM : 0,
                    i % 2 ? 0 : 5);
    }
    copying_end();
}

/* What the receiver sees of a window: its length and rights, not where it is.
 */
static void check_shown(void) {
    struct message m;
    window_rights = ITEM_READ;
    window_start = 24;
    window_length = 40;
    copying_start_with(client_plain);
    service_receive(copying_service.endpoint, &m, MESSAGE_CALL);
    check_equal("length", (int64_t)item_length(m.item_desc), 40);
    check_equal("mode", item_mode(m.item_desc), ITEM_WINDOW);
    check_equal("rights", item_rights(m.item_desc), ITEM_READ);
    check_equal("base", (int64_t)m.item_base, 0);
    copying_end();
}

static void late_window(uint64_t unused) {
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    (void)unused;
    message_item(&m, 0, AREA, item_make(64, ITEM_WINDOW, ITEM_READ));
    check_true("a send carries no window",
               ipc_send(copying_service.session, &m, time_after(50)) < 0);
}

static void check_send(void) {
    copying_prepare();
    int64_t pid = peer_start(late_window, 0);
    struct message m;
    check_error("nothing is delivered",
                ipc_recv(copying_service.endpoint, &m, time_after(60)),
                ETIMEDOUT);
    peer_end(pid);
}

/* ---- One address space ---- */

static void same_space(uint64_t unused) {
    (void)unused;
    client_call(0, 4096, ITEM_READ | ITEM_WRITE);
}

static void check_same_space(void) {
    copying_prepare();
    area_fill(CLIENT_PATTERN);
    int64_t tid = thread_start(same_space, 0);
    copying_receive();
    copy_expect(COPY_IN, 0, AREA + 2 * PAGE_SIZE, 4096, 0, 4096);
    area_expect(2 * PAGE_SIZE, 4096, 0, CLIENT_PATTERN);
    copy_expect(COPY_IN, 0, AREA + 100, 200, -EINVAL, 0);
    copy_expect(COPY_OUT, 100, AREA, 200, -EINVAL, 0);
    copy_expect(COPY_IN, 0, AREA + 200, 200, 0, 200);
    check_equal("reply", service_answer(0, 0), 0);
    thread_end(tid);
}

/* ---- Large copies ---- */

enum { LARGE = 1 << 20 };

static uint8_t *large_map(void) {
    return (uint8_t *)check_ok(
        "map", sys_map(HANDLE_SELF, 0, LARGE, PROT_READ | PROT_WRITE, -1, 0));
}

static void large_client(uint64_t kill_me) {
    uint8_t *large = large_map();
    struct message m = {.tag = tag_make(1, 0, 0, 1)};
    for (uint64_t i = 0; i < LARGE; i++)
        large[i] = pattern_byte(CLIENT_PATTERN, i);
    message_item(&m, 0, (uint64_t)large,
                 item_make(LARGE, ITEM_WINDOW, ITEM_READ));
    check_equal("call", ipc_call(copying_service.session, &m, DEADLINE_NONE),
                0);
    check_equal("was to be killed", (int64_t)kill_me, 0);
}

static void large_expect(const uint8_t *large, uint64_t done) {
    for (uint64_t i = 0; i < LARGE; i++) {
        uint8_t expected = i < done ? pattern_byte(CLIENT_PATTERN, i) : 0;
        if (large[i] != expected)
            check_fail("byte of a large copy", large[i], expected);
    }
}

static void check_large(void) {
    uint8_t *large = large_map();
    copying_start_arg(large_client, 0);
    copying_receive();
    copy_expect(COPY_IN, 0, (uint64_t)large, LARGE, 0, LARGE);
    large_expect(large, LARGE);
    copying_end();
}

static void killer(uint64_t delay) {
    sys_sleep(time_now() + delay);
    sys_kill(copying_client);
}

/* The client is killed somewhere in the middle of the copy. */
static void check_killed_meanwhile(void) {
    for (uint64_t delay = 100; delay < 40000; delay = delay * 3) {
        uint8_t *large = large_map();
        copying_start_arg(large_client, 1);
        copying_receive();
        int64_t tid = thread_start(killer, delay);
        struct copy_result got =
            ipc_copy(HANDLE_IMPLICIT, COPY_IN, 0, large, LARGE);
        if (got.error != 0)
            check_error("copy from a dying client", got.error, EPIPE);
        check_true("count",
                   got.error == 0 ? got.done == LARGE : got.done < LARGE);
        large_expect(large, got.done);
        thread_end(tid);
        check_error("reply", service_answer(0, 0), EPIPE);
        peer_end_with(copying_client, STATUS_KILLED);
        check_ok("unmap", sys_unmap(HANDLE_SELF, (uint64_t)large, LARGE));
    }
}

static const struct check checks[] = {
    {"implicit", "only an open call's window can be copied", check_implicit},
    {"handles", "a handle that is no reply is EBADF", check_handles},
    {"saved", "a saved reply names its window until it is given", check_saved},
    {"dead_client", "a dead client's window is EPIPE", check_dead_client},
    {"timed_out", "a window ends with its call's deadline", check_timed_out},
    {"call_before", "an earlier call's window is none of this one's",
     check_call_before},
    {"call_failed", "a window of a call that failed is none of the next one's",
     check_call_failed},
    {"thief", "another process cannot use a reply's window", check_thief},
    {"other_thread", "another thread has no implicit window",
     check_other_thread},
    {"items", "four windows in one call are kept apart", check_items},
    {"shown", "the receiver learns length and rights, not the address",
     check_shown},
    {"send", "a one-way message carries no window", check_send},
    {"same_space", "within one space ranges may not overlap", check_same_space},
    {"large", "a megabyte is copied over many ticks", check_large},
    {"killed_meanwhile", "a client killed during a copy: EPIPE, exact count",
     check_killed_meanwhile},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
