/* SPDX-License-Identifier: MIT */
/*
 * tests/test_reply.c: replies: once, later, out of order, by someone else.
 */
#include "tests/check.h"
#include "tests/peer.h"

static struct service service;

/* Calls with `word` and expects `word` + 100 back. */
static void caller(uint64_t word) {
    struct message m;
    check_equal("call", service_call(service.session, 1, word, &m), 0);
    check_equal("answer", (int64_t)m.words[0], (int64_t)word + 100);
}

static int64_t answer_saved(int64_t reply, uint64_t word) {
    struct message m = {.tag = tag_make(0, 1, 0, 0), .words = {word}};
    return ipc_reply(reply, &m);
}

static void twice(uint64_t unused) {
    (void)unused;
    caller(1);
    caller(2);
}

static void check_one_shot(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(twice, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 101), 0);
    check_error("second reply", service_answer(0, 999), ESTALE);
    pause_ms(SETTLE_MS);
    check_error("second reply, with the next call queued",
                service_answer(0, 999), ESTALE);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, 102), 0);
    peer_end(pid);
}

enum { CALLERS = 5 };

static void check_out_of_order(void) {
    int64_t pids[CALLERS];
    int64_t replies[CALLERS];
    service = service_make(1);
    for (unsigned i = 0; i < CALLERS; i++) {
        struct message m;
        pids[i] = peer_start(caller, i);
        service_receive(service.endpoint, &m, MESSAGE_CALL);
        check_equal("word", (int64_t)m.words[0], i);
        replies[i] = check_ok("reply_save", ipc_reply_save());
        check_equal("type", sys_handle_info(replies[i]).result, HANDLE_REPLY);
    }
    service_quiet(service.endpoint);
    for (unsigned i = CALLERS; i-- > 0;) {
        check_equal("saved reply", answer_saved(replies[i], i + 100), 0);
        check_error("it is used up", answer_saved(replies[i], 999), EBADF);
    }
    for (unsigned i = 0; i < CALLERS; i++)
        peer_end(pids[i]);
}

static void check_save_twice(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(caller, 7);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    check_error("save again", ipc_reply_save(), ESTALE);
    check_error("implicit reply", service_answer(0, 999), ESTALE);
    check_equal("saved reply", answer_saved(reply, 107), 0);
    peer_end(pid);
}

/* A saved reply and a newer implicit one are kept apart. */
static void check_saved_and_newest(void) {
    struct message m;
    service = service_make(1);
    int64_t first = peer_start(caller, 1);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    int64_t second = peer_start(caller, 2);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("saved reply", answer_saved(reply, 101), 0);
    peer_end(first);
    check_equal("implicit reply", service_answer(0, 102), 0);
    peer_end(second);
}

static void check_forged(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(caller, 3);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    for (int64_t handle = 0; handle < HANDLE_MAX; handle++)
        if (handle != reply)
            check_error("reply by another handle", answer_saved(handle, 999),
                        EBADF);
    check_equal("saved reply", answer_saved(reply, 103), 0);
    peer_end(pid);
}

static int64_t saved;

static void thief(uint64_t unused) {
    (void)unused;
    check_error("reply of another process", answer_saved(saved, 999), EBADF);
    check_error("implicit reply of another process", service_answer(0, 999),
                ESTALE);
}

static void check_not_inherited(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(caller, 4);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    saved = check_ok("reply_save", ipc_reply_save());
    peer_end(peer_start(thief, 0));
    check_equal("saved reply", answer_saved(saved, 104), 0);
    peer_end(pid);
}

static void implicit_thief(uint64_t unused) {
    (void)unused;
    check_error("another thread's reply", service_answer(0, 999), ESTALE);
}

static void check_per_thread(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(caller, 5);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    thread_end(thread_start(implicit_thief, 0));
    check_equal("reply", service_answer(0, 105), 0);
    peer_end(pid);
}

static void saved_answerer(uint64_t word) {
    check_equal("saved reply", answer_saved(saved, word), 0);
}

static void check_other_thread(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(caller, 6);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    saved = check_ok("reply_save", ipc_reply_save());
    thread_end(thread_start(saved_answerer, 106));
    peer_end(pid);
}

/* Receives a reply handle and answers with it: a worker of the server. */
static void serve_handed_on(int64_t endpoint) {
    struct message m;
    check_ok("accept a handle", sys_accept(0, 0, 0, 0, 1, HANDLE_RECEIVED));
    service_receive(endpoint, &m, MESSAGE_CALL);
    int64_t reply = handle_at(m.handles, 0);
    check_equal("type of what was handed on", sys_handle_info(reply).result,
                HANDLE_REPLY);
    check_equal("reply handed on", answer_saved(reply, m.words[0] + 100), 0);
    check_error("it is used up", answer_saved(reply, 999), EBADF);
    check_equal("reply", service_answer(0, 0), 0);
}

