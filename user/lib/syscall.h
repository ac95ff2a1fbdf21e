/* SPDX-License-Identifier: MIT */
/*
 * lib/syscall.h: one stub for each system call that is not a message call.
 *
 * Idea        A stub puts its arguments into the registers that abi/syscall.h
 *             names and traps. What each call does, and each error it returns,
 *             is written there, once; here is only how C reaches it. Stubs are
 *             inline, so that a call costs its registers and one ecall.
 * Use         int64_t pid = sys_fork(); if (pid < 0) return pid;
 *             Message calls and SYS_COPY are in lib/ipc.h.
 * Invariants  A stub returns a0: zero or positive, or a negative errno. Calls
 *             with more results return a struct whose first field is a0. No
 *             stub changes a register that its call does not name.
 */
#ifndef OCTAVO_LIB_SYSCALL_H
#define OCTAVO_LIB_SYSCALL_H

#include <stdint.h>

#include "abi/handle.h"
#include "abi/info.h"
#include "abi/syscall.h"

/* a0 and a1 of a call with two results. */
struct sys_pair {
    int64_t result;
    uint64_t value;
};

/* a0 and a1 to a6. */
struct sys_words {
    int64_t result;
    uint64_t value[6];
};

/* ---- The traps, by number of arguments ---- */

static inline int64_t sys_trap0(int64_t number) {
    register int64_t a7 __asm__("a7") = number;
    register int64_t a0 __asm__("a0");
    __asm__ volatile("ecall" : "=r"(a0) : "r"(a7) : "memory");
    return a0;
}

static inline int64_t sys_trap1(int64_t number, uint64_t x0) {
    register int64_t a7 __asm__("a7") = number;
    register uint64_t a0 __asm__("a0") = x0;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    return (int64_t)a0;
}

static inline int64_t sys_trap2(int64_t number, uint64_t x0, uint64_t x1) {
    register int64_t a7 __asm__("a7") = number;
    register uint64_t a0 __asm__("a0") = x0;
    register uint64_t a1 __asm__("a1") = x1;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1) : "memory");
    return (int64_t)a0;
}

static inline int64_t sys_trap4(int64_t number, uint64_t x0, uint64_t x1,
                                uint64_t x2, uint64_t x3) {
    register int64_t a7 __asm__("a7") = number;
    register uint64_t a0 __asm__("a0") = x0;
    register uint64_t a1 __asm__("a1") = x1;
    register uint64_t a2 __asm__("a2") = x2;
    register uint64_t a3 __asm__("a3") = x3;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3)
                     : "memory");
    return (int64_t)a0;
}

/* Two arguments, and a second result in a1. */
static inline struct sys_pair sys_trap_pair(int64_t number, uint64_t x0,
                                            uint64_t x1) {
    register int64_t a7 __asm__("a7") = number;
    register uint64_t a0 __asm__("a0") = x0;
    register uint64_t a1 __asm__("a1") = x1;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a7) : "memory");
    return (struct sys_pair){(int64_t)a0, a1};
}

/* Three arguments, and further results in a1 to a6. */
static inline struct sys_words sys_trap_words(int64_t number, uint64_t x0,
                                              uint64_t x1, uint64_t x2) {
    register int64_t a7 __asm__("a7") = number;
    register uint64_t a0 __asm__("a0") = x0;
    register uint64_t a1 __asm__("a1") = x1;
    register uint64_t a2 __asm__("a2") = x2;
    register uint64_t a3 __asm__("a3") = 0;
    register uint64_t a4 __asm__("a4") = 0;
    register uint64_t a5 __asm__("a5") = 0;
    register uint64_t a6 __asm__("a6") = 0;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4),
                       "+r"(a5), "+r"(a6)
                     : "r"(a7)
                     : "memory");
    return (struct sys_words){(int64_t)a0, {a1, a2, a3, a4, a5, a6}};
}

/* ---- Messages ---- */

/* Returns a reply handle for the newest call. */
static inline int64_t sys_reply_save(void) {
    return sys_trap0(SYS_REPLY_SAVE);
}

