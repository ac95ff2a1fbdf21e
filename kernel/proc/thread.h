/* SPDX-License-Identifier: MIT */
/*
 * proc/thread.h: the thread.
 *
 * Idea        A thread is its trap frame, a state, and links to what it waits
 *             for. It has no kernel stack: in the kernel it either finishes at
 *             once, or publishes what it waits for and the hart goes on to
 *             another thread. Whoever completes the wait writes the results
 *             into the frame and makes the thread ready.
 * States      FREE -> NEW (thread_create) -> READY (thread_start)
 *             READY <-> RUNNING (the scheduler)
 *             RUNNING -> a waiting state (thread_wait) -> READY (thread_wake)
 *             any -> DEAD (thread_die) -> FREE (joined, or its process ends)
 * Invariants  I1 a READY thread is in exactly one run queue or inbox, or is its
 *                hart's handoff; no other thread is in one;
 *             I2 a waiting thread's frame is complete before its state is
 *                visible to others: both are written under the lock of what it
 *                waits for (waiting_on);
 *             I3 wait_sequence grows with every wait but those that the fast
 *                path begins, also when the memory becomes another thread. The
 *                fast path begins none for a thread with THREAD_LATE, so that
 *                (thread, sequence) names one wait with a deadline.
 * Locks       Fields say what guards them. Threads live in a type-stable slab.
 */
#ifndef OCTAVO_PROC_THREAD_H
#define OCTAVO_PROC_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/message.h"
#include "arch/frame.h"
#include "arch/hart.h"
#include "lib/list.h"
#include "vm/region.h"

struct deadline_list;
struct endpoint;
struct loan;
struct process;
struct session;
struct space;
struct thread;
struct wait_queue;

enum thread_state {
    THREAD_RUNNING = 0, /* first: storing 0 is cheapest, and most frequent */
    THREAD_FREE,
    THREAD_READY,
    THREAD_NEW,       /* not started yet */
    THREAD_DEAD,      /* waits to be joined, does nothing */
    THREAD_SLEEPING,  /* from here on: waiting */
    THREAD_QUEUED,    /* in a wait queue: child, join; its call runs again */
    THREAD_SIGNALLED, /* in a notification's queue, for a signal */
    THREAD_RECEIVING, /* at an endpoint, for a message */
    THREAD_SENDING,   /* at an endpoint, to be received (call or send) */
    THREAD_CALLING,   /* its call was received: it waits for the reply */
};

/* Why a thread is not ordinary; the fast path wants none set. */
enum thread_flags {
    THREAD_KILLED = 1 << 0,   /* dies instead of returning to user mode */
    THREAD_DEADLINE = 1 << 1, /* it is in a hart's deadline list */
    THREAD_FPU = 1 << 2,      /* its FPU registers are live in the hart */
    THREAD_BOOSTED = 1 << 3,  /* runs above its base priority: donation */
    THREAD_MOVE = 1 << 4,     /* its hart is not in its affinity mask */
    THREAD_IS_CALL = 1 << 5,  /* SENDING: a call, not a one-way send; CALLING:
                                 not a quick one (ipc/endpoint.h) */
    THREAD_IDLE = 1 << 6,     /* no thread: what a hart has instead of one */
    THREAD_LENDS = 1 << 7,    /* CALLING: its server has pages of it */
    THREAD_PAGING = 1 << 8,   /* its call is to a pager (ipc/pager.h) */
    THREAD_EXPIRED = 1 << 9,  /* CALLING: a tick passed; equals run first */
    THREAD_LATE = 1 << 10,    /* its deadline has passed, and whoever noticed
                                 has not yet looked whether it still waits */
};

/*
 * Takes a wait back, by what is waited for: ends the wait numbered `sequence`
 * with `error` in a0, if the thread is still in it. Called with no lock held;
 * takes the lock of what is waited for. Returns whether it did.
 */
typedef bool wait_cancel(struct thread *thread, uint64_t sequence, int error);

/* Memory that an open call grants to its server. */
struct memory_item {
    uint64_t base;
    uint64_t descriptor; /* abi/message.h */
};

/* What a thread takes with a message: SYS_ACCEPT. */
struct accept {
    uint64_t base;
    uint64_t length;
    uint64_t pages;
    uint16_t handles;
    uint16_t slot;
};

