/* SPDX-License-Identifier: MIT */
/*
 * proc/sched.c: run queues, inboxes, hand-off, sharing, the idle loop.
 *
 * Read        sched_leave first: every stay in the kernel ends there.
 * Invariant   A hart's satp names the space of the thread it runs, or the
 *             kernel's own table: an idle hart never keeps a space that may be
 *             freed under it.
 */
#include "proc/sched.h"

#include "arch/event.h"
#include "arch/ipi.h"
#include "dev/timer.h"
#include "lib/bits.h"
#include "proc/deadline.h"
#include "proc/process.h"
#include "proc/timing.h"
#include "proc/wait.h"
#include "vm/space.h"

enum { EQUALS_MAX = 32 }; /* counted at a tick */

static struct runqueue queues[HART_MAX];
static struct thread idle_threads[HART_MAX];
uint64_t sched_idle_harts;

void (*interrupt_poll_hook)(void);

void sched_init_hart(void) {
    struct hart *hart = hart_self();
    struct thread *idle = &idle_threads[hart->id];
    thread_place(idle, hart);
    idle->state = THREAD_DEAD;
    idle->flags = THREAD_IDLE;
    hart->idle = idle;
    frame_set_self(&idle->frame);
}

void sched_init(void) {
    for (unsigned i = 0; i < HART_MAX; i++) {
        for (unsigned p = 0; p < PRIORITY_COUNT; p++)
            list_init(&queues[i].ready[p]);
        harts[i].queue = &queues[i];
        harts[i].running = -1;
    }
    sched_init_hart();
}

/* ---- This hart's queues ---- */

/* The highest priority with a ready thread, -1 for none. */
static int queue_top(const struct hart *hart) {
    uint32_t bitmap = __atomic_load_n(&hart->ready, __ATOMIC_RELAXED);
    return bitmap ? (int)bits_highest(bitmap) : -1;
}

/* ---- Other harts ---- */

static bool hart_allowed(const struct thread *thread, const struct hart *hart) {
    return thread->affinity & (1ull << hart->id);
}

/* An idle hart if there is one, else where it last ran, as affinity allows. */
static struct hart *hart_for(const struct thread *thread) {
    struct hart *last = thread->frame.hart;
    uint64_t idle = __atomic_load_n(&sched_idle_harts, __ATOMIC_RELAXED);
    idle &= thread->affinity;
    if ((idle & (1ull << last->id)) || (!idle && hart_allowed(thread, last)))
        return last;
    return &harts[bits_lowest(idle ? idle : thread->affinity)];
}

/* Who sets ATTENTION_SWITCH interrupts; for those who find it set, someone has
 * or is about to. */
static void alert_far(struct hart *hart, uint32_t why) {
    uint32_t before = hart_alert(hart, why);
    if ((why & ~before & ATTENTION_SWITCH) && hart != hart_self())
        hart_interrupt(1u << hart->id);
}

void sched_prod(struct hart *hart) {
    alert_far(hart, ATTENTION_SWITCH);
}

/*
 *   this hart                        that hart, going idle
 *   push                             running = -1
 *   fence                            fence
 *   is it important there? alert     is the inbox empty? wait for interrupts
 *
 * Whichever comes second sees what the other did.
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
    alert_far(hart, ATTENTION_INBOX | (urgent ? ATTENTION_SWITCH : 0));
}

/* Queues what other harts have pushed, first come first. */
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
    while (first) {
        struct thread *thread = container_of(first, struct thread, link);
        first = first->next;
        asid_join(hart, &thread->space->asid);
        sched_enqueue(hart, thread, false);
    }
}

void sched_ready_far(struct thread *thread) {
    struct hart *hart = hart_for(thread);
    if (hart != hart_self()) {
        inbox_push(hart, thread);
        return;
    }
    asid_join(hart, &thread->space->asid);
    thread_place(thread, hart);
    sched_enqueue(hart, thread, false);
}

