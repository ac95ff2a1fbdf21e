/* SPDX-License-Identifier: MIT */
/*
 * proc/sched.c: run queues, hand-off, stealing, the idle loop.
 *
 * Read        sched_leave first: every stay in the kernel ends there.
 * Invariant   A hart's satp names the space of the thread it runs, or the
 *             kernel's own table: an idle hart never keeps a space that may be
 *             freed under it.
 */
#include "proc/sched.h"

#include "abi/syscall.h"
#include "arch/csr.h"
#include "arch/event.h"
#include "arch/fence.h"
#include "arch/hart.h"
#include "dev/timer.h"
#include "lib/bits.h"
#include "lib/container.h"
#include "proc/fpu.h"
#include "proc/process.h"
#include "proc/wait.h"
#include "sync/spinlock.h"
#include "vm/space.h"

struct runqueue {
    struct spinlock lock;
    struct list ready[PRIORITY_COUNT]; /* lock */
    struct hart *hart; /* whose queue it is; its `ready` has bit p set while
                          ready[p] is not empty (lock) */
    bool rotate;       /* own hart: the current thread goes behind its equals */
} __attribute__((aligned(64)));

static struct runqueue queues[HART_MAX];
static struct thread idle_threads[HART_MAX];
static uint64_t idle_harts; /* atomic: bit i: hart i waits for work */

void (*interrupt_poll_hook)(void);

static struct runqueue *queue_self(void) {
    return &queues[hart_self()->id];
}

void sched_init_hart(void) {
    struct hart *hart = hart_self();
    struct thread *idle = &idle_threads[hart->id];
    idle->frame.hart = hart;
    idle->state = THREAD_DEAD;
    idle->flags = THREAD_IDLE;
    hart->idle = idle;
    hart->running = -1;
    frame_set_self(&idle->frame);
}

void sched_init(void) {
    for (unsigned i = 0; i < HART_MAX; i++) {
        spin_init(&queues[i].lock, RANK_RUNQUEUE);
        for (unsigned p = 0; p < PRIORITY_COUNT; p++)
            list_init(&queues[i].ready[p]);
        queues[i].hart = &harts[i];
        harts[i].running = -1;
    }
    sched_init_hart();
}

/* ---- Queues ---- */

static void queue_insert(struct runqueue *queue, struct thread *thread,
                         bool front) REQUIRES(queue->lock) {
    uint32_t priority = __atomic_load_n(&thread->priority, __ATOMIC_RELAXED);
    struct list *list = &queue->ready[priority];
    if (front)
        list_push_front(list, &thread->link);
    else
        list_push_back(list, &thread->link);
    thread->queued_at = priority;
    queue->hart->ready |= 1u << priority;
}

static void queue_remove(struct runqueue *queue, struct thread *thread)
    REQUIRES(queue->lock) {
    list_remove(&thread->link);
    if (list_empty(&queue->ready[thread->queued_at]))
        queue->hart->ready &= ~(1u << thread->queued_at);
}

/* The highest priority with a ready thread, -1 for none. */
static int queue_top(const struct runqueue *queue) {
    uint32_t bitmap = __atomic_load_n(&queue->hart->ready, __ATOMIC_RELAXED);
    return bitmap ? (int)bits_highest(bitmap) : -1;
}

static bool hart_allowed(const struct thread *thread, unsigned hart) {
    return thread->affinity & (1ull << hart);
}

/* An idle hart if there is one, else where it last ran, as affinity allows. */
static unsigned hart_for(const struct thread *thread) {
    unsigned last = thread->frame.hart->id;
    uint64_t idle = __atomic_load_n(&idle_harts, __ATOMIC_RELAXED);
    idle &= thread->affinity;
    if ((idle & (1ull << last)) || (!idle && hart_allowed(thread, last)))
        return last;
    return bits_lowest(idle ? idle : thread->affinity);
}

/* Makes a hart look for another thread, at once. */
static void queue_prod(struct runqueue *queue) {
    hart_alert(queue->hart, ATTENTION_SWITCH);
    if (queue->hart != hart_self())
        hart_interrupt(1u << queue->hart->id);
}

void sched_prod(struct hart *hart) {
    queue_prod(&queues[hart->id]);
}

/* Makes the hart look at its queue if it runs something less important. */
static void hart_prod(unsigned hart, uint32_t priority) {
    struct runqueue *queue = &queues[hart];
    if (__atomic_load_n(&queue->hart->running, __ATOMIC_RELAXED) <
        (int)priority)
        queue_prod(queue);
}

