/* SPDX-License-Identifier: MIT */
/*
 * wrong/queues.c: mistakes in run queues and in leaving a hart.
 */

/*
 * enqueue-back: whoever is preempted goes to the back: the flag is ignored.
 * File: kernel/proc/sched.h
 * Caught by: enqueue, preempt
 */
static inline void sched_enqueue(struct hart *hart, struct thread *thread,
                                 bool front) {
    *(volatile uint32_t *)&thread->state = THREAD_READY;
    /* The priority is read after this: see sched_set_priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int32_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED);
    struct list *list = &hart->queue->ready[priority];
    (void)front;
    list_push_back(list, &thread->link);
    thread->queued_at = priority + 1;
    hart->ready |= 1u << priority;
    if (priority > hart->running)
        hart_alert(hart, ATTENTION_SWITCH);
}

/*
 * enqueue-front: the flag the wrong way round: equals never alternate.
 * File: kernel/proc/sched.h
 * Caught by: enqueue
 */
static inline void sched_enqueue(struct hart *hart, struct thread *thread,
                                 bool front) {
    *(volatile uint32_t *)&thread->state = THREAD_READY;
    /* The priority is read after this: see sched_set_priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int32_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED);
    struct list *list = &hart->queue->ready[priority];
    if (!front)
        list_push_front(list, &thread->link);
    else
        list_push_back(list, &thread->link);
    thread->queued_at = priority + 1;
    hart->ready |= 1u << priority;
    if (priority > hart->running)
        hart_alert(hart, ATTENTION_SWITCH);
}

/*
 * enqueue-bit: the bit is not set: the thread is lost until another one of
 * its priority comes.
 * File: kernel/proc/sched.h
 * Caught by: enqueue
 */
static inline void sched_enqueue(struct hart *hart, struct thread *thread,
                                 bool front) {
    *(volatile uint32_t *)&thread->state = THREAD_READY;
    /* The priority is read after this: see sched_set_priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int32_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED);
    struct list *list = &hart->queue->ready[priority];
    if (front)
        list_push_front(list, &thread->link);
    else
        list_push_back(list, &thread->link);
    thread->queued_at = priority + 1;
    if (priority > hart->running)
        hart_alert(hart, ATTENTION_SWITCH);
}

/*
 * enqueue-other-bit: the bit of queued_at is set, which is one more than
 * the priority.
 * File: kernel/proc/sched.h
 * Caught by: enqueue
 */
static inline void sched_enqueue(struct hart *hart, struct thread *thread,
                                 bool front) {
    *(volatile uint32_t *)&thread->state = THREAD_READY;
    /* The priority is read after this: see sched_set_priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int32_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED);
    struct list *list = &hart->queue->ready[priority];
    if (front)
        list_push_front(list, &thread->link);
    else
        list_push_back(list, &thread->link);
    thread->queued_at = priority + 1;
    hart->ready |= 1u << (priority + 1);
    if (priority > hart->running)
        hart_alert(hart, ATTENTION_SWITCH);
}

/*
 * enqueue-alert: an equal makes the hart switch: a turn lasts until the
 * next wake-up.
 * File: kernel/proc/sched.h
 * Caught by: enqueue
 */
static inline void sched_enqueue(struct hart *hart, struct thread *thread,
                                 bool front) {
    *(volatile uint32_t *)&thread->state = THREAD_READY;
    /* The priority is read after this: see sched_set_priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int32_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED);
    struct list *list = &hart->queue->ready[priority];
    if (front)
        list_push_front(list, &thread->link);
    else
        list_push_back(list, &thread->link);
    thread->queued_at = priority + 1;
    hart->ready |= 1u << priority;
    if (priority >= hart->running)
        hart_alert(hart, ATTENTION_SWITCH);
}

/*
 * enqueue-unheard: nobody looks around for a more important thread: it
 * waits for the tick.
 * File: kernel/proc/sched.h
 * Caught by: enqueue, turns[preempts]
 */
static inline void sched_enqueue(struct hart *hart, struct thread *thread,
                                 bool front) {
    *(volatile uint32_t *)&thread->state = THREAD_READY;
    /* The priority is read after this: see sched_set_priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int32_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED);
    struct list *list = &hart->queue->ready[priority];
    if (front)
        list_push_front(list, &thread->link);
    else
        list_push_back(list, &thread->link);
    thread->queued_at = priority + 1;
    hart->ready |= 1u << priority;
}

/*
 * enqueue-state: the state stays what it was.
 * File: kernel/proc/sched.h
 * Caught by: enqueue
 */
static inline void sched_enqueue(struct hart *hart, struct thread *thread,
                                 bool front) {
    /* The priority is read after this: see sched_set_priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int32_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED);
    struct list *list = &hart->queue->ready[priority];
    if (front)
        list_push_front(list, &thread->link);
    else
        list_push_back(list, &thread->link);
    thread->queued_at = priority + 1;
    hart->ready |= 1u << priority;
    if (priority > hart->running)
        hart_alert(hart, ATTENTION_SWITCH);
}

/*
 * dequeue-bit: the bit stays set: a list's head is taken for a thread.
 * File: kernel/proc/sched.h
 * Caught by: dequeue
 */
static inline void sched_dequeue(struct hart *hart, struct thread *thread,
                                 int32_t priority) {
    struct list *list = &hart->queue->ready[priority];
    list_unlink(&thread->link);
    thread->queued_at = 0;
    (void)list;
}

/*
 * dequeue-early: the bit is cleared though others are in the list.
 * File: kernel/proc/sched.h
 * Caught by: dequeue, choose
 */
static inline void sched_dequeue(struct hart *hart, struct thread *thread,
                                 int32_t priority) {
    struct list *list = &hart->queue->ready[priority];
    list_unlink(&thread->link);
    thread->queued_at = 0;
    (void)list;
    hart->ready &= ~(1u << priority);
}

/*
 * dequeue-priority: believes the thread's priority, which may have changed
 * meanwhile.
 * File: kernel/proc/sched.h
 * Caught by: dequeue
 */
static inline void sched_dequeue(struct hart *hart, struct thread *thread,
                                 int32_t priority) {
    priority = thread->priority;
    struct list *list = &hart->queue->ready[priority];
    list_unlink(&thread->link);
    thread->queued_at = 0;
    if (__builtin_expect(list_empty(list), 1))
        hart->ready &= ~(1u << priority);
}

/*
 * dequeue-place: queued_at is left: a change of priority takes it out of
 * the queue once more.
 * File: kernel/proc/sched.h
 * Caught by: dequeue, choose
 */
static inline void sched_dequeue(struct hart *hart, struct thread *thread,
                                 int32_t priority) {
    struct list *list = &hart->queue->ready[priority];
    list_unlink(&thread->link);
    if (__builtin_expect(list_empty(list), 1))
        hart->ready &= ~(1u << priority);
}

/*
 * depart-free: the time until now is charged to whoever comes next.
 * File: kernel/proc/sched.h
 * Caught by: depart
 */
static inline void sched_depart(struct thread *self) {
    struct thread *idle = hart_self()->idle;
    idle->priority = self->priority;
    frame_set_self(&idle->frame);
}

/*
 * depart-idle: the idle thread keeps an old priority: work is done for
 * nobody.
 * File: kernel/proc/sched.h
 * Caught by: depart
 */
static inline void sched_depart(struct thread *self) {
    struct thread *idle = hart_self()->idle;
    sched_stop(self);
    (void)self->priority;
    frame_set_self(&idle->frame);
}

/*
 * pass-always: the handoff goes on though something more important is
 * ready.
 * File: kernel/proc/sched.h
 * Caught by: pass_on
 */
static inline void sched_pass_on(struct thread *self) {
    struct hart *hart = hart_self();
    struct thread *next = hart->handoff;
    if (!next) {
        sched_depart(self);
        return;
    }
    sched_stop(self);
    hart->handoff = NULL;
    next->state = THREAD_RUNNING;
    frame_set_self(&next->frame);
}

/*
 * pass-equal: an equal in the queue stops the handoff.
 * File: kernel/proc/sched.h
 * Caught by: pass_on
 */
static inline void sched_pass_on(struct thread *self) {
    struct hart *hart = hart_self();
    struct thread *next = hart->handoff;
    if (!next || (hart->ready && hart->ready >> next->priority > 0)) {
        sched_depart(self);
        return;
    }
    sched_stop(self);
    hart->handoff = NULL;
    next->state = THREAD_RUNNING;
    frame_set_self(&next->frame);
}

/*
 * pass-kept: the handoff is used, and stays: it would run twice.
 * File: kernel/proc/sched.h
 * Caught by: pass_on
 */
static inline void sched_pass_on(struct thread *self) {
    struct hart *hart = hart_self();
    struct thread *next = hart->handoff;
    if (!next || (hart->ready && hart->ready >> next->priority > 1)) {
        sched_depart(self);
        return;
    }
    sched_stop(self);
    next->state = THREAD_RUNNING;
    frame_set_self(&next->frame);
}
