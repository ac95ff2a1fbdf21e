/* SPDX-License-Identifier: MIT */
/*
 * proc/thread.c: making threads, finding them, joining them, and their end.
 *
 * A dead thread keeps its memory and tid until someone joins it or its process
 * ends: the joiner reads the exit status from it.
 */
#include "proc/thread.h"

#include "abi/errno.h"
#include "abi/syscall.h"
#include "arch/event.h"
#include "arch/hart.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "vm/quota.h"
#include "vm/slab.h"
#include "vm/space.h"

void (*thread_death_hook)(struct thread *thread);

static void thread_once(void *object) {
    struct thread *thread = object;
    thread->state = THREAD_FREE;
    list_init(&thread->link);
    list_init(&thread->deadline_link);
    list_init(&thread->siblings);
}

static struct slab threads = SLAB(struct thread, thread_once);

void thread_accept_default(struct thread *thread) {
    thread->accept_receive = (struct accept){.slot = HANDLE_RECEIVED};
    thread->accept_reply =
        (struct accept){.handles = MESSAGE_HANDLES, .slot = HANDLE_RECEIVED};
}

/* What the last user of this memory left goes, but for what counts on
 * (proc/thread.h I3) and what others may still look at. */
static void thread_reset(struct thread *thread) {
    const size_t kept = offsetof(struct thread, space);
    memset(&thread->frame, 0, sizeof thread->frame);
    memset((char *)thread + kept, 0, sizeof *thread - kept);
    thread_place(thread, hart_self());
    thread->serves_handle = UINT64_MAX;
    thread_accept_default(thread);
    thread->affinity = (1ull << hart_count) - 1;
    thread->base = thread->priority = PRIORITY_DEFAULT;
    thread->state = THREAD_NEW;
}

static struct thread *create_locked(struct process *process)
    REQUIRES(process->lock) {
    struct thread *thread = slab_alloc(&threads, process->quota);
    if (!thread)
        return NULL;
    unsigned bit = bits_lowest(~process->tids);
    thread_reset(thread);
    thread->process = process;
    thread->space = process->space;
    thread->tid = bit + 1;
    process->tids |= 1ull << bit;
    process->thread_count++;
    list_push_back(&process->threads, &thread->siblings);
    return thread;
}

/* Whoever ends the threads of a process holds its lock, so one that is being
 * killed, which may not make others, knows it here. */
struct thread *thread_create(struct process *process) {
    struct thread *thread = NULL;
    spin_lock(&process->lock);
    if (process->tids != UINT64_MAX && !(thread_self()->flags & THREAD_KILLED))
        thread = create_locked(process);
    spin_unlock(&process->lock);
    return thread;
}

void thread_start(struct thread *thread) {
    asid_join(thread->frame.hart, &thread->space->asid);
    sched_ready(thread);
}

void thread_free(struct process *process, struct thread *thread) {
    event_note(EVENT_FREE, thread, (uintptr_t)process,
               (uint64_t)process->pid << 32 | thread->tid);
    if (thread->state == THREAD_NEW)
        process->thread_count--;
    list_remove(&thread->siblings);
    process->tids &= ~(1ull << (thread->tid - 1));
    thread->state = THREAD_FREE;
    thread->process = NULL;
    slab_free(&threads, thread, process->quota);
}

struct thread *thread_next(const struct process *process,
                           const struct thread *before) {
    const struct list *all = &process->threads;
    struct list *node = list_next(all, before ? &before->siblings : all);
    return node ? container_of(node, struct thread, siblings) : NULL;
}

/* The thread with the tid, dead or alive. */
static struct thread *find_any(struct process *process, uint64_t tid)
    REQUIRES(process->lock) {
    struct thread *thread = NULL;
    while ((thread = thread_next(process, thread)) && thread->tid != tid)
        ;
    return thread;
}

struct thread *thread_find(struct process *process, uint64_t tid) {
    struct thread *thread = tid ? find_any(process, tid) : thread_self();
    return thread && thread->state != THREAD_DEAD ? thread : NULL;
}

