/* SPDX-License-Identifier: MIT */
/*
 * wrong/replies.c: mistakes in replies, saved and not, and in dying with one.
 */

/*
 * reply-finish-first: the call is over before the reply is known to fit: after
 * one that does not, the caller waits for ever.
 * File: kernel/ipc/reply.c
 * Caught by: reply_refused
 */
static inline __attribute__((always_inline)) int
reply_locked(struct thread *self, struct endpoint *endpoint,
             struct thread *caller, bool handoff) REQUIRES(endpoint->lock) {
    int error = pages_return(caller);
    if (!error)
        call_finish(endpoint, caller);
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
    if (handoff)
        thread_wake_handoff(caller);
    else
        thread_wake(caller);
    return 0;
}

/*
 * reply-always-handoff: a server that replies gives way although more calls
 * wait.
 * File: kernel/ipc/reply.c
 * Caught by: reply_more
 */
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
    handoff = handoff && !(caller->flags & THREAD_EXPIRED);
    call_finish(endpoint, caller);
    if (handoff)
        thread_wake_handoff(caller);
    else
        thread_wake(caller);
    return 0;
}

/*
 * reply-expired: callers are handed the hart whether or not a tick has passed:
 * two that talk to each other keep others from running.
 * File: kernel/ipc/reply.c
 * Caught by: reply_recv
 */
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
    handoff = handoff && list_empty(&endpoint->senders);
    call_finish(endpoint, caller);
    if (handoff)
        thread_wake_handoff(caller);
    else
        thread_wake(caller);
    return 0;
}

/*
 * reply-gone-again: a caller that is gone is EPIPE again and again: the debt
 * never ends.
 * File: kernel/ipc/reply.c
 * Caught by: reply_gone
 */
static int reply_implicit(struct thread *self, bool handoff) {
    struct thread *caller = self->caller;
    int error = -EPIPE;
    if (!caller && !self->caller_gone)
        return -ESTALE;
    if (caller) {
        struct endpoint *endpoint = caller->endpoint;
        spin_lock(&endpoint->lock);
        if (call_is_open(endpoint, caller, caller->call_sequence, self))
            error = reply_locked(self, endpoint, caller, handoff);
        spin_unlock(&endpoint->lock);
    }
    if (error == 0 || error == -EPIPE) {
        if (self->borrowed)
            reply_drop_borrowed(self);
        donate_done(self);
    }
    return error;
}

/*
 * reply-gone-stale: a caller that is gone is taken for no caller.
 * File: kernel/ipc/reply.c
 * Caught by: reply_gone, dead
 */
static int reply_implicit(struct thread *self, bool handoff) {
    struct thread *caller = self->caller;
    int error = -EPIPE;
    if (!caller)
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

/*
 * reply-twice: a reply's handle answers again.
 * File: kernel/ipc/reply.c
 * Caught by: save, late
 */
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
    return error;
}

/*
 * reply-late: a saved reply is given to whatever the client waits for now.
 * File: kernel/ipc/reply.c
 * Caught by: late_saved, deadlines
 */
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
    if (call_is_open(endpoint, caller, caller->call_sequence, NULL))
        error = reply_locked(self, endpoint, caller, false);
    spin_unlock(&endpoint->lock);
    if (error == -EPIPE)
        loan_end(loan_find(caller, entry.generation));
    if (error == 0 || error == -EPIPE)
        handle_forget(table, handle, &entry);
    return error;
}

/*
 * reply-late-any: a saved reply is given to any call that the client has open,
 * whoever owes it.
 * File: kernel/ipc/reply.c
 * Caught by: late, late_saved
 */
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
    if (caller->state == THREAD_CALLING)
        error = reply_locked(self, endpoint, caller, false);
    spin_unlock(&endpoint->lock);
    if (error == -EPIPE)
        loan_end(loan_find(caller, entry.generation));
    if (error == 0 || error == -EPIPE)
        handle_forget(table, handle, &entry);
    return error;
}

/*
 * save-owed: the thread that saved a reply owes it still: it cannot receive.
 * File: kernel/ipc/reply.c
 * Caught by: save, boots
 */
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
    }
    return slot;
}

/*
 * save-server: the caller goes on pointing at the thread that saved its reply:
 * the saved reply is EPIPE.
 * File: kernel/ipc/reply.c
 * Caught by: save
 */
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
        self->caller = NULL;
    }
    return slot;
}

/*
 * save-full: with a full table the debt is forgotten: nobody can answer.
 * File: kernel/ipc/reply.c
 * Caught by: save_full
 */
static int save_locked(struct thread *self, struct thread *caller) {
    struct handle_entry entry = {
        .object = caller,
        .generation = caller->call_sequence,
        .type = HANDLE_REPLY,
        .rights = RIGHT_REPLY | RIGHT_PASS | RIGHT_GRANT,
    };
    int slot = handle_insert(&self->process->handles, self->accept_receive.slot,
                             &entry);
    caller->server = NULL;
    self->caller = NULL;
    return slot;
}

/*
 * abandon-sleeps: the call ends and its caller is not woken.
 * File: kernel/ipc/reply.c
 * Caught by: closed, died
 */
static void reply_abandon(struct thread *caller, uint32_t sequence,
                          const struct thread *server) {
    struct endpoint *endpoint = caller->endpoint;
    spin_lock(&endpoint->lock);
    bool open = call_is_open(endpoint, caller, sequence, server);
    if (open) {
        loan_end(caller->loan);
        call_finish(endpoint, caller);
        message_fail(caller, -EPIPE);
    }
    spin_unlock(&endpoint->lock);
    if (!open && !server)
        loan_end(loan_find(caller, sequence));
}

/*
 * abandon-any: closing the handle of an old call ends the caller's next one.
 * File: kernel/ipc/reply.c
 * Caught by: closed
 */
static void reply_abandon(struct thread *caller, uint32_t sequence,
                          const struct thread *server) {
    struct endpoint *endpoint = caller->endpoint;
    spin_lock(&endpoint->lock);
    bool open = caller->state == THREAD_CALLING;
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

/*
 * died-forgets: a thread that dies owing a reply leaves its caller waiting.
 * File: kernel/ipc/reply.c
 * Caught by: died, dead
 */
void reply_thread_died(struct thread *thread) {
    struct thread *caller = thread->caller;
    (void)caller;
    reply_drop_borrowed(thread);
    if (thread->serves && thread->serves->server == thread)
        thread->serves->server = NULL;
    thread->serves = NULL;
}

/*
 * died-serves: a dead thread goes on serving its endpoint, and gets its
 * callers' priority.
 * File: kernel/ipc/reply.c
 * Caught by: died
 */
void reply_thread_died(struct thread *thread) {
    struct thread *caller = thread->caller;
    if (caller)
        reply_abandon(caller, caller->call_sequence, thread);
    reply_drop_borrowed(thread);
    thread->serves = NULL;
}

/*
 * reply-boosted: who has replied keeps the priority of whom it worked for.
 * File: kernel/ipc/reply.c
 * Caught by: reply, reply_quick
 */
static int reply_implicit(struct thread *self, bool handoff) {
    struct thread *caller = self->caller;
    int error = -EPIPE;
    if (!caller && !self->caller_gone)
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
    }
    return error;
}
