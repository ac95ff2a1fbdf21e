/* SPDX-License-Identifier: MIT */
/*
 * bench/common/server.c: the server at the other side of measured calls.
 *
 * Idea        bench/common/server.h. An endpoint is not inherited over fork,
 *             so the child makes it and sends its two sessions up.
 */
#include "bench/common/server.h"

#include <stddef.h>

#include "bench/common/bench.h"
#include "lib/syscall.h"

enum { BADGE_MEASURED = 0, BADGE_CONTROL = 1 };

__attribute__((noinline)) void server_echo(int64_t endpoint) {
    register int64_t s2 __asm__("s2") = endpoint;
    __asm__ volatile("li a1, 0\n"
                     "li t6, 0\n"
                     "1: li a7, %1\n"
                     "mv a0, %0\n"
                     "ecall\n"
                     "j 1b\n"
                     :
                     : "r"(s2), "i"(SYS_REPLY_RECV)
                     : "memory");
}

/* Answers calls with nothing until one has another badge; returns the base of
 * the memory item of the call before it. */
static __attribute__((noinline)) uint64_t serve(int64_t endpoint) {
    register int64_t s2 __asm__("s2") = endpoint;
    register uint64_t s3 __asm__("s3");
    register uint64_t s4 __asm__("s4");
    __asm__ volatile("li t4, 0\n"
                     "li t6, 0\n"
                     "1: mv s3, t4\n"
                     "li a7, %3\n"
                     "mv a0, %2\n"
                     "li a1, 0\n"
                     "ecall\n"
                     "beqz a7, 1b\n"
                     "mv s4, a0\n"
                     : "=&r"(s3), "=&r"(s4)
                     : "r"(s2), "i"(SYS_REPLY_RECV)
                     : "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0",
                       "t1", "t2", "t3", "t4", "t5", "t6", "memory");
    bench_must((int64_t)s4);
    return s3;
}

static void serve_kind(int64_t endpoint, const struct server_kind *kind) {
    if (kind == NULL)
        server_echo(endpoint);
    if (kind->serve != NULL)
        kind->serve(endpoint);
    kind->accept();
    for (;;)
        kind->clean(serve(endpoint));
}

static void run(int64_t parent, const struct server_kind *kind) {
    unsigned rights = RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT;
    struct message m = {.tag = tag_make(0, 0, 2, 0)};
    int64_t endpoint = bench_must(sys_endpoint_create());
    int64_t measured =
        bench_must(sys_session_mint(endpoint, BADGE_MEASURED, rights, 0));
    int64_t control =
        bench_must(sys_session_mint(endpoint, BADGE_CONTROL, rights, 0));
    m.handles = handle_pack(measured, 0) | handle_pack(control, 1);
    bench_must(ipc_send(parent, &m, DEADLINE_NONE));
    serve_kind(endpoint, kind);
}

struct server server_start(const struct server_kind *kind) {
    struct server server;
    struct message m;
    int64_t meeting = bench_must(sys_endpoint_create());
    int64_t invitation =
        bench_must(sys_session_mint(meeting, 0, RIGHT_SEND | RIGHT_INHERIT, 0));
    server.pid = bench_must(sys_fork());
    if (server.pid == 0)
        run(invitation, kind);
    bench_must(sys_accept(0, 0, 0, 0, 2, HANDLE_RECEIVED));
    bench_must(ipc_recv(meeting, &m, DEADLINE_NONE));
    server.session = handle_at(m.handles, 0);
    server.control = handle_at(m.handles, 1);
    bench_must(sys_accept(0, 0, 0, 0, 0, HANDLE_RECEIVED));
    bench_must(sys_handle_close(invitation));
    bench_must(sys_handle_close(meeting));
    return server;
}

void server_clean(const struct server *server) {
    struct message m = {.tag = 0};
    bench_must(ipc_call(server->control, &m, DEADLINE_NONE));
}

void server_end(const struct server *server) {
    bench_must(sys_kill(server->pid));
    bench_must(sys_wait(server->pid, DEADLINE_NONE).result);
    bench_must(sys_handle_close(server->session));
    bench_must(sys_handle_close(server->control));
}
