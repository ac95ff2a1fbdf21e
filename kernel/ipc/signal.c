/* SPDX-License-Identifier: MIT */
/*
 * ipc/signal.c: the short cut through SYS_SIGNAL.
 *
 * Most signals set bits for which nobody waits, or make a waiter of this hart
 * ready. trap/entry.S calls this with next to nothing saved: SIGNAL_REGS of the
 * Makefile are reserved in this file and stay the thread's. As in
 * ipc/fastpath.c hence no call, at most two arguments, everything inlined, no
 * sanitizer, and `make check` disassembles the result.
 */
#include "ipc/fastpath.h"
#include "ipc/shortcut.h"

register uint64_t signal_bits __asm__("a1");

/* Gives a waiter all bits, if he can be made ready here. */
static inline bool signal_waiter(struct notification *notification,
                                 struct thread *waiter, uint64_t bits)
    REQUIRES(notification->queue.lock) {
    struct hart *hart = hart_self();
    if (waiter->flags != 0 || waiter->frame.hart != hart ||
        sched_idle_harts != 0 || bits == 0)
        return false;
    waiter->frame.x[REG_A1] = notification->bits | bits;
    notification->bits = 0;
    thread_result(waiter, 0);
    list_unlink(&waiter->link);
    sched_enqueue(hart, waiter, false);
    return true;
}

static inline bool signal_now(struct notification *notification, uint64_t bits)
    REQUIRES(notification->queue.lock) {
    struct list *node = notification->queue.waiters.next;
    if (node != &notification->queue.waiters)
        return signal_waiter(notification,
                             container_of(node, struct thread, link), bits);
    notification->bits |= bits;
    return true;
}

bool fastpath_signal(uint64_t handle) NO_THREAD_SAFETY {
    struct notification *notification =
        notification_at(thread_self(), handle, RIGHT_SIGNAL);
    if (!notification)
        return false;
    bool done = signal_now(notification, signal_bits);
    spin_unlock(&notification->queue.lock);
    return done;
}
