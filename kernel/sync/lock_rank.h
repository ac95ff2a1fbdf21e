/* SPDX-License-Identifier: MIT */
/*
 * sync/lock_rank.h: the order in which locks are taken, in one place.
 *
 * A lock may be taken only while every lock held has a lower rank, so what
 * comes first here is taken first. Debug builds check it at each spin_lock.
 * Two locks of one rank are never held together, except two spaces, the one
 * at the lower address first.
 */
#ifndef OCTAVO_SYNC_LOCK_RANK_H
#define OCTAVO_SYNC_LOCK_RANK_H

enum lock_rank {
    RANK_PROCESS_TREE, /* parents, children, the pid table (proc) */
    RANK_PROCESS,      /* a process's threads and state (proc) */
    RANK_IRQ,          /* the interrupt table (ipc) */
    RANK_ENDPOINT,     /* endpoint: queues, sessions, open calls (ipc) */
    RANK_HANDLES,      /* a process's handle table (cap) */
    RANK_LOAN,         /* loans that nobody's call holds (vm) */
    RANK_SPACE,        /* regions and page tables (vm) */
    RANK_THREAD_WAIT,  /* sleepers, joiners, notifications (proc, ipc) */
    RANK_TIMER,        /* a hart's deadlines (proc) */
    RANK_SLAB,         /* an object cache (vm) */
    RANK_FRAME,        /* a hart's free frames (vm) */
    RANK_POOL,         /* the free frames behind those (vm) */
    RANK_PLIC,         /* interrupt controller registers (dev) */
    RANK_CONSOLE,      /* the kernel's own output (dev) */
    RANK_ORACLE,       /* debug: who may hold a translation (vm) */
};

#endif
