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

#include "ipc/notification.h"
#include "ipc/shortcut.h"

/* The tag, which crosses as it is, and the badge that the resumed thread
 * finds; entry.S leaves both alone. */
register uint64_t message_tag __asm__("a1");
register uint64_t out_badge __asm__("a7");

struct thread *fastpath_call(uint64_t handle) {
    struct thread *self = thread_self();
    struct session *session;
    struct thread *receiver = call_partner(self, handle, &session);
    if (!receiver)
        return NULL;
    self->frame.x[REG_A1] = message_tag;
    out_badge = session->badge;
    call_switch(self, receiver, session);
    return receiver;
}

struct thread *fastpath_reply_recv(uint64_t handle) {
    struct thread *self = thread_self();
    struct hart *hart = self->frame.hart;
    struct thread *caller = self->caller;
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
    if (endpoint->generation != (uint32_t)meta || self->caller != caller ||
        caller->endpoint != endpoint || endpoint->server != self ||
        !endpoint_quiet(endpoint) || !ordinary(caller, hart) ||
        (hart->ready && hart->ready >> caller->priority > 1) ||
        session->handles == 0 || !asid_try_enter(&caller->space->asid)) {
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
