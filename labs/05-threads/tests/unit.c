/* SPDX-License-Identifier: MIT */
/*
 * unit.c: run queues, inboxes, choosing and idling, one by one; unit_wait.c has
 * waiting.
 *
 * Memory, processes and messages have been set up; no thread has run yet.
 */
#include "kit.h"
#include "waits.h"

#include "arch/csr.h"
#include "boot/main.h"
#include "ipc/irq.h"
#include "sys/syscall.h"

enum { SWITCH = ATTENTION_SWITCH, ROTATE = ATTENTION_ROTATE };

/* ---- Run queues ---- */

static void test_enqueue(void) {
    setup();
    sched_enqueue(&harts[0], thread_make(1, 5), false);
    sched_enqueue(&harts[0], thread_make(2, 5), false);
    sched_enqueue(&harts[0], thread_make(3, 5), true);
    unit_equal("ready[5], from the front", queued(0, 5), 312);
    unit_equal("the bitmap", harts[0].ready, 1u << 5);
    unit_equal("the thread's state", threads[1].state, THREAD_READY);
    unit_signed("queued_at", threads[1].queued_at, 6);
    unit_equal("attention, for a lower priority", harts[0].attention, 0);
    sched_enqueue(&harts[0], thread_make(4, 8), false);
    unit_equal("attention, for an equal", harts[0].attention, 0);
    sched_enqueue(&harts[0], thread_make(5, 31), false);
    unit_equal("the bitmap", harts[0].ready, 1u << 5 | 1u << 8 | 1u << 31);
    unit_equal("attention, for a higher priority", harts[0].attention, SWITCH);
    sched_enqueue(&harts[0], thread_make(6, 0), false);
    unit_equal("ready[0]", queued(0, 0), 6);
    unit_equal("ready[31]", queued(0, 31), 5);
}

static void test_dequeue(void) {
    setup();
    for (unsigned i = 1; i <= 3; i++)
        put(thread_make(i, 31));
    put(thread_make(4, 30));
    sched_dequeue(&harts[0], &threads[2], 31);
    unit_equal("ready[31], without the one in the middle", queued(0, 31), 13);
    unit_signed("queued_at", threads[2].queued_at, 0);
    unit_equal("the bitmap", harts[0].ready, 3u << 30);
    sched_dequeue(&harts[0], &threads[3], 31);
    sched_dequeue(&harts[0], &threads[1], 31);
    unit_equal("the bitmap, when ready[31] is empty", harts[0].ready, 1u << 30);
    threads[4].priority = 2; /* changed while it was queued */
    sched_dequeue(&harts[0], &threads[4], 30);
    unit_equal("the bitmap, when all are empty", harts[0].ready, 0);
}

static void test_depart(void) {
    setup();
    struct thread *self = thread_self();
    struct thread *idle = harts[0].idle;
    harts[0].since = timer_now();
    while (timer_now() < harts[0].since + 50) {
    }
    uint64_t switches = harts[0].counters[COUNTER_SWITCHES];
    idle->priority = 0;
    sched_depart(self);
    unit_true("the idle thread is current", thread_self() == idle);
    unit_equal("the idle thread's priority", idle->priority, 8);
    unit_true("the thread was charged its time", self->time >= 50);
    unit_true("time begins anew", harts[0].since + 10 >= timer_now());
    unit_equal("switches", harts[0].counters[COUNTER_SWITCHES], switches + 1);
}

static void test_pass_on(void) {
    setup();
    struct thread *next = thread_make(1, 8);
    next->state = THREAD_READY;
    harts[0].handoff = next;
    put(thread_make(2, 8));
    put(thread_make(3, 7));
    sched_pass_on(thread_self());
    unit_true("the one that was handed the hart is current",
              thread_self() == next);
    unit_equal("its state", next->state, THREAD_RUNNING);
    unit_true("handoff is used up", harts[0].handoff == NULL);
    unit_true("the one that leaves was charged", threads[7].time > 0);
    harts[0].handoff = run_now(thread_make(4, 8));
    harts[0].handoff->state = THREAD_READY;
    run_now(&threads[7]);
    put(thread_make(5, 9));
    sched_pass_on(thread_self());
    unit_true("with something more important ready: the idle thread is current",
              thread_self() == harts[0].idle);
    unit_true("the handoff stays", harts[0].handoff == &threads[4]);
    unit_equal("the handoff's state", threads[4].state, THREAD_READY);
    harts[0].handoff = NULL;
    run_now(&threads[7]);
    sched_pass_on(thread_self());
    unit_true("without a handoff: the idle thread is current",
              thread_self() == harts[0].idle);
}

