/* SPDX-License-Identifier: MIT */
/*
 * tests/test_transfer.c: handles in messages: all of them or none.
 */
#include "tests/check.h"
#include "tests/peer.h"

enum { FIRST_BADGE = 100 };

/* Messages go through `carrier`; the handles they carry are sessions of
 * `target`, with badges from FIRST_BADGE. */
static struct service carrier;
static int64_t target;
static int64_t cargo[MESSAGE_HANDLES];

static void start(unsigned accepted) {
    carrier = service_make(1);
    target = check_ok("endpoint_create", sys_endpoint_create());
    for (unsigned i = 0; i < MESSAGE_HANDLES; i++)
        cargo[i] = session_make(target, FIRST_BADGE + i);
    check_ok("accept", sys_accept(0, 0, 0, 0, accepted, HANDLE_RECEIVED));
}

/* A message with the first `count` of the cargo; `moves`: a bit for each. */
static struct message loaded(unsigned count, unsigned moves) {
    struct message m = {.tag = tag_make(3, 1, count, 0), .words = {count}};
    for (unsigned i = 0; i < count; i++) {
        m.handles |= handle_pack(cargo[i], i);
        m.tag |= moves & (1u << i) ? tag_move(i) : 0;
    }
    return m;
}

static void expect_badge(int64_t handle, uint64_t badge) {
    struct sys_words info = sys_handle_info(handle);
    check_equal("type", info.result, HANDLE_SESSION);
    check_equal("badge", (int64_t)info.value[1], (int64_t)badge);
}

static void cargo_intact(void) {
    for (unsigned i = 0; i < MESSAGE_HANDLES; i++)
        expect_badge(cargo[i], FIRST_BADGE + i);
}

/* Sends the cargo and expects it to be gone or kept, as `moves` says. */
static void sender(uint64_t shape) {
    unsigned count = shape & 7, moves = (unsigned)(shape >> 4);
    struct message m = loaded(count, moves);
    check_equal("send", ipc_send(carrier.session, &m, DEADLINE_NONE), 0);
    for (unsigned i = 0; i < count; i++)
        check_equal("type of what was sent", sys_handle_info(cargo[i]).result,
                    moves & (1u << i) ? -EBADF : HANDLE_SESSION);
}

static void check_counts(void) {
    start(MESSAGE_HANDLES);
    for (unsigned shape = 0; shape <= MESSAGE_HANDLES; shape++) {
        struct message m;
        int64_t pid = peer_start(sender, shape);
        service_receive(carrier.endpoint, &m, MESSAGE_SEND);
        check_equal("handles", tag_handles(m.tag), shape);
        check_equal("word", (int64_t)m.words[0], shape);
        for (unsigned i = 0; i < MESSAGE_HANDLES; i++) {
            if (i >= shape) {
                check_equal("handle field", handle_at(m.handles, i), 0);
                continue;
            }
            expect_badge(handle_at(m.handles, i), FIRST_BADGE + i);
            check_ok("close", sys_handle_close(handle_at(m.handles, i)));
        }
        peer_end(pid);
    }
    cargo_intact();
}

static void check_moves(void) {
    start(MESSAGE_HANDLES);
    for (unsigned moves = 0; moves < 16; moves++) {
        struct message m;
        int64_t pid = peer_start(sender, MESSAGE_HANDLES | moves << 4);
        service_receive(carrier.endpoint, &m, MESSAGE_SEND);
        for (unsigned i = 0; i < MESSAGE_HANDLES; i++) {
            expect_badge(handle_at(m.handles, i), FIRST_BADGE + i);
            check_ok("close", sys_handle_close(handle_at(m.handles, i)));
        }
        peer_end(pid);
    }
}

static void call_received(uint64_t unused) {
    struct message m = loaded(MESSAGE_HANDLES, 0);
    (void)unused;
    check_equal("call", ipc_call(carrier.session, &m, DEADLINE_NONE), 0);
}

