/* SPDX-License-Identifier: MIT */
/*
 * wrong/harts.c: mistakes on the way from hart to hart.
 */

/*
 * inbox-late: the link to the older ones is set behind the exchange:
 * whoever empties the inbox in between loses them.
 * File: kernel/proc/sched.c
 * Caught by: inbox
 */
static void inbox_push(struct hart *hart, struct thread *thread) {
    struct list **inbox = &hart->queue->inbox;
    int32_t priority = (int32_t)thread->priority;
    thread_place(thread, hart);
    __atomic_store_n(&thread->state, THREAD_READY, __ATOMIC_RELEASE);
    if (hart_allowed(thread, hart))
        thread_clear_flag(thread, THREAD_MOVE);
    struct list *head = __atomic_load_n(inbox, __ATOMIC_RELAXED);
    do
        thread->link.next = NULL;
    while (!__atomic_compare_exchange_n(inbox, &head, &thread->link, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    hart_count_event(COUNTER_FAR_WAKES);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool urgent = __atomic_load_n(&hart->running, __ATOMIC_RELAXED) < priority;
    alert_far(hart, ATTENTION_INBOX | (urgent ? ATTENTION_SWITCH : 0));
}

/*
 * inbox-order: the newest is queued first.
 * File: kernel/proc/sched.c
 * Caught by: inbox
 */
static void inbox_empty(struct hart *hart) {
    struct list *node =
        __atomic_exchange_n(&hart->queue->inbox, NULL, __ATOMIC_ACQUIRE);
    struct list *first = NULL;
    first = node;
    while (first) {
        struct thread *thread = container_of(first, struct thread, link);
        first = first->next;
        asid_join(hart, &thread->space->asid);
        sched_enqueue(hart, thread, false);
    }
}

/*
 * inbox-first: only one thread is taken out; the rest is forgotten.
 * File: kernel/proc/sched.c
 * Caught by: inbox, schedules[5]
 */
static void inbox_empty(struct hart *hart) {
    struct list *node =
        __atomic_exchange_n(&hart->queue->inbox, NULL, __ATOMIC_ACQUIRE);
    struct list *first = NULL;
    while (node) {
        struct list *next = node->next;
        node->next = first;
        first = node;
        node = next;
    }
    if (first) {
        struct thread *thread = container_of(first, struct thread, link);
        first = first->next;
        asid_join(hart, &thread->space->asid);
        sched_enqueue(hart, thread, false);
    }
}

/*
 * inbox-kept: the inbox is read, and not emptied.
 * File: kernel/proc/sched.c
 * Caught by: inbox
 */
static void inbox_empty(struct hart *hart) {
    struct list *node = __atomic_load_n(&hart->queue->inbox, __ATOMIC_ACQUIRE);
    struct list *first = NULL;
    while (node) {
        struct list *next = node->next;
        node->next = first;
        first = node;
        node = next;
    }
    while (first) {
        struct thread *thread = container_of(first, struct thread, link);
        first = first->next;
        asid_join(hart, &thread->space->asid);
        sched_enqueue(hart, thread, false);
    }
}

/*
 * push-silent: the other hart is not told: an idle one sleeps until its
 * next tick.
 * File: kernel/proc/sched.c
 * Caught by: urgent, inbox
 */
static void inbox_push(struct hart *hart, struct thread *thread) {
    struct list **inbox = &hart->queue->inbox;
    int32_t priority = (int32_t)thread->priority;
    thread_place(thread, hart);
    __atomic_store_n(&thread->state, THREAD_READY, __ATOMIC_RELEASE);
    if (hart_allowed(thread, hart))
        thread_clear_flag(thread, THREAD_MOVE);
    struct list *head = __atomic_load_n(inbox, __ATOMIC_RELAXED);
    do
        thread->link.next = head;
    while (!__atomic_compare_exchange_n(inbox, &head, &thread->link, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    hart_count_event(COUNTER_FAR_WAKES);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool urgent = __atomic_load_n(&hart->running, __ATOMIC_RELAXED) < priority;
    (void)urgent;
}

/*
 * push-shouts: the other hart is interrupted for everything.
 * File: kernel/proc/sched.c
 * Caught by: inbox
 */
static void inbox_push(struct hart *hart, struct thread *thread) {
    struct list **inbox = &hart->queue->inbox;
    int32_t priority = (int32_t)thread->priority;
    thread_place(thread, hart);
    __atomic_store_n(&thread->state, THREAD_READY, __ATOMIC_RELEASE);
    if (hart_allowed(thread, hart))
        thread_clear_flag(thread, THREAD_MOVE);
    struct list *head = __atomic_load_n(inbox, __ATOMIC_RELAXED);
    do
        thread->link.next = head;
    while (!__atomic_compare_exchange_n(inbox, &head, &thread->link, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    hart_count_event(COUNTER_FAR_WAKES);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool urgent = __atomic_load_n(&hart->running, __ATOMIC_RELAXED) < priority;
    alert_far(hart,
              ATTENTION_INBOX | (urgent ? ATTENTION_SWITCH : ATTENTION_SWITCH));
}

/*
 * push-equal: an equal is taken for urgent.
 * File: kernel/proc/sched.c
 * Caught by: urgent
 */
static void inbox_push(struct hart *hart, struct thread *thread) {
    struct list **inbox = &hart->queue->inbox;
    int32_t priority = (int32_t)thread->priority;
    thread_place(thread, hart);
    __atomic_store_n(&thread->state, THREAD_READY, __ATOMIC_RELEASE);
    if (hart_allowed(thread, hart))
        thread_clear_flag(thread, THREAD_MOVE);
    struct list *head = __atomic_load_n(inbox, __ATOMIC_RELAXED);
    do
        thread->link.next = head;
    while (!__atomic_compare_exchange_n(inbox, &head, &thread->link, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    hart_count_event(COUNTER_FAR_WAKES);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool urgent = __atomic_load_n(&hart->running, __ATOMIC_RELAXED) <= priority;
    alert_far(hart, ATTENTION_INBOX | (urgent ? ATTENTION_SWITCH : 0));
}

/*
 * push-place: the thread still says that it is on its old hart.
 * File: kernel/proc/sched.c
 * Caught by: where
 */
static void inbox_push(struct hart *hart, struct thread *thread) {
    struct list **inbox = &hart->queue->inbox;
    int32_t priority = (int32_t)thread->priority;
    __atomic_store_n(&thread->state, THREAD_READY, __ATOMIC_RELEASE);
    if (hart_allowed(thread, hart))
        thread_clear_flag(thread, THREAD_MOVE);
    struct list *head = __atomic_load_n(inbox, __ATOMIC_RELAXED);
    do
        thread->link.next = head;
    while (!__atomic_compare_exchange_n(inbox, &head, &thread->link, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    hart_count_event(COUNTER_FAR_WAKES);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool urgent = __atomic_load_n(&hart->running, __ATOMIC_RELAXED) < priority;
    alert_far(hart, ATTENTION_INBOX | (urgent ? ATTENTION_SWITCH : 0));
}

/*
 * push-move: MOVE is never cleared: the thread is sent on for ever.
 * File: kernel/proc/sched.c
 * Caught by: moved
 */
static void inbox_push(struct hart *hart, struct thread *thread) {
    struct list **inbox = &hart->queue->inbox;
    int32_t priority = (int32_t)thread->priority;
    thread_place(thread, hart);
    __atomic_store_n(&thread->state, THREAD_READY, __ATOMIC_RELEASE);
    struct list *head = __atomic_load_n(inbox, __ATOMIC_RELAXED);
    do
        thread->link.next = head;
    while (!__atomic_compare_exchange_n(inbox, &head, &thread->link, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    hart_count_event(COUNTER_FAR_WAKES);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool urgent = __atomic_load_n(&hart->running, __ATOMIC_RELAXED) < priority;
    alert_far(hart, ATTENTION_INBOX | (urgent ? ATTENTION_SWITCH : 0));
}

/*
 * where-last: always goes back where it was: other harts stay idle.
 * File: kernel/proc/sched.c
 * Caught by: where
 */
static struct hart *hart_for(const struct thread *thread) {
    struct hart *last = thread->frame.hart;
    uint64_t idle = __atomic_load_n(&sched_idle_harts, __ATOMIC_RELAXED);
    idle = 0;
    if ((idle & (1ull << last->id)) || (!idle && hart_allowed(thread, last)))
        return last;
    return &harts[bits_lowest(idle ? idle : thread->affinity)];
}

/*
 * where-affinity: takes any idle hart, whatever the affinity.
 * File: kernel/proc/sched.c
 * Caught by: where
 */
static struct hart *hart_for(const struct thread *thread) {
    struct hart *last = thread->frame.hart;
    uint64_t idle = __atomic_load_n(&sched_idle_harts, __ATOMIC_RELAXED);
    if ((idle & (1ull << last->id)) || (!idle && hart_allowed(thread, last)))
        return last;
    return &harts[bits_lowest(idle ? idle : thread->affinity)];
}

/*
 * where-moved: prefers the first idle hart to its own idle one.
 * File: kernel/proc/sched.c
 * Caught by: where
 */
static struct hart *hart_for(const struct thread *thread) {
    struct hart *last = thread->frame.hart;
    uint64_t idle = __atomic_load_n(&sched_idle_harts, __ATOMIC_RELAXED);
    idle &= thread->affinity;
    if ((!idle && hart_allowed(thread, last)))
        return last;
    return &harts[bits_lowest(idle ? idle : thread->affinity)];
}

/*
 * ready-here: whatever hart it should be, the thread is queued on this one.
 * File: kernel/proc/sched.c
 * Caught by: inbox, where
 */
void sched_ready_far(struct thread *thread) {
    struct hart *hart = hart_for(thread);
    hart = hart_self();
    asid_join(hart, &thread->space->asid);
    thread_place(thread, hart);
    sched_enqueue(hart, thread, false);
}

/*
 * ready-there: writes into the other hart's queue.
 * File: kernel/proc/sched.c
 * Caught by: inbox
 */
void sched_ready_far(struct thread *thread) {
    struct hart *hart = hart_for(thread);
    if (hart != hart_self()) {
        thread_place(thread, hart);
        sched_enqueue(hart, thread, false);
        return;
    }
    asid_join(hart, &thread->space->asid);
    thread_place(thread, hart);
    sched_enqueue(hart, thread, false);
}

/*
 * handoff-affinity: hands the hart to a thread that may not run there.
 * File: kernel/proc/sched.c
 * Caught by: handoff_far
 */
void sched_handoff_far(struct thread *thread) {
    struct hart *hart = hart_self();
    if (hart->handoff) {
        sched_ready(thread);
        return;
    }
    thread_place(thread, hart);
    sched_handoff(thread);
}

/*
 * handoff-second: a second handoff takes the place of the first, which is
 * lost.
 * File: kernel/proc/sched.c
 * Caught by: handoff_far
 */
void sched_handoff_far(struct thread *thread) {
    struct hart *hart = hart_self();
    if (!hart_allowed(thread, hart)) {
        sched_ready(thread);
        return;
    }
    thread_place(thread, hart);
    sched_handoff(thread);
}