/* ---- Other harts ---- */

static void test_inbox(void) {
    setup();
    become(1);
    become(0);
    uint64_t wakes = harts[0].counters[COUNTER_FAR_WAKES];
    for (unsigned i = 1; i <= 3; i++) {
        struct thread *thread = thread_make(i, 7);
        thread_place(thread, &harts[1]);
        sched_ready_far(thread);
    }
    unit_equal("the thread's state", threads[1].state, THREAD_READY);
    unit_true("no other hart's queue is touched", harts[1].ready == 0);
    unit_true("the newest is first in the inbox",
              harts[1].queue->inbox == &threads[3].link);
    unit_equal("attention there, for nothing urgent", harts[1].attention,
               ATTENTION_INBOX);
    unit_equal("interrupts, for nothing urgent",
               harts[0].counters[COUNTER_IPIS], 0);
    unit_equal("wakes of other harts", harts[0].counters[COUNTER_FAR_WAKES],
               wakes + 3);
    become(1);
    run_now(&others[1]);
    unit_true("the running one goes on", sched_leave() == &others[1]);
    unit_equal("the queue there, first come first", queued(1, 7), 123);
    unit_true("the inbox is empty", harts[1].queue->inbox == NULL);
    unit_equal("attention there", harts[1].attention & ATTENTION_INBOX, 0);
}

static void test_urgent(void) {
    setup();
    become(1);
    become(0);
    struct thread *thread = thread_make(1, 8);
    thread_place(thread, &harts[1]);
    sched_ready_far(thread);
    unit_equal("attention there, for an equal", harts[1].attention,
               ATTENTION_INBOX);
    thread = thread_make(2, 9);
    thread_place(thread, &harts[1]);
    sched_ready_far(thread);
    unit_equal("attention there, for a higher priority", harts[1].attention,
               ATTENTION_INBOX | SWITCH);
    unit_equal("interrupts", harts[0].counters[COUNTER_IPIS], 1);
    thread = thread_make(3, 10);
    thread_place(thread, &harts[1]);
    sched_ready_far(thread);
    unit_equal("interrupts, when one is on its way",
               harts[0].counters[COUNTER_IPIS], 1);
    harts[1].attention = 0;
    harts[1].running = -1;
    harts[1].queue->inbox = NULL;
    thread = thread_make(4, 0);
    thread_place(thread, &harts[1]);
    sched_ready_far(thread);
    unit_equal("attention of an idle hart", harts[1].attention,
               ATTENTION_INBOX | SWITCH);
}

static void ready_on(uint32_t expected, uint64_t idle, uint64_t affinity,
                     uint32_t last) {
    struct thread *thread = thread_make(1, 5);
    thread->affinity = affinity;
    thread_place(thread, &harts[last]);
    for (uint32_t i = 0; i < 4; i++) {
        harts[i].queue->inbox = NULL;
        harts[i].attention = 0;
    }
    sched_idle_harts = idle;
    sched_ready_far(thread);
    sched_idle_harts = 0;
    unit_true("the thread is where it says",
              thread->frame.hart->id == expected);
    unit_equal("the hart by its short number", thread->hart_id, expected);
    if (expected == 0)
        sched_dequeue(&harts[0], thread, 5);
    else
        unit_true("it is in that hart's inbox",
                  harts[expected].queue->inbox == &thread->link);
}

static void test_where(void) {
    setup();
    for (uint32_t i = 3; i < 4; i--)
        become(i);
    ready_on(2, 0, UINT64_MAX, 2);
    ready_on(0, 0, UINT64_MAX, 0);
    ready_on(3, 1 << 3, UINT64_MAX, 2);
    ready_on(3, 1 << 3 | 1 << 2, UINT64_MAX, 3);
    ready_on(2, 1 << 3, 1 << 2, 2);
    ready_on(1, 0, 1 << 1, 2);
    ready_on(3, 1 << 3 | 1 << 0, 0xc, 2);
    ready_on(2, 1 << 3, 0x6, 2);
}

