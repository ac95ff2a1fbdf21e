/* SPDX-License-Identifier: MIT */
/*
 * wrong/ends.c: mistakes in ending calls, and in taking waits back.
 */

/*
 * finish-one-end: the server goes on pointing at the caller: its next reply is
 * written into a thread that does something else.
 * File: kernel/ipc/call.c
 * Caught by: reply, cancel_call
 */
void call_finish(struct endpoint *endpoint, struct thread *caller) {
    struct thread *server = caller->server;
    if (server) {
        caller->server = NULL;
    }
    caller->call_sequence++;
    caller->loan = NULL;
    bool quick = !(caller->flags & THREAD_IS_CALL);
    if (caller->flags & (THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED))
        thread_clear_flag(caller,
                          THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED);
    if (quick) {
        endpoint->quick = NULL;
        return;
    }
    list_remove(&caller->link);
    call_uncount(endpoint, caller);
}

/*
 * finish-sequence: calls have no number: a late reply answers the next one.
 * File: kernel/ipc/call.c
 * Caught by: reply, cancel_call, schedules
 */
void call_finish(struct endpoint *endpoint, struct thread *caller) {
    struct thread *server = caller->server;
    if (server) {
        caller->server = NULL;
        __atomic_store_n(&server->caller, NULL, __ATOMIC_RELEASE);
    }
    caller->loan = NULL;
    bool quick = !(caller->flags & THREAD_IS_CALL);
    if (caller->flags & (THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED))
        thread_clear_flag(caller,
                          THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED);
    if (quick) {
        endpoint->quick = NULL;
        return;
    }
    list_remove(&caller->link);
    call_uncount(endpoint, caller);
}

/*
 * finish-list: the caller stays in the list of callers.
 * File: kernel/ipc/call.c
 * Caught by: reply
 */
void call_finish(struct endpoint *endpoint, struct thread *caller) {
    struct thread *server = caller->server;
    if (server) {
        caller->server = NULL;
        __atomic_store_n(&server->caller, NULL, __ATOMIC_RELEASE);
    }
    caller->call_sequence++;
    caller->loan = NULL;
    bool quick = !(caller->flags & THREAD_IS_CALL);
    if (caller->flags & (THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED))
        thread_clear_flag(caller,
                          THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED);
    if (quick) {
        endpoint->quick = NULL;
        return;
    }
    call_uncount(endpoint, caller);
}

/*
 * finish-open: a call that was answered counts for ever.
 * File: kernel/ipc/call.c
 * Caught by: reply, revoked
 */
void call_finish(struct endpoint *endpoint, struct thread *caller) {
    struct thread *server = caller->server;
    if (server) {
        caller->server = NULL;
        __atomic_store_n(&server->caller, NULL, __ATOMIC_RELEASE);
    }
    caller->call_sequence++;
    caller->loan = NULL;
    bool quick = !(caller->flags & THREAD_IS_CALL);
    if (caller->flags & (THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED))
        thread_clear_flag(caller,
                          THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED);
    if (quick) {
        endpoint->quick = NULL;
        return;
    }
    list_remove(&caller->link);
}

/*
 * finish-quick: a quick thread that was taken its caller from stays the quick
 * one: the next caller finds it waiting.
 * File: kernel/ipc/call.c
 * Caught by: cancel_call
 */
void call_finish(struct endpoint *endpoint, struct thread *caller) {
    struct thread *server = caller->server;
    if (server) {
        caller->server = NULL;
        __atomic_store_n(&server->caller, NULL, __ATOMIC_RELEASE);
    }
    caller->call_sequence++;
    caller->loan = NULL;
    bool quick = !(caller->flags & THREAD_IS_CALL);
    if (caller->flags & (THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED))
        thread_clear_flag(caller,
                          THREAD_IS_CALL | THREAD_LENDS | THREAD_EXPIRED);
    if (quick) {
        return;
    }
    list_remove(&caller->link);
    call_uncount(endpoint, caller);
}

/*
 * cancel-no-note: the server is not told that its caller is gone: its reply is
 * ESTALE, as if it had owed none.
 * File: kernel/ipc/call.c
 * Caught by: cancel_call, dead
 */
