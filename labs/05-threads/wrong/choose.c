/* SPDX-License-Identifier: MIT */
/*
 * wrong/choose.c: mistakes at ticks, in choosing, and in idling.
 */

/*
 * tick-alone: gives way also to lower ones.
 * File: kernel/proc/sched.c
 * Caught by: tick
 */
void sched_tick(void) {
    struct hart *hart = hart_self();
    sched_charge(hart, thread_self());
    inbox_empty(hart);
    if (queue_top(hart) >= 0 && !caller_expire(thread_self()))
        sched_yield();
    if (work_priority() >= 0)
        hart_alert(hart, ATTENTION_WORK);
}

/*
 * tick-higher: equals do not take turns.
 * File: kernel/proc/sched.c
 * Caught by: tick, turns[round_robin]
 */
void sched_tick(void) {
    struct hart *hart = hart_self();
    sched_charge(hart, thread_self());
    inbox_empty(hart);
    if (queue_top(hart) > hart->running && !caller_expire(thread_self()))
        sched_yield();
    if (work_priority() >= 0)
        hart_alert(hart, ATTENTION_WORK);
}

/*
 * tick-inbox: the inbox is not looked at: what is in it waits.
 * File: kernel/proc/sched.c
 * Caught by: tick
 */
void sched_tick(void) {
    struct hart *hart = hart_self();
    sched_charge(hart, thread_self());
    if (queue_top(hart) >= hart->running && !caller_expire(thread_self()))
        sched_yield();
    if (work_priority() >= 0)
        hart_alert(hart, ATTENTION_WORK);
}

/*
 * tick-server: a server gives way in the middle of its caller's request.
 * File: kernel/proc/sched.c
 * Caught by: expire
 */
void sched_tick(void) {
    struct hart *hart = hart_self();
    sched_charge(hart, thread_self());
    inbox_empty(hart);
    if (queue_top(hart) >= hart->running)
        sched_yield();
    if (work_priority() >= 0)
        hart_alert(hart, ATTENTION_WORK);
}

/*
 * choose-handoff: the handoff goes before everybody.
 * File: kernel/proc/sched.c
 * Caught by: handoff
 */
static struct thread *choose_own(struct hart *hart) {
    struct thread *handoff = hart->handoff;
    int top = queue_top(hart);
    hart->handoff = NULL;
    if (handoff)
        return handoff;
    if (handoff)
        sched_enqueue(hart, handoff, true);
    if (top < 0)
        return NULL;
    struct thread *thread = sched_first(hart, top);
    sched_dequeue(hart, thread, top);
    return thread;
}

/*
 * choose-handoff-lost: a handoff that something more important beats is
 * forgotten.
 * File: kernel/proc/sched.c
 * Caught by: handoff
 */
static struct thread *choose_own(struct hart *hart) {
    struct thread *handoff = hart->handoff;
    int top = queue_top(hart);
    hart->handoff = NULL;
    if (handoff && top <= (int)handoff->priority)
        return handoff;
    if (top < 0)
        return NULL;
    struct thread *thread = sched_first(hart, top);
    sched_dequeue(hart, thread, top);
    return thread;
}

/*
 * choose-handoff-back: a handoff that had to wait goes behind its equals.
 * File: kernel/proc/sched.c
 * Caught by: handoff
 */
static struct thread *choose_own(struct hart *hart) {
    struct thread *handoff = hart->handoff;
    int top = queue_top(hart);
    hart->handoff = NULL;
    if (handoff && top <= (int)handoff->priority)
        return handoff;
    if (handoff)
        sched_enqueue(hart, handoff, false);
    if (top < 0)
        return NULL;
    struct thread *thread = sched_first(hart, top);
    sched_dequeue(hart, thread, top);
    return thread;
}

/*
 * choose-lowest: the lowest priority runs first.
 * File: kernel/proc/sched.c
 * Caught by: choose
 */
static struct thread *choose_own(struct hart *hart) {
    struct thread *handoff = hart->handoff;
    int top = hart->ready ? (int)bits_lowest(hart->ready) : -1;
    hart->handoff = NULL;
    if (handoff && top <= (int)handoff->priority)
        return handoff;
    if (handoff)
        sched_enqueue(hart, handoff, true);
    if (top < 0)
        return NULL;
    struct thread *thread = sched_first(hart, top);
    sched_dequeue(hart, thread, top);
    return thread;
}

/*
 * choose-stays: the chosen thread stays in the queue: two harts may run it.
 * File: kernel/proc/sched.c
 * Caught by: choose
 */
static struct thread *choose_own(struct hart *hart) {
    struct thread *handoff = hart->handoff;
    int top = queue_top(hart);
    hart->handoff = NULL;
    if (handoff && top <= (int)handoff->priority)
        return handoff;
    if (handoff)
        sched_enqueue(hart, handoff, true);
    if (top < 0)
        return NULL;
    struct thread *thread = sched_first(hart, top);
    return thread;
}

/*
 * preempt-back: who is preempted goes behind its equals, and never gets its
 * turn.
 * File: kernel/proc/sched.c
 * Caught by: preempt
 */
static void preempt(struct hart *hart, struct thread *self) {
    bool rotate = hart_calm(hart, ATTENTION_ROTATE) & ATTENTION_ROTATE;
    sched_depart(self);
    if (hart_allowed(self, hart))
        sched_enqueue(hart, self, false);
    else
        sched_ready_far(self);
}

