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
#include "arch/fence.h"
#include "arch/hart.h"
#include "lib/bits.h"
#include "lib/container.h"
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

/* Fields that the last user of this memory left; wait_sequence and
 * call_sequence go on (proc/thread.h I3). */
static void thread_reset(struct thread *thread) {
    memset(&thread->frame, 0, sizeof thread->frame);
    thread->paging.error = 0;
    memset(thread->fpu, 0, sizeof thread->fpu);
    thread_place(thread, hart_self());
    thread->flags = 0;
    thread->server = NULL;
    thread->caller = NULL;
    thread->caller_gone = false;
    thread->serves_handle = UINT64_MAX;
    thread->failed_item = 0;
    thread->unprepared = false;
    thread->loan = thread->borrowed = NULL;
    thread->serves = NULL;
    thread->forking = NULL;
    thread_accept_default(thread);
    thread->time = 0;
    thread->timed = 0;
    thread->affinity = (1ull << hart_count) - 1;
    thread->base = PRIORITY_DEFAULT;
    thread->priority = PRIORITY_DEFAULT;
    thread->exit_status = 0;
}

/* Takes a tid and a place in the process; false: all are taken. Whoever ends
 * the threads of a process holds its lock, so one that is being killed, which
 * may not make others, knows it here. */
static bool thread_enrol(struct process *process, struct thread *thread) {
    spin_lock(&process->lock);
    bool room =
        process->tids != UINT64_MAX && !(thread_self()->flags & THREAD_KILLED);
    if (room) {
        unsigned bit = bits_lowest(~process->tids);
        process->tids |= 1ull << bit;
        thread->tid = bit + 1;
        process->thread_count++;
        list_push_back(&process->threads, &thread->siblings);
    }
    spin_unlock(&process->lock);
    return room;
}

struct thread *thread_create(struct process *process) {
    struct thread *thread = slab_alloc_for(&threads, process->quota);
    if (!thread)
        return NULL;
    thread_reset(thread);
    thread->process = process;
    thread->space = process->space;
    thread->state = THREAD_NEW;
    if (thread_enrol(process, thread))
        return thread;
    thread->state = THREAD_FREE;
    slab_free_for(&threads, thread, process->quota);
    return NULL;
}

void thread_start(struct thread *thread) {
    asid_join(thread->frame.hart, &thread->space->asid);
    sched_ready(thread);
}

static void thread_unlink(struct process *process, struct thread *thread)
    REQUIRES(process->lock) {
    list_remove(&thread->siblings);
    process->tids &= ~(1ull << (thread->tid - 1));
}

/* Gives back the memory of a thread that its process no longer knows. */
static void thread_release(struct thread *thread) {
    event_note(EVENT_FREE, thread, (uintptr_t)thread->process,
               (uint64_t)thread->process->pid << 32 | thread->tid);
    quota_uncharge_objects(thread->process->quota, 1);
    thread->state = THREAD_FREE;
    thread->process = NULL;
    slab_free(&threads, thread);
}

void thread_free(struct thread *thread) {
    struct process *process = thread->process;
    spin_lock(&process->lock);
    if (thread->state == THREAD_NEW)
        process->thread_count--;
    thread_unlink(process, thread);
    spin_unlock(&process->lock);
    thread_release(thread);
}

static struct thread *thread_of(struct list *node) {
    return container_of(node, struct thread, siblings);
}

/* The thread with the tid, dead or alive. */
static struct thread *find_any(struct process *process, uint64_t tid)
    REQUIRES(process->lock) {
    struct list *node = list_first(&process->threads);
    while (node && thread_of(node)->tid != tid)
        node = list_next(&process->threads, node);
    return node ? thread_of(node) : NULL;
}

struct thread *thread_find(struct process *process, uint64_t tid) {
    struct thread *thread = find_any(process, tid);
    return thread && thread->state != THREAD_DEAD ? thread : NULL;
}

/* ---- Join ---- */

/* Whether another thread waits in join for this tid: its call is in its
 * frame, ready to run again. */
static bool has_joiner(struct process *process, const struct thread *self,
                       uint64_t tid) REQUIRES(process->lock) {
    struct list *node = list_first(&process->threads);
    for (; node; node = list_next(&process->threads, node)) {
        const struct thread *other = thread_of(node);
        if (other != self && other->state == THREAD_QUEUED &&
            other->frame.x[REG_A7] == SYS_THREAD_JOIN &&
            other->frame.x[REG_A0] == tid)
            return true;
    }
    return false;
}

/* 0: *status holds the dead thread's, whom the caller frees. RESULT_WAITING:
 * it lives, and the caller waits for some thread of the process to die. */
static int64_t join_locked(struct process *process, struct thread *self,
                           struct thread **dead) REQUIRES(process->lock) {
    uint64_t tid = self->frame.x[REG_A0];
    uint64_t deadline = self->frame.x[REG_A1];
    struct thread *thread = find_any(process, tid);
    if (!thread)
        return -ENOENT;
    if (thread == self)
        return -EDEADLK;
    if (thread->state == THREAD_DEAD) {
        *dead = thread;
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
    struct thread *dead = NULL;
    spin_lock(&process->lock);
    int64_t result = join_locked(process, self, &dead);
    if (dead) {
        self->frame.x[REG_A1] = (uint64_t)dead->exit_status;
        thread_unlink(process, dead);
    }
    spin_unlock(&process->lock);
    if (dead)
        thread_release(dead);
    return result;
}

/* ---- The end ---- */

/* Frees the threads that nobody joined. */
static void free_dead(struct process *process) {
    struct list *node = list_first(&process->threads);
    while (node) {
        struct list *next = list_next(&process->threads, node);
        if (thread_of(node)->state == THREAD_DEAD)
            thread_free(thread_of(node));
        node = next;
    }
}

bool process_single_thread(struct thread *self) {
    struct process *process = self->process;
    spin_lock(&process->lock);
    bool alone = process->thread_count == 1;
    /* Of two threads that do this at once, one must survive. */
    bool killed = self->flags & THREAD_KILLED;
    struct list *node = list_first(&process->threads);
    for (; node && !alone && !killed;
         node = list_next(&process->threads, node)) {
        if (thread_of(node) != self)
            thread_end(thread_of(node));
    }
    if (!alone && !killed) {
        spin_lock(&process->joiners.lock);
        wait_queue_add(&process->joiners, self, DEADLINE_NONE);
        spin_unlock(&process->joiners.lock);
    }
    spin_unlock(&process->lock);
    if (!alone || killed)
        return false;
    free_dead(process);
    return true;
}

void thread_end(struct thread *thread) {
    thread_set_flag(thread, THREAD_KILLED);
    if (thread->state == THREAD_DEAD || thread_cancel(thread, -ECANCELED))
        return;
    if (thread->state == THREAD_RUNNING)
        sched_prod(thread->frame.hart);
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
    spin_unlock(&process->lock);
    wait_queue_wake_all(&process->joiners);
    if (last)
        process_reap(process, status);
}
