/* SPDX-License-Identifier: MIT */
/*
 * arch/event.h: what happened last, for whoever looks with a debugger.
 *
 * Idea        Each hart of a debug build keeps its last events in a ring, which
 *             `last-events` in GDB reads. A release has neither the ring nor a
 *             single instruction of this.
 * Use         event_note(EVENT_SWITCH, thread, 0, 0);
 * Invariants  A hart writes its own ring alone, with interrupts off. Nothing in
 *             the kernel reads it.
 */
#ifndef OCTAVO_ARCH_EVENT_H
#define OCTAVO_ARCH_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/csr.h"
#include "arch/hart.h"
#include "lib/panic.h"

enum event_kind {
    EVENT_NONE = 0,
    EVENT_MESSAGE, /* sender, receiver, tag */
    EVENT_CALL,    /* by the fast path: caller, receiver, tag */
    EVENT_REPLY,   /* by the fast path: server, caller, tag */
    EVENT_ERROR,   /* of a message call: thread, errno, -; 0: a notice */
    EVENT_TRAP,    /* no system call: thread, scause, stval */
    EVENT_SWITCH,  /* by the scheduler: thread, -, - */
    EVENT_EXIT,    /* or a kill: thread that ends it, process, status */
    EVENT_FREE,    /* a thread's memory: thread, process, pid and tid */
};

enum { EVENTS_KEPT = 256 /* of a hart; a power of two */ };

struct event {
    uint64_t time; /* `cycle` */
    uint64_t kind; /* enum event_kind, which says what the rest is */
    const void *thread;
    uint64_t first, second;
};

struct event_ring {
    uint64_t count; /* events ever; the next one goes to count % EVENTS_KEPT */
    struct event event[EVENTS_KEPT];
};

extern struct event_ring event_rings[DEBUG_BUILD * HART_MAX];

/* A trap right after the same one: the ticks of a thread that runs on would
 * drive out all else. */
static inline bool event_repeats(const struct event *last, const void *thread,
                                 uint64_t first, uint64_t second) {
    return last->kind == EVENT_TRAP && last->thread == thread &&
           last->first == first && last->second == second;
}

/* Adds an event to this hart's ring. */
static inline void event_note(enum event_kind kind, const void *thread,
                              uint64_t first, uint64_t second) {
    if (!DEBUG_BUILD)
        return;
    struct event_ring *ring = &event_rings[hart_self()->id];
    struct event *last = &ring->event[(ring->count - 1) % EVENTS_KEPT];
    if (kind == EVENT_TRAP && event_repeats(last, thread, first, second))
        return;
    struct event *event = &ring->event[ring->count++ % EVENTS_KEPT];
    event->time = csr_read(cycle);
    event->kind = kind;
    event->thread = thread;
    event->first = first;
    event->second = second;
}

#endif