/* ---- Join ---- */

/* Whether another thread waits in join for this tid: its call is in its
 * frame, ready to run again. */
static bool has_joiner(struct process *process, const struct thread *self,
                       uint64_t tid) REQUIRES(process->lock) {
    const struct thread *other = NULL;
    while ((other = thread_next(process, other))) {
        if (other != self && other->state == THREAD_QUEUED &&
            other->frame.x[REG_A7] == SYS_THREAD_JOIN &&
            other->frame.x[REG_A0] == tid)
            return true;
    }
    return false;
}

/* RESULT_WAITING: it lives, and the caller waits for some thread of the process
 * to die. */
static int64_t join_locked(struct process *process, struct thread *self)
    REQUIRES(process->lock) {
    uint64_t tid = self->frame.x[REG_A0];
    uint64_t deadline = self->frame.x[REG_A1];
    struct thread *thread = find_any(process, tid);
    if (!thread)
        return -ENOENT;
    if (thread == self)
        return -EDEADLK;
    if (thread->state == THREAD_DEAD) {
        self->frame.x[REG_A1] = (uint64_t)thread->exit_status;
        thread_free(process, thread);
        return 0;
    }
    int error = deadline_check(deadline);
    if (!error && has_joiner(process, self, tid))
        error = -EBUSY;
    if (error)
        return error;
    spin_lock(&process->joiners.lock);
    wait_queue_add(&process->joiners, self, deadline);
    spin_unlock(&process->joiners.lock);
    return RESULT_WAITING;
}

int64_t thread_join(struct thread *self) {
    struct process *process = self->process;
    spin_lock(&process->lock);
    int64_t result = join_locked(process, self);
    spin_unlock(&process->lock);
    return result;
}

/* ---- The end ---- */

/* Sees to it that the thread notices that it dies: its wait is cancelled, or
 * its hart interrupted. */
static void thread_end(struct thread *thread) {
    thread_set_flag(thread, THREAD_KILLED);
    if (thread->state == THREAD_DEAD || thread_cancel_killed(thread))
        return;
    if (thread->state == THREAD_RUNNING)
        sched_prod(thread->frame.hart);
}

void thread_end_all(struct process *process, const struct thread *but) {
    struct thread *thread = NULL;
    while ((thread = thread_next(process, thread))) {
        if (thread != but)
            thread_end(thread);
    }
}

/* Frees the threads that nobody joined: all but this one are dead. */
static void free_dead(struct process *process, const struct thread *self)
    REQUIRES(process->lock) {
    struct thread *thread = thread_next(process, NULL);
    while (thread) {
        struct thread *next = thread_next(process, thread);
        if (thread != self)
            thread_free(process, thread);
        thread = next;
    }
}

bool process_single_thread(struct thread *self) {
    struct process *process = self->process;
    spin_lock(&process->lock);
    bool alone = process->thread_count == 1;
    /* Of two threads that do this at once, one must survive. */
    bool killed = self->flags & THREAD_KILLED;
    if (alone) {
        free_dead(process, self);
    } else if (!killed) {
        thread_end_all(process, self);
        spin_lock(&process->joiners.lock);
        wait_queue_add(&process->joiners, self, DEADLINE_NONE);
        spin_unlock(&process->joiners.lock);
    }
    spin_unlock(&process->lock);
    return alone && !killed;
}

void thread_die(struct thread *self, int64_t status) {
    struct process *process = self->process;
    space_leave();
    if (self->forking)
        fork_abandon(self);
    thread_death_hook(self);
    sched_depart(self);
    spin_lock(&process->lock);
    process->time += self->time;
    self->time = 0;
    self->exit_status = status;
    self->state = THREAD_DEAD;
    bool last = --process->thread_count == 0;
    if (last && process->life != LIFE_DYING)
        process->status = status;
    if (last)
        process->life = LIFE_REAPING;
    spin_unlock(&process->lock);
    wait_queue_wake_all(&process->joiners);
    if (last)
        process_reap(process);
}