static void ready_on(struct thread *thread, unsigned hart, bool front) {
    struct runqueue *queue = &queues[hart];
    spin_lock(&queue->lock);
    thread->frame.hart = &harts[hart];
    __atomic_store_n(&thread->state, THREAD_READY, __ATOMIC_RELEASE);
    /* The priority is read after this: see sched_set_priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    queue_insert(queue, thread, front);
    if (hart_allowed(thread, hart))
        thread_clear_flag(thread, THREAD_MOVE);
    spin_unlock(&queue->lock);
}

void sched_ready(struct thread *thread) {
    unsigned hart = hart_for(thread);
    uint32_t priority = thread->priority;
    ready_on(thread, hart, false);
    hart_prod(hart, priority);
}

void sched_handoff_far(struct thread *thread) {
    struct hart *hart = hart_self();
    if (!hart_allowed(thread, hart->id) || hart->handoff) {
        sched_ready(thread);
        return;
    }
    thread->frame.hart = hart;
    sched_handoff(thread);
}

/*
 * Locks the queue of the thread's hart; *queued: the thread is in it. The hart
 * may change until then. It is written before the state, so it is looked at
 * last: a thread that was seen to be ready is in this hart's queue, or nowhere.
 */
static struct runqueue *queue_lock_of(struct thread *thread,
                                      bool *queued) NO_THREAD_SAFETY;
static struct runqueue *queue_lock_of(struct thread *thread, bool *queued) {
    for (;;) {
        struct runqueue *queue = &queues[thread->frame.hart->id];
        spin_lock(&queue->lock);
        *queued =
            __atomic_load_n(&thread->state, __ATOMIC_ACQUIRE) == THREAD_READY &&
            !list_empty(&thread->link);
        if (queue == &queues[thread->frame.hart->id])
            return queue;
        spin_unlock(&queue->lock);
    }
}

/*
 *   this hart                        another that makes the thread ready
 *   priority = new                   state = READY
 *   fence                            fence
 *   is it in a queue? move it        insert it by its priority
 *
 * Whichever comes second sees what the other did.
 */
void sched_set_priority(struct thread *thread,
                        uint32_t priority) NO_THREAD_SAFETY;
void sched_set_priority(struct thread *thread, uint32_t priority) {
    bool queued;
    __atomic_store_n(&thread->priority, priority, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    struct runqueue *queue = queue_lock_of(thread, &queued);
    if (queued && thread->queued_at != priority) {
        queue_remove(queue, thread);
        queue_insert(queue, thread, false);
    }
    bool runs = thread->state == THREAD_RUNNING;
    spin_unlock(&queue->lock);
    if (thread == thread_self())
        queue->hart->running = (int32_t)priority;
    if (queued)
        hart_prod(queue->hart->id, priority);
    else if (runs && queue_top(queue) > (int)priority)
        queue_prod(queue);
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
    struct runqueue *queue = queue_self();
    sched_charge();
    if (queue_top(queue) >= queue->hart->running &&
        !caller_expire(thread_self()))
        sched_yield();
    if (work_priority() >= 0)
        hart_alert(queue->hart, ATTENTION_WORK);
}

void sched_yield(void) {
    queue_self()->rotate = true;
    hart_alert(hart_self(), ATTENTION_SWITCH);
}

bool sched_pressing(void) {
    return (hart_self()->attention & ATTENTION_SWITCH) ||
           (csr_read(sip) & csr_read(sie)) != 0;
}

void sched_affinity_changed(struct thread *thread) {
    struct hart *hart = thread->frame.hart;
    if (hart_allowed(thread, hart->id))
        return;
    thread_set_flag(thread, THREAD_MOVE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (thread->state == THREAD_RUNNING)
        queue_prod(&queues[hart->id]);
}

/* ---- Choosing ---- */

static struct thread *queue_take(struct runqueue *queue, int top)
    REQUIRES(queue->lock) {
    struct list *node = list_first(&queue->ready[top]);
    struct thread *thread = container_of(node, struct thread, link);
    queue_remove(queue, thread);
    thread->state = THREAD_RUNNING;
    return thread;
}

/* The handoff if nothing is more important, else the best ready thread. */
static struct thread *choose_own(struct runqueue *queue) {
    struct thread *handoff = queue->hart->handoff;
    queue->hart->handoff = NULL;
    spin_lock(&queue->lock);
    int top = queue_top(queue);
    struct thread *next = NULL;
    if (handoff && top <= (int)handoff->priority) {
        next = handoff;
        next->state = THREAD_RUNNING;
    } else {
        if (handoff)
            queue_insert(queue, handoff, true);
        if (top >= 0)
            next = queue_take(queue, top);
    }
    spin_unlock(&queue->lock);
    return next;
}

/* Takes a thread that may run on `hart` from a queue whose hart is busy. */
static struct thread *steal_from(struct runqueue *victim, unsigned hart) {
    struct thread *found = NULL;
    if (queue_top(victim) < 0 || victim->hart->running < 0)
        return NULL;
    spin_lock(&victim->lock);
    for (int p = queue_top(victim); p >= 0 && !found; p--) {
        struct list *list = &victim->ready[p];
        for (struct list *n = list->next; n != list && !found; n = n->next) {
            struct thread *thread = container_of(n, struct thread, link);
            if (hart_allowed(thread, hart))
                found = thread;
        }
    }
    if (found) {
        queue_remove(victim, found);
        found->state = THREAD_RUNNING;
        found->frame.hart = &harts[hart];
    }
    spin_unlock(&victim->lock);
    return found;
}

static struct thread *choose_stolen(unsigned self) {
    for (unsigned i = 1; i < hart_count; i++) {
        unsigned hart = (self + i) % hart_count;
        struct thread *thread = steal_from(&queues[hart], self);
        if (thread) {
            hart_count_event(COUNTER_STEALS);
            return thread;
        }
    }
    return NULL;
}

/* ---- Leaving the kernel ---- */

void sched_depart(struct thread *self) {
    struct hart *hart = hart_self();
    sched_stop(self);
    hart->idle->priority = self->priority;
    frame_set_self(&hart->idle->frame);
}

/* Puts the current thread, which could run on, back into a queue. */
static void preempt(struct runqueue *queue, struct thread *self) {
    bool rotate = queue->rotate;
    queue->rotate = false;
    sched_depart(self);
    if (hart_allowed(self, hart_self()->id))
        ready_on(self, hart_self()->id, !rotate);
    else
        sched_ready(self);
}

static void idle_wait(struct runqueue *queue) {
    struct hart *hart = hart_self();
    uint64_t bit = 1ull << hart->id;
    queue->hart->running = -1;
    space_leave();
    __atomic_fetch_or(&idle_harts, bit, __ATOMIC_SEQ_CST);
    if (queue_top(queue) < 0)
        __asm__ volatile("wfi" ::: "memory");
    __atomic_fetch_and(&idle_harts, ~bit, __ATOMIC_SEQ_CST);
    interrupt_poll_hook();
    queue->hart->since = timer_now();
}

/* The best thing to run; does queued work and idles until there is one. */
static struct thread *choose(struct runqueue *queue) {
    for (;;) {
        hart_calm(queue->hart, ATTENTION_SWITCH);
        struct thread *next = choose_own(queue);
        int work = work_priority();
        if (work >= 0 && (!next || work >= (int)next->priority)) {
            if (next)
                ready_on(next, hart_self()->id, true);
            thread_self()->priority = (uint32_t)work;
            work_step();
            interrupt_poll_hook();
            continue;
        }
        if (!next)
            next = choose_stolen(hart_self()->id);
        if (next)
            return next;
        idle_wait(queue);
    }
}

/* A killed thread is chosen like others, but dies instead of running; one that
 * may not run on this hart any more goes where it may. */
static struct thread *choose_living(struct runqueue *queue) {
    for (;;) {
        struct thread *next = choose(queue);
        if (next->flags & THREAD_KILLED) {
            frame_set_self(&next->frame);
            thread_die(next, STATUS_KILLED);
        } else if (!hart_allowed(next, hart_self()->id)) {
            sched_ready(next);
        } else {
            frame_set_self(&next->frame);
            return next;
        }
    }
}

/* A thread that this hart let wait had been killed just then. */
static void cancel_doomed(struct hart *hart) {
    struct thread *thread = hart->doomed;
    hart->doomed = NULL;
    hart_calm(hart, ATTENTION_DOOMED);
    thread_cancel_killed(thread);
}

/* Whether the thread, which could go on, has to give way. */
static bool must_leave(const struct hart *hart, const struct thread *self) {
    return hart->handoff || (hart->attention & ATTENTION_SWITCH) ||
           (self->flags & THREAD_MOVE) ||
           work_priority() >= (int)self->priority;
}

/* The thread to go on with when it may not be the current one. */
static struct thread *look_around(struct hart *hart) {
    struct runqueue *queue = &queues[hart->id];
    struct thread *self = thread_self();
    if (hart->attention & ATTENTION_DOOMED)
        cancel_doomed(hart);
    if (self->flags & THREAD_KILLED)
        thread_die(self, STATUS_KILLED);
    else if (self != hart->idle && must_leave(hart, self))
        preempt(queue, self);
    else
        /* Work that has to wait is looked at again at the next tick. */
        hart_calm(hart, ATTENTION_WORK);
    self = thread_self();
    return self == hart->idle ? choose_living(queue) : self;
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

struct thread *sched_leave(void) {
    struct thread *self = thread_self();
    struct hart *hart = self->frame.hart;
    const uint32_t unusual = THREAD_KILLED | THREAD_MOVE | THREAD_IDLE;
    if (hart->attention || hart->handoff || (self->flags & unusual))
        return leave_slowly(hart);
    hart->running = (int32_t)self->priority;
    space_activate(self->space);
    return self;
}
