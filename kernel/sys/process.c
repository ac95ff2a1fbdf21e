/* SPDX-License-Identifier: MIT */
/*
 * sys/process.c: calls on processes and threads.
 */
#include "proc/process.h"
#include "abi/errno.h"
#include "abi/info.h"
#include "abi/syscall.h"
#include "arch/hart.h"
#include "ipc/call.h"
#include "lib/string.h"
#include "proc/deadline.h"
#include "proc/sched.h"
#include "sys/syscall.h"
#include "vm/quota.h"
#include "vm/space.h"

/* ---- Processes ---- */

int64_t sys_exit(struct thread *self) {
    process_kill(self->process, (int64_t)argument(self, 0));
    return RESULT_WRITTEN;
}

int64_t sys_getpid(struct thread *self) {
    return self->process->pid;
}

int64_t sys_uptime(struct thread *self) {
    (void)self;
    return (int64_t)clock_ticks();
}

int64_t sys_sleep(struct thread *self) {
    return thread_sleep(self, argument(self, 0));
}

static int limit_set(struct process *process, uint64_t what, uint64_t value)
    REQUIRES(tree_lock) {
    switch (what) {
    case LIMIT_PRIORITY:
        if (value > PRIORITY_MAX)
            return -EINVAL;
        process->priority_ceiling = (uint32_t)value;
        return 0;
    case LIMIT_FRAMES:
        process->quota->frames_max = value;
        return 0;
    case LIMIT_ESSENTIAL:
        if (value > 1)
            return -EINVAL;
        process->quota->essential = value;
        return 0;
    default:
        return -EINVAL;
    }
}

int64_t sys_process_limit(struct thread *self) {
    int error = authority_check(self, argument(self, 0));
    if (error)
        return error;
    spin_lock(&tree_lock);
    struct process *process = process_find((int64_t)argument(self, 1));
    error = process ? limit_set(process, argument(self, 2), argument(self, 3))
                    : -ENOENT;
    spin_unlock(&tree_lock);
    return error;
}

/* info->state, and the time it has run. */
static void describe_state(struct process *process, struct process_info *info) {
    uint64_t state = PROCESS_WAITING;
    uint32_t priority = 0;
    spin_lock(&process->lock);
    info->time = process->time;
    struct thread *thread = NULL;
    while ((thread = thread_next(process, thread))) {
        if (thread->state == THREAD_READY || thread->state == THREAD_RUNNING)
            state = PROCESS_RUNNING;
        if (thread->priority > priority)
            priority = thread->priority;
        info->time += thread->time;
    }
    if (process->life == LIFE_ZOMBIE)
        state = PROCESS_ZOMBIE;
    else if (process->life != LIFE_LIVE)
        state = PROCESS_EXITING;
    info->state = state | process->thread_count << 8 | priority << 16;
    spin_unlock(&process->lock);
}

int64_t sys_process_info(struct thread *self) {
    struct process_info info = {0};
    uint64_t index = argument(self, 0);
    if (index >= PROCESS_MAX)
        return -EINVAL;
    sched_charge(self->frame.hart, self);
    spin_lock(&tree_lock);
    struct process *process = process_at((unsigned)index);
    info.pid = process ? process->pid : -ENOENT;
    if (process) {
        info.parent = process->parent ? process->parent->pid : 0;
        describe_state(process, &info);
        info.frames = process->quota->frames;
        memcpy(info.name, process->name, sizeof info.name);
        memcpy(&self->frame.x[REG_A0], &info, sizeof info);
    }
    spin_unlock(&tree_lock);
    return info.pid;
}

/* ---- Threads ---- */

int64_t sys_thread_create(struct thread *self) {
    struct thread *thread = thread_create(self->process);
    if (!thread)
        return self->process->tids == UINT64_MAX ? -EAGAIN : -ENOMEM;
    thread->frame.x[REG_PC] = argument(self, 0);
    thread->frame.x[REG_SP] = argument(self, 1);
    thread->frame.x[REG_A0] = argument(self, 2);
    thread->frame.x[REG_A1] = argument(self, 3);
    thread->base = thread->priority = self->base;
    thread->affinity = self->affinity;
    int64_t tid = thread->tid;
    thread_start(thread);
    return tid;
}

/* The current thread dies on its way out of the kernel; its status is noted
 * now. The last one takes the process with it. */
int64_t sys_thread_exit(struct thread *self) {
    thread_die(self, (int64_t)argument(self, 0));
    return RESULT_WAITING;
}

int64_t sys_thread_priority(struct thread *self) {
    struct process *process = self->process;
    int64_t priority = (int64_t)argument(self, 1);
    if (priority < -1 || priority > PRIORITY_MAX)
        return -EINVAL;
    spin_lock(&process->lock);
    struct thread *thread = thread_find(process, argument(self, 0));
    int64_t value = thread ? (int64_t)thread->base : -ENOENT;
    if (thread && priority > (int64_t)process->priority_ceiling) {
        value = -EPERM;
    } else if (thread && priority >= 0) {
        thread->base = (uint32_t)priority;
        donate_update(thread);
    }
    spin_unlock(&process->lock);
    return value;
}

int64_t sys_thread_affinity(struct thread *self) {
    struct process *process = self->process;
    uint64_t mask = argument(self, 1);
    uint64_t running = (1ull << hart_count) - 1;
    if (mask && !(mask & running))
        return -EINVAL;
    spin_lock(&process->lock);
    struct thread *thread = thread_find(process, argument(self, 0));
    int64_t value = thread ? (int64_t)thread->affinity : -ENOENT;
    if (thread && mask) {
        thread->affinity = mask & running;
        sched_affinity_changed(thread);
    }
    spin_unlock(&process->lock);
    return value;
}

int64_t sys_yield(struct thread *self) {
    (void)self;
    sched_yield();
    return 0;
}

int64_t sys_fault_range(struct thread *self) {
    struct process *process = self->process;
    uint64_t start = argument(self, 0);
    uint64_t end = argument(self, 1);
    uint64_t handler = argument(self, 2);
    if (end != 0 && (start >= end || end > USER_END || handler >= USER_END))
        return -EINVAL;
    process->fault_start = end ? start : 0;
    process->fault_end = end;
    process->fault_handler = end ? handler : 0;
    return 0;
}