static void check_handed_on(void) {
    struct message m;
    struct server worker = server_start(serve_handed_on);
    service = service_make(1);
    int64_t pid = peer_start(caller, 8);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    m = (struct message){.tag = tag_make(1, 1, 1, 0) | tag_move(0),
                         .words = {8},
                         .handles = handle_pack(reply, 0)};
    check_equal("hand the reply on",
                ipc_call(worker.session, &m, time_after(2000)), 0);
    check_error("it has left", answer_saved(reply, 999), EBADF);
    peer_end(pid);
    peer_end(worker.pid);
}

static void check_copy_refused(void) {
    struct message m;
    service = service_make(1);
    struct service carrier = service_make(2);
    int64_t pid = peer_start(caller, 9);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t reply = check_ok("reply_save", ipc_reply_save());
    check_error("dup", sys_handle_dup(reply, 50, RIGHT_ALL, DUP_LOWEST), EPERM);
    m = (struct message){.tag = tag_make(1, 0, 1, 0),
                         .handles = handle_pack(reply, 0)};
    check_error("copy in a message",
                ipc_send(carrier.session, &m, DEADLINE_POLL), EPERM);
    int64_t moved = check_ok(
        "move", sys_handle_dup(reply, 50, RIGHT_ALL, DUP_LOWEST | DUP_MOVE));
    check_error("it has moved", answer_saved(reply, 999), EBADF);
    check_equal("saved reply", answer_saved(moved, 109), 0);
    peer_end(pid);
}

static void check_full_table(void) {
    struct message m;
    service = service_make(1);
    int64_t pid = peer_start(caller, 10);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    int64_t last = -1;
    for (;;) {
        int64_t slot =
            sys_handle_dup(service.session, 0, RIGHT_ALL, DUP_LOWEST);
        if (slot < 0) {
            check_error("dup into a full table", slot, ENOSPC);
            break;
        }
        last = slot;
    }
    check_error("save into a full table", ipc_reply_save(), ENOSPC);
    check_equal("close one", sys_handle_close(last), 0);
    check_equal("the reply is still owed", ipc_reply_save(), last);
    check_equal("saved reply", answer_saved(last, 110), 0);
    peer_end(pid);
}

/* A server that calls another while it owes a reply. */
static void serve_double(int64_t endpoint) {
    struct message m;
    service_receive(endpoint, &m, MESSAGE_CALL);
    check_equal("reply", service_answer(0, m.words[0] * 2), 0);
}

static void check_nested(void) {
    struct message m;
    struct server back = server_start(serve_double);
    service = service_make(1);
    int64_t pid = peer_start(caller, 11);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    check_equal("call in between", service_call(back.session, 1, 21, &m), 0);
    check_equal("answer in between", (int64_t)m.words[0], 42);
    check_equal("reply", service_answer(0, 111), 0);
    peer_end(pid);
    peer_end(back.pid);
}

static void wants_handles(uint64_t unused) {
    struct message m = {.tag = 0};
    (void)unused;
    check_equal("call", ipc_call(service.session, &m, time_after(1000)), 0);
    check_equal("handles in the reply", tag_handles(m.tag), 4);
    for (unsigned i = 0; i < 4; i++) {
        struct message n = {.tag = tag_make((int32_t)i, 0, 0, 0)};
        int64_t handle = handle_at(m.handles, i);
        check_true("slot for received handles", handle >= HANDLE_RECEIVED);
        check_equal("send by a received handle",
                    ipc_send(handle, &n, time_after(1000)), 0);
    }
}

static void check_handles(void) {
    struct message m;
    uint64_t packed = 0;
    service = service_make(1);
    for (unsigned i = 0; i < 4; i++)
        packed |= handle_pack(session_make(service.endpoint, 70 + i), i);
    int64_t pid = peer_start(wants_handles, 0);
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    m = (struct message){.tag = tag_make(0, 0, 4, 0), .handles = packed};
    check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    for (unsigned i = 0; i < 4; i++) {
        service_receive(service.endpoint, &m, MESSAGE_SEND);
        check_equal("badge of a received handle", (int64_t)m.badge, 70 + i);
        check_equal("label", tag_label(m.tag), (int64_t)i);
    }
    peer_end(pid);
}

static const struct check checks[] = {
    {"one_shot",
     "a reply is given once; the caller's next call is not "
     "answered by it",
     check_one_shot},
    {"out_of_order", "saved replies answer their callers in any order",
     check_out_of_order},
    {"save_twice", "a reply is saved once", check_save_twice},
    {"saved_and_newest", "a saved reply and a newer call are kept apart",
     check_saved_and_newest},
    {"forged", "no other handle answers a call", check_forged},
    {"not_inherited", "a child process cannot answer its parent's calls",
     check_not_inherited},
    {"per_thread", "a thread cannot answer another's newest call",
     check_per_thread},
    {"other_thread", "a saved reply may be given by another thread",
     check_other_thread},
    {"handed_on", "a saved reply can be handed to another process",
     check_handed_on},
    {"copy_refused", "a reply handle moves but is never copied",
     check_copy_refused},
    {"full_table", "a full table refuses to save, and the reply is owed",
     check_full_table},
    {"nested", "a server may call while it owes a reply", check_nested},
    {"handles", "a reply carries four handles that work", check_handles},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
