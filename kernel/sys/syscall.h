/* SPDX-License-Identifier: MIT */
/*
 * sys/syscall.h: the one table of system calls.
 *
 * Idea        A system call is a function of the current thread: arguments and
 *             results are in its frame. The function's value goes to a0 unless
 *             it is one of enum syscall_result (proc/wait.h). Handlers check
 *             their own arguments and take no user pointer at all: only
 *             SYS_COPY reaches user memory.
 * Read        abi/syscall.h is the contract; the files here are by subject.
 */
#ifndef OCTAVO_SYS_SYSCALL_H
#define OCTAVO_SYS_SYSCALL_H

#include "proc/thread.h"

typedef int64_t syscall_function(struct thread *self);

/*
 * Those that do not wait, restart or end the thread, and touch no register of
 * it but a0 to a6: trap/entry.S calls them without saving the others. The
 * value is always a0's. NULL: not such a one. If one finds that it must do so
 * nevertheless, it sets ATTENTION_FULL, and the full one is called.
 */
enum { SYSCALL_SLOTS = 64 };
extern syscall_function *const syscall_light[SYSCALL_SLOTS];

/* All others: the thread's whole frame is written, its pc behind the ecall. The
 * value may be one of enum syscall_result (proc/wait.h). */
extern syscall_function *const syscall_full[SYSCALL_SLOTS];

/* Registers memory, space and authority handles with cap. Once, at boot. */
void sys_init(void);

/* Argument i of the call: a0..a5. */
static inline uint64_t argument(const struct thread *self, unsigned i) {
    return self->frame.x[REG_A0 + i];
}

/* Result register i: a0..a6. */
static inline void result(struct thread *self, unsigned i, uint64_t value) {
    self->frame.x[REG_A0 + i] = value;
}

/* 0, or -EBADF, -EPERM: whether the handle is an authority. */
int authority_check(struct thread *self, uint64_t handle);

/* sys/handle.c */
syscall_function sys_session_mint, sys_handle_dup, sys_handle_close,
    sys_handle_info, sys_accept, sys_irq_create;

/* sys/memory.c */
syscall_function sys_space_create, sys_space_commit, sys_map, sys_unmap,
    sys_protect, sys_sbrk, sys_memory_create, sys_memory_info, sys_transfer;

/* sys/process.c */
syscall_function sys_exit, sys_getpid, sys_uptime, sys_sleep, sys_thread_create,
    sys_thread_exit, sys_thread_priority, sys_thread_affinity, sys_yield,
    sys_fault_range, sys_process_limit, sys_process_info;

/* sys/system.c */
syscall_function sys_system_info, sys_kernel_log, sys_poweroff, sys_debug;

#endif
