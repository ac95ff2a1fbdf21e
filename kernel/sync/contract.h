/* SPDX-License-Identifier: MIT */
/*
 * sync/contract.h: lock contracts that clang can check.
 *
 * gcc sees nothing of these. `make check` runs clang with -Wthread-safety over
 * the kernel: a function that reads a field under a lock it did not take, or
 * returns with one it should have released, does not pass.
 *
 * Use   int endpoint_close(struct endpoint *ep) REQUIRES(ep->lock);
 *       void spin_lock(struct spinlock *lock) ACQUIRE(*lock);
 */
#ifndef OCTAVO_SYNC_CONTRACT_H
#define OCTAVO_SYNC_CONTRACT_H

#ifdef __clang__
#define CONTRACT(x) __attribute__((x))
#else
#define CONTRACT(x)
#endif

/* A type that is a lock. */
#define CAPABILITY(name) CONTRACT(capability(name))

/* A global that is touched only under the lock. */
#define GUARDED_BY(lock) CONTRACT(guarded_by(lock))

/* The caller holds the locks, before and after. */
#define REQUIRES(...) CONTRACT(requires_capability(__VA_ARGS__))

/* The function takes the locks and returns with them. */
#define ACQUIRE(...) CONTRACT(acquire_capability(__VA_ARGS__))

/* The caller holds the locks and, after the call, does not. */
#define RELEASE(...) CONTRACT(release_capability(__VA_ARGS__))

/* The function takes the lock when it returns the first argument. */
#define TRY_ACQUIRE(...) CONTRACT(try_acquire_capability(__VA_ARGS__))

/* The body is beyond what clang can follow; a comment there says why it is
 * right. */
#define NO_THREAD_SAFETY CONTRACT(no_thread_safety_analysis)

#endif
