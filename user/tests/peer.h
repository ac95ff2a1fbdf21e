/* SPDX-License-Identifier: MIT */
/*
 * tests/peer.h: the other side of a check: processes, threads and servers.
 *
 * Use         static void client(uint64_t arg) { ... check_equal(...) ... }
 *             struct service s = service_make(42);
 *             int64_t pid = peer_start(client, s.session);
 *             ... receive on s.endpoint, answer ...
 *             peer_end(pid);
 * Idea        A session is inherited over fork at the same index, an endpoint
 *             is not: so the check makes the endpoint and its children are the
 *             clients. Where the server must die, server_start() makes a child
 *             the server, which hands its session up.
 * Invariants  A peer that finds something wrong prints it and exits with 1;
 *             peer_end() makes that the check's own failure.
 */
#ifndef OCTAVO_TESTS_PEER_H
#define OCTAVO_TESTS_PEER_H

#include "abi/layout.h"
#include "lib/ipc.h"
#include "tests/check.h"

enum {
    SESSION_RIGHTS = RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT,
    SETTLE_MS = 4, /* for peers to get to where they wait */
    THREAD_STACK = 4 * PAGE_SIZE,
};

/* ---- Processes ---- */

/* Starts a process that runs `run` and exits with 0. */
static inline int64_t peer_start(void (*run)(uint64_t), uint64_t arg) {
    int64_t pid = check_ok("fork for a peer", sys_fork());
    if (pid == 0) {
        run(arg);
        sys_exit(0);
    }
    return pid;
}

/* Waits for a peer to end with `status`. */
static inline void peer_end_with(int64_t pid, int64_t status) {
    struct sys_pair end = sys_wait(pid, time_after(CHECK_LIMIT_MS / 2));
    check_equal("wait for a peer", end.result, pid);
    if ((int64_t)end.value == 1 && status != 1)
        sys_exit(1); /* it has said why */
    check_equal("exit status of a peer", (int64_t)end.value, status);
}

static inline void peer_end(int64_t pid) {
    peer_end_with(pid, 0);
}

static inline void peer_kill(int64_t pid) {
    check_ok("kill a peer", sys_kill(pid));
    peer_end_with(pid, STATUS_KILLED);
}

/* Runs `run` in a process that must be killed by what it does. */
static inline void peer_dies(void (*run)(uint64_t), uint64_t arg) {
    peer_end_with(peer_start(run, arg), STATUS_KILLED);
}

/* ---- Threads ---- */

static inline void __attribute__((noreturn))
thread_begin(void (*run)(uint64_t), uint64_t arg) {
    run(arg);
    sys_thread_exit(0);
}

/* Starts a thread that runs `run` and exits with 0; its stack stays. */
static inline int64_t thread_start(void (*run)(uint64_t), uint64_t arg) {
    int64_t stack =
        check_ok("stack for a thread", sys_map(HANDLE_SELF, 0, THREAD_STACK,
                                               PROT_READ | PROT_WRITE, -1, 0));
    return check_ok("thread_create",
                    sys_thread_create((uint64_t)thread_begin,
                                      (uint64_t)stack + THREAD_STACK,
                                      (uint64_t)run, arg));
}

static inline void thread_end(int64_t tid) {
    struct sys_pair end = sys_thread_join(tid, time_after(CHECK_LIMIT_MS / 2));
    check_equal("join a thread", end.result, 0);
    check_equal("status of a thread", (int64_t)end.value, 0);
}

/* ---- Services ---- */

struct service {
    int64_t endpoint;
    int64_t session;
};

static inline int64_t session_make(int64_t endpoint, uint64_t badge) {
    return check_ok("session_mint",
                    sys_session_mint(endpoint, badge, SESSION_RIGHTS, 0));
}

static inline struct service service_make(uint64_t badge) {
    struct service service;
    service.endpoint = check_ok("endpoint_create", sys_endpoint_create());
    service.session = session_make(service.endpoint, badge);
    return service;
}

/*
 * Receives and expects this kind. Without a deadline, as servers do: only such
 * a receive can be reached by the fast path. A check that waits for ever here
 * is ended by its limit.
 */
static inline void service_receive(int64_t endpoint, struct message *m,
                                   enum message_kind kind) {
    check_equal("recv", ipc_recv(endpoint, m, DEADLINE_NONE), 0);
    check_equal("kind of what was received", tag_kind(m->tag), kind);
}

/* Nothing waits at the endpoint. */
static inline void service_quiet(int64_t endpoint) {
    struct message m;
    check_error("poll of a quiet endpoint",
                ipc_recv(endpoint, &m, DEADLINE_POLL), EAGAIN);
}

/* Answers the newest call with a label and one word. */
static inline int64_t service_answer(int32_t label, uint64_t word) {
    struct message m = {.tag = tag_make(label, 1, 0, 0), .words = {word}};
    return ipc_reply(HANDLE_IMPLICIT, &m);
}

/* Calls with a label and one word, without a deadline; the reply replaces
 * *m. */
static inline int64_t service_call(int64_t session, int32_t label,
                                   uint64_t word, struct message *m) {
    *m = (struct message){.tag = tag_make(label, 1, 0, 0), .words = {word}};
    return ipc_call(session, m, DEADLINE_NONE);
}

/* Answers `count` calls, each with its label and word back. */
static inline void service_echo(int64_t endpoint, unsigned count) {
    struct message m;
    for (unsigned i = 0; i < count; i++) {
        service_receive(endpoint, &m, MESSAGE_CALL);
        check_equal("reply", ipc_reply(HANDLE_IMPLICIT, &m), 0);
    }
}

/* ---- Servers that may die ---- */

struct server {
    int64_t pid;
    int64_t session;
};

/* In the child: makes an endpoint and hands a session to the parent. */
static inline int64_t server_announce(int64_t parent) {
    struct service own = service_make(1);
    struct message m = {.tag = tag_make(0, 0, 1, 0),
                        .handles = handle_pack(own.session, 0)};
    check_ok("hand the session up", ipc_send(parent, &m, DEADLINE_NONE));
    sys_handle_close(own.session);
    sys_handle_close(parent);
    return own.endpoint;
}

/* Starts a process that serves an endpoint by `serve`, then exits with 0. */
static inline struct server server_start(void (*serve)(int64_t endpoint)) {
    struct service rendezvous = service_make(0);
    struct server server;
    struct message m;
    server.pid = check_ok("fork for a server", sys_fork());
    if (server.pid == 0) {
        serve(server_announce(rendezvous.session));
        sys_exit(0);
    }
    check_ok("accept a handle", sys_accept(0, 0, 0, 0, 1, HANDLE_RECEIVED));
    service_receive(rendezvous.endpoint, &m, MESSAGE_SEND);
    check_equal("handles in the announcement", tag_handles(m.tag), 1);
    server.session = handle_at(m.handles, 0);
    check_ok("accept as before", sys_accept(0, 0, 0, 0, 0, HANDLE_RECEIVED));
    check_ok("close the rendezvous", sys_handle_close(rendezvous.session));
    check_ok("close the rendezvous", sys_handle_close(rendezvous.endpoint));
    return server;
}

#endif
