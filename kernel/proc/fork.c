/* SPDX-License-Identifier: MIT */
/*
 * proc/fork.c: a second process like the first.
 *
 * Sharing a large space takes long, so fork is a system call that restarts:
 * each run shares some pages, and when something more urgent waits, the call
 * gives way with its child and cursor kept in the thread. Nobody else knows
 * the child until it is published, which cannot fail half way.
 */
#include "abi/errno.h"
#include "lib/container.h"
#include "lib/string.h"
#include "proc/fpu.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "vm/space.h"

/* The child's thread: as this one, but the call returns 0. */
static bool copy_thread(struct thread *self, struct process *child) {
    struct thread *thread = thread_create(child);
    if (!thread)
        return false;
    fpu_switch_out(self);
    memcpy(thread->frame.x, self->frame.x, sizeof thread->frame.x);
    memcpy(thread->fpu, self->fpu, sizeof thread->fpu);
    thread_result(thread, 0);
    thread->base = self->base;
    thread->priority = self->base;
    thread->affinity = self->affinity;
    thread->accept_receive = self->accept_receive;
    thread->accept_reply = self->accept_reply;
    return true;
}

static bool fork_begin(struct thread *self) {
    struct process *child = process_create(self->process);
    if (!child)
        return false;
    self->forking = child;
    self->fork_cursor = 0;
    child->space = space_fork_begin(self->process->space, child->quota);
    return child->space && copy_thread(self, child);
}

/* Shares pages until all are, or something presses. */
static int fork_share(struct thread *self) {
    int more;
    do {
        more = space_fork_step(self->process->space, self->forking->space,
                               &self->fork_cursor);
    } while (more == SPACE_MORE && !sched_pressing());
    return more;
}

int64_t process_fork(struct thread *self) {
    int result = -ENOMEM;
    if (self->forking || fork_begin(self))
        result = fork_share(self);
    if (result == SPACE_MORE)
        return RESULT_RESTART;
    if (result == 0) {
        handle_inherit(&self->process->handles, &self->forking->handles);
        int64_t pid = process_publish(self->forking, self->process);
        if (pid > 0) {
            self->forking = NULL;
            return pid;
        }
        result = (int)pid;
    }
    if (self->forking)
        fork_abandon(self);
    return result;
}

void fork_abandon(struct thread *self) {
    process_discard(self->forking);
    self->forking = NULL;
}