void sched_handoff_far(struct thread *thread) {
    struct hart *hart = hart_self();
    if (!hart_allowed(thread, hart) || hart->handoff) {
        sched_ready(thread);
        return;
    }
    thread_place(thread, hart);
    sched_handoff(thread);
}

/* ---- Priorities ---- */

/* This hart's: the thread takes its place. */
static void priority_sort(struct hart *hart, struct thread *thread) {
    int32_t before = thread->queued_at - 1;
    if (before >= 0 && before != (int32_t)thread->priority) {
        sched_dequeue(hart, thread, before);
        sched_enqueue(hart, thread, false);
    }
}

/* Another hart changed some thread's priority, perhaps of the one that runs, or
 * of one that the fast path has left since: rare enough to look at all. */
static void queues_sort(struct hart *hart) {
    if (hart->running >= 0)
        hart->running = (int32_t)thread_self()->priority;
    for (uint32_t left = hart->ready; left; left &= left - 1) {
        struct list *list = &hart->queue->ready[bits_lowest(left)];
        struct list *node = list->next;
        while (node != list) {
            struct list *next = node->next;
            priority_sort(hart, container_of(node, struct thread, link));
            node = next;
        }
    }
}

/*
 *   this hart                        another that makes the thread ready
 *   priority = new                   state = READY
 *   fence                            fence
 *   is it ready? its hart sorts      insert it by its priority
 *
 * Whichever comes second sees what the other did.
 */
void sched_set_priority(struct thread *thread, uint32_t priority) {
    __atomic_store_n(&thread->priority, (uint16_t)priority, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t state = __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE);
    struct hart *hart = __atomic_load_n(&thread->frame.hart, __ATOMIC_ACQUIRE);
    bool ready = state == THREAD_READY;
    if (!ready && state != THREAD_RUNNING)
        return;
    if (hart != hart_self()) {
        int32_t other = ready ? (int32_t)priority : queue_top(hart);
        int32_t runs = ready ? hart->running : (int32_t)priority;
        alert_far(hart, ATTENTION_SORT | (other > runs ? ATTENTION_SWITCH : 0));
        return;
    }
    priority_sort(hart, thread);
    if (thread == thread_self())
        hart->running = (int32_t)priority;
    if (queue_top(hart) > hart->running)
        hart_alert(hart, ATTENTION_SWITCH);
}

/* ---- Requests to switch ---- */

/* A server works in its caller's time: it may finish, and then the caller gives
 * way. Were the server to give way, all others would find it busy, and queue.
 * False: it has no caller here, or was let go on before. */
static bool caller_expire(const struct thread *server) {
    struct thread *caller = __atomic_load_n(&server->caller, __ATOMIC_RELAXED);
    if (!caller || caller->frame.hart != server->frame.hart ||
        (caller->flags & THREAD_EXPIRED))
        return false;
    thread_set_flag(caller, THREAD_EXPIRED);
    return true;
}

void sched_tick(void) {
    struct hart *hart = hart_self();
    sched_charge(hart, thread_self());
    inbox_empty(hart);
    if (queue_top(hart) >= hart->running && !caller_expire(thread_self()))
        sched_yield();
    if (work_priority() >= 0)
        hart_alert(hart, ATTENTION_WORK);
}