static struct thread *cancel_locked(struct endpoint *endpoint,
                                    struct thread *thread, int error)
    REQUIRES(endpoint->lock) {
    struct thread *lent = NULL;
    if (thread->state == THREAD_CALLING) {
        lent = thread->server;
        loan_abandon(thread);
        call_finish(endpoint, thread);
    } else if (thread->state == THREAD_SENDING) {
        lent = endpoint->server;
        sender_remove(endpoint, thread);
        thread_clear_flag(thread, THREAD_IS_CALL);
        call_uncount(endpoint, thread);
    } else {
        receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

/*
 * cancel-note-saved: the endpoint's server is told that its caller is gone,
 * though the reply was saved or owed by another.
 * File: kernel/ipc/call.c
 * Caught by: cancel_call
 */
static struct thread *cancel_locked(struct endpoint *endpoint,
                                    struct thread *thread, int error)
    REQUIRES(endpoint->lock) {
    struct thread *lent = NULL;
    if (thread->state == THREAD_CALLING) {
        lent = thread->server;
        if (lent)
            lent->caller_gone = true;
        else if (endpoint->server)
            endpoint->server->caller_gone = true;
        loan_abandon(thread);
        call_finish(endpoint, thread);
    } else if (thread->state == THREAD_SENDING) {
        lent = endpoint->server;
        sender_remove(endpoint, thread);
        thread_clear_flag(thread, THREAD_IS_CALL);
        call_uncount(endpoint, thread);
    } else {
        receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

/*
 * cancel-queued: a sender that is taken back stays in the queue: the server
 * receives the message of a thread that is gone.
 * File: kernel/ipc/call.c
 * Caught by: cancel_send
 */
static struct thread *cancel_locked(struct endpoint *endpoint,
                                    struct thread *thread, int error)
    REQUIRES(endpoint->lock) {
    struct thread *lent = NULL;
    if (thread->state == THREAD_CALLING) {
        lent = thread->server;
        if (lent)
            lent->caller_gone = true;
        loan_abandon(thread);
        call_finish(endpoint, thread);
    } else if (thread->state == THREAD_SENDING) {
        lent = endpoint->server;
        thread_clear_flag(thread, THREAD_IS_CALL);
        call_uncount(endpoint, thread);
    } else {
        receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

/*
 * cancel-flag: a call that was taken back leaves its mark: the thread's next
 * send is taken for a call.
 * File: kernel/ipc/call.c
 * Caught by: cancel_send
 */
static struct thread *cancel_locked(struct endpoint *endpoint,
                                    struct thread *thread, int error)
    REQUIRES(endpoint->lock) {
    struct thread *lent = NULL;
    if (thread->state == THREAD_CALLING) {
        lent = thread->server;
        if (lent)
            lent->caller_gone = true;
        loan_abandon(thread);
        call_finish(endpoint, thread);
    } else if (thread->state == THREAD_SENDING) {
        lent = endpoint->server;
        sender_remove(endpoint, thread);
        call_uncount(endpoint, thread);
    } else {
        receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

/*
 * cancel-queued-open: a call that was taken out of the queue counts for ever.
 * File: kernel/ipc/call.c
 * Caught by: cancel_send
 */
static struct thread *cancel_locked(struct endpoint *endpoint,
                                    struct thread *thread, int error)
    REQUIRES(endpoint->lock) {
    struct thread *lent = NULL;
    if (thread->state == THREAD_CALLING) {
        lent = thread->server;
        if (lent)
            lent->caller_gone = true;
        loan_abandon(thread);
        call_finish(endpoint, thread);
    } else if (thread->state == THREAD_SENDING) {
        lent = endpoint->server;
        sender_remove(endpoint, thread);
        thread_clear_flag(thread, THREAD_IS_CALL);
    } else {
        receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

/*
 * cancel-receiver: a receiver that is taken back stays where it waited.
 * File: kernel/ipc/call.c
 * Caught by: cancel_receive
 */
static struct thread *cancel_locked(struct endpoint *endpoint,
                                    struct thread *thread, int error)
    REQUIRES(endpoint->lock) {
    struct thread *lent = NULL;
    if (thread->state == THREAD_CALLING) {
        lent = thread->server;
        if (lent)
            lent->caller_gone = true;
        loan_abandon(thread);
        call_finish(endpoint, thread);
    } else if (thread->state == THREAD_SENDING) {
        lent = endpoint->server;
        sender_remove(endpoint, thread);
        thread_clear_flag(thread, THREAD_IS_CALL);
        call_uncount(endpoint, thread);
    } else {
        if (endpoint->quick != thread)
            receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

/*
 * cancel-any-wait: the number of the wait is not looked at: a deadline that
 * comes too late ends the next wait.
 * File: kernel/ipc/call.c
 * Caught by: cancel_other
 */
bool endpoint_cancel(struct thread *thread, uint64_t sequence, int error) {
    struct endpoint *endpoint;
    struct thread *lent = NULL;
    bool found, elsewhere;
    do {
        endpoint = __atomic_load_n(&thread->endpoint, __ATOMIC_ACQUIRE);
        spin_lock(&endpoint->lock);
        elsewhere = thread->endpoint != endpoint;
        found = !elsewhere && (sequence || true) &&
                thread->state >= THREAD_RECEIVING &&
                !(error == -ETIMEDOUT && thread->flags & THREAD_LENDS);
        if (found)
            lent = cancel_locked(endpoint, thread, error);
        spin_unlock(&endpoint->lock);
    } while (elsewhere);
    donate_update(lent);
    return found;
}

/*
 * cancel-any-state: a thread that was woken a moment ago is taken back all the
 * same.
 * File: kernel/ipc/call.c
 * Caught by: cancel_other, schedules
 */
bool endpoint_cancel(struct thread *thread, uint64_t sequence, int error) {
    struct endpoint *endpoint;
    struct thread *lent = NULL;
    bool found, elsewhere;
    do {
        endpoint = __atomic_load_n(&thread->endpoint, __ATOMIC_ACQUIRE);
        spin_lock(&endpoint->lock);
        elsewhere = thread->endpoint != endpoint;
        found = !elsewhere && thread->wait_sequence == sequence &&
                !(error == -ETIMEDOUT && thread->flags & THREAD_LENDS);
        if (found)
            lent = cancel_locked(endpoint, thread, error);
        spin_unlock(&endpoint->lock);
    } while (elsewhere);
    donate_update(lent);
    return found;
}

/*
 * cancel-lends: a call whose pages the server has times out, and the pages are
 * nobody's.
 * File: kernel/ipc/call.c
 * Caught by: cancel_other
 */
bool endpoint_cancel(struct thread *thread, uint64_t sequence, int error) {
    struct endpoint *endpoint;
    struct thread *lent = NULL;
    bool found, elsewhere;
    do {
        endpoint = __atomic_load_n(&thread->endpoint, __ATOMIC_ACQUIRE);
        spin_lock(&endpoint->lock);
        elsewhere = thread->endpoint != endpoint;
        found = !elsewhere && thread->wait_sequence == sequence &&
                thread->state >= THREAD_RECEIVING;
        if (found)
            lent = cancel_locked(endpoint, thread, error);
        spin_unlock(&endpoint->lock);
    } while (elsewhere);
    donate_update(lent);
    return found;
}

/*
 * cancel-lock-kept: the lock is given back only if something was found.
 * File: kernel/ipc/call.c
 * Caught by: cancel_other
 */
bool endpoint_cancel(struct thread *thread, uint64_t sequence, int error) {
    struct endpoint *endpoint;
    struct thread *lent = NULL;
    bool found, elsewhere;
    do {
        endpoint = __atomic_load_n(&thread->endpoint, __ATOMIC_ACQUIRE);
        spin_lock(&endpoint->lock);
        elsewhere = thread->endpoint != endpoint;
        found = !elsewhere && thread->wait_sequence == sequence &&
                thread->state >= THREAD_RECEIVING &&
                !(error == -ETIMEDOUT && thread->flags & THREAD_LENDS);
        if (found)
            lent = cancel_locked(endpoint, thread, error);
        if (found || elsewhere)
            spin_unlock(&endpoint->lock);
    } while (elsewhere);
    donate_update(lent);
    return found;
}

/*
 * cancel-boosted: the server keeps the priority of a caller that was taken
 * back.
 * File: kernel/ipc/call.c
 * Caught by: cancel_call
 */
static struct thread *cancel_locked(struct endpoint *endpoint,
                                    struct thread *thread, int error)
    REQUIRES(endpoint->lock) {
    struct thread *lent = NULL;
    bool called = thread->state == THREAD_CALLING;
    if (thread->state == THREAD_CALLING) {
        lent = thread->server;
        if (lent)
            lent->caller_gone = true;
        loan_abandon(thread);
        call_finish(endpoint, thread);
    } else if (thread->state == THREAD_SENDING) {
        lent = endpoint->server;
        sender_remove(endpoint, thread);
        thread_clear_flag(thread, THREAD_IS_CALL);
        call_uncount(endpoint, thread);
    } else {
        receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return called ? NULL : lent;
}

/*
 * cancel-top: the server keeps the priority of a sender that was taken back.
 * File: kernel/ipc/call.c
 * Caught by: cancel_send
 */
static struct thread *cancel_locked(struct endpoint *endpoint,
                                    struct thread *thread, int error)
    REQUIRES(endpoint->lock) {
    struct thread *lent = NULL;
    if (thread->state == THREAD_CALLING) {
        lent = thread->server;
        if (lent)
            lent->caller_gone = true;
        loan_abandon(thread);
        call_finish(endpoint, thread);
    } else if (thread->state == THREAD_SENDING) {
        sender_remove(endpoint, thread);
        thread_clear_flag(thread, THREAD_IS_CALL);
        call_uncount(endpoint, thread);
    } else {
        receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

/*
 * died-keeps: a dead thread still has the endpoint that it served.
 * File: kernel/ipc/reply.c
 * Caught by: died
 */
void reply_thread_died(struct thread *thread) {
    struct thread *caller = thread->caller;
    if (caller)
        reply_abandon(caller, caller->call_sequence, thread);
    reply_drop_borrowed(thread);
    if (thread->serves && thread->serves->server == thread)
        thread->serves->server = NULL;
}