/* What this thread takes: kind 0 in receives, 1 in replies. */
static inline int64_t sys_accept(unsigned kind, uint64_t base, uint64_t length,
                                 unsigned pages, unsigned handles,
                                 unsigned slot) {
    register int64_t a7 __asm__("a7") = SYS_ACCEPT;
    register uint64_t a0 __asm__("a0") = kind;
    register uint64_t a1 __asm__("a1") = base;
    register uint64_t a2 __asm__("a2") = length;
    register uint64_t a3 __asm__("a3") = pages;
    register uint64_t a4 __asm__("a4") = handles;
    register uint64_t a5 __asm__("a5") = slot;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory");
    return (int64_t)a0;
}

/* ---- Objects ---- */

/* Returns an endpoint handle with every right. */
static inline int64_t sys_endpoint_create(void) {
    return sys_trap0(SYS_ENDPOINT_CREATE);
}

/* Returns a session handle for the endpoint; flags: SESSION_ bits. */
static inline int64_t sys_session_mint(int64_t endpoint, uint64_t badge,
                                       unsigned rights, unsigned flags) {
    return sys_trap4(SYS_SESSION_MINT, (uint64_t)endpoint, badge, rights,
                     flags);
}

static inline int64_t sys_revoke(int64_t handle) {
    return sys_trap1(SYS_REVOKE, (uint64_t)handle);
}

/* Returns the slot; flags: DUP_ bits. */
static inline int64_t sys_handle_dup(int64_t handle, uint64_t slot,
                                     unsigned rights, unsigned flags) {
    return sys_trap4(SYS_HANDLE_DUP, (uint64_t)handle, slot, rights, flags);
}

static inline int64_t sys_handle_close(int64_t handle) {
    return sys_trap1(SYS_HANDLE_CLOSE, (uint64_t)handle);
}

/* result: the type; value[0]: rights, value[1]: badge. */
static inline struct sys_words sys_handle_info(int64_t handle) {
    return sys_trap_words(SYS_HANDLE_INFO, (uint64_t)handle, 0, 0);
}

static inline int64_t sys_notification_create(void) {
    return sys_trap0(SYS_NOTIFICATION_CREATE);
}

static inline int64_t sys_signal(int64_t notification, uint64_t bits) {
    return sys_trap2(SYS_SIGNAL, (uint64_t)notification, bits);
}

/* value: the bits. */
static inline struct sys_pair sys_wait_signal(int64_t notification,
                                              uint64_t deadline) {
    return sys_trap_pair(SYS_WAIT_SIGNAL, (uint64_t)notification, deadline);
}

static inline int64_t sys_notification_bind(int64_t notification,
                                            int64_t endpoint) {
    return sys_trap2(SYS_NOTIFICATION_BIND, (uint64_t)notification,
                     (uint64_t)endpoint);
}

/* Returns an irq handle. */
static inline int64_t sys_irq_create(int64_t authority, uint64_t interrupt) {
    return sys_trap2(SYS_IRQ_CREATE, (uint64_t)authority, interrupt);
}

static inline int64_t sys_irq_bind(int64_t irq, int64_t notification,
                                   uint64_t bits) {
    return sys_trap4(SYS_IRQ_BIND, (uint64_t)irq, (uint64_t)notification, bits,
                     0);
}

static inline int64_t sys_irq_ack(int64_t irq) {
    return sys_trap1(SYS_IRQ_ACK, (uint64_t)irq);
}

/* ---- Memory ---- */

/* Returns a handle on an empty address space. */
static inline int64_t sys_space_create(void) {
    return sys_trap0(SYS_SPACE_CREATE);
}

/* What a program starts with. */
struct sys_start {
    uint64_t entry;
    uint64_t stack; /* its first stack pointer */
    uint64_t arg0;  /* its first a0 and a1 */
    uint64_t arg1;
    uint64_t heap;    /* where sbrk grows from */
    uint64_t name[2]; /* up to 16 bytes of name, zero-filled */
};

