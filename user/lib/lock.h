/* SPDX-License-Identifier: MIT */
/*
 * lib/lock.h: a lock between the threads of a process, for short sections.
 *
 * Free, it costs two atomic instructions. Taken, the waiter gives up its time
 * slice and tries again; a holder of lower priority on the same hart may
 * therefore keep a waiter spinning until the holder runs elsewhere, so hold it
 * for a few instructions only.
 */
#ifndef OCTAVO_LIB_LOCK_H
#define OCTAVO_LIB_LOCK_H

#include "lib/syscall.h"

/* Zero is free. */
struct lock {
    int taken;
};

static inline void lock_acquire(struct lock *lock) {
    while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0)
        sys_yield();
}

static inline void lock_release(struct lock *lock) {
    __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

#endif
