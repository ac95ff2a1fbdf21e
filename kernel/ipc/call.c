/* SPDX-License-Identifier: MIT */
/*
 * ipc/call.c: sending and receiving.
 *
 * Each operation locks the endpoint, looks for a partner in the queue, and
 * either carries the message over or joins the other queue. A waiting thread
 * is a complete frame, so the partner fills it in and makes it ready; nobody
 * ever copies from or to a thread that runs.
 */
#include "ipc/call.h"

#include "abi/errno.h"
#include "arch/hart.h"
#include "ipc/items.h"
#include "ipc/message.h"
#include "ipc/notification.h"
#include "ipc/pager.h"
#include "proc/process.h"
#include "proc/wait.h"
#include "vm/loan.h"

/* Of a call or a send. */
static uint64_t frame_deadline(const struct thread *thread) {
    return thread->flags & THREAD_PAGING ? pager_deadline()
                                         : thread->frame.x[REG_T6];
}

/* The call is an ordinary one: in a list, and counted. */
static void call_list(struct endpoint *endpoint, struct thread *caller)
    REQUIRES(endpoint->lock) {
    thread_set_flag(caller, THREAD_IS_CALL);
    session_use(caller->session);
    list_push_back(&endpoint->callers, &caller->link);
}

/* Ends that. */
static void call_uncount(struct endpoint *endpoint, struct thread *caller)
    REQUIRES(endpoint->lock) {
    items_forget(caller);
    session_unuse(endpoint, caller->session);
}

/* ---- Ends of waits ---- */

void call_enlist(struct endpoint *endpoint, const struct session *session) {
    struct thread *caller = endpoint->quick ? endpoint->quick->caller : NULL;
    if (!caller || (session && caller->session != session))
        return;
    endpoint->quick = NULL;
    call_list(endpoint, caller);
}

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
    call_uncount(endpoint, caller);
}

/* What the caller has lent stays with whoever owes the reply, until he gives it
 * or ends. */
static void loan_abandon(struct thread *caller) {
    struct thread *server = caller->server;
    if (!caller->loan)
        return;
    if (server)
        server->borrowed = caller->loan;
    else
        loan_leave(caller->loan, caller, caller->call_sequence);
}

/* A server whose caller was taken away learns of it when it replies. */
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
        receiver_remove(endpoint, thread);
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

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
        spin_unlock(&endpoint->lock);
    } while (elsewhere);
    donate_update(lent);
    return found;
}

/* ---- Call and send ---- */

/* The caller's message has reached `receiver`: it owes a reply from now on. It
 * owed none before, so its caller_gone is false. */
static void call_begin(struct thread *caller, struct thread *receiver) {
    receiver->caller = caller;
    caller->server = receiver;
}

static void note_session(struct thread *self, struct endpoint *endpoint,
                         struct session *session) {
    self->endpoint = endpoint;
    self->session = session;
}

/* Joins the senders (RESULT_WAITING), or says why not. */
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
    }
    spin_unlock(&donate_lock);
    return result;
}

/* Until when to wait for the reply to a call that has been delivered. Poll is
 * about finding a receiver: the reply may take its time. So may one to a call
 * that lends pages. */
static uint64_t reply_deadline(const struct thread *self) {
    uint64_t deadline = frame_deadline(self);
    bool any = deadline == DEADLINE_POLL || self->flags & THREAD_LENDS;
    return any ? DEADLINE_NONE : deadline;
}

/* Whether the call, which took the slow path, can still be a quick one
 * (endpoint.h, I6), so that its reply is: it has no deadline and no items,
 * which might be windows. */
static inline bool can_be_quick(const struct thread *self,
                                const struct endpoint *endpoint,
                                const struct thread *receiver)
    REQUIRES(endpoint->lock) {
    return endpoint->quick == receiver && self->flags == 0 &&
           frame_deadline(self) == DEADLINE_NONE &&
           tag_items(self->frame.x[REG_A1]) == 0;
}

