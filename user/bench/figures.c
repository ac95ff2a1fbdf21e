/* SPDX-License-Identifier: MIT */
/*
 * bench/figures.c: what the kernel's basic operations cost, in guest
 * instructions.
 *
 * Idea        `rdinstret; ecall; rdinstret` with the registers loaded before,
 *             less the one instruction that the second read counts. The server
 *             is a loop of four instructions in another address space. Under
 *             -icount shift=0 with one hart the counter counts nothing else,
 *             so each figure is exact; the median over many rounds drops those
 *             in which the timer struck.
 * Use         tools/boot -c figures          the fast path
 *             tools/boot --append fastpath=0 -c figures
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc.h"
#include "lib/printf.h"
#include "lib/syscall.h"
#include "posix/posix.h"

enum { ROUNDS = 1001, WARM = 16 };

static uint64_t samples[ROUNDS];

/* One system call without arguments, measured. */
static uint64_t cost_syscall(uint64_t number) {
    register uint64_t a7 __asm__("a7") = number;
    uint64_t before, after;
    __asm__ volatile("rdinstret %0\n"
                     "ecall\n"
                     "rdinstret %1\n"
                     : "=&r"(before), "=&r"(after), "+r"(a7)
                     :
                     : "a0", "a1", "memory");
    return after - before - 1;
}

/* One call of `tag` with zero words, measured. */
static uint64_t cost_call(int64_t session, uint64_t tag) {
    register uint64_t a7 __asm__("a7") = SYS_CALL;
    register int64_t a0 __asm__("a0") = session;
    register uint64_t a1 __asm__("a1") = tag;
    register uint64_t t6 __asm__("t6") = DEADLINE_NONE;
    register uint64_t s2 __asm__("s2");
    register uint64_t s3 __asm__("s3");
    __asm__ volatile("rdinstret s2\n"
                     "ecall\n"
                     "rdinstret s3\n"
                     : "=r"(s2), "=r"(s3), "+r"(a7), "+r"(a0), "+r"(a1),
                       "+r"(t6)
                     :
                     : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "t2", "t3",
                       "t4", "t5", "memory");
    if (a0 != 0)
        exit(1);
    return s3 - s2 - 1;
}

/* Answers whatever comes with what came, for ever. */
static void serve(int64_t endpoint) {
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

static uint64_t median(void) {
    for (unsigned i = 1; i < ROUNDS; i++) {
        uint64_t value = samples[i];
        unsigned j = i;
        for (; j > 0 && samples[j - 1] > value; j--)
            samples[j] = samples[j - 1];
        samples[j] = value;
    }
    return samples[ROUNDS / 2];
}

static void report(const char *name) {
    uint64_t middle = median();
    printf("%s min %lu median %lu max %lu\n", name, samples[0], middle,
           samples[ROUNDS - 1]);
}

/* A child that serves an endpoint of its own; returns a session to it. */
static int64_t start_server(int64_t *child) {
    struct message m = {.tag = 0};
    int64_t meeting = sys_endpoint_create();
    int64_t invitation =
        sys_session_mint(meeting, 0, RIGHT_SEND | RIGHT_INHERIT, 0);
    sys_accept(0, 0, 0, 0, 1, HANDLE_RECEIVED);
    *child = sys_fork();
    if (*child == 0) {
        int64_t endpoint = sys_endpoint_create();
        int64_t session = sys_session_mint(
            endpoint, 1, RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT, 0);
        m.tag = tag_make(0, 0, 1, 0);
        m.handles = handle_pack(session, 0);
        ipc_send(invitation, &m, DEADLINE_NONE);
        serve(endpoint);
    }
    if (ipc_recv(meeting, &m, DEADLINE_NONE) != 0)
        return -1;
    return (int64_t)handle_at(m.handles, 0);
}

static void measure_calls(void) {
    int64_t child;
    int64_t session = start_server(&child);
    for (unsigned i = 0; i < ROUNDS + WARM; i++) {
        uint64_t cost = cost_call(session, tag_make(1, 0, 0, 0));
        samples[i < WARM ? 0 : i - WARM] = cost;
    }
    report("ipc_rtt_0w");
    for (unsigned i = 0; i < ROUNDS; i++)
        samples[i] = cost_call(session, tag_make(1, 8, 0, 0));
    report("ipc_rtt_8w");
    sys_kill(child);
    sys_wait(child, DEADLINE_NONE);
}

/* One byte to a child and back through two pipes. */
static void measure_pipe(void) {
    int there[2], back[2];
    char byte = 'x';
    if (pipe(there) < 0 || pipe(back) < 0)
        return;
    int child = fork();
    if (child == 0) {
        while (read(there[0], &byte, 1) == 1)
            write(back[1], &byte, 1);
        exit(0);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t before, after;
        __asm__ volatile("rdinstret %0" : "=r"(before));
        write(there[1], &byte, 1);
        read(back[0], &byte, 1);
        __asm__ volatile("rdinstret %0" : "=r"(after));
        samples[i] = after - before - 1;
    }
    report("pipe_rtt_1b");
    kill(child);
    wait(NULL);
}

int main(void) {
    for (unsigned i = 0; i < ROUNDS; i++)
        samples[i] = cost_syscall(SYS_GETPID);
    report("getpid");
    measure_calls();
    measure_pipe();
    return 0;
}