void sched_affinity_changed(struct thread *thread) {
    struct hart *hart = thread->frame.hart;
    if (hart_allowed(thread, hart))
        return;
    thread_set_flag(thread, THREAD_MOVE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (thread->state == THREAD_RUNNING)
        sched_prod(hart);
}

/* ---- Sharing ---- */

/* Gives one ready thread to a hart that is idle and may run it. */
static void share(struct hart *hart) {
    uint64_t idle = __atomic_load_n(&sched_idle_harts, __ATOMIC_RELAXED);
    for (uint32_t left = hart->ready; left;) {
        unsigned priority = bits_highest(left);
        struct list *list = &hart->queue->ready[priority];
        for (struct list *n = list->next; n != list; n = n->next) {
            struct thread *thread = container_of(n, struct thread, link);
            if (thread->affinity & idle) {
                sched_dequeue(hart, thread, (int32_t)priority);
                hart_count_event(COUNTER_STEALS);
                sched_ready_far(thread);
                return;
            }
        }
        left &= ~(1u << priority);
    }
}

/* Of the harts that run this priority, the one with fewest equals waiting when
 * it last looked; NULL: none has two fewer than `waiting`. */
static struct hart *least_busy(int32_t priority, unsigned waiting) {
    struct hart *least = NULL;
    waiting = waiting > 0 ? waiting - 1 : 0;
    for (unsigned i = 0; i < hart_count; i++) {
        unsigned its = __atomic_load_n(&harts[i].equals, __ATOMIC_RELAXED);
        if (its < waiting &&
            __atomic_load_n(&harts[i].running, __ATOMIC_RELAXED) == priority) {
            least = &harts[i];
            waiting = its;
        }
    }
    return least;
}

void sched_balance(void) {
    struct hart *hart = hart_self();
    unsigned waiting = 0;
    if (hart->running < 0)
        return;
    /* What a hart counts is a hint to others: they look without a lock. */
    struct list *list = &hart->queue->ready[hart->running];
    for (struct list *n = list->next; n != list && waiting < EQUALS_MAX;
         n = n->next)
        waiting++;
    __atomic_store_n(&hart->equals, waiting, __ATOMIC_RELAXED);
    struct hart *other = least_busy(hart->running, waiting);
    struct thread *last = container_of(list->prev, struct thread, link);
    if (!other || !hart_allowed(last, other))
        return;
    sched_dequeue(hart, last, hart->running);
    __atomic_fetch_add(&other->equals, 1, __ATOMIC_RELAXED);
    inbox_push(other, last);
}

/* Some hart that is busy, and has more to do, looks for something to share. */
static void ask_for_work(const struct hart *self) {
    for (unsigned i = 1; i < hart_count; i++) {
        struct hart *hart = &harts[(self->id + i) % hart_count];
        if (__atomic_load_n(&hart->ready, __ATOMIC_RELAXED) &&
            __atomic_load_n(&hart->running, __ATOMIC_RELAXED) >= 0) {
            alert_far(hart, ATTENTION_SHARE | ATTENTION_SWITCH);
            return;
        }
    }
}

/* ---- Choosing ---- */

/* The handoff if nothing is more important, else the best ready thread. */
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
    sched_dequeue(hart, thread, top);
    return thread;
}

/* Puts the current thread, which could run on, back into a queue. */
static void preempt(struct hart *hart, struct thread *self) {
    bool rotate = hart_calm(hart, ATTENTION_ROTATE) & ATTENTION_ROTATE;
    sched_depart(self);
    if (hart_allowed(self, hart))
        sched_enqueue(hart, self, !rotate);
    else
        sched_ready_far(self);
}

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
    hart->since = timer_now();
}

/* The best thing to run; does queued work and idles until there is one. */
static struct thread *choose(struct hart *hart) {
    for (;;) {
        hart_calm(hart, ATTENTION_SWITCH | ATTENTION_ROTATE | ATTENTION_INBOX);
        inbox_empty(hart);
        struct thread *next = choose_own(hart);
        int work = work_priority();
        if (work >= 0 && (!next || work >= (int)next->priority)) {
            if (next)
                sched_enqueue(hart, next, true);
            thread_self()->priority = (uint16_t)work;
            work_step();
            interrupt_poll_hook();
        } else if (next) {
            next->state = THREAD_RUNNING;
            return next;
        } else {
            idle_wait(hart);
        }
    }
}

/* A killed thread is chosen like others, but dies instead of running; one that
 * may not run on this hart any more goes where it may. */
static struct thread *choose_living(struct hart *hart) {
    for (;;) {
        struct thread *next = choose(hart);
        if (next->flags & THREAD_KILLED) {
            frame_set_self(&next->frame);
            thread_die(next, STATUS_KILLED);
        } else if (!hart_allowed(next, hart)) {
            sched_ready_far(next);
        } else {
            frame_set_self(&next->frame);
            return next;
        }
    }
}