/* Delivers to a waiting receiver; a call then waits and switches to it. */
static inline __attribute__((always_inline)) int64_t
send_now(struct thread *self, struct endpoint *endpoint,
         struct session *session, struct thread *receiver, bool call)
    REQUIRES(endpoint->lock) {
    int error =
        message_deliver(self, receiver, &receiver->accept_receive,
                        call ? MESSAGE_CALL : MESSAGE_SEND, session->badge);
    if (error)
        return error;
    if (!call) {
        receiver_remove(endpoint, receiver);
        thread_wake(receiver);
        return 0;
    }
    uint64_t deadline = DEADLINE_NONE;
    note_session(self, endpoint, session);
    if (!can_be_quick(self, endpoint, receiver)) {
        receiver_remove(endpoint, receiver);
        call_list(endpoint, self);
        deadline = reply_deadline(self);
    }
    call_begin(self, receiver);
    thread_wake_handoff(receiver);
    thread_wait(self, THREAD_CALLING, deadline);
    return RESULT_WAITING;
}

static inline __attribute__((always_inline)) int64_t
send_locked(struct thread *self, struct endpoint *endpoint,
            struct session *session, bool call) REQUIRES(endpoint->lock) {
    if (call && call_depth(self) >= CALL_DEPTH_MAX)
        return -EDEADLK;
    struct thread *receiver = receiver_first(endpoint);
    return receiver ? send_now(self, endpoint, session, receiver, call)
                    : send_wait(self, endpoint, session, call);
}

/* In line, so that a call need not look again and again whether it is one. */
static inline __attribute__((always_inline)) int64_t
send_through(struct thread *self, struct handle_entry entry, bool call) {
    struct session *session = entry.object;
    struct endpoint *endpoint = session->endpoint;
    spin_lock(&endpoint->lock);
    int64_t result = session_check(endpoint, &entry);
    if (!result)
        result = send_locked(self, endpoint, session, call);
    spin_unlock(&endpoint->lock);
    if (result == -ESTALE && !(self->flags & THREAD_PAGING) &&
        handle_changed(&self->process->handles, self->frame.x[REG_A0], session,
                       entry.generation))
        return RESULT_RESTART;
    if (result != RESULT_WAITING)
        return message_error(self, (int)result);
    /* Hints, as all that donation looks at: whoever changes one later looks
     * himself. */
    struct thread *server = self->server;
    donate_call(self, server ? server : endpoint->server);
    return RESULT_WAITING;
}

int64_t call_session(struct thread *self, struct handle_entry entry) {
    return send_through(self, entry, true);
}

int64_t ipc_call(struct thread *self) {
    struct handle_entry entry;
    hart_count_event(COUNTER_CALL_SLOW);
    int error = message_check(self, MESSAGE_USE_CALL);
    if (!error)
        error = session_find(self, self->frame.x[REG_A0], &entry);
    return error ? message_error(self, error) : call_session(self, entry);
}

int64_t ipc_send(struct thread *self) {
    struct handle_entry entry;
    int error = message_check(self, MESSAGE_USE_OTHER);
    if (!error)
        error = session_find(self, self->frame.x[REG_A0], &entry);
    return error ? message_error(self, error)
                 : send_through(self, entry, false);
}

/* ---- Receive ---- */

/* Takes the message of the first sender. False: it was not deliverable; the
 * sender has its error, and the next one's turn has come. */
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
    return !error;
}

/* A signal or a closed session, if there is one. */
static inline bool receive_notice(struct thread *self,
                                  struct endpoint *endpoint)
    REQUIRES(endpoint->lock) {
    uint64_t bits = endpoint->bound ? notification_take(endpoint->bound) : 0;
    endpoint->signalled = false;
    if (bits) {
        message_notice(self, MESSAGE_SIGNAL, 0, bits);
        return true;
    }
    struct list *node = list_pop_front(&endpoint->closed);
    if (!node)
        return false;
    struct session *session = container_of(node, struct session, link);
    message_notice(self, MESSAGE_CLOSED, session->badge, 0);
    session_free(endpoint, session);
    endpoint_note(endpoint);
    return true;
}

