/* SPDX-License-Identifier: MIT */
/*
 * arch/hart.h: what belongs to one hart alone.
 *
 * Higher folders keep their own per-hart data in arrays indexed by hart->id,
 * so that this one need not know them. Fields are the hart's own unless they
 * say otherwise; the kernel runs with interrupts off, so no field changes
 * under the code that reads it.
 */
#ifndef OCTAVO_ARCH_HART_H
#define OCTAVO_ARCH_HART_H

#include <stdint.h>

#include "abi/info.h"
#include "arch/frame.h"
#include "arch/stat.h"

enum { HART_MAX = 8 };

struct runqueue;
struct thread;

/* Why a hart may not simply go on with its thread. */
enum hart_attention {
    ATTENTION_SWITCH = 1 << 0, /* another thread should perhaps run */
    ATTENTION_WORK = 1 << 1,   /* work may be due (proc/work.c) */
    ATTENTION_DOOMED = 1 << 2, /* `doomed` is set */
    ATTENTION_ALWAYS = 1 << 3, /* debug: something looks at every way out */
    ATTENTION_FULL = 1 << 4,   /* this light call runs again, as a full one */
    ATTENTION_ROTATE = 1 << 5, /* its thread goes behind its equals */
    ATTENTION_INBOX = 1 << 6,  /* other harts made threads ready for it */
    ATTENTION_SORT = 1 << 7,   /* another hart changed a thread's priority */
    ATTENTION_SHARE = 1 << 8,  /* another hart is idle */
    ATTENTION_TURN = 1 << 9,   /* a tick passed; its server finishes */
    /* Done at the next way out (sched.c:attend). */
    ATTENTION_ASKED = ATTENTION_DOOMED | ATTENTION_INBOX | ATTENTION_SORT |
                      ATTENTION_SHARE | ATTENTION_TURN,
};

struct hart {
    uint64_t stack_top; /* of its kernel stack; entry.S knows it is first */
    uint64_t satp;      /* debug: what it wrote to satp (vm/oracle.c) */
    uint32_t id;        /* dense index, 0 is the boot hart */
    uint32_t held;      /* debug: bit r set while a lock of rank r is held */
    uint64_t sbi_id;    /* the hart's number for SBI, the PLIC and the DT */
    /* Of its run queue (proc/sched.h); other harts glance at them. */
    int32_t running;    /* priority of what it runs, -1 while idle */
    uint32_t ready;     /* bit p: threads of priority p are ready */
    uint32_t attention; /* enum hart_attention; atomic, 0: none needed */
    int32_t work;       /* priority of its first work (proc/work.c), or -1 */
    uint32_t equals;    /* threads of priority `running` ready at its tick */
    struct runqueue *queue; /* its ready threads */
    uint64_t since;         /* time not yet charged to a thread */
    struct thread *idle;    /* what it works for while it has no thread */
    struct thread *handoff; /* READY, in no queue: runs next; or NULL */
    struct thread *doomed;  /* killed just as this hart let it wait, or NULL */
    /* Read by other harts, too. */
    uint64_t counters[COUNTER_MAX];
    struct statistic remap; /* instructions of each transfer that succeeded */
} __attribute__((aligned(64)));

extern struct hart harts[HART_MAX];

/* Harts that take part; set once at boot, before the others start. */
extern uint32_t hart_count;

/* The hart this code runs on. */
static inline struct hart *hart_self(void) {
    return frame_self()->hart;
}

/* Makes the hart look around before it leaves the kernel. It does so at once
 * only if it is this one, or interrupted too. Both return what it was alert
 * for before. */
static inline uint32_t hart_alert(struct hart *hart, uint32_t why) {
    return __atomic_fetch_or(&hart->attention, why, __ATOMIC_RELEASE);
}

static inline uint32_t hart_calm(struct hart *hart, uint32_t why) {
    return __atomic_fetch_and(&hart->attention, ~why, __ATOMIC_ACQUIRE);
}

/* Adds one to a counter of this hart. */
static inline void hart_count_event(enum counter counter) {
    hart_self()->counters[counter]++;
}

#endif