/* The call to a pager that the kernel makes for a thread: ipc/pager.c. */
struct paging {
    struct fill_request request; /* what is asked for */
    uint64_t page, pc; /* which access of which instruction has failed */
    uint64_t ended;    /* wait_sequence when it did */
    int error;         /* why; 0: it has not failed */
    bool in_call;      /* it is a system call that wants the page */
};

struct thread {
    struct trap_frame frame; /* first: tp points here in the kernel */

    /* Kept when the memory becomes another thread. Waiting: guarded by the lock
     * of what it waits for. */
    uint32_t state;         /* enum thread_state */
    uint32_t call_sequence; /* grows as each call ends that was not quick */
    uint64_t wait_sequence;
    struct list link;          /* in the run queue or in what it waits at */
    struct endpoint *endpoint; /* NULL only before its memory's first wait */
    struct session *session;   /* of its send or call */
    struct wait_queue *wait_queue;
    /* proc/deadline.c: guarded by the deadline list's lock. */
    uint64_t deadline;
    struct list deadline_link;
    uint64_t deadline_sequence; /* the wait it belongs to */
    struct deadline_list *deadline_list;
    struct list siblings; /* process->lock */

    /* From here on, zero in a new thread. Read by the fast path. */
    struct space *space; /* its process's; set by the thread itself */
    struct process *process;
    /* What decides whether another may be switched to, in one word. */
    union {
        struct {
            uint16_t priority; /* effective: base or donated */
            uint16_t hart_id;  /* frame.hart's */
            uint32_t flags;    /* enum thread_flags; atomic */
        };
        uint64_t standing;
    };
    int32_t queued_at; /* its place in a run queue (proc/sched.h) */

    /* Calls. The link between a caller and the thread that owes it a reply is
     * guarded by the lock of caller->endpoint. */
    struct thread *server;   /* CALLING: who owes the reply; NULL when saved */
    struct thread *caller;   /* whom this thread owes its newest reply */
    bool caller_gone;        /* ... but the caller has been cancelled */
    struct endpoint *serves; /* endpoint it received on last */
    uint64_t serves_handle;  /* ... by this handle, */
    uint64_t serves_changes; /* ... when its process's table had this count */
    struct memory_item items[MESSAGE_ITEMS]; /* of the message it sends */
    struct loan *loan;     /* CALLING: what it lends to its server */
    struct loan *borrowed; /* what a caller that is gone had lent to it */
    bool unprepared;       /* prepare its items before it sends them again */
    uint8_t failed_item;   /* which one the error of its message is about */
    struct paging paging;  /* valid while it has THREAD_PAGING, or an error */

    /* Its own: only the thread itself touches them. */
    uint64_t time; /* it has run; others glance at it */
    struct accept accept_receive;
    struct accept accept_reply;
    uint32_t timed;                 /* proc/timing.c: enum timed; 0: nothing */
    uint32_t timed_hart;            /* where it was at ... */
    uint64_t timed_since, timed_pc; /* ... this time at this ecall */
    struct process *forking;        /* child under construction */
    uint64_t fork_cursor;

    /* process->lock. */
    uint32_t base; /* priority without donations */
    uint32_t tid;
    int64_t exit_status;
    uint64_t affinity; /* bit i: may run on hart i */

    uint64_t fpu[33]; /* f0..f31, fcsr, while not live in a hart */
};

/*
 * A thread of the process, not yet ready, with zeroed registers, the process's
 * space, the default priority, no message opt-in. Joins process->threads. NULL:
 * no memory, no tid, or who asks is being killed. Takes process->lock.
 */
struct thread *thread_create(struct process *process);

/* Makes a NEW thread ready to run. */
void thread_start(struct thread *thread);

/* Takes what a fresh thread takes in messages (SYS_ACCEPT). */
void thread_accept_default(struct thread *thread);

static inline struct thread *thread_self(void) {
    return (struct thread *)frame_self();
}

/* The thread is on this hart from now on. */
static inline void thread_place(struct thread *thread, struct hart *hart) {
    thread->frame.hart = hart;
    thread->hart_id = (uint16_t)hart->id;
}

static inline void thread_set_flag(struct thread *thread, uint32_t flag) {
    __atomic_fetch_or(&thread->flags, flag, __ATOMIC_ACQ_REL);
}

static inline void thread_clear_flag(struct thread *thread, uint32_t flag) {
    __atomic_fetch_and(&thread->flags, ~flag, __ATOMIC_ACQ_REL);
}

/* The first result register. */
static inline void thread_result(struct thread *thread, int64_t value) {
    thread->frame.x[REG_A0] = (uint64_t)value;
}

#endif
