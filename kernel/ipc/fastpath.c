/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastpath.c: the short cut through call and reply_recv.
 *
 * The registers of the message (a2-a6, t0-t2) are reserved in this file, so
 * the words cross from thread to thread without being loaded or stored. gcc
 * still uses a reserved register without a word for third arguments and large
 * frames: hence leaf functions of at most two arguments, everything inlined,
 * no sanitizer. `make check` disassembles the result.
 *
 * Both functions have the same shape: look up, lock, check everything, then
 * commit. Whatever does not fit falls to the slow path, which reports errors;
 * the checks here only have to be no weaker than the ones there.
 */
#include "ipc/fastpath.h"

#include "abi/handle.h"
#include "arch/csr.h"
#include "arch/hart.h"
#include "ipc/call.h"
#include "ipc/endpoint.h"
#include "ipc/notification.h"
#include "lib/container.h"
#include "proc/process.h"
#include "vm/space.h"

/* The badge that the resumed thread finds; entry.S leaves it alone. */
register uint64_t out_badge __asm__("a7");

/* The thread waits on this hart and nothing about it is out of the ordinary. */
static inline bool ordinary(const struct thread *thread,
                            const struct hart *hart) {
    return thread->flags == 0 && thread->frame.hart == hart;
}

/* The current thread waits from here on: what thread_wait does. */
static inline void begin_wait(struct thread *self, struct endpoint *endpoint,
                              enum thread_state state) {
    self->endpoint = endpoint;
    self->wait_kind = &endpoint_wait;
    self->wait_sequence++;
    __atomic_store_n(&self->state, state, __ATOMIC_RELEASE);
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
    thread->wait_sequence++;
    thread->state = THREAD_RUNNING;
    hart->running = (int32_t)thread->priority;
}

struct thread *fastpath_call(uint64_t handle, uint64_t tag) {
    struct thread *self = thread_self();
    struct hart *hart = self->frame.hart;
    if (handle >= HANDLE_MAX || self->flags != 0)
        return NULL;
    void *object;
    uint64_t meta = slot_read(&self->process->handles, handle, &object);
    if (!meta_is(meta, HANDLE_SESSION, RIGHT_SEND))
        return NULL;
    struct session *session = object;
    struct endpoint *endpoint = session->endpoint;
    if (!spin_try(&endpoint->lock))
        return NULL;
    struct thread *receiver =
        container_of(endpoint->receivers.next, struct thread, link);
    if (session->endpoint != endpoint ||
        session->generation != (uint32_t)meta ||
        session->epoch != endpoint->epoch || list_empty(&endpoint->receivers) ||
        self->depth >= CALL_DEPTH_MAX || !ordinary(receiver, hart) ||
        receiver->priority < self->priority ||
        !asid_try_enter(&receiver->space->asid)) {
        spin_unlock(&endpoint->lock);
        return NULL;
    }
    /* Commit: nothing below can fail. */
    list_remove(&receiver->link);
    list_push_back(&endpoint->callers, &self->link);
    self->frame.x[REG_A1] = tag;
    self->session = session;
    self->server = receiver;
    receiver->caller = self;
    receiver->caller_gone = false;
    receiver->depth = self->depth + 1;
    session->open++;
    out_badge = session->badge;
    begin_wait(self, endpoint, THREAD_CALLING);
    end_wait(receiver, hart);
    hart->counters[COUNTER_CALL_FAST]++;
    spin_unlock(&endpoint->lock);
    return receiver;
}

struct thread *fastpath_reply_recv(uint64_t handle, uint64_t tag) {
    struct thread *self = thread_self();
    struct hart *hart = self->frame.hart;
    struct thread *caller = self->caller;
    (void)tag; /* a reply's tag arrives as it was sent */
    if (handle >= HANDLE_MAX || self->flags != 0 || !caller)
        return NULL;
    void *object;
    uint64_t meta = slot_read(&self->process->handles, handle, &object);
    if (!meta_is(meta, HANDLE_ENDPOINT, RIGHT_RECEIVE))
        return NULL;
    struct endpoint *endpoint = object;
    if (!spin_try(&endpoint->lock))
        return NULL;
    struct session *session = caller->session;
    if (endpoint->dead || endpoint->generation != (uint32_t)meta ||
        self->caller != caller || caller->endpoint != endpoint ||
        self->serves != endpoint || endpoint->server != self ||
        !endpoint_quiet(endpoint) || !ordinary(caller, hart) ||
        (hart->ready >> caller->priority) > 1 || session->handles == 0 ||
        !asid_try_enter(&caller->space->asid)) {
        spin_unlock(&endpoint->lock);
        return NULL;
    }
    /* Commit: nothing below can fail. */
    self->caller = NULL;
    self->depth = 0;
    caller->server = NULL;
    caller->call_sequence++;
    session->open--;
    list_remove(&caller->link);
    list_push_back(&endpoint->receivers, &self->link);
    out_badge = 0;
    begin_wait(self, endpoint, THREAD_RECEIVING);
    end_wait(caller, hart);
    hart->counters[COUNTER_REPLY_FAST]++;
    spin_unlock(&endpoint->lock);
    return caller;
}