/* Returns only on an error. */
static inline int64_t sys_space_commit(int64_t space,
                                       const struct sys_start *start) {
    register int64_t a7 __asm__("a7") = SYS_SPACE_COMMIT;
    register uint64_t a0 __asm__("a0") = (uint64_t)space;
    register uint64_t a1 __asm__("a1") = start->entry;
    register uint64_t a2 __asm__("a2") = start->stack;
    register uint64_t a3 __asm__("a3") = start->arg0;
    register uint64_t a4 __asm__("a4") = start->arg1;
    register uint64_t a5 __asm__("a5") = start->heap;
    register uint64_t a6 __asm__("a6") = start->name[0];
    register uint64_t t0 __asm__("t0") = start->name[1];
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5),
                       "r"(a6), "r"(t0)
                     : "memory");
    return (int64_t)a0;
}

/* Returns the address; flags: PROT_ and MAP_ bits; memory: -1 for zeros. */
static inline int64_t sys_map(int64_t space, uint64_t address, uint64_t length,
                              unsigned flags, int64_t memory, uint64_t offset) {
    register int64_t a7 __asm__("a7") = SYS_MAP;
    register uint64_t a0 __asm__("a0") = (uint64_t)space;
    register uint64_t a1 __asm__("a1") = address;
    register uint64_t a2 __asm__("a2") = length;
    register uint64_t a3 __asm__("a3") = flags;
    register uint64_t a4 __asm__("a4") = (uint64_t)memory;
    register uint64_t a5 __asm__("a5") = offset;
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "memory");
    return (int64_t)a0;
}

static inline int64_t sys_unmap(int64_t space, uint64_t address,
                                uint64_t length) {
    return sys_trap4(SYS_UNMAP, (uint64_t)space, address, length, 0);
}

static inline int64_t sys_protect(int64_t space, uint64_t address,
                                  uint64_t length, unsigned prot) {
    return sys_trap4(SYS_PROTECT, (uint64_t)space, address, length, prot);
}

/* Returns the old end of the heap. */
static inline int64_t sys_sbrk(int64_t delta) {
    return sys_trap1(SYS_SBRK, (uint64_t)delta);
}

/* Returns a memory handle; kind: MEMORY_DEVICE or MEMORY_DMA. */
static inline int64_t sys_memory_create(int64_t authority, uint64_t base,
                                        uint64_t length, unsigned kind) {
    return sys_trap4(SYS_MEMORY_CREATE, (uint64_t)authority, base, length,
                     kind);
}

/* value[0]: physical base, value[1]: length. */
static inline struct sys_words sys_memory_info(int64_t memory) {
    return sys_trap_words(SYS_MEMORY_INFO, (uint64_t)memory, 0, 0);
}

/* ---- Processes and threads ---- */

/* Returns the child's pid, and 0 in the child. */
static inline int64_t sys_fork(void) {
    return sys_trap0(SYS_FORK);
}

static inline void __attribute__((noreturn)) sys_exit(int64_t status) {
    sys_trap1(SYS_EXIT, (uint64_t)status);
    __builtin_unreachable();
}

/* result: the child's pid; value: its exit status. */
static inline struct sys_pair sys_wait(int64_t pid, uint64_t deadline) {
    return sys_trap_pair(SYS_WAIT, (uint64_t)pid, deadline);
}

static inline int64_t sys_kill(int64_t pid) {
    return sys_trap1(SYS_KILL, (uint64_t)pid);
}

static inline int64_t sys_getpid(void) {
    return sys_trap0(SYS_GETPID);
}

/* Returns ticks since boot. */
static inline int64_t sys_uptime(void) {
    return sys_trap0(SYS_UPTIME);
}

static inline int64_t sys_sleep(uint64_t deadline) {
    return sys_trap1(SYS_SLEEP, deadline);
}

/* Returns the thread's id. `entry` starts with `stack` as its stack pointer
 * and the arguments in a0, a1, and must not return: see lib/thread.h. */
static inline int64_t sys_thread_create(uint64_t entry, uint64_t stack,
                                        uint64_t arg0, uint64_t arg1) {
    return sys_trap4(SYS_THREAD_CREATE, entry, stack, arg0, arg1);
}

