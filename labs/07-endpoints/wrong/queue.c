/* SPDX-License-Identifier: MIT */
/*
 * wrong/queue.c: mistakes in waiting to be received, and in receiving.
 */

/*
 * queue-open: a caller in the queue does not count as one of its session: the
 * session may end under it.
 * File: kernel/ipc/call.c
 * Caught by: queue
 */
static __attribute__((noinline)) int64_t
send_wait(struct thread *self, struct endpoint *endpoint,
          struct session *session, bool call) REQUIRES(endpoint->lock) {
    uint64_t deadline = frame_deadline(self);
    int64_t result = 0;
    if ((uint32_t)self->frame.x[REG_A1] > MESSAGE_WORDS)
        result = message_examine(self);
    if (!result)
        result = deadline_check(deadline);
    if (result)
        return result;
    spin_lock(&donate_lock);
    result = donate_check(self, endpoint->server);
    if (!result) {
        if (call)
            thread_set_flag(self, THREAD_IS_CALL);
        self->server = NULL;
        note_session(self, endpoint, session);
        sender_insert(endpoint, self);
        thread_wait(self, THREAD_SENDING, deadline);
        result = RESULT_WAITING;
    }
    spin_unlock(&donate_lock);
    return result;
}

/*
 * queue-fifo: senders wait in the order in which they came, whatever their
 * priority.
 * File: kernel/ipc/call.c
 * Caught by: queue_order, order
 */
static __attribute__((noinline)) int64_t
send_wait(struct thread *self, struct endpoint *endpoint,
          struct session *session, bool call) REQUIRES(endpoint->lock) {
    uint64_t deadline = frame_deadline(self);
    int64_t result = 0;
    if ((uint32_t)self->frame.x[REG_A1] > MESSAGE_WORDS)
        result = message_examine(self);
    if (!result)
        result = deadline_check(deadline);
    if (result)
        return result;
    spin_lock(&donate_lock);
    result = donate_check(self, endpoint->server);
    if (!result) {
        if (call)
            thread_set_flag(self, THREAD_IS_CALL);
        self->server = NULL;
        note_session(self, endpoint, session);
        session_use(session);
        list_push_back(&endpoint->senders, &self->link);
        endpoint_note(endpoint);
        thread_wait(self, THREAD_SENDING, deadline);
        result = RESULT_WAITING;
    }
    spin_unlock(&donate_lock);
    return result;
}

/*
 * queue-poll: the deadline is not looked at before waiting: a poll waits.
 * File: kernel/ipc/call.c
 * Caught by: queue_errors
 */
static __attribute__((noinline)) int64_t
send_wait(struct thread *self, struct endpoint *endpoint,
          struct session *session, bool call) REQUIRES(endpoint->lock) {
    uint64_t deadline = frame_deadline(self);
    int64_t result = 0;
    if ((uint32_t)self->frame.x[REG_A1] > MESSAGE_WORDS)
        result = message_examine(self);
    if (result)
        return result;
    spin_lock(&donate_lock);
    result = donate_check(self, endpoint->server);
    if (!result) {
        if (call)
            thread_set_flag(self, THREAD_IS_CALL);
        self->server = NULL;
        note_session(self, endpoint, session);
        session_use(session);
        sender_insert(endpoint, self);
        thread_wait(self, THREAD_SENDING, deadline);
        result = RESULT_WAITING;
    }
    spin_unlock(&donate_lock);
    return result;
}

/*
 * queue-deadlock: nobody looks whether the call leads back to its caller.
 * File: kernel/ipc/call.c
 * Caught by: deadlock
 */
static __attribute__((noinline)) int64_t
send_wait(struct thread *self, struct endpoint *endpoint,
          struct session *session, bool call) REQUIRES(endpoint->lock) {
    uint64_t deadline = frame_deadline(self);
    int64_t result = 0;
    if ((uint32_t)self->frame.x[REG_A1] > MESSAGE_WORDS)
        result = message_examine(self);
    if (!result)
        result = deadline_check(deadline);
    if (result)
        return result;
    spin_lock(&donate_lock);
    if (!result) {
        if (call)
            thread_set_flag(self, THREAD_IS_CALL);
        self->server = NULL;
        note_session(self, endpoint, session);
        session_use(session);
        sender_insert(endpoint, self);
        thread_wait(self, THREAD_SENDING, deadline);
        result = RESULT_WAITING;
    }
    spin_unlock(&donate_lock);
    return result;
}

/*
 * queue-locked: donate_lock is not given back on the way to EDEADLK.
 * File: kernel/ipc/call.c
 * Caught by: deadlock
 */
