/* SPDX-License-Identifier: MIT */
/*
 * lib/thread.h: threads of this process, each with a stack of its own.
 *
 * Use         struct thread worker;
 *             int64_t error = thread_start(&worker, work, &job);
 *             ...
 *             int64_t status = 0;
 *             error = thread_join(&worker, &status);
 */
#ifndef OCTAVO_LIB_THREAD_H
#define OCTAVO_LIB_THREAD_H

#include <stdint.h>

enum { THREAD_STACK_SIZE = 64 * 1024 }; /* demand zero, a guard below */

/* What a thread does; the result is its status. */
typedef int64_t (*thread_main)(void *argument);

struct thread {
    int64_t tid;
    uint64_t stack; /* lowest address of its stack */
};

/* Starts a thread that runs main(argument). *thread is the caller's until it
 * is joined. Errors of SYS_MAP and SYS_THREAD_CREATE. */
int64_t thread_start(struct thread *thread, thread_main main, void *argument);

/* Waits for its end and frees its stack. `status` may be NULL. Errors of
 * SYS_THREAD_JOIN. */
int64_t thread_join(struct thread *thread, int64_t *status);

#endif
