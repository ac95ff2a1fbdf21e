/* SPDX-License-Identifier: MIT */
/*
 * ipc/shortcut.h: what the short cuts through message calls are made of, in
 * line: ipc/fastpath.c for words, ipc/fastitem.c for a memory item.
 *
 * Their shape: look up, lock, check everything, then commit. Whatever does not
 * fit falls to the slow path, which reports errors; the checks here only have
 * to be no weaker than the ones there.
 */
#ifndef OCTAVO_IPC_SHORTCUT_H
#define OCTAVO_IPC_SHORTCUT_H

#include "abi/handle.h"
#include "arch/csr.h"
#include "arch/hart.h"
#include "ipc/call.h"
#include "ipc/endpoint.h"
#include "lib/container.h"
#include "proc/process.h"
#include "vm/space.h"

/* The thread waits on this hart and nothing about it is out of the ordinary. */
static inline bool ordinary(const struct thread *thread,
                            const struct hart *hart) {
    return thread->flags == 0 && thread->frame.hart == hart;
}

/* The current thread waits from here on: what thread_wait does. */
static inline void begin_wait(struct thread *self, struct endpoint *endpoint,
                              enum thread_state state) {
    self->endpoint = endpoint;
    self->wait_sequence++;
    thread_publish(self, state);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (self->flags != 0) {
        /* Killed just now, maybe: an interrupt makes sched_leave look. */
        self->frame.hart->doomed = self;
        hart_alert(self->frame.hart, ATTENTION_DOOMED);
        csr_set(sip, SIE_SOFTWARE);
    }
}

/* The other one runs: what thread_wake_handoff and the scheduler do. */
static inline void end_wait(struct thread *thread, struct hart *hart) {
    thread->state = THREAD_RUNNING;
    hart->running = (int32_t)thread->priority;
}

/*
 * The thread that receives a call by this handle, if it can be switched to at
 * once: its endpoint is locked then, and this hart in its space. NULL: nothing
 * is locked, and the hart may be in the kernel's table.
 */
static inline struct thread *
call_partner(struct thread *self, uint64_t handle,
             struct session **session) NO_THREAD_SAFETY {
    struct hart *hart = self->frame.hart;
    if (handle >= HANDLE_MAX || self->flags != 0)
        return NULL;
    void *object;
    uint64_t meta = slot_read(&self->process->handles, handle, &object);
    if (!meta_is(meta, HANDLE_SESSION, RIGHT_SEND))
        return NULL;
    struct session *found = *session = object;
    struct endpoint *endpoint = found->endpoint;
    if (!spin_try(&endpoint->lock))
        return NULL;
    struct thread *receiver =
        container_of(endpoint->receivers.next, struct thread, link);
    /* As the generation is the handle's, so is the endpoint. */
    if (found->generation == (uint32_t)meta &&
        found->epoch == endpoint->epoch && !list_empty(&endpoint->receivers) &&
        self->depth < CALL_DEPTH_MAX && ordinary(receiver, hart) &&
        receiver->priority >= self->priority &&
        asid_try_enter(&receiver->space->asid))
        return receiver;
    spin_unlock(&endpoint->lock);
    return NULL;
}

/* Commits a call to that thread, which runs from here on; unlocks. */
static inline void call_switch(struct thread *self, struct thread *receiver,
                               struct session *session) NO_THREAD_SAFETY {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = session->endpoint;
    list_remove(&receiver->link);
    list_push_back(&endpoint->callers, &self->link);
    self->session = session;
    self->server = receiver;
    receiver->caller = self;
    receiver->depth = self->depth + 1;
    session->open++;
    begin_wait(self, endpoint, THREAD_CALLING);
    end_wait(receiver, hart);
    hart->counters[COUNTER_CALL_FAST]++;
    spin_unlock(&endpoint->lock);
}

#endif
