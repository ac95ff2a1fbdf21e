/* SPDX-License-Identifier: MIT */
/*
 * lab_item.c: what the short cut for calls with items must leave to the slow
 * path.
 */
#include "lab_fast.h"

static int64_t item_call(uint64_t handle, uint64_t word) {
    struct message m = {.tag = tag_make(5, MESSAGE_WORDS, 1, 0),
                        .handles = handle_pack(service.session, 0)};
    m.words[0] = word;
    int64_t error = ipc_call((int64_t)handle, &m, DEADLINE_NONE);
    if (error == 0)
        check_equal("whose answer", (int64_t)m.words[0],
                    (int64_t)answer_to(word));
    return error;
}

/* Answers such calls; a label of 2 takes its time. */
static void item_server(uint64_t unused) {
    struct message m;
    (void)unused;
    check_ok("accept", sys_accept(0, 0, 0, 0, 1, HANDLE_RECEIVED + 40));
    service_receive(service.endpoint, &m, MESSAGE_CALL);
    while (tag_label(m.tag) != LABEL_STOP) {
        uint64_t word = answer_to(m.words[0]);
        if (tag_handles(m.tag) > 0)
            check_equal("close what arrived",
                        sys_handle_close((int64_t)handle_at(m.handles, 0)), 0);
        if (tag_label(m.tag) == 2)
            keep_wait();
        m = (struct message){.tag = tag_make(0, 1, 0, 0), .words = {word}};
        check_equal("reply_recv",
                    ipc_reply_recv(service.endpoint, &m, DEADLINE_NONE), 0);
    }
    check_equal("reply", service_answer(0, 0), 0);
}

/* Such calls are fast. */
static int64_t item_start(void) {
    service = service_make(BADGE);
    int64_t tid = thread_start(item_server, 0);
    uint64_t session = (uint64_t)service.session;
    for (unsigned i = 0; i < WARM; i++)
        check_equal("call with a handle", item_call(session, i), 0);
    uint64_t before = counter_of(COUNTER_CALL_SLOW);
    for (unsigned i = 0; i < TIMES; i++)
        check_equal("call with a handle", item_call(session, i), 0);
    check_true("calls with a handle take the fast path",
               counter_of(COUNTER_CALL_SLOW) - before <= FEW);
    return tid;
}

static void item_error(const char *what, uint64_t handle, int error) {
    check_error(what, item_call(handle, 0), error);
}

static void check_item_handles(void) {
    int64_t tid = item_start();
    uint64_t session = (uint64_t)service.session;
    check_ok("dup", sys_handle_dup(service.session, 40, RIGHT_PASS, 0));
    item_error("call with a handle, by the endpoint's",
               (uint64_t)service.endpoint, EBADF);
    item_error("call with a handle, without SEND", 40, EPERM);
    item_error("call with a handle, by a number beyond the table",
               (1ull << 32) + session, EBADF);
    item_error("call with a handle, by a negative number", (uint64_t)-1, EBADF);
    echo_end(tid);
}

static void check_item_revoked(void) {
    int64_t tid = item_start();
    uint64_t first = (uint64_t)session_make(service.endpoint, 1);
    uint64_t second = (uint64_t)session_make(service.endpoint, 2);
    check_equal("call with a handle", item_call(first, 7), 0);
    check_equal("revoke", sys_revoke((int64_t)first), 0);
    item_error("call with a handle by a session that was revoked", first,
               ESTALE);
    check_equal("call with a handle", item_call(second, 7), 0);
    check_equal("revoke all", sys_revoke(service.endpoint), 0);
    service.session = session_make(service.endpoint, BADGE);
    item_error("call with a handle by a session of before all were revoked",
               second, ESTALE);
    echo_end(tid);
}

static void item_client(uint64_t word) {
    check_ok("accept", sys_accept(1, 0, 0, 0, 0, HANDLE_RECEIVED));
    for (unsigned i = 0; i < 3; i++)
        check_equal("call with a handle, of a server that may be busy",
                    item_call((uint64_t)service.session, word + i), 0);
}

static void pausing_client(uint64_t word) {
    struct message m;
    for (unsigned i = 0; i < 3; i++) {
        check_equal("call", service_call(service.session, 2, word + i, &m), 0);
        check_equal("whose answer", (int64_t)m.words[0],
                    (int64_t)answer_to(word + i));
    }
}

static void check_item_busy(void) {
    int64_t pids[4];
    int64_t tid = item_start();
    int64_t keeper = keep_start();
    for (unsigned i = 0; i < 4; i++)
        pids[i] = peer_start(i % 2 ? item_client : pausing_client, 100 * i);
    for (unsigned i = 0; i < 4; i++)
        peer_end(pids[i]);
    echo_end(tid);
    keep_end(keeper);
}

static const struct check checks[] = {
    {"handles", "a handle that is no session with SEND is an error",
     check_item_handles},
    {"revoked", "a session that was revoked is ESTALE", check_item_revoked},
    {"busy", "a server that owes a reply is called later", check_item_busy},
};

int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, sizeof(checks) / sizeof(checks[0]));
}
