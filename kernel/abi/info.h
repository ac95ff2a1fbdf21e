/* SPDX-License-Identifier: MIT */
/*
 * abi/info.h: what the kernel tells about the machine and the processes.
 */
#ifndef OCTAVO_ABI_INFO_H
#define OCTAVO_ABI_INFO_H

#include <stdint.h>

/* First argument of SYS_SYSTEM_INFO; the answers are in a1, a2, ... */
enum system_info {
    INFO_HARTS = 0,    /* a1: harts running */
    INFO_MEMORY = 1,   /* a1: frames in all, a2: free frames */
    INFO_TIMEBASE = 2, /* a1: units of the `time` CSR a second, a2: units a
                          tick */
    INFO_INITRD = 3,   /* a1: physical base, a2: length in bytes */
    INFO_BOOTARGS = 4, /* index: byte offset; a1-a6: up to 48 bytes of text,
                          zero-filled; a0: bytes from there to the end */
    INFO_UART = 5,     /* a1: physical base, a2: length, a3: interrupt */
    INFO_VIRTIO = 6,   /* index: slot; a1: base, a2: length, a3: interrupt */
    INFO_FEATURES = 7, /* a1: FEATURE_ bits */
    INFO_COUNTERS = 8, /* index: counter_index(); a1-a6: that counter of the
                          hart and the next five, 0 beyond the last */
    INFO_REMAP = 9,    /* index: hart; guest instructions of its successful
                          transfers. a1: how many, a2: the fewest, a3: the
                          most, a4: the sum; all of one moment */
    INFO_TIMED = 10,   /* index: timed_index(); a1-a6: that enum timed_field
                          and the next five. All are 0 without the boot
                          argument stats=1 (FEATURE_STATS) */
};

/* What is timed, in guest instructions: from the trap of one thread to the
 * return of another, and message operations as their threads see them. */
enum timed {
    TIMED_SWITCH = 0,
    TIMED_CALL,
    TIMED_REPLY_RECV,
    TIMED_SEND,
    TIMED_RECV,
    TIMED_REPLY,
    TIMED_COPY,
    TIMED_SIGNAL,
    TIMED_WAIT_SIGNAL,
    TIMED_MAX,
};

enum { TIMED_BUCKETS = 24 };

enum timed_field {
    TIMED_LEAST = 0,
    TIMED_MOST,
    TIMED_SUM,
    TIMED_BUCKET, /* and the next: how many took at least 1, 2, 4, ... and less
                     than twice as much; the last: any more */
    TIMED_FIELDS = TIMED_BUCKET + TIMED_BUCKETS,
};

/* The index of INFO_TIMED. */
static inline uint64_t timed_index(uint64_t hart, enum timed what,
                                   uint64_t first) {
    return hart << 32 | (uint64_t)what << 16 | first;
}

/* The index of INFO_COUNTERS: a hart and the first enum counter. */
static inline uint64_t counter_index(uint64_t hart, uint64_t first) {
    return hart << 16 | first;
}

enum {
    FEATURE_SSTC = 1,     /* the timer needs no SBI call */
    FEATURE_FASTPATH = 2, /* call and reply_recv have their fast path */
    FEATURE_DEBUG = 4,    /* a debug build: asserts and checks are on */
    FEATURE_TESTS = 8,    /* booted with debug=1: SYS_DEBUG is available */
    FEATURE_STATS = 16,   /* booted with stats=1: INFO_TIMED has values */
};

/* What SYS_PROCESS_INFO returns about one process. */
struct process_info {
    int64_t pid;
    int64_t parent;   /* 0 for the first process */
    uint64_t state;   /* enum process_state | threads << 8 | priority << 16 */
    uint64_t frames;  /* frames charged to it */
    uint64_t time;    /* time it has run, in units of the `time` CSR */
    uint64_t name[2]; /* up to 16 bytes of name, zero-filled */
};

enum process_state {
    PROCESS_RUNNING = 1, /* a thread runs or is ready to */
    PROCESS_WAITING = 2, /* every thread waits */
    PROCESS_EXITING = 3, /* it is being taken apart */
    PROCESS_ZOMBIE = 4,  /* dead; its parent has not waited for it */
};

/* Exit statuses the kernel gives. Programs choose their own otherwise. */
enum {
    STATUS_KILLED = -1, /* killed, or died of a fault */
};

/* First argument of SYS_DEBUG. */
enum debug_operation {
    DEBUG_CHECK_FRAMES = 0, /* 0 when every frame is accounted for */
    DEBUG_FAIL_ALLOC = 1,   /* a1: the n-th allocation from now fails; 0: off;
                               a1 out: allocations since it was last set */
    DEBUG_COUNTER = 2,      /* a1: enum counter; a1 out: over all harts */
};

enum { LOCK_KINDS = 15 };

/* What each hart counts, from its start. */
enum counter {
    COUNTER_CALL_SLOW = 0, /* fast calls and replies are not counted */
    COUNTER_REPLY_SLOW,
    COUNTER_SWITCHES,
    COUNTER_FENCE_PAGE,   /* sfence.vma for one page of one space */
    COUNTER_FENCE_SPACE,  /* for all of one space */
    COUNTER_FENCE_ALL,    /* for everything */
    COUNTER_FENCE_REMOTE, /* requests to other harts */
    COUNTER_IPIS,
    COUNTER_TICKS,
    COUNTER_FAULT_ZERO,
    COUNTER_COW_COPY,
    COUNTER_COW_REUSE,
    COUNTER_BYTES_COPIED,
    COUNTER_FPU_TRAP,
    COUNTER_FPU_SAVE,
    COUNTER_STEALS,            /* threads given to a hart that was idle */
    COUNTER_FAR_WAKES,         /* threads made ready on another hart */
    COUNTER_TRANSFERS,         /* of memory items; failed ones not counted */
    COUNTER_TRANSFER_FAILURES, /* whatever the reason */
    COUNTER_PAGES_MOVED,
    COUNTER_PAGES_SHARED,
    COUNTER_PAGES_COWED,
    COUNTER_PAGES_LENT,
    COUNTER_LOCK, /* and the next: how often the hart found a lock of this kind
                     taken, and waited; in the order of enum lock_rank */
    COUNTER_MAX = COUNTER_LOCK + LOCK_KINDS,
};

#endif
