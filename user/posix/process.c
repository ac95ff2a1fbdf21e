/* SPDX-License-Identifier: MIT */
/*
 * posix/process.c: processes, their ends and their heaps.
 */
#include "abi/message.h"
#include "lib/safe.h"
#include "lib/syscall.h"
#include "posix/internal.h"
#include "posix/posix.h"

int fork(void) {
    malloc_lock();
    int64_t pid = sys_fork();
    malloc_unlock();
    return posix_result(pid);
}

void exit(int status) {
    sys_exit(status);
}

/* Waits with a deadline. The pointer is tried first, so that a bad one costs
 * no child's status. */
static int64_t child_wait(int pid, int *status, uint64_t deadline) {
    int64_t error = status != NULL ? safe_probe(status, sizeof(*status)) : 0;
    if (error < 0)
        return error;
    struct sys_pair child = sys_wait(pid, deadline);
    int value = (int)child.value;
    if (child.result >= 0 && status != NULL)
        safe_copy(status, &value, sizeof(value));
    return child.result;
}

int wait(int *status) {
    return posix_result(child_wait(-1, status, DEADLINE_NONE));
}

int waitpid(int pid, int *status) {
    return posix_result(child_wait(pid, status, DEADLINE_NONE));
}

int wait_poll(int *status) {
    int64_t pid = child_wait(-1, status, DEADLINE_POLL);
    return posix_result(pid == -EAGAIN ? 0 : pid);
}

int kill(int pid) {
    return posix_result(sys_kill(pid));
}

int getpid(void) {
    return posix_result(sys_getpid());
}

char *sbrk(int delta) {
    int64_t old = sys_sbrk(delta);
    if (old < 0) {
        posix_error = (int)-old;
        old = -1;
    }
    return (char *)old;
}

int sleep(int ticks) {
    static uint64_t tick; /* in units of the time CSR; the same for ever */
    if (tick == 0)
        tick = sys_system_info(INFO_TIMEBASE, 0).value[1];
    if (ticks <= 0)
        return posix_result(ticks < 0 ? -EINVAL : 0);
    return posix_result(sys_sleep(time_now() + (uint64_t)ticks * tick));
}

int uptime(void) {
    return posix_result(sys_uptime());
}
