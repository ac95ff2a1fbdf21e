/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastwait.c: the short cut through SYS_WAIT_SIGNAL, when there is no bit
 * yet and another thread of this hart is ready: the hart goes on with that one
 * at once.
 */
#include "ipc/fastpath.h"
#include "ipc/shortcut.h"
#include "proc/sched.h"

/* The notification that the handle in a0 names, locked, if the thread may wait
 * there and has to. */
static inline struct notification *
wait_at(const struct thread *self) NO_THREAD_SAFETY {
    struct notification *notification =
        notification_at(self, self->frame.x[REG_A0], RIGHT_WAIT);
    if (!notification || notification->bits == 0)
        return notification;
    spin_unlock(&notification->queue.lock);
    return NULL;
}

/* The thread of this hart to go on with, if it can be switched to at once; it
 * is still in its queue, of priority *top. */
static inline struct thread *wait_next(const struct thread *self,
                                       const struct hart *hart, int32_t *top) {
    if (!fastpath_on || self->frame.x[REG_A1] != DEADLINE_NONE ||
        !sched_simple(hart) || self->flags != 0 || hart->attention)
        return NULL;
    *top = sched_top(hart, (int32_t)self->priority);
    struct thread *next = sched_first(hart, *top);
    return next->flags == 0 ? next : NULL;
}

int64_t fastpath_wait(struct thread *self) NO_THREAD_SAFETY {
    struct hart *hart = self->frame.hart;
    int32_t top;
    struct thread *next = wait_next(self, hart, &top);
    struct notification *notification = next ? wait_at(self) : NULL;
    if (!notification)
        return ipc_wait_signal(self);
    struct wait_queue *queue = &notification->queue;
    self->wait_queue = queue;
    list_push_back(&queue->waiters, &self->link);
    hart->counters[COUNTER_SWITCHES]++;
    sched_charge(hart, self);
    self->wait_sequence++;
    thread_publish(self, THREAD_SIGNALLED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    spin_unlock(&queue->lock);
    doom_check(self, hart);
    sched_dequeue(hart, next, top);
    run(next, hart);
    event_note(EVENT_SWITCH, next, 0, 0);
    return (int64_t)next;
}
