/* SPDX-License-Identifier: MIT */
/*
 * kit.h: threads and queues made by hand, for unit.c.
 *
 * A unit test runs on the boot hart, before there is any process. `become`
 * makes it work as if it were another hart, so that one test can be both sides
 * of a wake-up. Queues are written and read here, and not through what is
 * tested.
 */
#ifndef OCTAVO_LAB_THREADS_KIT_H
#define OCTAVO_LAB_THREADS_KIT_H

#include "unit.h"

#include "lib/list.h"
#include "lib/string.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "proc/wait.h"
#include "vm/quota.h"
#include "vm/space.h"

enum { THREADS = 8 };

static struct thread threads[THREADS];
static struct thread others[HART_MAX];
static struct space *space;

/* A thread of this hart that is in no queue. */
static inline struct thread *thread_make(unsigned number, unsigned priority) {
    struct thread *thread = &threads[number];
    memset(thread, 0, sizeof(*thread));
    thread->state = THREAD_NEW;
    thread->priority = (uint16_t)priority;
    thread->base = priority;
    thread->affinity = UINT64_MAX;
    thread->space = space;
    thread->frame.x[REG_PC] = 0x1000 + 0x100 * number;
    thread->wait_sequence = 100;
    list_init(&thread->link);
    list_init(&thread->deadline_link);
    thread_place(thread, hart_self());
    return thread;
}

/* The thread runs on this hart. */
static inline struct thread *run_now(struct thread *thread) {
    thread->state = THREAD_RUNNING;
    frame_set_self(&thread->frame);
    hart_self()->running = (int32_t)thread->priority;
    return thread;
}

/* Puts a thread into this hart's queue. */
static inline void put(struct thread *thread) {
    struct hart *hart = hart_self();
    struct list *list = &hart->queue->ready[thread->priority];
    struct list *last = list->prev;
    thread->link.next = list;
    thread->link.prev = last;
    last->next = list->prev = &thread->link;
    thread->queued_at = thread->priority + 1;
    thread->state = THREAD_READY;
    hart->ready |= 1u << thread->priority;
}

/* The hart works as if it were another one, with a thread of priority 8. */
static inline void become(uint32_t id) {
    struct thread *thread = &others[id];
    memset(thread, 0, sizeof(*thread));
    thread->space = space;
    thread->priority = 8;
    thread->affinity = UINT64_MAX;
    frame_set_self(&thread->frame);
    thread_place(thread, &harts[id]);
    if (!harts[id].idle) {
        sched_init_hart();
        frame_set_self(&thread->frame);
    }
    harts[id].running = 8;
}

/* The threads' numbers in a list, each a digit: 12 is thread 1, then 2. */
static inline uint64_t listed(const struct list *list) {
    uint64_t number = 0;
    for (const struct list *n = list->next; n != list; n = n->next) {
        unit_true("a queue's links go both ways", n->next->prev == n);
        number = number * 10 +
                 (uint64_t)(container_of(n, struct thread, link) - threads);
    }
    return number;
}

static inline uint64_t queued(uint32_t hart, unsigned priority) {
    return listed(&harts[hart].queue->ready[priority]);
}

/* Space for threads to run in, and a boot hart that runs thread 7. */
static inline void setup(void) {
    struct quota *quota = quota_create();
    quota->essential = true;
    space = space_create(quota);
    unit_true("there is a space", space != NULL);
    harts[0].attention = 0;
    run_now(thread_make(7, 8));
}

#endif