static void serve_four(int64_t endpoint) {
    struct message m;
    check_ok("accept", sys_accept(0, 0, 0, 0, 4, HANDLE_RECEIVED));
    service_receive(endpoint, &m, MESSAGE_CALL);
    for (unsigned i = 0; i < MESSAGE_HANDLES; i++) {
        struct message n = {.tag = tag_make(50 + (int32_t)i, 0, 0, 0)};
        check_equal("send by a received handle",
                    ipc_send(handle_at(m.handles, i), &n, time_after(1000)), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_four_work(void) {
    struct message m;
    start(0);
    struct server server = server_start(serve_four);
    carrier.session = server.session;
    int64_t pid = peer_start(call_received, 0);
    for (unsigned i = 0; i < MESSAGE_HANDLES; i++) {
        service_receive(target, &m, MESSAGE_SEND);
        check_equal("label", tag_label(m.tag), 50 + i);
        check_equal("badge", (int64_t)m.badge, FIRST_BADGE + i);
    }
    peer_end(pid);
    peer_end(server.pid);
}

/* Sends from a thread of this process while the check receives. */
static int64_t send_result;

static void send_thread(uint64_t count) {
    struct message m = loaded((unsigned)count, 15u & ((1u << count) - 1));
    send_result = ipc_send(carrier.session, &m, time_after(10 * SETTLE_MS));
}

static void refused(unsigned count, int error) {
    int64_t tid = thread_start(send_thread, count);
    struct message m;
    check_error("the receiver goes on waiting",
                ipc_recv(carrier.endpoint, &m, time_after(5 * SETTLE_MS)),
                ETIMEDOUT);
    thread_end(tid);
    check_equal("send", send_result, -error);
    cargo_intact();
}

static void check_none_accepted(void) {
    start(0);
    refused(1, EMSGSIZE);
    refused(4, EMSGSIZE);
}

static void check_fewer_accepted(void) {
    struct message m;
    start(2);
    refused(3, EMSGSIZE);
    int64_t tid = thread_start(send_thread, 2);
    service_receive(carrier.endpoint, &m, MESSAGE_SEND);
    thread_end(tid);
    check_equal("send", send_result, 0);
}

/* Fills the table but for `left` slots; returns the handles that do it. */
static unsigned table_fill(unsigned left, int64_t filled[HANDLE_MAX]) {
    unsigned count = 0;
    for (;;) {
        int64_t slot =
            sys_handle_dup(carrier.session, 0, RIGHT_ALL, DUP_LOWEST);
        if (slot < 0)
            break;
        filled[count++] = slot;
    }
    for (unsigned i = 0; i < left; i++)
        check_ok("close", sys_handle_close(filled[--count]));
    return count;
}

static void serve_nearly_full(int64_t endpoint) {
    int64_t filled[HANDLE_MAX];
    struct message m;
    carrier = service_make(9);
    unsigned count = table_fill(1, filled);
    check_ok("accept", sys_accept(0, 0, 0, 0, 4, HANDLE_RECEIVED));
    check_error("the receiver goes on waiting",
                ipc_recv(endpoint, &m, time_after(10 * SETTLE_MS)), ETIMEDOUT);
    int64_t slot = sys_handle_dup(carrier.session, 0, RIGHT_ALL, DUP_LOWEST);
    check_ok("one slot is still free", slot);
    check_ok("close", sys_handle_close(slot));
    for (unsigned i = 0; i < 2; i++)
        check_ok("close", sys_handle_close(filled[count - 1 - i]));
    service_receive(endpoint, &m, MESSAGE_SEND);
    check_equal("handles", tag_handles(m.tag), 2);
}

static void check_table_full(void) {
    start(0);
    struct server server = server_start(serve_nearly_full);
    struct message m = loaded(2, 3);
    check_error("two handles, one slot",
                ipc_send(server.session, &m, time_after(SETTLE_MS * 5)),
                ENOSPC);
    cargo_intact();
    pause_ms(12 * SETTLE_MS);
    check_equal("with room", ipc_send(server.session, &m, time_after(1000)), 0);
    check_error("the first has left", sys_handle_info(cargo[0]).result, EBADF);
    peer_end(server.pid);
}

static void check_one_bad(void) {
    start(MESSAGE_HANDLES);
    int64_t good = cargo[2];
    static const int64_t bad[] = {126, 128, 0xffff};
    for (unsigned i = 0; i < 3; i++) {
        cargo[2] = bad[i];
        struct message m = loaded(4, 15);
        check_error("a bad handle among four",
                    ipc_send(carrier.session, &m, DEADLINE_POLL), EBADF);
    }
    cargo[2] = good;
    cargo_intact();
    service_quiet(carrier.endpoint);
}

static void check_same_twice(void) {
    start(MESSAGE_HANDLES);
    struct message m = {.tag = tag_make(0, 0, 2, 0) | tag_move(0) | tag_move(1),
                        .handles = handle_pack(cargo[0], 0) |
                                   handle_pack(cargo[0], 1)};
    int64_t result = ipc_send(carrier.session, &m, DEADLINE_POLL);
    check_true("moving one handle twice is refused", result < 0);
    cargo_intact();
}

static void check_grant(void) {
    struct message m;
    start(1);
    cargo[0] = check_ok("mint", sys_session_mint(target, FIRST_BADGE,
                                                 RIGHT_SEND | RIGHT_PASS, 0));
    int64_t tid = thread_start(send_thread, 1);
    service_receive(carrier.endpoint, &m, MESSAGE_SEND);
    thread_end(tid);
    int64_t got = handle_at(m.handles, 0);
    check_equal("rights without GRANT", (int64_t)sys_handle_info(got).value[0],
                RIGHT_SEND);
    cargo[0] = got;
    struct message again = loaded(1, 0);
    check_error("pass it on without GRANT",
                ipc_send(carrier.session, &again, DEADLINE_POLL), EPERM);
    cargo[0] = session_make(target, FIRST_BADGE);
    tid = thread_start(send_thread, 1);
    service_receive(carrier.endpoint, &m, MESSAGE_SEND);
    thread_end(tid);
    got = handle_at(m.handles, 0);
    check_true("PASS with GRANT", sys_handle_info(got).value[0] & RIGHT_PASS);
}

static void check_slots(void) {
    struct message m;
    start(1);
    check_equal("close a descriptor's slot", sys_handle_close(0), 0);
    for (unsigned base = HANDLE_RECEIVED; base <= 100; base += 84) {
        check_ok("accept", sys_accept(0, 0, 0, 0, 1, base));
        cargo[0] = session_make(target, FIRST_BADGE);
        int64_t free_slot = check_ok(
            "dup", sys_handle_dup(cargo[0], base, RIGHT_ALL, DUP_LOWEST));
        check_equal("close", sys_handle_close(free_slot), 0);
        int64_t tid = thread_start(send_thread, 1);
        service_receive(carrier.endpoint, &m, MESSAGE_SEND);
        thread_end(tid);
        check_equal("slot", handle_at(m.handles, 0), free_slot);
    }
}

static void check_queued(void) {
    struct message m;
    start(MESSAGE_HANDLES);
    int64_t pid = peer_start(sender, MESSAGE_HANDLES | 15 << 4);
    pause_ms(SETTLE_MS);
    service_receive(carrier.endpoint, &m, MESSAGE_SEND);
    for (unsigned i = 0; i < MESSAGE_HANDLES; i++)
        expect_badge(handle_at(m.handles, i), FIRST_BADGE + i);
    peer_end(pid);
}

static void bad_replies(uint64_t unused) {
    struct message m;
    (void)unused;
    int64_t filled[HANDLE_MAX];
    table_fill(1, filled);
    check_equal("call", service_call(carrier.session, 1, 0, &m), 0);
    check_equal("handles in the reply", tag_handles(m.tag), 1);
}

static void check_reply_full(void) {
    struct message m;
    start(0);
    int64_t pid = peer_start(bad_replies, 0);
    service_receive(carrier.endpoint, &m, MESSAGE_CALL);
    m = loaded(2, 3);
    check_error("two handles, one slot", ipc_reply(HANDLE_IMPLICIT, &m),
                ENOSPC);
    cargo_intact();
    m = loaded(1, 1);
    check_equal("one handle", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    peer_end(pid);
}

static const struct check checks[] = {
    {"counts", "0 to 4 handles arrive in order", check_counts},
    {"moves", "each handle is moved or copied as its bit says", check_moves},
    {"four_work", "four handles that cross at once work in the receiver",
     check_four_work},
    {"none_accepted", "a receiver that takes no handles: EMSGSIZE",
     check_none_accepted},
    {"fewer_accepted", "more handles than the receiver takes: EMSGSIZE",
     check_fewer_accepted},
    {"table_full", "a full table takes none of two handles, and loses none",
     check_table_full},
    {"one_bad", "one bad handle among four moves none", check_one_bad},
    {"same_twice", "one handle cannot be moved twice", check_same_twice},
    {"grant", "a handle passed without GRANT cannot be passed on", check_grant},
    {"slots", "received handles take the lowest slot from the base on",
     check_slots},
    {"queued", "handles of a queued message arrive with it", check_queued},
    {"reply_full", "a reply that does not fit is refused whole, and owed",
     check_reply_full},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