/*
 * preempt-depart: puts the thread into the queue while the hart still works
 * for it.
 * File: kernel/proc/sched.c
 * Caught by: preempt, choose
 */
static void preempt(struct hart *hart, struct thread *self) {
    bool rotate = hart_calm(hart, ATTENTION_ROTATE) & ATTENTION_ROTATE;
    if (hart_allowed(self, hart))
        sched_enqueue(hart, self, !rotate);
    else
        sched_ready_far(self);
}

/*
 * idle-spins: does not sleep: an idle machine is busy.
 * File: kernel/proc/sched.c
 * Caught by: idle
 */
static void idle_wait(struct hart *hart) {
    uint64_t bit = 1ull << hart->id;
    hart->running = -1;
    timing_idle();
    space_leave();
    __atomic_fetch_or(&sched_idle_harts, bit, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* inbox_push has the other */
    if (!__atomic_load_n(&hart->queue->inbox, __ATOMIC_RELAXED)) {
        ask_for_work(hart);
    }
    __atomic_fetch_and(&sched_idle_harts, ~bit, __ATOMIC_SEQ_CST);
    interrupt_poll_hook();
    hart->since = timer_now();
}

/*
 * idle-running: running says that something runs: nobody interrupts the
 * idle hart.
 * File: kernel/proc/sched.c
 * Caught by: idle
 */
static void idle_wait(struct hart *hart) {
    uint64_t bit = 1ull << hart->id;
    timing_idle();
    space_leave();
    __atomic_fetch_or(&sched_idle_harts, bit, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* inbox_push has the other */
    if (!__atomic_load_n(&hart->queue->inbox, __ATOMIC_RELAXED)) {
        ask_for_work(hart);
        __asm__ volatile("wfi" ::: "memory");
    }
    __atomic_fetch_and(&sched_idle_harts, ~bit, __ATOMIC_SEQ_CST);
    interrupt_poll_hook();
    hart->since = timer_now();
}

/*
 * idle-space: keeps the last program's space, which may be freed.
 * File: kernel/proc/sched.c
 * Caught by: idle
 */
static void idle_wait(struct hart *hart) {
    uint64_t bit = 1ull << hart->id;
    hart->running = -1;
    timing_idle();
    __atomic_fetch_or(&sched_idle_harts, bit, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* inbox_push has the other */
    if (!__atomic_load_n(&hart->queue->inbox, __ATOMIC_RELAXED)) {
        ask_for_work(hart);
        __asm__ volatile("wfi" ::: "memory");
    }
    __atomic_fetch_and(&sched_idle_harts, ~bit, __ATOMIC_SEQ_CST);
    interrupt_poll_hook();
    hart->since = timer_now();
}

/*
 * idle-mask: stays in the mask of idle harts.
 * File: kernel/proc/sched.c
 * Caught by: idle
 */
static void idle_wait(struct hart *hart) {
    uint64_t bit = 1ull << hart->id;
    hart->running = -1;
    timing_idle();
    space_leave();
    __atomic_fetch_or(&sched_idle_harts, bit, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* inbox_push has the other */
    if (!__atomic_load_n(&hart->queue->inbox, __ATOMIC_RELAXED)) {
        ask_for_work(hart);
        __asm__ volatile("wfi" ::: "memory");
    }
    interrupt_poll_hook();
    hart->since = timer_now();
}

/*
 * idle-poll: does not look what woke it: the interrupt stays pending, and
 * wfi never sleeps again.
 * File: kernel/proc/sched.c
 * Caught by: idle
 */
static void idle_wait(struct hart *hart) {
    uint64_t bit = 1ull << hart->id;
    hart->running = -1;
    timing_idle();
    space_leave();
    __atomic_fetch_or(&sched_idle_harts, bit, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* inbox_push has the other */
    if (!__atomic_load_n(&hart->queue->inbox, __ATOMIC_RELAXED)) {
        ask_for_work(hart);
        __asm__ volatile("wfi" ::: "memory");
    }
    __atomic_fetch_and(&sched_idle_harts, ~bit, __ATOMIC_SEQ_CST);
    hart->since = timer_now();
}

/*
 * idle-charged: the next thread pays for the time that nobody ran.
 * File: kernel/proc/sched.c
 * Caught by: idle
 */
static void idle_wait(struct hart *hart) {
    uint64_t bit = 1ull << hart->id;
    hart->running = -1;
    timing_idle();
    space_leave();
    __atomic_fetch_or(&sched_idle_harts, bit, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* inbox_push has the other */
    if (!__atomic_load_n(&hart->queue->inbox, __ATOMIC_RELAXED)) {
        ask_for_work(hart);
        __asm__ volatile("wfi" ::: "memory");
    }
    __atomic_fetch_and(&sched_idle_harts, ~bit, __ATOMIC_SEQ_CST);
    interrupt_poll_hook();
}

/*
 * idle-alone: does not ask busy harts to share.
 * File: kernel/proc/sched.c
 * Caught by: idle_inbox
 */
static void idle_wait(struct hart *hart) {
    uint64_t bit = 1ull << hart->id;
    hart->running = -1;
    timing_idle();
    space_leave();
    __atomic_fetch_or(&sched_idle_harts, bit, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* inbox_push has the other */
    if (!__atomic_load_n(&hart->queue->inbox, __ATOMIC_RELAXED)) {
        __asm__ volatile("wfi" ::: "memory");
    }
    __atomic_fetch_and(&sched_idle_harts, ~bit, __ATOMIC_SEQ_CST);
    interrupt_poll_hook();
    hart->since = timer_now();
}
