/* SPDX-License-Identifier: MIT */
/*
 * ipc/shortcut.h: what the short cuts through message calls are made of, in
 * line: ipc/fastpath.c for words, ipc/fastitem.c for a memory item,
 * ipc/fastfault.c for a page fault.
 *
 * Their shape: look up, lock, check everything, then commit. Whatever does not
 * fit falls to the slow path, which reports errors; the checks here only have
 * to be no weaker than the ones there.
 */
#ifndef OCTAVO_IPC_SHORTCUT_H
#define OCTAVO_IPC_SHORTCUT_H

#include "abi/handle.h"
#include "arch/csr.h"
#include "arch/event.h"
#include "arch/hart.h"
#include "ipc/call.h"
#include "ipc/endpoint.h"
#include "ipc/notification.h"
#include "lib/container.h"
#include "proc/process.h"
#include "vm/space.h"

/* The thread waits on this hart and nothing about it is out of the ordinary. */
static inline bool ordinary(const struct thread *thread,
                            const struct hart *hart) {
    return thread->flags == 0 && thread->frame.hart == hart;
}

/* The current thread, which has these flags, waits from here on: what
 * thread_wait does. */
static inline void begin_wait(struct thread *self, struct endpoint *endpoint,
                              enum thread_state state, uint32_t flags) {
    self->endpoint = endpoint;
    self->wait_sequence++;
    thread_publish(self, state);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (self->flags != flags) {
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
 * The thread that receives a call through the session, if that is the one that
 * `meta` names, and the thread can be switched to at once: its endpoint is
 * locked then, and this hart in its space. NULL: nothing is locked.
 */
static inline struct thread *session_partner(struct thread *self,
                                             struct session *found,
                                             uint64_t meta) NO_THREAD_SAFETY {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = found->endpoint;
    if (!spin_try(&endpoint->lock))
        return NULL;
    struct thread *receiver =
        container_of(endpoint->receivers.next, struct thread, link);
    /* As the generation is the handle's, so is the endpoint. */
    if (found->generation == (uint32_t)meta &&
        found->epoch == endpoint->epoch && !list_empty(&endpoint->receivers) &&
        self->depth < CALL_DEPTH_MAX && ordinary(receiver, hart) &&
        receiver->priority >= self->priority) {
        asid_enter_known(hart, &receiver->space->asid);
        return receiver;
    }
    spin_unlock(&endpoint->lock);
    return NULL;
}

/* The same for a call by this handle. */
static inline struct thread *call_partner(struct thread *self, uint64_t handle,
                                          struct session **session) {
    if (handle >= HANDLE_MAX || self->flags != 0)
        return NULL;
    void *object;
    uint64_t meta = slot_read(&self->process->handles, handle, &object);
    if (!meta_is(meta, HANDLE_SESSION, RIGHT_SEND))
        return NULL;
    *session = object;
    return session_partner(self, *session, meta);
}

/* Commits a call of self, which has these flags, to that thread, which runs
 * from here on. Returns the endpoint, still locked. */
static inline struct endpoint *call_commit(struct thread *self,
                                           struct thread *receiver,
                                           struct session *session,
                                           uint32_t flags) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = session->endpoint;
    list_remove(&receiver->link);
    list_push_back(&endpoint->callers, &self->link);
    self->session = session;
    self->server = receiver;
    receiver->caller = self;
    receiver->depth = self->depth + 1;
    session->open++;
    begin_wait(self, endpoint, THREAD_CALLING, flags);
    end_wait(receiver, hart);
    hart->counters[COUNTER_CALL_FAST]++;
    event_note(EVENT_CALL, self, (uintptr_t)receiver,
               (flags ? receiver : self)->frame.x[REG_A1]);
    return endpoint;
}

/* The same for an ordinary thread; unlocks. */
static inline void call_switch(struct thread *self, struct thread *receiver,
                               struct session *session) NO_THREAD_SAFETY {
    struct endpoint *endpoint = call_commit(self, receiver, session, 0);
    spin_unlock(&endpoint->lock);
}

/* An open call that self can answer. */
struct answer {
    struct thread *caller;
    struct session *session;   /* that the call went through */
    struct endpoint *endpoint; /* locked */
};

/*
 * Whether self can answer by a REPLY_RECV with this handle and wait, and its
 * caller, who has no flags or just these, be switched to at once: this hart is
 * in its space then. False: nothing is locked.
 */
static inline bool reply_partner(struct thread *self, uint64_t handle,
                                 uint32_t flags,
                                 struct answer *answer) NO_THREAD_SAFETY {
    struct hart *hart = self->frame.hart;
    struct thread *caller = answer->caller = self->caller;
    if (handle >= HANDLE_MAX || self->flags != 0 || !caller)
        return false;
    void *object;
    uint64_t meta = slot_read(&self->process->handles, handle, &object);
    if (!meta_is(meta, HANDLE_ENDPOINT, RIGHT_RECEIVE))
        return false;
    struct endpoint *endpoint = answer->endpoint = object;
    if (!spin_try(&endpoint->lock))
        return false;
    struct session *session = answer->session = caller->session;
    if (endpoint->generation == (uint32_t)meta && self->caller == caller &&
        caller->endpoint == endpoint && endpoint->server == self &&
        endpoint_quiet(endpoint) &&
        (caller->flags == 0 || caller->flags == flags) &&
        caller->frame.hart == hart &&
        !(hart->ready && hart->ready >> caller->priority > 1) &&
        session->handles != 0) {
        asid_enter_known(hart, &caller->space->asid);
        return true;
    }
    spin_unlock(&endpoint->lock);
    return false;
}

/* Ends that call: the caller runs from here on, self receives; unlocks. */
static inline void reply_switch(struct thread *self,
                                const struct answer *answer) NO_THREAD_SAFETY {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = answer->endpoint;
    struct thread *caller = answer->caller;
    self->caller = NULL;
    self->depth = 0;
    caller->server = NULL;
    caller->call_sequence++;
    answer->session->open--;
    list_remove(&caller->link);
    list_push_back(&endpoint->receivers, &self->link);
    begin_wait(self, endpoint, THREAD_RECEIVING, 0);
    end_wait(caller, hart);
    hart->counters[COUNTER_REPLY_FAST]++;
    event_note(EVENT_REPLY, self, (uintptr_t)caller, self->frame.x[REG_A1]);
    spin_unlock(&endpoint->lock);
}

#endif