static inline void __attribute__((noreturn)) sys_thread_exit(int64_t status) {
    sys_trap1(SYS_THREAD_EXIT, (uint64_t)status);
    __builtin_unreachable();
}

/* value: the thread's status. */
static inline struct sys_pair sys_thread_join(int64_t tid, uint64_t deadline) {
    return sys_trap_pair(SYS_THREAD_JOIN, (uint64_t)tid, deadline);
}

/* Returns the priority it had; tid 0: the caller; priority -1 only asks. */
static inline int64_t sys_thread_priority(int64_t tid, int64_t priority) {
    return sys_trap2(SYS_THREAD_PRIORITY, (uint64_t)tid, (uint64_t)priority);
}

/* Returns the mask it had; mask 0 only asks. */
static inline int64_t sys_thread_affinity(int64_t tid, uint64_t mask) {
    return sys_trap2(SYS_THREAD_AFFINITY, (uint64_t)tid, mask);
}

static inline int64_t sys_yield(void) {
    return sys_trap0(SYS_YIELD);
}

static inline int64_t sys_fault_range(uint64_t start, uint64_t end,
                                      uint64_t handler) {
    return sys_trap4(SYS_FAULT_RANGE, start, end, handler, 0);
}

static inline int64_t sys_process_watch(int64_t notification, uint64_t bits) {
    return sys_trap2(SYS_PROCESS_WATCH, (uint64_t)notification, bits);
}

static inline int64_t sys_process_limit(int64_t authority, int64_t pid,
                                        unsigned what, uint64_t value) {
    return sys_trap4(SYS_PROCESS_LIMIT, (uint64_t)authority, (uint64_t)pid,
                     what, value);
}

/* Returns 0 and fills *info, or EINVAL (none from this index on) or ENOENT. */
static inline int64_t sys_process_info(uint64_t index,
                                       struct process_info *info) {
    struct sys_words words = sys_trap_words(SYS_PROCESS_INFO, index, 0, 0);
    if (words.result < 0)
        return words.result;
    *info = (struct process_info){
        .pid = words.result,
        .parent = (int64_t)words.value[0],
        .state = words.value[1],
        .frames = words.value[2],
        .time = words.value[3],
        .name = {words.value[4], words.value[5]},
    };
    return 0;
}

static inline struct sys_words sys_system_info(enum system_info what,
                                               uint64_t index) {
    return sys_trap_words(SYS_SYSTEM_INFO, what, index, 0);
}

/* ---- Bottom line ---- */

/* Writes 1..40 bytes, packed into five words, to the kernel's own console. */
static inline int64_t sys_kernel_log(int64_t authority, uint64_t length,
                                     const uint64_t words[5]) {
    register int64_t a7 __asm__("a7") = SYS_KERNEL_LOG;
    register uint64_t a0 __asm__("a0") = (uint64_t)authority;
    register uint64_t a1 __asm__("a1") = length;
    register uint64_t a2 __asm__("a2") = words[0];
    register uint64_t a3 __asm__("a3") = words[1];
    register uint64_t a4 __asm__("a4") = words[2];
    register uint64_t a5 __asm__("a5") = words[3];
    register uint64_t a6 __asm__("a6") = words[4];
    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5),
                       "r"(a6)
                     : "memory");
    return (int64_t)a0;
}

/* Returns only on an error. */
static inline int64_t sys_poweroff(int64_t authority, unsigned status) {
    return sys_trap2(SYS_POWEROFF, (uint64_t)authority, status);
}

/* result and value by operation: abi/info.h. */
static inline struct sys_pair sys_debug(enum debug_operation operation,
                                        uint64_t argument) {
    return sys_trap_pair(SYS_DEBUG, operation, argument);
}

/* The `time` CSR: what deadlines are measured in. */
static inline uint64_t time_now(void) {
    uint64_t now;
    __asm__ volatile("rdtime %0" : "=r"(now));
    return now;
}

/* Instructions retired by this hart. */
static inline uint64_t instructions_now(void) {
    uint64_t now;
    __asm__ volatile("rdinstret %0" : "=r"(now));
    return now;
}

#endif
