/* SPDX-License-Identifier: MIT */
/*
 * proc/deadline.c: per-hart lists of deadlines, sorted.
 */
#include "proc/deadline.h"

#include "abi/errno.h"
#include "arch/hart.h"
#include "arch/ipi.h"
#include "dev/bootargs.h"
#include "dev/timer.h"
#include "proc/sched.h"
#include "proc/wait.h"
#include "sync/spinlock.h"

/* Waits that one interrupt ends, at some 400 instructions each. */
enum { EXPIRE_MAX = 32 };

struct deadline_list deadline_lists[HART_MAX];
static uint64_t boot_time; /* constant after init */
static bool in_step;       /* all harts tick at once; constant after init */

void deadline_init(void) {
    boot_time = timer_now();
    in_step = hart_count > 1 && bootarg_number("seed", 0) == 0;
    for (unsigned i = 0; i < HART_MAX; i++) {
        spin_init(&deadline_lists[i].lock, RANK_TIMER);
        list_init(&deadline_lists[i].threads);
    }
}

static struct thread *thread_of(struct list *node) {
    return container_of(node, struct thread, deadline_link);
}

/* For the hart's next tick, or its earliest deadline before that. */
static void set_timer(struct deadline_list *list) {
    uint64_t when = list->next_tick;
    spin_lock(&list->lock);
    struct list *first = list_first(&list->threads);
    if (first && thread_of(first)->deadline < when)
        when = thread_of(first)->deadline;
    spin_unlock(&list->lock);
    timer_set(when);
}

void deadline_arm(struct thread *thread, uint64_t when) {
    struct deadline_list *list = &deadline_lists[hart_self()->id];
    spin_lock(&list->lock);
    deadline_insert(list, thread, when, thread->wait_sequence, 0);
    bool first = list->threads.next == &thread->deadline_link;
    spin_unlock(&list->lock);
    if (first && when < list->next_tick) /* else the timer is early enough */
        timer_set(when);
}

void deadline_disarm(struct thread *thread) {
    deadline_disarm_with(thread, 0);
}

/* Takes the earliest expired thread off this hart's list, or returns NULL. */
static struct thread *deadline_pop(uint64_t now, uint64_t *sequence) {
    struct deadline_list *list = &deadline_lists[hart_self()->id];
    struct thread *thread = NULL;
    spin_lock(&list->lock);
    struct list *first = list_first(&list->threads);
    if (first && thread_of(first)->deadline <= now) {
        thread = thread_of(first);
        *sequence = thread->deadline_sequence;
        list_remove(&thread->deadline_link);
        thread_set_flag(thread, THREAD_LATE);
        thread_clear_flag(thread, THREAD_DEADLINE);
    }
    spin_unlock(&list->lock);
    return thread;
}

/* What is left over expires when the timer, which is due, interrupts again. */
static void expire(uint64_t now) {
    uint64_t sequence;
    struct thread *thread;
    for (unsigned i = 0; i < EXPIRE_MAX; i++) {
        thread = deadline_pop(now, &sequence);
        if (!thread)
            return;
        wait_take_back(thread, sequence, -ETIMEDOUT);
        thread_clear_flag(thread, THREAD_LATE);
    }
}

/* When the hart's next tick is due: with ticks of one length, at a multiple of
 * it. */
static uint64_t next_tick(struct hart *hart) {
    uint64_t when = timer_next_tick(hart);
    return in_step ? when - when % timer_tick_length : when;
}

/* With -icount, QEMU before 8.1 lets the first hart run on after each timer
 * event, until it gives its turn away. So harts tick at once, each tick is the
 * turn of one hart, and the others give theirs away by this. */
static void pass_turn(struct hart *hart) {
    if (!in_step || timer_now() / timer_tick_length % hart_count == hart->id)
        return;
    hart_give_way();
    deadline_lists[hart->id].resumed = timer_now();
}

/* A server that was stopped in the middle of a call would let all callers of
 * the next hart wait: unless it was asked to give way, or had a tick more
 * already, it finishes. An expired caller's reply takes the slow way, which
 * looks at ATTENTION_TURN. */
static bool server_finishes(struct hart *hart) {
    struct thread *caller = thread_self()->caller;
    uint32_t why = hart_calm(hart, ATTENTION_TURN);
    if (!in_step || !caller || caller->frame.hart != hart ||
        (why & (ATTENTION_TURN | ATTENTION_ROTATE)))
        return false;
    thread_set_flag(caller, THREAD_EXPIRED);
    hart_alert(hart, ATTENTION_TURN);
    return true;
}

void clock_end_turn(void) {
    struct hart *hart = hart_self();
    struct thread *caller = thread_self()->caller;
    if (caller &&
        (caller->frame.hart != hart || (caller->flags & THREAD_EXPIRED)))
        hart_alert(hart, ATTENTION_TURN);
    else
        pass_turn(hart);
}

/* A tick is due. It counts for threads only if the hart had most of the time
 * since the last: were they to take turns by ticks at which the hart itself had
 * no turn, some would never run. Returns whether the hart's turn is over. */
static bool tick(struct hart *hart, struct deadline_list *list, uint64_t now) {
    bool counts = now - list->resumed >= timer_tick_length / 2;
    hart_count_event(COUNTER_TICKS);
    list->next_tick = next_tick(hart);
    if (!counts)
        return true;
    sched_tick();
    sched_balance();
    return !server_finishes(hart);
}

void clock_init_hart(void) {
    struct hart *hart = hart_self();
    deadline_lists[hart->id].next_tick = next_tick(hart);
    set_timer(&deadline_lists[hart->id]);
}

void clock_interrupt(void) {
    struct hart *hart = hart_self();
    struct deadline_list *list = &deadline_lists[hart->id];
    uint64_t now = timer_now();
    bool due = now >= list->next_tick;
    bool over = due && tick(hart, list, now);
    expire(now);
    set_timer(list); /* here QEMU may go on with another hart */
    if (over)
        pass_turn(hart);
    if (due)
        list->resumed = timer_now();
}

uint64_t clock_ticks(void) {
    return (timer_now() - boot_time) / timer_tick_length;
}
