/* SPDX-License-Identifier: MIT */
/*
 * bench/bench_ipc.c: what system calls, messages and switches cost.
 *
 * Idea        bench/common/trap.h: the registers are loaded before the
 *             operation. The other side is the shortest loop that can play its
 *             part, in assembly; its instructions are part of the figure.
 *             ipc_rtt_8w echoes: eight words cross each way.
 * Use         tools/boot -c 'bench_ipc ipc_rtt_8w'; tools/bench runs it for the
 *             table, where the rows are explained.
 */
#include <stddef.h>
#include <stdint.h>

#include "bench/common/server.h"
#include "bench/common/trap.h"
#include "lib/syscall.h"
#include "lib/thread.h"
#include "posix/posix.h"

enum {
    COUNT_CAPS = 4,
    CAPS_SLOT = 64, /* where the server receives handles */
    PAGE = 4096,
    COPY_MOST = 64 * 1024,
};

static struct server server;
static int64_t helper; /* the process at the other side */

static void end_helper(const struct row *row) {
    (void)row;
    bench_must(sys_kill(helper));
    bench_must(sys_wait(helper, DEADLINE_NONE).result);
}

/* ---- A system call ---- */

static uint64_t measure_getpid(const struct row *row) {
    (void)row;
    return cost_trap((struct trap){SYS_GETPID, {0}});
}

/* ---- Calls ---- */

static void begin_echo(const struct row *row) {
    (void)row;
    server = server_start(NULL);
}

static uint64_t measure_call(const struct row *row) {
    return cost_call(server.session,
                     (struct load){tag_make(0, row->size, 0, 0), 0, 0, 0});
}

static void end_server(const struct row *row) {
    (void)row;
    server_end(&server);
}

static struct thread thread;

static int64_t serve_in_thread(void *endpoint) {
    server_echo((int64_t)endpoint);
    return 0;
}

static void begin_same_space(const struct row *row) {
    (void)row;
    int64_t endpoint = bench_must(sys_endpoint_create());
    server.session = bench_must(sys_session_mint(endpoint, 0, RIGHT_SEND, 0));
    bench_must(thread_start(&thread, serve_in_thread, (void *)endpoint));
}

/* ---- Calls with handles ---- */

static void close_caps(uint64_t base) {
    (void)base;
    for (int i = 0; i < COUNT_CAPS; i++)
        bench_must(sys_handle_close(CAPS_SLOT + i));
}

static void accept_caps(void) {
    bench_must(sys_accept(0, 0, 0, 0, COUNT_CAPS, CAPS_SLOT));
}

static const struct server_kind caps_kind = {.accept = accept_caps,
                                             .clean = close_caps};
static uint64_t caps; /* packed */

static void begin_caps(const struct row *row) {
    (void)row;
    server = server_start(&caps_kind);
    int64_t session = bench_must(sys_session_mint(
        bench_must(sys_endpoint_create()), 0, RIGHT_SEND | RIGHT_PASS, 0));
    caps = 0;
    for (unsigned i = 0; i < COUNT_CAPS; i++)
        caps |= handle_pack(session, i);
}

static uint64_t measure_caps(const struct row *row) {
    (void)row;
    uint64_t cost =
        cost_call(server.session,
                  (struct load){tag_make(0, 0, COUNT_CAPS, 0), caps, 0, 0});
    server_clean(&server);
    return cost;
}

/* ---- One way ---- */

static int64_t endpoint;

/* Sends for ever; the word m0 is when. Of lower priority than the receiver,
 * who therefore goes on as soon as the message is there. */
static void send_forever(int64_t session) {
    register int64_t s2 __asm__("s2") = session;
    bench_must(sys_thread_priority(0, PRIORITY_DEFAULT - 1));
    __asm__ volatile("1: li a7, %1\n"
                     "mv a0, %0\n"
                     "li a1, 1\n"
                     "li t6, 0\n"
                     "rdinstret a2\n"
                     "ecall\n"
                     "j 1b\n"
                     :
                     : "r"(s2), "i"(SYS_SEND)
                     : "memory");
}

static void begin_oneway(const struct row *row) {
    (void)row;
    endpoint = bench_must(sys_endpoint_create());
    int64_t session = bench_must(
        sys_session_mint(endpoint, 0, RIGHT_SEND | RIGHT_INHERIT, 0));
    helper = bench_must(sys_fork());
    if (helper == 0)
        send_forever(session);
}

static uint64_t measure_oneway(const struct row *row) {
    register uint64_t a7 __asm__("a7") = SYS_RECV;
    register int64_t a0 __asm__("a0") = endpoint;
    register uint64_t a1 __asm__("a1");
    register uint64_t a2 __asm__("a2");
    register uint64_t t6 __asm__("t6") = DEADLINE_NONE;
    register uint64_t s3 __asm__("s3");
    (void)row;
    __asm__ volatile(
        "ecall\n"
        "rdinstret s3\n"
        : "=r"(s3), "+r"(a7), "+r"(a0), "=r"(a1), "=r"(a2), "+r"(t6)
        :
        : "a3", "a4", "a5", "a6", "t0", "t1", "t2", "t3", "t4", "t5", "memory");
    bench_must(a0);
    return s3 - a2 - 1;
}

/* ---- Notifications ---- */

static int64_t ping, pong;

static void begin_signal(const struct row *row) {
    (void)row;
    ping = bench_must(sys_notification_create());
}

