/* SPDX-License-Identifier: MIT */
/*
 * ipc/notification.h: a word of bits that says "something happened".
 *
 * Idea        Signalling ORs bits into a word and never waits; waiting takes
 *             the whole word. Bound to an endpoint, a receive there returns
 *             the word too, so that a server waits for clients and for
 *             interrupts in one place.
 * Invariants  Bits are never lost: a signal sets them before it looks for a
 *             waiter, under the same lock under which a waiter looks at them
 *             before it waits.
 * Locks       queue.lock guards waiters; the bits are atomic. Bound: the
 *             endpoint's lock instead.
 */
#ifndef OCTAVO_IPC_NOTIFICATION_H
#define OCTAVO_IPC_NOTIFICATION_H

#include "ipc/endpoint.h"
#include "proc/wait.h"

struct notification {
    struct wait_queue queue;
    uint64_t bits;             /* atomic */
    uint32_t generation;       /* grows when the last handle is gone */
    uint32_t handles;          /* atomic; also irqs and watches */
    struct endpoint *endpoint; /* bound to; written under its lock */
    struct quota *quota;
};

/* Of handles to notifications. */
extern const struct object_operations notification_operations;

/* SYS_NOTIFICATION_CREATE, SYS_SIGNAL, SYS_WAIT_SIGNAL, SYS_NOTIFICATION_BIND
 */
int64_t notification_create(struct thread *self);
int64_t ipc_signal(struct thread *self);
int64_t ipc_wait_signal(struct thread *self);
int64_t ipc_notification_bind(struct thread *self);

/* Sets bits and wakes who waits for them. The caller has a reference. May be
 * called with locks below RANK_ENDPOINT held. */
void notification_signal(struct notification *notification, uint64_t bits);

/* Takes all bits; 0: none. */
static inline uint64_t notification_take(struct notification *notification) {
    return __atomic_exchange_n(&notification->bits, 0, __ATOMIC_ACQ_REL);
}

/* SYS_PROCESS_WATCH. */
int64_t notification_watch(struct thread *self);

#endif
