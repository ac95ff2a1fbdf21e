/* SPDX-License-Identifier: MIT */
/*
 * ipc/reply.c: one answer to one call.
 *
 * The reply object is the calling thread itself, named by (thread, call
 * sequence): it exists exactly as long as the call is open. The thread that
 * received the newest call owes the reply implicitly; reply_save turns that
 * into a handle with the same name. A call that has ended, for whatever
 * reason, has moved the sequence on, so no reply can hit a later call.
 */
#include "abi/errno.h"
#include "arch/hart.h"
#include "cap/handle.h"
#include "ipc/call.h"
#include "ipc/message.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "proc/wait.h"

bool call_lock(struct thread *caller, uint32_t sequence,
               struct thread *server) {
    struct endpoint *endpoint = caller->endpoint;
    if (!endpoint)
        return false;
    spin_lock(&endpoint->lock);
    if (caller->state == THREAD_CALLING && caller->endpoint == endpoint &&
        caller->call_sequence == sequence && caller->server == server)
        return true;
    spin_unlock(&endpoint->lock);
    return false;
}

/* Carries the reply over and ends the call; the endpoint's lock is held. */
static int reply_locked(struct thread *self, struct thread *caller,
                        bool handoff) REQUIRES(caller->endpoint->lock) {
    int error = message_deliver(self, caller, &caller->accept_reply,
                                MESSAGE_CALL, 0);
    if (error)
        return error;
    call_finish(caller);
    if (handoff)
        thread_wake_handoff(caller);
    else
        thread_wake(caller);
    return 0;
}

/* Answers the newest call. 0, or the errors of SYS_REPLY. */
static int reply_implicit(struct thread *self, bool handoff) {
    struct thread *caller = self->caller;
    int error = -EPIPE;
    if (!caller && !self->caller_gone)
        return -ESTALE;
    if (caller && call_lock(caller, caller->call_sequence, self)) {
        struct endpoint *endpoint = caller->endpoint;
        error = reply_locked(self, caller, handoff);
        spin_unlock(&endpoint->lock);
    }
    if (error == 0 || error == -EPIPE) {
        self->caller_gone = false;
        donate_withdraw(self);
    }
    return error;
}

static int reply_handle(struct thread *self, uint64_t handle) {
    struct handle_table *table = &self->process->handles;
    struct handle_entry entry;
    int error =
        handle_lookup(table, handle, HANDLE_REPLY, RIGHT_REPLY, &entry);
    if (error)
        return error;
    struct thread *caller = entry.object;
    error = -EPIPE;
    if (call_lock(caller, entry.generation, NULL)) {
        struct endpoint *endpoint = caller->endpoint;
        error = reply_locked(self, caller, false);
        spin_unlock(&endpoint->lock);
    }
    if (error == 0 || error == -EPIPE)
        handle_forget(table, handle, &entry);
    return error;
}

int64_t ipc_reply(struct thread *self) {
    uint64_t handle = self->frame.x[REG_A0];
    int error = message_check(self, MESSAGE_USE_OTHER);
    if (error)
        return message_error(self, error);
    if (handle == (uint64_t)HANDLE_IMPLICIT)
        error = reply_implicit(self, false);
    else
        error = reply_handle(self, handle);
    return message_error(self, error);
}

int64_t ipc_reply_recv(struct thread *self) {
    struct endpoint *endpoint;
    hart_count_event(COUNTER_REPLY_SLOW);
    int error = message_check(self, MESSAGE_USE_OTHER);
    if (!error)
        error = endpoint_lock(self, self->frame.x[REG_A0], &endpoint);
    if (error)
        return message_error(self, error);
    if (self->caller || self->caller_gone) {
        spin_unlock(&endpoint->lock);
        error = reply_implicit(self, true);
        if (error && error != -EPIPE)
            return message_error(self, error);
        error = endpoint_lock(self, self->frame.x[REG_A0], &endpoint);
        if (error)
            return message_error(self, error);
    }
    return receive_locked(self, endpoint, self->frame.x[REG_T6]);
}

/* ---- Saving ---- */

int64_t ipc_reply_save(struct thread *self) {
    struct thread *caller = self->caller;
    if (!caller || !call_lock(caller, caller->call_sequence, self)) {
        if (!caller && !self->caller_gone)
            return -ESTALE;
        self->caller_gone = false;
        return -EPIPE;
    }
    struct endpoint *endpoint = caller->endpoint;
    struct handle_entry entry = {
        .object = caller,
        .generation = caller->call_sequence,
        .type = HANDLE_REPLY,
        .rights = RIGHT_REPLY | RIGHT_PASS | RIGHT_GRANT,
    };
    int slot = handle_insert(&self->process->handles,
                             self->accept_receive.slot, &entry);
    if (slot >= 0) {
        caller->server = NULL;
        self->caller = NULL;
        thread_set_flag(caller, THREAD_SAVED);
    }
    spin_unlock(&endpoint->lock);
    if (slot >= 0)
        donate_withdraw(self);
    return slot;
}

/* Closing a reply handle that was not used tells the caller. */
static void reply_put(const struct handle_entry *entry) {
    struct thread *caller = entry->object;
    if (!call_lock(caller, entry->generation, NULL))
        return;
    struct endpoint *endpoint = caller->endpoint;
    call_finish(caller);
    message_fail(caller, -EPIPE);
    thread_wake(caller);
    spin_unlock(&endpoint->lock);
}

static void reply_get(const struct handle_entry *entry) { (void)entry; }

void reply_thread_died(struct thread *thread) {
    struct thread *caller = thread->caller;
    if (caller && call_lock(caller, caller->call_sequence, thread)) {
        struct endpoint *endpoint = caller->endpoint;
        call_finish(caller);
        message_fail(caller, -EPIPE);
        thread_wake(caller);
        spin_unlock(&endpoint->lock);
    }
    if (thread->serves && thread->serves->server == thread)
        thread->serves->server = NULL;
    thread->serves = NULL;
}

void reply_init(void) {
    static const struct object_operations operations = {
        .get = reply_get, .put = reply_put, .unique = true};
    object_register(HANDLE_REPLY, &operations);
}
