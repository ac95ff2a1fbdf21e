/* SPDX-License-Identifier: MIT */
/*
 * proc/wait.h: how threads wait, and how waits end.
 *
 * Idea        Waiting is publishing a state. A system call that must wait
 *             calls thread_wait under the lock of what it waits for; from the
 *             unlock on, anyone with that lock may end the wait. There is no
 *             stack to come back to, so a wait ends in one of two ways:
 *             completed (results written to the frame; the call is over) or
 *             restarted (the pc is put back on the ecall, which runs afresh).
 *             Deadlines are absolute, so a restart does not extend them.
 * Use         spin_lock(&q->lock); if (!condition) { thread_restart(self);
 *             wait_queue_add(q, self, deadline); result = RESULT_WAITING; }
 *             spin_unlock(&q->lock); return result;
 */
#ifndef OCTAVO_PROC_WAIT_H
#define OCTAVO_PROC_WAIT_H

#include "proc/deadline.h"
#include "proc/sched.h"
#include "proc/thread.h"
#include "sync/spinlock.h"

/*
 * What a system call returns instead of a value for a0. No error number comes
 * near these.
 */
enum syscall_result {
    RESULT_WAITING = -4096, /* the thread waits; its frame is not ours */
    RESULT_RESTART = -4097, /* run the same ecall again */
    RESULT_WRITTEN = -4098, /* the results are in the frame */
    RESULT_LEAST = -8192,   /* below: the address of the thread to go on with;
                               all is done for it */
};

struct wait_queue {
    struct spinlock lock; /* RANK_THREAD_WAIT */
    struct list waiters;
};

/* Prepares a queue. Its lock must not be in use. */
void wait_queue_init(struct wait_queue *queue);

/* Takes back a wait at an endpoint; set once by ipc_init. See proc/thread.h for
 * the contract. */
extern wait_cancel *wait_cancel_endpoint;

/* Ends the wait numbered `sequence`, if the thread is still in it; whether it
 * was. No lock held. */
bool wait_take_back(struct thread *thread, uint64_t sequence, int error);

/* What a thread waits with comes before its state, for those who look at it
 * without a lock. (gcc's own atomic store would be an exchange.) */
static inline void thread_publish(struct thread *thread,
                                  enum thread_state state) {
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile uint32_t *)&thread->state = state;
}

/* A thread was killed while it began to wait: this hart looks after it. */
void thread_doom(struct thread *thread);

/*
 * Publishes that the current thread waits: state and deadline. From here
 * on the hart works for another (thread_self is whom it was handed to, or its
 * idle thread) and the thread belongs to whoever takes the lock next. The
 * caller holds the lock of what is waited for and has linked the thread there.
 * A thread that is being killed waits too: its killer cancels it, or this hart
 * as it leaves. Deadline: DEADLINE_NONE or absolute; DEADLINE_POLL is the
 * caller's business.
 */
static inline void thread_wait(struct thread *self, enum thread_state state,
                               uint64_t deadline) {
    sched_pass_on(self);
    self->wait_sequence++;
    if (deadline != DEADLINE_NONE)
        deadline_arm(self, deadline);
    thread_publish(self, state);
    /* thread_end sets the flag, then looks at the state: one of the two sees
     * what the other did. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (self->flags & THREAD_KILLED)
        thread_doom(self);
}

/* What every end of a wait has in common. */
static inline void thread_wait_end(struct thread *thread) {
    if (thread->flags & THREAD_DEADLINE)
        deadline_disarm(thread);
}

/* Ends a wait under the lock it is guarded by; the caller has unlinked the
 * thread and written its results. Makes it ready. */
void thread_wake(struct thread *thread);

/* As thread_wake, but gives it this hart next if its priority allows. */
static inline void thread_wake_handoff(struct thread *thread) {
    thread_wait_end(thread);
    sched_handoff(thread);
}

/* Puts the pc back on the ecall: when woken, the call runs again. */
static inline void thread_restart(struct thread *self) {
    self->frame.x[REG_PC] -= 4;
}

/* Links the thread at the end and lets it wait; restart is implied. The caller
 * holds queue->lock. */
void wait_queue_add(struct wait_queue *queue, struct thread *self,
                    uint64_t deadline) REQUIRES(queue->lock);

/* Restarts everyone in the queue. Takes queue->lock. */
void wait_queue_wake_all(struct wait_queue *queue);

/* Ends with -ECANCELED whatever a thread waits for that was killed, if it does.
 * Returns whether it did. Its memory may be another thread's by now, to whom
 * nothing happens. */
bool thread_cancel_killed(struct thread *thread);

/* -EAGAIN if the deadline says poll, -ETIMEDOUT if it has passed, else 0. */
int deadline_check_late(uint64_t deadline);

static inline int deadline_check(uint64_t deadline) {
    return deadline == DEADLINE_NONE ? 0 : deadline_check_late(deadline);
}

/* SYS_SLEEP. */
int64_t thread_sleep(struct thread *self, uint64_t deadline);

#endif