/* ---- Leaving the kernel ---- */

/* A thread that this hart let wait had been killed just then. */
static void cancel_doomed(struct hart *hart) {
    struct thread *thread = hart->doomed;
    hart->doomed = NULL;
    thread_cancel_killed(thread);
}

/* Does what other harts have asked for, or this one left for later. */
static void attend(struct hart *hart) {
    uint32_t why = hart_calm(hart, ATTENTION_ASKED);
    if (why & ATTENTION_DOOMED)
        cancel_doomed(hart);
    if (why & ATTENTION_INBOX)
        inbox_empty(hart);
    if (why & ATTENTION_SORT)
        queues_sort(hart);
    if (why & ATTENTION_SHARE)
        share(hart);
    if (why & ATTENTION_TURN)
        clock_end_turn();
}

/* Whether the thread, which could go on, has to give way. */
static bool must_leave(const struct hart *hart, const struct thread *self) {
    return hart->handoff || (hart->attention & ATTENTION_SWITCH) ||
           (self->flags & THREAD_MOVE) ||
           work_priority() >= (int)self->priority;
}

/* The thread to go on with when it may not be the current one. */
static struct thread *look_around(struct hart *hart) {
    struct thread *self = thread_self();
    attend(hart);
    if (self->flags & THREAD_KILLED)
        thread_die(self, STATUS_KILLED);
    else if (self != hart->idle && must_leave(hart, self))
        preempt(hart, self);
    else
        /* Work that has to wait is looked at again at the next tick. */
        hart_calm(hart, ATTENTION_WORK);
    self = thread_self();
    return self == hart->idle ? choose_living(hart) : self;
}

/* Not in line: the quick way out saves no register. */
static __attribute__((noinline)) struct thread *
leave_slowly(struct hart *hart) {
    struct thread *self = look_around(hart);
    hart->running = (int32_t)self->priority;
    space_activate(self->space);
    event_note(EVENT_SWITCH, self, 0, 0);
    return self;
}

/*
 * The thread to go on with if all there is to do is to choose from this hart's
 * queues: the current one waits, or gives way to another. NULL: leave_slowly
 * has to look.
 */
static inline struct thread *switch_quickly(struct hart *hart,
                                            struct thread *self) {
    const uint32_t asked = ATTENTION_SWITCH | ATTENTION_ROTATE;
    const uint32_t unfit = THREAD_KILLED | THREAD_MOVE;
    int32_t before = (int32_t)self->priority;
    if (!sched_simple(hart) || (hart->attention & ~asked) ||
        (self->flags & (unfit | THREAD_FPU)))
        return NULL;
    int32_t top = sched_top(hart, before);
    struct thread *best = sched_first(hart, top);
    if (best->flags & unfit)
        return NULL;
    uint32_t why = hart->attention ? hart_calm(hart, asked) : 0;
    if (why & ~asked) {
        hart_alert(hart, why & asked);
        return NULL;
    }
    if (!(self->flags & THREAD_IDLE)) {
        if (top < before + !(why & ATTENTION_ROTATE))
            return self;
        hart_count_event(COUNTER_SWITCHES);
        sched_charge(hart, self);
        sched_enqueue(hart, self, !(why & ATTENTION_ROTATE));
    }
    sched_dequeue(hart, best, top);
    best->state = THREAD_RUNNING;
    frame_set_self(&best->frame);
    return best;
}

struct thread *sched_leave(void) {
    struct thread *self = thread_self();
    struct hart *hart = self->frame.hart;
    const uint32_t unusual = THREAD_KILLED | THREAD_MOVE | THREAD_IDLE;
    if (hart->attention || hart->handoff || (self->flags & unusual)) {
        self = switch_quickly(hart, self);
        if (!self)
            return leave_slowly(hart);
        event_note(EVENT_SWITCH, self, 0, 0);
    }
    hart->running = (int32_t)self->priority;
    space_activate(self->space);
    return self;
}