void receiver_notify(struct endpoint *endpoint) {
    struct thread *receiver = receiver_first(endpoint);
    if (receiver && receive_notice(receiver, endpoint)) {
        receiver_remove(endpoint, receiver);
        thread_wake(receiver);
    }
}

/* What the endpoint has in store: signals, then closed sessions, then
 * messages. A sender that is turned away may have been its session's last use,
 * so each time round the notices come first. False: nothing. */
static __attribute__((noinline)) bool receive_now(struct thread *self,
                                                  struct endpoint *endpoint)
    REQUIRES(endpoint->lock) {
    for (;;) {
        if (receive_notice(self, endpoint))
            return true;
        struct list *node = list_first(&endpoint->senders);
        if (!node)
            return false;
        if (receive_sender(self, endpoint,
                           container_of(node, struct thread, link)))
            return true;
    }
}

/* The thread serves this endpoint from now on: senders lend it priority. The
 * one it served before is not locked: its `server` is a hint (ipc/donate.c). */
static void serve(struct thread *self, struct endpoint *endpoint)
    REQUIRES(endpoint->lock) {
    self->serves_handle = self->frame.x[REG_A0];
    if (self->serves != endpoint && self->serves &&
        self->serves->server == self)
        self->serves->server = NULL;
    self->serves = endpoint;
    endpoint->server = self;
}

/* Takes what there is, or joins the receivers. */
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
    thread_wait(self, THREAD_RECEIVING, deadline);
    return RESULT_WAITING;
}

int64_t receive_unlock(struct thread *self, struct endpoint *endpoint,
                       uint32_t generation) {
    struct thread *before = NULL;
    int64_t result = endpoint_check(endpoint, generation);
    if (result && handle_changed(&self->process->handles, self->frame.x[REG_A0],
                                 endpoint, generation)) {
        result = RESULT_RESTART;
    } else if (result) {
        result = message_error(self, (int)result);
    } else {
        before = endpoint->server;
        result = receive_or_wait(self, endpoint, self->frame.x[REG_T6]);
    }
    spin_unlock(&endpoint->lock);
    if (before != self)
        donate_update(before);
    if (result == RESULT_WRITTEN)
        donate_update(self);
    return result;
}

/* In line, as nearly every server gets here by each of its receives. */
inline int64_t receive(struct thread *self, struct handle_entry entry) {
    struct endpoint *endpoint = entry.object;
    if (self->borrowed)
        reply_drop_borrowed(self);
    spin_lock(&endpoint->lock);
    return receive_unlock(self, endpoint, entry.generation);
}

int64_t ipc_recv(struct thread *self) {
    struct handle_entry entry;
    int error = __atomic_load_n(&self->caller, __ATOMIC_ACQUIRE)
                    ? -EBUSY
                    : receive_find(self, &entry);
    return error ? message_error(self, error) : receive(self, entry);
}

/* ---- Ending calls from outside ---- */

/* The first of `queue` whose call calls_abort has to end; NULL: none. */
static struct thread *find_revoked(const struct endpoint *endpoint,
                                   const struct list *queue,
                                   const struct session *session)
    REQUIRES(endpoint->lock) {
    struct list *node = list_first(queue);
    for (; node; node = list_next(queue, node)) {
        struct thread *thread = container_of(node, struct thread, link);
        if (session ? thread->session == session
                    : thread->session->epoch != endpoint->epoch)
            return thread;
    }
    return NULL;
}

void calls_abort(struct endpoint *endpoint, struct session *session,
                 int error) {
    struct thread *thread;
    do {
        spin_lock(&endpoint->lock);
        call_enlist(endpoint, session);
        thread = find_revoked(endpoint, &endpoint->senders, session);
        if (!thread)
            thread = find_revoked(endpoint, &endpoint->callers, session);
        struct thread *lent =
            thread ? cancel_locked(endpoint, thread, error) : NULL;
        spin_unlock(&endpoint->lock);
        donate_update(lent);
    } while (thread);
}
