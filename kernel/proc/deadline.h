/* SPDX-License-Identifier: MIT */
/*
 * proc/deadline.h: ticks, and waits that end by themselves.
 *
 * Each hart has a list of threads sorted by the time at which their wait ends.
 * A thread is armed on the hart it goes to wait on; the timer interrupt of
 * that hart cancels what has expired. An entry names one wait by its sequence
 * number, so an expiry that comes too late finds another number and does
 * nothing.
 *
 * Invariants  I1 a thread has THREAD_DEADLINE exactly while it is in the list
 *                deadline_list;
 *             I2 a list is sorted by deadline, the earliest first.
 * Locks       list->lock (RANK_TIMER). Expiry takes threads off the list first
 *             and cancels them with the lock released, because a cancel takes
 *             the lock of what is waited for, which ranks lower.
 */
#ifndef OCTAVO_PROC_DEADLINE_H
#define OCTAVO_PROC_DEADLINE_H

#include "arch/hart.h"
#include "proc/thread.h"
#include "sync/spinlock.h"

struct deadline_list {
    struct spinlock lock; /* RANK_TIMER */
    struct list threads;
    uint64_t next_tick; /* own hart: when the next tick is due */
    uint64_t resumed;   /* own hart: when it went on after the last */
} __attribute__((aligned(64)));

extern struct deadline_list deadline_lists[HART_MAX];

/* Sets up all harts' lists. Once, at boot. */
void deadline_init(void);

/* Starts this hart's tick. */
void clock_init_hart(void);

/* The timer interrupt: the tick if one is due, then what has expired; sets the
 * timer again. No lock held. */
void clock_interrupt(void);

/* A server has finished a call in which a tick passed (ATTENTION_TURN): the
 * hart's turn ends, unless callers of other harts have queued meanwhile, who
 * are answered first. No lock held. */
void clock_end_turn(void);

/* Ticks since boot: SYS_UPTIME. */
uint64_t clock_ticks(void);

/* Arms the thread's current wait on this hart. The lock of what it waits for
 * is held. `when` is an absolute time. */
void deadline_arm(struct thread *thread, uint64_t when);

/* Takes the thread off its list if it is on one. */
void deadline_disarm(struct thread *thread);

/* ---- The same two in line, with flags that are set and cleared as well ----
 */

/* Puts a thread into the list, for its wait number `sequence`. */
static inline void deadline_insert(struct deadline_list *list,
                                   struct thread *thread, uint64_t when,
                                   uint64_t sequence, uint32_t flags)
    REQUIRES(list->lock) {
    struct list *before = list->threads.prev;
    while (before != &list->threads &&
           container_of(before, struct thread, deadline_link)->deadline > when)
        before = before->prev;
    thread->deadline = when;
    thread->deadline_sequence = sequence;
    thread->deadline_list = list;
    list_insert_after(before, &thread->deadline_link);
    thread_set_flag(thread, THREAD_DEADLINE | flags);
}

/* For the current thread's next wait, where `when` is later than the next tick:
 * the timer is early enough. False: another hart has the lock. */
static inline bool deadline_arm_late(struct thread *self, uint64_t when,
                                     uint32_t flags) NO_THREAD_SAFETY {
    struct deadline_list *list = &deadline_lists[self->frame.hart->id];
    if (!spin_try(&list->lock))
        return false;
    deadline_insert(list, self, when, self->wait_sequence + 1, flags);
    spin_unlock(&list->lock);
    return true;
}

static inline void deadline_disarm_with(struct thread *thread, uint32_t flags) {
    struct deadline_list *list = thread->deadline_list;
    spin_lock(&list->lock);
    if (thread->flags & THREAD_DEADLINE)
        list_remove(&thread->deadline_link);
    thread_clear_flag(thread, THREAD_DEADLINE | flags);
    spin_unlock(&list->lock);
}

#endif
