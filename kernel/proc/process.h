/* SPDX-License-Identifier: MIT */
/*
 * proc/process.h: the process: an address space, a handle table, threads.
 *
 * Idea        A process owns what its threads share, and is what dies as a
 *             whole. It is created by fork (the first one by the boot code)
 *             and taken apart in small steps by the harts once its last thread
 *             is dead (proc/reap.c), so that no exit keeps a hart for long.
 * States      BUILDING (fork runs) -> LIVE -> DYING (exit or kill: threads are
 *             being ended) -> REAPING (no thread: handles, then memory go)
 *             -> ZOMBIE (status kept for the parent) -> FREE (waited for)
 * Invariants  I1 every process but the first has a parent, and its orphans
 *                become children of the first;
 *             I2 a ZOMBIE holds no frame, handle or thread.
 * Locks       tree_lock (RANK_PROCESS_TREE): pid table, parent, children,
 *             the state ZOMBIE. process->lock (RANK_PROCESS): threads, the
 *             other states, limits.
 */
#ifndef OCTAVO_PROC_PROCESS_H
#define OCTAVO_PROC_PROCESS_H

#include "cap/handle.h"
#include "proc/wait.h"
#include "proc/work.h"

struct notification;
struct quota;

enum {
    PROCESS_MAX = 512, /* pids alive at once */
    THREAD_MAX = 64,   /* threads of a process; tid 1..64 */
    FIRST_PID = 1,
};

enum life {
    LIFE_FREE = 0,
    LIFE_BUILDING,
    LIFE_LIVE,
    LIFE_DYING,
    LIFE_REAPING,
    LIFE_ZOMBIE,
};

struct process {
    /* Empty when the memory becomes another process. */
    struct handle_table handles;
    struct spinlock lock;
    struct list threads;       /* lock */
    struct wait_queue joiners; /* threads in join, or in exec */
    struct list children;      /* tree_lock; through siblings */
    struct list siblings;
    struct wait_queue waiters; /* threads in wait */

    /* From here on, zero in a new process. lock: */
    uint32_t life; /* enum life */
    uint32_t thread_count;
    uint64_t tids; /* bit i: tid i+1 is in use */
    int64_t status;
    uint32_t priority_ceiling;
    uint64_t time; /* run by threads that are dead */
    char name[16];

    struct space *space; /* changed only by its last thread */
    struct quota *quota;

    /* Recovery from bad memory accesses: SYS_FAULT_RANGE. */
    uint64_t fault_start, fault_end, fault_handler;

    /* tree_lock: */
    int64_t pid; /* 0: not published */
    struct process *parent;
    struct handle_entry watch; /* notification for children's deaths */
    uint64_t watch_bits;

    struct work reaper; /* its way through proc/work.c while REAPING */
    unsigned reap_slot; /* next handle to close */
};

extern struct spinlock tree_lock;

/* Sets up tables and idle threads. Once, at boot. */
void proc_init(void);

/* A process in BUILDING with a quota of its own and the parent's limits (NULL:
 * none), but no pid, space, or thread. NULL: no memory. */
struct process *process_create(const struct process *parent);

/*
 * Makes the first process of one that has its space, with one thread ready at
 * `entry`. Its slot SLOT_GRANT holds an authority handle. False: out of memory.
 */
bool process_start_first(struct process *process, uint64_t entry,
                         uint64_t stack);

/* The live process with this pid, or NULL. Caller holds tree_lock. */
struct process *process_find(int64_t pid) REQUIRES(tree_lock);

/* The process in slot `index` of the pid table, or NULL. */
struct process *process_at(unsigned index) REQUIRES(tree_lock);

/*
 * Begins the end: no thread of it returns to user mode again. The first call
 * decides the status. Returns whether it was alive. Takes process->lock.
 */
bool process_kill(struct process *process, int64_t status);

/* SYS_KILL, SYS_WAIT. */
int64_t process_kill_pid(struct thread *self);
int64_t process_wait(struct thread *self);

/* SYS_THREAD_EXIT and the end of a killed thread: the current thread is gone,
 * and the hart must go on to another. */
void thread_die(struct thread *self, int64_t status);

/* SYS_THREAD_JOIN. */
int64_t thread_join(struct thread *self);

/* Queues the work that takes a process apart that has no living thread; one
 * that was published is a zombie then, another is gone. */
void process_reap(struct process *process);

/* Makes spaces that lose their last reference be freed in steps. Once. */
void reap_init(void);

/* Frees the memory of a process that owns nothing any more. */
void process_free(struct process *process);

/* Takes a NEW or DEAD thread out of its process and frees it. */
void thread_free(struct process *process, struct thread *thread)
    REQUIRES(process->lock);

/* The thread after `before`, or the first for NULL; NULL: there is none. */
struct thread *thread_next(const struct process *process,
                           const struct thread *before) REQUIRES(process->lock);

/* The thread with this tid that is not DEAD, or NULL; tid 0: the current one.
 */
struct thread *thread_find(struct process *process, uint64_t tid)
    REQUIRES(process->lock);

/* Kills all threads of the process but one (NULL: all). */
void thread_end_all(struct process *process, const struct thread *but)
    REQUIRES(process->lock);

/*
 * Ends the other threads of the current process. True: it is alone. False: it
 * waits until one of them is gone, and then the system call restarts; or the
 * same was done to it, and it dies as it leaves the kernel.
 */
bool process_single_thread(struct thread *self);

/* SYS_FORK. */
int64_t process_fork(struct thread *self);

/* Drops a fork that was under way when its thread was killed. */
void fork_abandon(struct thread *self);

/*
 * What ipc does when a thread is gone: callers it owed a reply get EPIPE. Set
 * once at boot by ipc_init; called with no lock held.
 */
extern void (*thread_death_hook)(struct thread *thread);

/* Signals a child's death to its parent's watch. Set once by ipc_init; called
 * with tree_lock held. */
extern void (*process_watch_hook)(struct notification *watch, uint64_t bits);

#endif
