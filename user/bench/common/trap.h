/* SPDX-License-Identifier: MIT */
/*
 * bench/common/trap.h: what one system call costs.
 *
 * Idea        The registers are loaded first; then `rdinstret; ecall;
 *             rdinstret`, less the one instruction that the second read counts.
 *             So a figure has the ecall itself, the kernel, and what other
 *             threads run before this one goes on.
 */
#ifndef OCTAVO_BENCH_COMMON_TRAP_H
#define OCTAVO_BENCH_COMMON_TRAP_H

#include <stdint.h>

#include "abi/message.h"
#include "abi/syscall.h"
#include "bench/common/bench.h"

/* A call's arguments, a0 to a5. */
struct trap {
    uint64_t number;
    uint64_t a[6];
};

static inline uint64_t cost_trap(struct trap trap) {
    register uint64_t a7 __asm__("a7") = trap.number;
    register uint64_t a0 __asm__("a0") = trap.a[0];
    register uint64_t a1 __asm__("a1") = trap.a[1];
    register uint64_t a2 __asm__("a2") = trap.a[2];
    register uint64_t a3 __asm__("a3") = trap.a[3];
    register uint64_t a4 __asm__("a4") = trap.a[4];
    register uint64_t a5 __asm__("a5") = trap.a[5];
    uint64_t before, after;
    __asm__ volatile("rdinstret %0\n"
                     "ecall\n"
                     "rdinstret %1\n"
                     : "=&r"(before), "=&r"(after), "+r"(a7), "+r"(a0),
                       "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)
                     :
                     : "memory");
    bench_must((int64_t)a0);
    return after - before - 1;
}

/* What goes along with a call; the words are what they happen to be. */
struct load {
    uint64_t tag;
    uint64_t handles;
    uint64_t item_base;
    uint64_t item_desc;
};

static inline uint64_t cost_call(int64_t session, struct load load) {
    register uint64_t a7 __asm__("a7") = SYS_CALL;
    register int64_t a0 __asm__("a0") = session;
    register uint64_t a1 __asm__("a1") = load.tag;
    register uint64_t t3 __asm__("t3") = load.handles;
    register uint64_t t4 __asm__("t4") = load.item_base;
    register uint64_t t5 __asm__("t5") = load.item_desc;
    register uint64_t t6 __asm__("t6") = DEADLINE_NONE;
    register uint64_t s2 __asm__("s2");
    register uint64_t s3 __asm__("s3");
    __asm__ volatile("rdinstret s2\n"
                     "ecall\n"
                     "rdinstret s3\n"
                     : "=r"(s2), "=r"(s3), "+r"(a7), "+r"(a0), "+r"(a1),
                       "+r"(t3), "+r"(t4), "+r"(t5), "+r"(t6)
                     :
                     : "a2", "a3", "a4", "a5", "a6", "t0", "t1", "t2",
                       "memory");
    bench_must(a0);
    return s3 - s2 - 1;
}

#endif
