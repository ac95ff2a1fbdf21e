/* SPDX-License-Identifier: MIT */
/*
 * lib/thread.c: stacks for threads.
 *
 * A thread cannot free the stack it runs on, so the one who joins does.
 */
#include "lib/thread.h"

#include <stddef.h>

#include "abi/layout.h"
#include "abi/message.h"
#include "lib/syscall.h"

static void __attribute__((noreturn))
thread_begin(thread_main main, void *argument) {
    sys_thread_exit(main(argument));
}

int64_t thread_start(struct thread *thread, thread_main main, void *argument) {
    int64_t stack = sys_map(HANDLE_SELF, 0, THREAD_STACK_SIZE,
                            PROT_READ | PROT_WRITE | MAP_STACK, -1, 0);
    if (stack < 0)
        return stack;
    int64_t tid = sys_thread_create((uint64_t)thread_begin,
                                    (uint64_t)stack + THREAD_STACK_SIZE,
                                    (uint64_t)main, (uint64_t)argument);
    if (tid < 0) {
        sys_unmap(HANDLE_SELF, (uint64_t)stack, THREAD_STACK_SIZE);
        return tid;
    }
    *thread = (struct thread){tid, (uint64_t)stack};
    return 0;
}

int64_t thread_join(struct thread *thread, int64_t *status) {
    struct sys_pair end = sys_thread_join(thread->tid, DEADLINE_NONE);
    if (end.result < 0)
        return end.result;
    if (status != NULL)
        *status = (int64_t)end.value;
    return sys_unmap(HANDLE_SELF, thread->stack, THREAD_STACK_SIZE);
}
