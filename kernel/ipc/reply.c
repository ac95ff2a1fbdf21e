/* SPDX-License-Identifier: MIT */
/*
 * ipc/reply.c: one answer to one call.
 *
 * The reply object is the calling thread itself, named by (thread, call
 * sequence): it exists exactly as long as the call is open. The thread that
 * received the newest call owes the reply implicitly; reply_save turns that
 * into a handle with the same name. A call that has ended, for whatever
 * reason, has moved the sequence on, so no reply can hit a later call.
 *
 * Pages that the caller lent go back with the reply, or when whoever owes it
 * ends. An attempt to reply returns them, also if the reply then fails.
 */
#include "abi/errno.h"
#include "arch/hart.h"
#include "cap/handle.h"
#include "ipc/call.h"
#include "ipc/message.h"
#include "ipc/pager.h"
#include "proc/process.h"
#include "proc/wait.h"
#include "vm/loan.h"

/* Lent pages go back before anything else of the reply can fail or be seen. */
static int pages_return(struct thread *caller) {
    if (!caller->loan)
        return 0;
    int error = loan_return(caller->loan);
    if (!error)
        caller->loan = NULL;
    return error;
}

/* Carries the reply over and ends the call. */
static inline __attribute__((always_inline)) int
reply_locked(struct thread *self, struct endpoint *endpoint,
             struct thread *caller, bool handoff) REQUIRES(endpoint->lock) {
    int error = pages_return(caller);
    if (!error && caller->flags & THREAD_PAGING)
        error = pager_answer(self, caller);
    else if (!error)
        error = message_deliver(self, caller, &caller->accept_reply,
                                MESSAGE_CALL, 0);
    if (error)
        return error;
    /* If more calls wait, the server goes on: were it to give way to each
     * caller in between, the next call would find it busy for ever. */
    handoff = handoff && list_empty(&endpoint->senders) &&
              !(caller->flags & THREAD_EXPIRED);
    call_finish(endpoint, caller);
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
    if (!caller && !caller_is_gone(self))
        return -ESTALE;
    if (caller) {
        struct endpoint *endpoint = caller->endpoint;
        spin_lock(&endpoint->lock);
        if (call_is_open(endpoint, caller, caller->call_sequence, self))
            error = reply_locked(self, endpoint, caller, handoff);
        spin_unlock(&endpoint->lock);
    }
    if (error == 0 || error == -EPIPE) {
        self->caller_gone = false;
        if (self->borrowed)
            reply_drop_borrowed(self);
        donate_done(self);
    }
    return error;
}

static int reply_handle(struct thread *self, uint64_t handle) {
    struct handle_table *table = &self->process->handles;
    struct handle_entry entry;
    int error = handle_lookup(table, handle, HANDLE_REPLY, RIGHT_REPLY, &entry);
    if (error)
        return error;
    struct thread *caller = entry.object;
    struct endpoint *endpoint = caller->endpoint;
    error = -EPIPE;
    spin_lock(&endpoint->lock);
    if (call_is_open(endpoint, caller, entry.generation, NULL))
        error = reply_locked(self, endpoint, caller, false);
    spin_unlock(&endpoint->lock);
    if (error == -EPIPE)
        loan_end(loan_find(caller, entry.generation));
    if (error == 0 || error == -EPIPE)
        handle_forget(table, handle, &entry);
    return error;
}

int64_t ipc_reply(struct thread *self) {
    uint64_t handle = self->frame.x[REG_A0];
    int error = message_check(self, MESSAGE_USE_OTHER);
    if (!error && handle == (uint64_t)HANDLE_IMPLICIT)
        error = reply_implicit(self, false);
    else if (!error)
        error = reply_handle(self, handle);
    return message_error(self, error);
}

int64_t ipc_reply_recv(struct thread *self) {
    struct handle_entry entry;
    hart_count_event(COUNTER_REPLY_SLOW);
    int error = message_check(self, MESSAGE_USE_OTHER);
    if (!error)
        error = receive_find(self, &entry);
    if (error)
        return message_error(self, error);
    /* Nearly always the call came through the endpoint that the server receives
     * on next: one lock for both. */
    struct endpoint *endpoint = entry.object;
    struct thread *caller = self->caller;
    if (caller) {
        spin_lock(&endpoint->lock);
        if (call_is_open(endpoint, caller, caller->call_sequence, self)) {
            error = reply_locked(self, endpoint, caller, true);
            if (!error)
                return receive_unlock(self, endpoint, entry.generation);
            spin_unlock(&endpoint->lock);
            return message_error(self, error);
        }
        spin_unlock(&endpoint->lock);
    }
    if (self->caller || caller_is_gone(self))
        error = reply_implicit(self, true);
    if (error && error != -EPIPE)
        return message_error(self, error);
    return receive(self, entry);
}

/* ---- Saving ---- */

static int save_locked(struct thread *self, struct thread *caller) {
    struct handle_entry entry = {
        .object = caller,
        .generation = caller->call_sequence,
        .type = HANDLE_REPLY,
        .rights = RIGHT_REPLY | RIGHT_PASS | RIGHT_GRANT,
    };
    int slot = handle_insert(&self->process->handles, self->accept_receive.slot,
                             &entry);
    if (slot >= 0) {
        caller->server = NULL;
        self->caller = NULL;
    }
    return slot;
}

int64_t ipc_reply_save(struct thread *self) {
    struct thread *caller = self->caller;
    int slot = -ESTALE;
    if (caller) {
        struct endpoint *endpoint = caller->endpoint;
        spin_lock(&endpoint->lock);
        if (call_is_open(endpoint, caller, caller->call_sequence, self)) {
            call_enlist(endpoint, NULL);
            slot = save_locked(self, caller);
        }
        spin_unlock(&endpoint->lock);
    }
    if (slot == -ESTALE) {
        self->caller_gone = false;
        reply_drop_borrowed(self);
    }
    if (slot >= 0)
        donate_done(self);
    return slot;
}

/* Ends a call without an answer, if it is still open. */
static void reply_abandon(struct thread *caller, uint32_t sequence,
                          const struct thread *server) {
    struct endpoint *endpoint = caller->endpoint;
    spin_lock(&endpoint->lock);
    bool open = call_is_open(endpoint, caller, sequence, server);
    if (open) {
        loan_end(caller->loan);
        call_finish(endpoint, caller);
        message_fail(caller, -EPIPE);
        thread_wake(caller);
    }
    spin_unlock(&endpoint->lock);
    if (!open && !server)
        loan_end(loan_find(caller, sequence));
}

/* Closing a reply handle that was not used tells the caller. */
static void reply_put(const struct handle_entry *entry) {
    reply_abandon(entry->object, entry->generation, NULL);
}

const struct object_operations reply_operations = {.put = reply_put,
                                                   .unique = true};

void reply_drop_borrowed(struct thread *thread) {
    /* Whoever cancelled the call wrote this before thread->caller. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    struct loan *loan = thread->borrowed;
    thread->borrowed = NULL;
    loan_end(loan);
}

void reply_thread_died(struct thread *thread) {
    struct thread *caller = thread->caller;
    if (caller)
        reply_abandon(caller, caller->call_sequence, thread);
    reply_drop_borrowed(thread);
    if (thread->serves && thread->serves->server == thread)
        thread->serves->server = NULL;
    thread->serves = NULL;
}