static uint64_t measure_signal(const struct row *row) {
    (void)row;
    return cost_trap((struct trap){SYS_SIGNAL, {(uint64_t)ping, 1}});
}

static void answer_signals(void) {
    register int64_t s2 __asm__("s2") = ping;
    register int64_t s3 __asm__("s3") = pong;
    __asm__ volatile("1: li a7, %2\n"
                     "mv a0, %0\n"
                     "li a1, 0\n"
                     "ecall\n"
                     "li a7, %3\n"
                     "mv a0, %1\n"
                     "li a1, 1\n"
                     "ecall\n"
                     "j 1b\n"
                     :
                     : "r"(s2), "r"(s3), "i"(SYS_WAIT_SIGNAL), "i"(SYS_SIGNAL)
                     : "memory");
}

static void begin_pingpong(const struct row *row) {
    begin_signal(row);
    pong = bench_must(sys_notification_create());
    helper = bench_must(sys_fork());
    if (helper == 0)
        answer_signals();
}

/* A signal, and the wait for the answering one. */
static uint64_t measure_pingpong(const struct row *row) {
    register uint64_t a7 __asm__("a7") = SYS_SIGNAL;
    register int64_t a0 __asm__("a0") = ping;
    register uint64_t a1 __asm__("a1") = 1;
    register int64_t s2 __asm__("s2") = pong;
    uint64_t before, after;
    (void)row;
    __asm__ volatile("rdinstret %0\n"
                     "ecall\n"
                     "li a7, %6\n"
                     "mv a0, %5\n"
                     "li a1, 0\n"
                     "ecall\n"
                     "rdinstret %1\n"
                     : "=&r"(before), "=&r"(after), "+r"(a7), "+r"(a0), "+r"(a1)
                     : "r"(s2), "i"(SYS_WAIT_SIGNAL)
                     : "memory");
    bench_must(a0);
    return after - before - 1;
}

/* ---- Switches ---- */

static int64_t yield_forever(void *unused) {
    register uint64_t a7 __asm__("a7") = SYS_YIELD;
    (void)unused;
    __asm__ volatile("1: ecall\n"
                     "j 1b\n"
                     :
                     : "r"(a7)
                     : "a0", "memory");
    return 0;
}

static void begin_threads(const struct row *row) {
    (void)row;
    bench_must(thread_start(&thread, yield_forever, NULL));
}

static void begin_yield(const struct row *row) {
    (void)row;
    helper = bench_must(sys_fork());
    if (helper == 0)
        yield_forever(NULL);
}

/* To the other and back is two switches. */
static uint64_t measure_yield(const struct row *row) {
    (void)row;
    return cost_trap((struct trap){SYS_YIELD, {0}}) / 2;
}

/* ---- Copies ---- */

static uint8_t window[COPY_MOST] __attribute__((aligned(PAGE)));

static void offer_window(int64_t session) {
    struct message m = {.tag = tag_make(0, 0, 0, 1)};
    memset(window, 1, sizeof(window));
    message_item(&m, 0, (uint64_t)window,
                 item_make(sizeof(window), ITEM_WINDOW, ITEM_READ));
    bench_must(ipc_call(session, &m, DEADLINE_NONE));
    sys_exit(0);
}

static void begin_copy(const struct row *row) {
    struct message m;
    (void)row;
    endpoint = bench_must(sys_endpoint_create());
    int64_t session = bench_must(
        sys_session_mint(endpoint, 0, RIGHT_SEND | RIGHT_INHERIT, 0));
    helper = bench_must(sys_fork());
    if (helper == 0)
        offer_window(session);
    memset(window, 2, sizeof(window));
    bench_must(ipc_recv(endpoint, &m, DEADLINE_NONE));
}

static uint64_t measure_copy(const struct row *row) {
    return cost_trap((struct trap){SYS_COPY,
                                   {(uint64_t)HANDLE_IMPLICIT, COPY_IN, 0,
                                    (uint64_t)window, row->size, 0}});
}

static void end_copy(const struct row *row) {
    end_helper(row);
    bench_must(sys_handle_close(endpoint));
}

static const struct row rows[] = {
    {"null_syscall", measure_getpid, NULL, NULL, 0, 0},
    {"ipc_rtt_0w", measure_call, begin_echo, end_server, 0, 0},
    {"ipc_rtt_8w", measure_call, begin_echo, end_server, 8, 0},
    {"ipc_rtt_4caps", measure_caps, begin_caps, end_server, 0, 0},
    {"send_oneway", measure_oneway, begin_oneway, end_helper, 0, 0},
    {"notify_signal", measure_signal, begin_signal, NULL, 0, 0},
    {"notify_pingpong", measure_pingpong, begin_pingpong, end_helper, 0, 0},
    {"yield_switch", measure_yield, begin_yield, end_helper, 0, 0},
    {"copy/64", measure_copy, begin_copy, end_copy, 64, 0},
    {"copy/512", measure_copy, begin_copy, end_copy, 512, 0},
    {"copy/4096", measure_copy, begin_copy, end_copy, 4096, 0},
    {"copy/16384", measure_copy, begin_copy, end_copy, 16384, 0},
    {"copy/65536", measure_copy, begin_copy, end_copy, 65536, 0},
    /* These leave threads behind, and so are last. */
    {"ipc_rtt_8w_same_space", measure_call, begin_same_space, NULL, 8, 0},
    {"thread_switch", measure_yield, begin_threads, NULL, 0, 0},
};

int main(int argc, char **argv) {
    return bench_run(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