static __attribute__((noinline)) int64_t
send_wait(struct thread *self, struct endpoint *endpoint,
          struct session *session, bool call) REQUIRES(endpoint->lock) {
    uint64_t deadline = frame_deadline(self);
    int64_t result = 0;
    if ((uint32_t)self->frame.x[REG_A1] > MESSAGE_WORDS)
        result = message_examine(self);
    if (!result)
        result = deadline_check(deadline);
    if (result)
        return result;
    spin_lock(&donate_lock);
    result = donate_check(self, endpoint->server);
    if (!result) {
        if (call)
            thread_set_flag(self, THREAD_IS_CALL);
        self->server = NULL;
        note_session(self, endpoint, session);
        session_use(session);
        sender_insert(endpoint, self);
        thread_wait(self, THREAD_SENDING, deadline);
        result = RESULT_WAITING;
        spin_unlock(&donate_lock);
    }
    return result;
}

/*
 * queue-bad: a message with a handle that is none waits, and fails when it is
 * received.
 * File: kernel/ipc/call.c
 * Caught by: queue_errors
 */
static __attribute__((noinline)) int64_t
send_wait(struct thread *self, struct endpoint *endpoint,
          struct session *session, bool call) REQUIRES(endpoint->lock) {
    uint64_t deadline = frame_deadline(self);
    int64_t result = 0;
    if (!result)
        result = deadline_check(deadline);
    if (result)
        return result;
    spin_lock(&donate_lock);
    result = donate_check(self, endpoint->server);
    if (!result) {
        if (call)
            thread_set_flag(self, THREAD_IS_CALL);
        self->server = NULL;
        note_session(self, endpoint, session);
        session_use(session);
        sender_insert(endpoint, self);
        thread_wait(self, THREAD_SENDING, deadline);
        result = RESULT_WAITING;
    }
    spin_unlock(&donate_lock);
    return result;
}

/*
 * receive-poll-first: the deadline is looked at before the queue: a poll never
 * receives.
 * File: kernel/ipc/call.c
 * Caught by: receive, deadlines
 */
static int64_t receive_or_wait(struct thread *self, struct endpoint *endpoint,
                               uint64_t deadline) REQUIRES(endpoint->lock) {
    serve(self, endpoint);
    self->caller_gone = false;
    int error = deadline_check(deadline);
    if (error)
        return message_error(self, error);
    if (endpoint->unusual && receive_now(self, endpoint))
        return RESULT_WRITTEN;
    /* Whom it worked for is gone; nobody may see a waiter that is boosted. */
    donate_done(self);
    self->endpoint = endpoint;
    receiver_add(endpoint, self);
    thread_wait(self, THREAD_RECEIVING, deadline);
    return RESULT_WAITING;
}

/*
 * receive-no-deadline: receives wait as long as it takes.
 * File: kernel/ipc/call.c
 * Caught by: receive_waits, deadlines
 */
static int64_t receive_or_wait(struct thread *self, struct endpoint *endpoint,
                               uint64_t deadline) REQUIRES(endpoint->lock) {
    serve(self, endpoint);
    self->caller_gone = false;
    if (endpoint->unusual && receive_now(self, endpoint))
        return RESULT_WRITTEN;
    int error = deadline_check(deadline);
    if (error)
        return message_error(self, error);
    /* Whom it worked for is gone; nobody may see a waiter that is boosted. */
    donate_done(self);
    self->endpoint = endpoint;
    receiver_add(endpoint, self);
    thread_wait(self, THREAD_RECEIVING, DEADLINE_NONE);
    return RESULT_WAITING;
}

/*
 * receive-gone: the note that a caller is gone outlives the receive: the next
 * reply that nobody waits for is EPIPE.
 * File: kernel/ipc/call.c
 * Caught by: receive_waits
 */
static int64_t receive_or_wait(struct thread *self, struct endpoint *endpoint,
                               uint64_t deadline) REQUIRES(endpoint->lock) {
    serve(self, endpoint);
    if (endpoint->unusual && receive_now(self, endpoint))
        return RESULT_WRITTEN;
    int error = deadline_check(deadline);
    if (error)
        return message_error(self, error);
    /* Whom it worked for is gone; nobody may see a waiter that is boosted. */
    donate_done(self);
    self->endpoint = endpoint;
    receiver_add(endpoint, self);
    thread_wait(self, THREAD_RECEIVING, deadline);
    return RESULT_WAITING;
}

/*
 * sender-callers: a call that was queued is received and in no list: a revoke
 * does not find it.
 * File: kernel/ipc/call.c
 * Caught by: receive
 */
static bool receive_sender(struct thread *self, struct endpoint *endpoint,
                           struct thread *sender) REQUIRES(endpoint->lock) {
    bool call = sender->flags & THREAD_IS_CALL;
    sender_remove(endpoint, sender);
    int error = message_deliver(sender, self, &self->accept_receive,
                                call ? MESSAGE_CALL : MESSAGE_SEND,
                                sender->session->badge);
    if (!error && call) {
        call_begin(sender, self);
        __atomic_store_n(&sender->state, THREAD_CALLING, __ATOMIC_RELEASE);
        return true;
    }
    thread_clear_flag(sender, THREAD_IS_CALL);
    call_uncount(endpoint, sender);
    if (error == TRANSFER_PREPARE)
        thread_restart(sender);
    else
        message_fail(sender, error);
    thread_wake(sender);
    return !error;
}

