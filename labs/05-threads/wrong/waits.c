/* SPDX-License-Identifier: MIT */
/*
 * wrong/waits.c: mistakes in waiting and in ending waits.
 */

/*
 * wait-number: the wait is not counted: an old deadline ends it.
 * File: kernel/proc/wait.h
 * Caught by: wait, cancel
 */
static inline void thread_wait(struct thread *self, enum thread_state state,
                               uint64_t deadline) {
    sched_pass_on(self);
    if (deadline != DEADLINE_NONE)
        deadline_arm(self, deadline);
    thread_publish(self, state);
    /* thread_end sets the flag, then looks at the state: one of the two sees
     * what the other did. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (self->flags & THREAD_KILLED)
        thread_doom(self);
}

/*
 * wait-counted-late: the deadline is armed with the number of the wait
 * before.
 * File: kernel/proc/wait.h
 * Caught by: wait
 */
static inline void thread_wait(struct thread *self, enum thread_state state,
                               uint64_t deadline) {
    sched_pass_on(self);
    if (deadline != DEADLINE_NONE)
        deadline_arm(self, deadline);
    self->wait_sequence++;
    thread_publish(self, state);
    /* thread_end sets the flag, then looks at the state: one of the two sees
     * what the other did. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (self->flags & THREAD_KILLED)
        thread_doom(self);
}

/*
 * wait-for-ever: no deadline is armed.
 * File: kernel/proc/wait.h
 * Caught by: wait, deadlines[sleep]
 */
static inline void thread_wait(struct thread *self, enum thread_state state,
                               uint64_t deadline) {
    sched_pass_on(self);
    self->wait_sequence++;
    (void)deadline;
    thread_publish(self, state);
    /* thread_end sets the flag, then looks at the state: one of the two sees
     * what the other did. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (self->flags & THREAD_KILLED)
        thread_doom(self);
}

/*
 * wait-always-armed: a deadline is armed even if there is none.
 * File: kernel/proc/wait.h
 * Caught by: wait
 */
static inline void thread_wait(struct thread *self, enum thread_state state,
                               uint64_t deadline) {
    sched_pass_on(self);
    self->wait_sequence++;
    deadline_arm(self, deadline);
    thread_publish(self, state);
    /* thread_end sets the flag, then looks at the state: one of the two sees
     * what the other did. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (self->flags & THREAD_KILLED)
        thread_doom(self);
}

/*
 * wait-current: the hart goes on working for the thread that waits.
 * File: kernel/proc/wait.h
 * Caught by: wait
 */
static inline void thread_wait(struct thread *self, enum thread_state state,
                               uint64_t deadline) {
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

/*
 * wait-state: the state is not published.
 * File: kernel/proc/wait.h
 * Caught by: wait, queue
 */
static inline void thread_wait(struct thread *self, enum thread_state state,
                               uint64_t deadline) {
    sched_pass_on(self);
    self->wait_sequence++;
    if (deadline != DEADLINE_NONE)
        deadline_arm(self, deadline);
    (void)state;
    /* thread_end sets the flag, then looks at the state: one of the two sees
     * what the other did. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (self->flags & THREAD_KILLED)
        thread_doom(self);
}

/*
 * wait-killed: a thread that is killed as it begins to wait, waits for
 * ever.
 * File: kernel/proc/wait.h
 * Caught by: doomed
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
}

/*
 * wake-deadline: the deadline stays armed, and ends a later wait.
 * File: kernel/proc/wait.c
 * Caught by: wake, schedules[5]
 */
void thread_wake(struct thread *thread) {
    sched_ready(thread);
}

/*
 * cancel-any: ends whatever the thread waits for now, whichever wait was
 * meant.
 * File: kernel/proc/wait.c
 * Caught by: cancel
 */
static bool queue_cancel(struct thread *thread, uint64_t sequence, int error) {
    (void)sequence;
    struct wait_queue *queue = thread->wait_queue;
    spin_lock(&queue->lock);
    uint32_t state = thread->state;
    bool found = thread->wait_queue == queue &&
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

/*
 * cancel-linked: the thread is woken, and stays in the wait queue.
 * File: kernel/proc/wait.c
 * Caught by: cancel, schedules[5]
 */
static bool queue_cancel(struct thread *thread, uint64_t sequence, int error) {
    struct wait_queue *queue = thread->wait_queue;
    spin_lock(&queue->lock);
    uint32_t state = thread->state;
    bool found = thread->wait_sequence == sequence &&
                 thread->wait_queue == queue &&
                 (state == THREAD_QUEUED || state == THREAD_SIGNALLED);
    if (found) {
        if (state == THREAD_QUEUED)
            thread->frame.x[REG_PC] += 4;
        thread_result(thread, error);
        thread_wake(thread);
    }
    spin_unlock(&queue->lock);
    return found;
}

/*
 * cancel-pc: the call runs again, though it has an error to return.
 * File: kernel/proc/wait.c
 * Caught by: cancel
 */
static bool queue_cancel(struct thread *thread, uint64_t sequence, int error) {
    struct wait_queue *queue = thread->wait_queue;
    spin_lock(&queue->lock);
    uint32_t state = thread->state;
    bool found = thread->wait_sequence == sequence &&
                 thread->wait_queue == queue &&
                 (state == THREAD_QUEUED || state == THREAD_SIGNALLED);
    if (found) {
        list_remove(&thread->link);
        thread_result(thread, error);
        thread_wake(thread);
    }
    spin_unlock(&queue->lock);
    return found;
}

/*
 * cancel-locked: the lock is kept if there is nothing to cancel.
 * File: kernel/proc/wait.c
 * Caught by: cancel
 */
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
    if (found)
        spin_unlock(&queue->lock);
    return found;
}

/*
 * add-front: the last to come is the first to be woken.
 * File: kernel/proc/wait.c
 * Caught by: queue
 */
void wait_queue_add(struct wait_queue *queue, struct thread *self,
                    uint64_t deadline) {
    thread_restart(self);
    self->wait_queue = queue;
    list_push_front(&queue->waiters, &self->link);
    thread_wait(self, THREAD_QUEUED, deadline);
}

/*
 * add-restart: the call does not run again: it returns whatever a0 holds.
 * File: kernel/proc/wait.c
 * Caught by: queue
 */
void wait_queue_add(struct wait_queue *queue, struct thread *self,
                    uint64_t deadline) {
    self->wait_queue = queue;
    list_push_back(&queue->waiters, &self->link);
    thread_wait(self, THREAD_QUEUED, deadline);
}

/*
 * add-state: publishes the state of a receiver: nobody can cancel the wait.
 * File: kernel/proc/wait.c
 * Caught by: doomed, queue
 */
void wait_queue_add(struct wait_queue *queue, struct thread *self,
                    uint64_t deadline) {
    thread_restart(self);
    self->wait_queue = queue;
    list_push_back(&queue->waiters, &self->link);
    thread_wait(self, THREAD_RECEIVING, deadline);
}

/*
 * wake-one: one of the waiters is woken.
 * File: kernel/proc/wait.c
 * Caught by: queue
 */
void wait_queue_wake_all(struct wait_queue *queue) {
    spin_lock(&queue->lock);
    struct list *node;
    if ((node = list_pop_front(&queue->waiters)))
        thread_wake(container_of(node, struct thread, link));
    spin_unlock(&queue->lock);
}

/*
 * wake-unlocked: the lock is not given back.
 * File: kernel/proc/wait.c
 * Caught by: queue
 */
void wait_queue_wake_all(struct wait_queue *queue) {
    spin_lock(&queue->lock);
    struct list *node;
    while ((node = list_pop_front(&queue->waiters)))
        thread_wake(container_of(node, struct thread, link));
}

/*
 * sleep-any: a sleep ends by any deadline that the thread ever had.
 * File: kernel/proc/wait.c
 * Caught by: sleep
 */
static bool sleep_cancel(struct thread *thread, uint64_t sequence, int error) {
    (void)sequence;
    spin_lock(&sleep_lock);
    bool found = thread->state == THREAD_SLEEPING;
    if (found) {
        thread_result(thread, error == -ETIMEDOUT ? 0 : error);
        thread_wake(thread);
    }
    spin_unlock(&sleep_lock);
    return found;
}

/*
 * sleep-error: a sleep that is over returns ETIMEDOUT.
 * File: kernel/proc/wait.c
 * Caught by: sleep, deadlines[sleep]
 */
static bool sleep_cancel(struct thread *thread, uint64_t sequence, int error) {
    spin_lock(&sleep_lock);
    bool found =
        thread->wait_sequence == sequence && thread->state == THREAD_SLEEPING;
    if (found) {
        thread_result(thread, error);
        thread_wake(thread);
    }
    spin_unlock(&sleep_lock);
    return found;
}

/*
 * sleep-value: returns 0 in a0 of a frame that may be another hart's
 * already.
 * File: kernel/proc/wait.c
 * Caught by: sleep
 */
int64_t thread_sleep(struct thread *self, uint64_t deadline) {
    int error = deadline_check(deadline);
    if (error)
        return error == -ETIMEDOUT ? 0 : error;
    spin_lock(&sleep_lock);
    thread_wait(self, THREAD_SLEEPING, deadline);
    spin_unlock(&sleep_lock);
    return 0;
}

/*
 * sleep-past: waits for a time that is past.
 * File: kernel/proc/wait.c
 * Caught by: sleep
 */
int64_t thread_sleep(struct thread *self, uint64_t deadline) {
    spin_lock(&sleep_lock);
    thread_wait(self, THREAD_SLEEPING, deadline);
    spin_unlock(&sleep_lock);
    return RESULT_WAITING;
}
