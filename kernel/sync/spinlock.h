/* SPDX-License-Identifier: MIT */
/*
 * sync/spinlock.h: the kernel's only lock.
 *
 * Idea        A hart that finds the lock taken waits in a loop. That is right
 *             here because the kernel runs with interrupts off and never waits
 *             while it holds a lock: the holder is running, and soon done.
 *             Nothing in the kernel sleeps; what waits is a thread, and that
 *             is a state under a lock, not a stack (see proc).
 * Use         spin_init(&queue->lock, RANK_THREAD_WAIT);
 *             spin_lock(&queue->lock);  ...  spin_unlock(&queue->lock);
 * Invariants  Locks are taken in the order of sync/lock_rank.h. Debug builds
 *             check that, and that a lock is released by the hart that took
 *             it; release builds keep only the word.
 * Memory      What was written under the lock before is seen by the next
 *             holder: taking it acquires, giving it back releases.
 */
#ifndef OCTAVO_SYNC_SPINLOCK_H
#define OCTAVO_SYNC_SPINLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/hart.h"
#include "lib/panic.h"
#include "sync/contract.h"
#include "sync/lock_rank.h"

struct CAPABILITY("spinlock") spinlock {
    int32_t word;    /* 0: free, 1: taken */
    uint16_t rank;   /* enum lock_rank */
    uint16_t holder; /* debug builds: id + 1 of the hart that holds it, or 0 */
};

/* A free lock as an initialiser, for locks that are globals. */
#define SPINLOCK(rank_)                                                        \
    { 0, rank_, 0 }

/* Makes a free lock. */
static inline void spin_init(struct spinlock *lock, enum lock_rank rank) {
    lock->word = 0;
    lock->rank = (uint16_t)rank;
    lock->holder = 0;
}

/* Debug builds: panics if taking the lock now breaks the order, or if it is
 * this hart's already. */
void spin_check_order(const struct spinlock *lock);

/* Panics about a lock that is released by a hart that does not hold it. */
_Noreturn void spin_not_held(const struct spinlock *lock);

/* Takes a lock that another hart has just held, doing for others what they ask
 * while it waits. */
void spin_wait(struct spinlock *lock) ACQUIRE(*lock) __attribute__((cold));

/* Whether the lock is held: in debug builds, by this hart; otherwise by any.
 * For asserts only. */
static inline bool spin_held(const struct spinlock *lock) {
    if (DEBUG_BUILD) {
        uint32_t holder = __atomic_load_n(&lock->holder, __ATOMIC_RELAXED);
        return holder == hart_self()->id + 1;
    }
    return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0;
}

/* One attempt: whether the lock is now this hart's. Never waits and makes no
 * call, so the fast path may use it; any order is safe. */
static inline bool spin_try(struct spinlock *lock)
    TRY_ACQUIRE(true, *lock) NO_THREAD_SAFETY {
    if (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE) != 0)
        return false;
    if (DEBUG_BUILD) {
        uint16_t mark = (uint16_t)(hart_self()->id + 1);
        __atomic_store_n(&lock->holder, mark, __ATOMIC_RELAXED);
        hart_self()->held |= 1u << lock->rank;
    }
    return true;
}

/* Takes the lock, waiting as long as another hart holds it. */
static inline void spin_lock(struct spinlock *lock)
    ACQUIRE(*lock) NO_THREAD_SAFETY {
    if (DEBUG_BUILD)
        spin_check_order(lock);
    if (!spin_try(lock))
        spin_wait(lock);
}

/* Gives the lock back. Makes no call, like spin_try. */
static inline void spin_unlock(struct spinlock *lock)
    RELEASE(*lock) NO_THREAD_SAFETY {
    if (DEBUG_BUILD) {
        if (!spin_held(lock))
            spin_not_held(lock);
        __atomic_store_n(&lock->holder, 0, __ATOMIC_RELAXED);
        hart_self()->held &= ~(1u << lock->rank);
    }
    __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

/*
 * Takes two locks of the same rank, the one at the lower address first, so
 * that two harts that want the same pair cannot wait for each other. The same
 * lock twice is taken once. spin_unlock_pair gives both back. (clang cannot
 * know which of the two is which, nor that they may be one.)
 */
static inline void spin_lock_pair(struct spinlock *a, struct spinlock *b)
    ACQUIRE(*a, *b) NO_THREAD_SAFETY {
    spin_lock(a < b ? a : b);
    if (a == b)
        return;
    if (DEBUG_BUILD)
        hart_self()->held &= ~(1u << b->rank); /* one of the two may be held */
    spin_lock(a < b ? b : a);
}

static inline void spin_unlock_pair(struct spinlock *a, struct spinlock *b)
    RELEASE(*a, *b) NO_THREAD_SAFETY {
    spin_unlock(a);
    if (a != b)
        spin_unlock(b);
}

#endif
