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
    if (handle >= HANDLE_MAX)
        return false;
    struct handle_slot *slot = &thread_self()->process->handles.slot[handle];
    uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);
    uint64_t meta = __atomic_load_n(&slot->meta, __ATOMIC_RELAXED);
    struct notification *notification = (void *)(word - KIND_SIGNAL);
    if ((word & KIND_MASK) != KIND_SIGNAL || !(meta >> 32 & RIGHT_SIGNAL) ||
        !spin_try(&notification->queue.lock))
        return false;
    __asm__("" : "+r"(notification)); /* one register for it is enough */
    bool done = notification->generation == (uint32_t)meta &&
                !notification->endpoint &&
                signal_now(notification, signal_bits);
    spin_unlock(&notification->queue.lock);
    return done;
}