/*
 * sender-open: a send that was received counts for ever: its session never
 * ends.
 * File: kernel/ipc/call.c
 * Caught by: receive, receive_refused
 */
static bool receive_sender(struct thread *self, struct endpoint *endpoint,
                           struct thread *sender) REQUIRES(endpoint->lock) {
    bool call = sender->flags & THREAD_IS_CALL;
    sender_remove(endpoint, sender);
    int error = message_deliver(sender, self, &self->accept_receive,
                                call ? MESSAGE_CALL : MESSAGE_SEND,
                                sender->session->badge);
    if (!error && call) {
        list_push_back(&endpoint->callers, &sender->link);
        call_begin(sender, self);
        __atomic_store_n(&sender->state, THREAD_CALLING, __ATOMIC_RELEASE);
        return true;
    }
    thread_clear_flag(sender, THREAD_IS_CALL);
    if (call)
        call_uncount(endpoint, sender);
    if (error == TRANSFER_PREPARE)
        thread_restart(sender);
    else
        message_fail(sender, error);
    thread_wake(sender);
    return !error;
}

/*
 * sender-told-ok: a sender whose message could not be received is told that it
 * was.
 * File: kernel/ipc/call.c
 * Caught by: receive_refused
 */
static bool receive_sender(struct thread *self, struct endpoint *endpoint,
                           struct thread *sender) REQUIRES(endpoint->lock) {
    bool call = sender->flags & THREAD_IS_CALL;
    sender_remove(endpoint, sender);
    int error = message_deliver(sender, self, &self->accept_receive,
                                call ? MESSAGE_CALL : MESSAGE_SEND,
                                sender->session->badge);
    if (!error && call) {
        list_push_back(&endpoint->callers, &sender->link);
        call_begin(sender, self);
        __atomic_store_n(&sender->state, THREAD_CALLING, __ATOMIC_RELEASE);
        return true;
    }
    thread_clear_flag(sender, THREAD_IS_CALL);
    call_uncount(endpoint, sender);
    if (error == TRANSFER_PREPARE)
        thread_restart(sender);
    else
        message_fail(sender, 0);
    thread_wake(sender);
    return !error;
}

/*
 * sender-to-receiver: a message that cannot be received ends the receive, with
 * nothing in it.
 * File: kernel/ipc/call.c
 * Caught by: receive_refused
 */
static bool receive_sender(struct thread *self, struct endpoint *endpoint,
                           struct thread *sender) REQUIRES(endpoint->lock) {
    bool call = sender->flags & THREAD_IS_CALL;
    sender_remove(endpoint, sender);
    int error = message_deliver(sender, self, &self->accept_receive,
                                call ? MESSAGE_CALL : MESSAGE_SEND,
                                sender->session->badge);
    if (!error && call) {
        list_push_back(&endpoint->callers, &sender->link);
        call_begin(sender, self);
        __atomic_store_n(&sender->state, THREAD_CALLING, __ATOMIC_RELEASE);
        return true;
    }
    thread_clear_flag(sender, THREAD_IS_CALL);
    call_uncount(endpoint, sender);
    if (error == TRANSFER_PREPARE)
        thread_restart(sender);
    else
        message_fail(sender, error);
    thread_wake(sender);
    return true;
}

/*
 * wait-boosted: a server that waits keeps the priority that was lent to it.
 * File: kernel/ipc/call.c
 * Caught by: receive_waits
 */
static int64_t receive_or_wait(struct thread *self, struct endpoint *endpoint,
                               uint64_t deadline) REQUIRES(endpoint->lock) {
    serve(self, endpoint);
    self->caller_gone = false;
    if (endpoint->unusual && receive_now(self, endpoint))
        return RESULT_WRITTEN;
    int error = deadline_check(deadline);
    if (error)
        return message_error(self, error);
    self->endpoint = endpoint;
    receiver_add(endpoint, self);
    thread_wait(self, THREAD_RECEIVING, deadline);
    return RESULT_WAITING;
}

/*
 * queue-send-self: only calls are looked at: a server that sends to itself
 * waits for ever.
 * File: kernel/ipc/call.c
 * Caught by: deadlock
 */
static __attribute__((noinline)) int64_t
send_wait(struct thread *self, struct endpoint *endpoint,
          struct session *session, bool call) REQUIRES(endpoint->lock) {
    uint64_t deadline = frame_deadline(self);
    int64_t result = 0;
    if ((uint32_t)self->frame.x[REG_A1] > MESSAGE_WORDS)
        result = message_examine(self);
    if (!result)
        result = deadline_check(deadline);
    if (result)
        return result;
    spin_lock(&donate_lock);
    result = call ? donate_check(self, endpoint->server) : 0;
    if (!result) {
        if (call)
            thread_set_flag(self, THREAD_IS_CALL);
        self->server = NULL;
        note_session(self, endpoint, session);
        session_use(session);
        sender_insert(endpoint, self);
        thread_wait(self, THREAD_SENDING, deadline);
        result = RESULT_WAITING;
    }
    spin_unlock(&donate_lock);
    return result;
}
