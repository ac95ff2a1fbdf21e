/* SPDX-License-Identifier: MIT */
/*
 * proc/sched.h: which thread runs next on each hart.
 *
 * Idea        Each hart has 32 queues, one a priority, and a bitmap that says
 *             which are not empty. The highest runs; equals take turns at each
 *             tick. Message passing mostly avoids all this: a call hands the
 *             hart straight to the receiver ("handoff").
 * Harts       A hart's queues are its own, so they need no lock. Others leave
 *             threads in its inbox, a stack that many may push to and one
 *             empties, and interrupt it only if it idles or runs something
 *             less important. An idle hart cannot take threads either: it asks
 *             the others to share.
 * Invariants  I1 proc/thread.h I1;
 *             I2 bit p of hart->ready is set exactly while ready[p] is not
 *                empty;
 *             I3 thread->queued_at is its priority in ready[], plus one, or 0;
 *                only thread->frame.hart changes that.
 */
#ifndef OCTAVO_PROC_SCHED_H
#define OCTAVO_PROC_SCHED_H

#include "abi/syscall.h"
#include "arch/csr.h"
#include "arch/hart.h"
#include "dev/timer.h"
#include "lib/bits.h"
#include "proc/fpu.h"
#include "proc/thread.h"

struct runqueue {
    struct list ready[PRIORITY_COUNT];
    struct list *inbox __attribute__((aligned(64))); /* atomic */
} __attribute__((aligned(64)));

/* Bit i: hart i waits for work. Atomic. */
extern uint64_t sched_idle_harts;

/* Sets up queues and idle threads; this hart's idle thread becomes current. */
void sched_init(void);

/* The same for a hart that starts later; its struct hart is current. */
void sched_init_hart(void);

/* Puts a thread that is in no queue into this hart's. */
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
    if (priority > hart->running)
        hart_alert(hart, ATTENTION_SWITCH);
}

/* Whether this hart has ready threads, and nothing else to choose from. */
static inline bool sched_simple(const struct hart *hart) {
    return hart->ready && !hart->handoff && hart->work < 0;
}

/* The highest priority with ready threads, of which there are some: mostly that
 * of the thread before. */
static inline int32_t sched_top(const struct hart *hart, int32_t before) {
    uint32_t ready = hart->ready;
    return ready >> before == 1 ? before : (int32_t)bits_highest(ready);
}

static inline struct thread *sched_first(const struct hart *hart,
                                         int32_t priority) {
    return container_of(hart->queue->ready[priority].next, struct thread, link);
}

/* Takes a thread of this priority out of this hart's queue. */
static inline void sched_dequeue(struct hart *hart, struct thread *thread,
                                 int32_t priority) {
    struct list *list = &hart->queue->ready[priority];
    list_unlink(&thread->link);
    thread->queued_at = 0;
    if (__builtin_expect(list_empty(list), 1))
        hart->ready &= ~(1u << priority);
}

/* The rest of sched_ready: for a thread that another hart should run. */
void sched_ready_far(struct thread *thread);

/*
 * Makes a thread ready that no queue holds: on an idle hart it may run on,
 * else on the hart it ran on last. Interrupts that hart if it should switch.
 */
static inline void sched_ready(struct thread *thread) {
    struct hart *hart = hart_self();
    if (thread->frame.hart != hart || (thread->flags & THREAD_MOVE) ||
        __atomic_load_n(&sched_idle_harts, __ATOMIC_RELAXED))
        sched_ready_far(thread);
    else
        sched_enqueue(hart, thread, false);
}

/* The rest of sched_handoff: for a thread of another hart, or a second one. */
void sched_handoff_far(struct thread *thread);

/*
 * As sched_ready, but this hart runs it next, before equals, if nothing with
 * higher priority is ready and its affinity allows this hart.
 */
static inline void sched_handoff(struct thread *thread) {
    struct hart *hart = hart_self();
    if (thread->frame.hart != hart || hart->handoff) {
        sched_handoff_far(thread);
        return;
    }
    thread->state = THREAD_READY;
    hart->handoff = thread;
}

/* Makes a hart look for another thread, at once. */
void sched_prod(struct hart *hart);

/* Charges a thread of this hart the time until now. */
static inline void sched_charge(struct hart *hart, struct thread *self) {
    uint64_t now = timer_now();
    self->time += now - hart->since;
    hart->since = now;
}

/* The current thread leaves the hart: charges its time and saves its FPU. */
static inline void sched_stop(struct thread *self) {
    struct hart *hart = hart_self();
    hart->counters[COUNTER_SWITCHES]++;
    sched_charge(hart, self);
    if (self->flags & THREAD_FPU)
        fpu_switch_out(self);
}

/*
 * This hart stops working for the current thread, which is about to become
 * visible to others as dead or ready, and makes the idle thread current, with
 * the priority of what it finishes.
 */
static inline void sched_depart(struct thread *self) {
    struct thread *idle = hart_self()->idle;
    sched_stop(self);
    idle->priority = self->priority;
    frame_set_self(&idle->frame);
}

/* The same for a thread that begins to wait. The one that was handed the hart
 * is current from now on, if there is one and nothing more important. */
static inline void sched_pass_on(struct thread *self) {
    struct hart *hart = hart_self();
    struct thread *next = hart->handoff;
    if (!next || (hart->ready && hart->ready >> next->priority > 1)) {
        sched_depart(self);
        return;
    }
    sched_stop(self);
    hart->handoff = NULL;
    next->state = THREAD_RUNNING;
    frame_set_self(&next->frame);
}

/* Changes the effective priority; moves the thread if it is in a run queue. One
 * caller at a time (ipc/donate.c has a lock for it). */
void sched_set_priority(struct thread *thread, uint32_t priority);

/* A tick passed on this hart: equals take turns. */
void sched_tick(void);

/* After a tick: the last of the equals that wait here goes to a hart where at
 * least two fewer wait. (With one fewer, a thread could be sent about for ever
 * without a turn.) */
void sched_balance(void);

/* The current thread lets equals run first. */
static inline void sched_yield(void) {
    hart_alert(hart_self(), ATTENTION_SWITCH | ATTENTION_ROTATE);
}

/* Whether a long operation should stop and restart: an interrupt waits, or
 * another thread should run. */
static inline bool sched_pressing(void) {
    const uint64_t interrupts = SIE_SOFTWARE | SIE_TIMER | SIE_EXTERNAL;
    return (hart_self()->attention & ATTENTION_SWITCH) ||
           (csr_read(sip) & interrupts);
}

/* The thread's affinity mask changed: if the hart that it is on is no longer in
 * it, it leaves there. */
void sched_affinity_changed(struct thread *thread);

/*
 * The end of every stay in the kernel: returns the thread to resume, which is
 * the current one if it is still RUNNING and nothing better is ready. Runs
 * queued work, idles, and handles interrupts while it has no thread. Activates
 * the thread's address space. Called by trap/entry.S.
 */
struct thread *sched_leave(void);

/* Handles interrupts that are pending, without a trap. Set by trap at boot. */
extern void (*interrupt_poll_hook)(void);

#endif
