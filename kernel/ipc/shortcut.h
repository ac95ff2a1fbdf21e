/* SPDX-License-Identifier: MIT */
/*
 * ipc/shortcut.h: what the short cuts through message calls are made of, in
 * line: ipc/fastpath.c for words, ipc/fastitem.c for a memory item,
 * ipc/fastfault.c for a page fault.
 *
 * Their shape: look up, lock, check everything, then commit. Whatever does not
 * fit falls to the slow path, which reports errors; the checks here only have
 * to be no weaker than the ones there. They make quick calls (ipc/endpoint.h,
 * I6), which the slow path need not have made to be able to end them.
 */
#ifndef OCTAVO_IPC_SHORTCUT_H
#define OCTAVO_IPC_SHORTCUT_H

#include "abi/handle.h"
#include "abi/syscall.h"
#include "arch/csr.h"
#include "arch/event.h"
#include "arch/hart.h"
#include "ipc/call.h"
#include "ipc/endpoint.h"
#include "ipc/notification.h"
#include "proc/process.h"
#include "vm/space.h"

/* ---- The endpoint's lock ---- */

/* spin_try and spin_unlock without the checks of debug builds, which would make
 * calls. `one` is any word but 0. Unlocking also orders what was written before
 * it before what is read after it. */
static inline bool lock_try(struct endpoint *endpoint, uint64_t one) {
    uint64_t before;
    __asm__ volatile("amoswap.w.aq %0, %2, %1"
                     : "=r"(before), "+A"(endpoint->lock.word)
                     : "r"(one)
                     : "memory");
    return before == 0;
}

static inline void lock_drop(struct endpoint *endpoint) {
    __asm__ volatile("amoswap.w.aqrl zero, zero, %0"
                     : "+A"(endpoint->lock.word)
                     :
                     : "memory");
}

/* ---- Standing ---- */

/*
 * With the flags highest, then the hart, and the priority lowest, this is less
 * than PRIORITY_COUNT (1 << 5) only if the two have the same flags and hart,
 * and the first at least the other's priority.
 */
static inline uint64_t gap(const struct thread *thread,
                           const struct thread *other) {
    return thread->standing - other->standing;
}

/* Whether something of a higher priority than the thread's is ready here. */
static inline bool outranked(const struct hart *hart,
                             const struct thread *thread) {
    return hart->ready != 0 && hart->ready >> thread->priority > 1;
}

/* ---- Switching ---- */

/* The hart works for the thread from here on, which entry.S makes current: what
 * thread_wake_handoff and the scheduler do. The thread ran on this hart last,
 * which is therefore in its space's mask. */
static inline void run(struct thread *thread, struct hart *hart) {
    if (thread->space != thread_self()->space)
        asid_enter_known(hart, &thread->space->asid);
    thread->state = THREAD_RUNNING;
    hart->running = thread->priority;
}

/* `self`, which waits, may have been killed just before: nobody would notice.
 * An interrupt makes sched_leave look. */
static inline void doom_note(struct thread *self, struct hart *hart) {
    hart->doomed = self;
    hart_alert(hart, ATTENTION_DOOMED);
    csr_set(sip, SIE_SOFTWARE);
}

/* After the lock was dropped. */
static inline void doom_check(struct thread *self, struct hart *hart) {
    if (self->flags & THREAD_KILLED)
        doom_note(self, hart);
}

/* The partner goes on in the place of self, which waits at the endpoint and is
 * all done: unlocks it. Returns the partner. */
static inline struct thread *hand_over(struct thread *self,
                                       struct thread *partner,
                                       struct endpoint *endpoint) {
    struct hart *hart = self->frame.hart;
    run(partner, hart);
    lock_drop(endpoint);
    doom_check(self, hart);
    return partner;
}

/* ---- Notifications ---- */

/* The notification that the handle names with this right, locked, if it is
 * bound to no endpoint; NULL: it is not, or not locked. */
static inline struct notification *
notification_at(const struct thread *self, uint64_t handle,
                uint64_t right) NO_THREAD_SAFETY {
    if (handle >= HANDLE_MAX)
        return NULL;
    const struct handle_slot *slot = &self->process->handles.slot[handle];
    uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);
    uint64_t meta = __atomic_load_n(&slot->meta, __ATOMIC_RELAXED);
    struct notification *notification = (void *)(word - KIND_SIGNAL);
    if ((word & KIND_MASK) != KIND_SIGNAL || !(meta >> 32 & right) ||
        !spin_try(&notification->queue.lock))
        return NULL;
    __asm__("" : "+r"(notification)); /* one register for it is enough */
    if (notification->generation == (uint32_t)meta && !notification->endpoint)
        return notification;
    spin_unlock(&notification->queue.lock);
    return NULL;
}

/* ---- Calls ---- */

/* The thread that a call through the session can be handed to at once: with the
 * endpoint locked. NULL: none, and it is not locked. */
static inline struct thread *session_partner(struct thread *self,
                                             struct session *session,
                                             uint32_t generation) {
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, 1))
        return NULL;
    struct thread *receiver = endpoint->quick;
    if (session->generation == generation &&
        session->epoch == endpoint->epoch && receiver && !receiver->caller &&
        gap(receiver, self) < PRIORITY_COUNT &&
        call_depth(self) < CALL_DEPTH_MAX)
        return receiver;
    lock_drop(endpoint);
    return NULL;
}

/* The session that the handle names, of which *generation has to be; NULL. */
static inline struct session *
session_of(const struct thread *self, uint64_t handle, uint32_t *generation) {
    if (handle >= HANDLE_MAX)
        return NULL;
    const struct handle_slot *slot = &self->process->handles.slot[handle];
    uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);
    if (word & KIND_MASK)
        return NULL;
    *generation = slot->generation;
    return (struct session *)word;
}

/* Commits a call of self to that thread; the endpoint stays locked. */
static inline void call_commit(struct thread *self, struct thread *receiver,
                               struct endpoint *endpoint,
                               struct session *session) {
    self->endpoint = endpoint;
    self->session = session;
    self->server = receiver;
    receiver->caller = self;
    self->state = THREAD_CALLING;
    event_note(EVENT_CALL, self, (uintptr_t)receiver,
               (self->flags ? receiver : self)->frame.x[REG_A1]);
}

/* ---- Replies ---- */

/*
 * The caller that self owes a reply to, and that can be switched to at once,
 * with the endpoint locked: if self replies to receive by the handle by which
 * it received, and its call is a quick one. NULL: it is not locked.
 */
static inline struct thread *reply_partner(struct thread *self,
                                           uint64_t handle) {
    const struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, 1))
        return NULL;
    struct thread *caller = self->caller;
    if (caller && self->flags == 0 && !endpoint->unusual &&
        !(caller->flags & ~(uint32_t)(THREAD_PAGING | THREAD_DEADLINE)) &&
        caller->frame.hart == hart && !outranked(hart, caller))
        return caller;
    lock_drop(endpoint);
    return NULL;
}

/* Ends that call; self waits for the next one. The endpoint stays locked. */
static inline void reply_commit(struct thread *self,
                                struct endpoint *endpoint) {
    self->endpoint = endpoint;
    event_note(EVENT_REPLY, self, (uintptr_t)self->caller,
               self->frame.x[REG_A1]);
    self->caller = NULL;
    self->state = THREAD_RECEIVING;
}

#endif