static void test_moved(void) {
    setup();
    become(1);
    become(0);
    struct thread *thread = thread_make(1, 5);
    thread->affinity = 2;
    thread_set_flag(thread, THREAD_MOVE);
    sched_ready(thread);
    unit_true("it is in the inbox of the hart it may run on",
              harts[1].queue->inbox == &thread->link);
    unit_equal("its flag MOVE, now that it is there",
               thread->flags & THREAD_MOVE, 0);
}

/* ---- Ticks ---- */

static void test_tick(void) {
    setup();
    sched_tick();
    unit_equal("attention, alone", harts[0].attention, 0);
    unit_true("the thread is charged", thread_self()->time > 0);
    put(thread_make(1, 7));
    sched_tick();
    unit_equal("attention, with lower ones ready", harts[0].attention, 0);
    put(thread_make(2, 8));
    sched_tick();
    unit_equal("attention, with an equal ready", harts[0].attention,
               SWITCH | ROTATE);
    harts[0].attention = 0;
    sched_dequeue(&harts[0], &threads[2], 8);
    threads[3].link.next = NULL;
    thread_make(3, 8)->link.next = NULL;
    harts[0].queue->inbox = &threads[3].link;
    sched_tick();
    unit_equal("attention, with an equal in the inbox", harts[0].attention,
               SWITCH | ROTATE);
}

static void test_expire(void) {
    setup();
    struct thread *caller = thread_make(1, 8);
    put(thread_make(2, 8));
    caller->state = THREAD_CALLING;
    thread_self()->caller = caller;
    sched_tick();
    unit_equal("attention, for a server in its caller's time",
               harts[0].attention, 0);
    unit_true("the caller's time is over", caller->flags & THREAD_EXPIRED);
    sched_tick();
    unit_equal("attention, at the next tick", harts[0].attention,
               SWITCH | ROTATE);
}

/* ---- Choosing ---- */

/* What the hart goes on with; it must be marked as running. */
static uint64_t leave(void) {
    struct thread *next = sched_leave();
    unit_true("who goes on is current", thread_self() == next);
    unit_equal("the state of who goes on", next->state, THREAD_RUNNING);
    unit_signed("the hart's priority", harts[0].running, next->priority);
    unit_signed("queued_at of who goes on", next->queued_at, 0);
    return (uint64_t)(next - threads);
}

/* A thread that is killed keeps the quick way from being taken. */
static void go_slowly(void) {
    hart_alert(&harts[0], SWITCH | ATTENTION_INBOX);
}

static void test_choose(void) {
    setup();
    put(thread_make(1, 5));
    put(thread_make(2, 20));
    put(thread_make(3, 20));
    go_slowly();
    unit_equal("the first of the highest", leave(), 2);
    unit_equal("ready[8]: who had to give way", queued(0, 8), 7);
    unit_equal("ready[20]", queued(0, 20), 3);
    sched_depart(thread_self());
    threads[2].state = THREAD_QUEUED;
    go_slowly();
    unit_equal("the next", leave(), 3);
    sched_depart(thread_self());
    threads[3].state = THREAD_QUEUED;
    go_slowly();
    unit_equal("the next", leave(), 7);
    sched_depart(thread_self());
    threads[7].state = THREAD_QUEUED;
    go_slowly();
    unit_equal("the last", leave(), 1);
    unit_equal("the bitmap", harts[0].ready, 0);
}

static void test_preempt(void) {
    setup();
    put(thread_make(1, 8));
    put(thread_make(2, 9));
    go_slowly();
    unit_equal("something more important", leave(), 2);
    unit_equal("ready[8]: who did not have its turn is first", queued(0, 8),
               71);
    sched_depart(thread_self());
    threads[2].state = THREAD_QUEUED;
    go_slowly();
    unit_equal("it goes on", leave(), 7);
    hart_alert(&harts[0], ROTATE);
    go_slowly();
    unit_equal("an equal, at the end of a turn", leave(), 1);
    unit_equal("ready[8]: who had its turn is last", queued(0, 8), 7);
    go_slowly();
    unit_equal("no turn ended", leave(), 1);
    unit_equal("what is left to attend to", harts[0].attention, 0);
}

static void handoff_to(struct thread *thread) {
    thread->state = THREAD_READY;
    harts[0].handoff = thread;
    sched_depart(thread_self());
    threads[7].state = THREAD_QUEUED;
}

