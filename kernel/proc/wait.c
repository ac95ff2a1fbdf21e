/* SPDX-License-Identifier: MIT */
/*
 * proc/wait.c: publishing a wait, ending one, taking one back.
 *
 * The race to think about: a thread decides to wait while another hart brings
 * about what it waits for. Both hold the same lock, so either the event comes
 * first and is seen, or the wait comes first and is found and ended.
 */
#include "proc/wait.h"

#include "abi/errno.h"
#include "arch/hart.h"
#include "dev/timer.h"

void wait_queue_init(struct wait_queue *queue) {
    spin_init(&queue->lock, RANK_THREAD_WAIT);
    list_init(&queue->waiters);
}

wait_cancel *wait_cancel_endpoint;

void thread_doom(struct thread *thread) {
    struct hart *hart = hart_self();
    hart->doomed = thread;
    hart_alert(hart, ATTENTION_DOOMED);
}

void thread_wake(struct thread *thread) {
    thread_wait_end(thread);
    sched_ready(thread);
}

bool thread_cancel_killed(struct thread *thread) {
    uint64_t sequence = thread->wait_sequence;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (thread->flags & THREAD_KILLED) &&
           wait_take_back(thread, sequence, -ECANCELED);
}

/* ---- Wait queues ---- */

/* A call that was to run again is over instead; one that waits for a signal was
 * not to run again. */
static bool queue_cancel(struct thread *thread, uint64_t sequence, int error) {
    struct wait_queue *queue = thread->wait_queue;
    spin_lock(&queue->lock);
    uint32_t state = thread->state;
    bool found = thread->wait_sequence == sequence &&
                 thread->wait_queue == queue &&
                 (state == THREAD_QUEUED || state == THREAD_SIGNALLED);
    if (found) {
        list_remove(&thread->link);
        if (state == THREAD_QUEUED)
            thread->frame.x[REG_PC] += 4;
        thread_result(thread, error);
        thread_wake(thread);
    }
    spin_unlock(&queue->lock);
    return found;
}

void wait_queue_add(struct wait_queue *queue, struct thread *self,
                    uint64_t deadline) {
    thread_restart(self);
    self->wait_queue = queue;
    list_push_back(&queue->waiters, &self->link);
    thread_wait(self, THREAD_QUEUED, deadline);
}

void wait_queue_wake_all(struct wait_queue *queue) {
    spin_lock(&queue->lock);
    struct list *node;
    while ((node = list_pop_front(&queue->waiters)))
        thread_wake(container_of(node, struct thread, link));
    spin_unlock(&queue->lock);
}

int deadline_check_late(uint64_t deadline) {
    if (deadline == DEADLINE_POLL)
        return -EAGAIN;
    return deadline <= timer_now() ? -ETIMEDOUT : 0;
}

/* ---- Sleep ---- */

/* Nobody but the deadline and a kill ends a sleep, and either may come from
 * any hart: the sequence number decides who is first. */
static struct spinlock sleep_lock = SPINLOCK(RANK_THREAD_WAIT);

static bool sleep_cancel(struct thread *thread, uint64_t sequence, int error) {
    spin_lock(&sleep_lock);
    bool found =
        thread->wait_sequence == sequence && thread->state == THREAD_SLEEPING;
    if (found) {
        thread_result(thread, error == -ETIMEDOUT ? 0 : error);
        thread_wake(thread);
    }
    spin_unlock(&sleep_lock);
    return found;
}

int64_t thread_sleep(struct thread *self, uint64_t deadline) {
    int error = deadline_check(deadline);
    if (error)
        return error == -ETIMEDOUT ? 0 : error;
    spin_lock(&sleep_lock);
    thread_wait(self, THREAD_SLEEPING, deadline);
    spin_unlock(&sleep_lock);
    return RESULT_WAITING;
}

/* ---- Taking back ---- */

bool wait_take_back(struct thread *thread, uint64_t sequence, int error) {
    uint32_t state = __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE);
    if (state >= THREAD_RECEIVING)
        return wait_cancel_endpoint(thread, sequence, error);
    if (state == THREAD_QUEUED || state == THREAD_SIGNALLED)
        return queue_cancel(thread, sequence, error);
    return state == THREAD_SLEEPING && sleep_cancel(thread, sequence, error);
}