static void test_handoff(void) {
    setup();
    put(thread_make(1, 8));
    handoff_to(thread_make(2, 8));
    unit_equal("who was handed the hart, before its equals", leave(), 2);
    unit_true("handoff is used up", harts[0].handoff == NULL);
    run_now(&threads[7]);
    put(thread_make(3, 12));
    handoff_to(thread_make(4, 8));
    unit_equal("something more important", leave(), 3);
    unit_equal("ready[8]: who was handed the hart is first", queued(0, 8), 41);
    unit_true("handoff is used up", harts[0].handoff == NULL);
}

static void test_handoff_far(void) {
    setup();
    become(1);
    run_now(&threads[7]);
    struct thread *thread = thread_make(1, 8);
    thread_place(thread, &harts[1]);
    sched_handoff(thread);
    unit_true("a thread of another hart comes here",
              harts[0].handoff == thread);
    unit_true("its hart", thread->frame.hart == &harts[0]);
    unit_equal("its state", thread->state, THREAD_READY);
    thread = thread_make(2, 8);
    sched_handoff(thread);
    unit_true("the first handoff stays", harts[0].handoff == &threads[1]);
    unit_equal("ready[8]: the second one", queued(0, 8), 2);
    harts[0].handoff = NULL;
    thread = thread_make(3, 8);
    thread->affinity = 2;
    thread_place(thread, &harts[1]);
    sched_handoff(thread);
    unit_true("not one that may not run here", harts[0].handoff == NULL);
    unit_true("it is in its own hart's inbox",
              harts[1].queue->inbox == &thread->link);
}

/* ---- Idling ---- */

static unsigned polls;
static uint64_t idle_began;

/* What an idle hart calls: at the third time a thread becomes ready. */
static void poll_ready(void) {
    unit_true("an interrupt is pending when wfi is over",
              csr_read(sip) & csr_read(sie));
    unit_signed("running, on an idle hart", harts[0].running, -1);
    unit_equal("satp: the kernel's own table", csr_read(satp) >> 44 & 0xffff,
               0);
    timer_set(timer_now() + 2000);
    if (++polls == 3)
        put(thread_make(1, 5));
}

static void test_idle(void) {
    setup();
    interrupt_poll_hook = poll_ready;
    csr_write(sie, SIE_TIMER);
    idle_began = timer_now();
    timer_set(idle_began + 2000);
    space_activate(space);
    sched_depart(thread_self());
    threads[7].state = THREAD_QUEUED;
    unit_equal("the thread that became ready", leave(), 1);
    unit_equal("looks at interrupts", polls, 3);
    unit_true("the hart slept", timer_now() >= idle_began + 6000);
    unit_equal("idle harts, afterwards", sched_idle_harts, 0);
    unit_true("idle time is no thread's", harts[0].since + 100 >= timer_now());
}

static void poll_mask(void) {
    timer_set(timer_now() + 2000);
    if (++polls == 2) {
        harts[0].queue->inbox = &thread_make(1, 5)->link;
        threads[1].link.next = NULL;
    }
}

static void test_idle_inbox(void) {
    setup();
    become(1);
    run_now(&threads[7]);
    put(thread_make(2, 5));
    sched_dequeue(&harts[0], &threads[2], 5);
    harts[1].ready = 1;
    interrupt_poll_hook = poll_mask;
    csr_write(sie, SIE_TIMER);
    timer_set(timer_now() + 2000);
    sched_depart(thread_self());
    threads[7].state = THREAD_QUEUED;
    unit_equal("the thread from the inbox", leave(), 1);
    unit_equal("looks at interrupts", polls, 2);
    unit_equal("attention of a busy hart with more to do", harts[1].attention,
               ATTENTION_SHARE | SWITCH);
}

static const struct unit units[] = {
    {"enqueue", test_enqueue}, {"dequeue", test_dequeue},
    {"depart", test_depart},   {"pass_on", test_pass_on},
    {"inbox", test_inbox},     {"urgent", test_urgent},
    {"where", test_where},     {"moved", test_moved},
    {"tick", test_tick},       {"expire", test_expire},
    {"choose", test_choose},   {"preempt", test_preempt},
    {"handoff", test_handoff}, {"handoff_far", test_handoff_far},
    {"idle", test_idle},       {"idle_inbox", test_idle_inbox},
    {"wait", test_wait},       {"doomed", test_doomed},
    {"queue", test_queue},     {"wake", test_wake},
    {"cancel", test_cancel},   {"sleep", test_sleep},
};

void __wrap_sys_init(void);

void __wrap_sys_init(void) {
    unit_run(units, sizeof(units) / sizeof(units[0]));
}
