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
#include "ipc/message.h"
#include "ipc/notification.h"
#include "lib/container.h"
#include "lib/panic.h"
#include "proc/process.h"
#include "proc/sched.h"
#include "proc/wait.h"

static uint64_t frame_deadline(const struct thread *thread) {
    return thread->frame.x[REG_T6];
}

/* ---- Ends of waits ---- */

void call_finish(struct thread *caller) {
    struct thread *server = caller->server;
    if (server) {
        server->caller = NULL;
        caller->server = NULL;
    }
    caller->call_sequence++;
    thread_clear_flag(caller, THREAD_SAVED | THREAD_IS_CALL);
    session_close_call(caller->session);
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
        call_finish(thread);
    } else {
        list_remove(&thread->link);
        if (thread->state == THREAD_SENDING) {
            lent = endpoint->server;
            thread_clear_flag(thread, THREAD_IS_CALL);
            session_close_call(thread->session);
        }
    }
    message_fail(thread, error);
    thread_wake(thread);
    return lent;
}

static bool endpoint_cancel(struct thread *thread, uint64_t sequence,
                            int error) {
    struct endpoint *endpoint = thread->endpoint;
    struct thread *lent = NULL;
    spin_lock(&endpoint->lock);
    bool found = thread->wait_sequence == sequence &&
                 thread->state >= THREAD_RECEIVING &&
                 thread->endpoint == endpoint;
    if (found)
        lent = cancel_locked(endpoint, thread, error);
    spin_unlock(&endpoint->lock);
    donate_withdraw(lent);
    return found;
}

const struct wait_kind endpoint_wait = {.cancel = endpoint_cancel};

/* ---- Call and send ---- */

/* The caller's message has reached `receiver`: it owes a reply from now on. */
static void call_begin(struct thread *caller, struct thread *receiver)
    REQUIRES(caller->endpoint->lock) {
    receiver->caller = caller;
    receiver->caller_gone = false;
    caller->server = receiver;
    thread_clear_flag(caller, THREAD_SAVED);
}

/* Joins the senders; the receiver that serves now works for this thread too. */
static int64_t send_wait(struct thread *self, struct session *session,
                         bool call, uint64_t deadline)
    RELEASE(session->endpoint->lock) {
    struct endpoint *endpoint = session->endpoint;
    uint32_t priority = self->priority;
    int error = deadline_check(deadline);
    if (!error)
        error = donate_check(self, endpoint->server);
    if (error) {
        spin_unlock(&endpoint->lock);
        return message_error(self, error);
    }
    if (call)
        thread_set_flag(self, THREAD_IS_CALL);
    self->endpoint = endpoint;
    self->session = session;
    session_open_call(session);
    sender_insert(endpoint, self);
    thread_wait(self, THREAD_SENDING, &endpoint_wait, deadline);
    struct thread *server = endpoint->server;
    spin_unlock(&endpoint->lock);
    donate(server, priority);
    return RESULT_WAITING;
}

/* Delivers a call to a waiting receiver and switches to it. */
static int64_t call_now(struct thread *self, struct session *session,
                        struct thread *receiver, uint64_t deadline)
    RELEASE(session->endpoint->lock) {
    struct endpoint *endpoint = session->endpoint;
    uint32_t priority = self->priority;
    int error = message_deliver(self, receiver, &receiver->accept_receive,
                                MESSAGE_CALL, session->badge);
    if (error) {
        spin_unlock(&endpoint->lock);
        return message_error(self, error);
    }
    list_remove(&receiver->link);
    self->endpoint = endpoint;
    self->session = session;
    session_open_call(session);
    call_begin(self, receiver);
    thread_wait(self, THREAD_CALLING, &endpoint_wait, deadline);
    thread_wake_handoff(receiver);
    spin_unlock(&endpoint->lock);
    donate(receiver, priority);
    return RESULT_WAITING;
}

/* Delivers a one-way message to a waiting receiver. */
static int64_t send_now(struct thread *self, struct session *session,
                        struct thread *receiver)
    RELEASE(session->endpoint->lock) {
    struct endpoint *endpoint = session->endpoint;
    int error = message_deliver(self, receiver, &receiver->accept_receive,
                                MESSAGE_SEND, session->badge);
    if (!error) {
        list_remove(&receiver->link);
        thread_wake(receiver);
    }
    spin_unlock(&endpoint->lock);
    return message_error(self, error);
}

static int64_t send_or_call(struct thread *self, bool call) {
    struct session *session;
    uint64_t deadline = frame_deadline(self);
    int error = message_check(self, call ? MESSAGE_USE_CALL
                                         : MESSAGE_USE_OTHER);
    if (!error)
        error = session_lock(self, self->frame.x[REG_A0], &session);
    if (error)
        return message_error(self, error);
    struct list *node = list_first(&session->endpoint->receivers);
    if (!node)
        return send_wait(self, session, call, deadline);
    struct thread *receiver = container_of(node, struct thread, link);
    if (!call)
        return send_now(self, session, receiver);
    if (deadline == DEADLINE_POLL)
        deadline = DEADLINE_NONE;
    return call_now(self, session, receiver, deadline);
}

int64_t ipc_call(struct thread *self) {
    hart_count_event(COUNTER_CALL_SLOW);
    return send_or_call(self, true);
}

int64_t ipc_send(struct thread *self) { return send_or_call(self, false); }

/* ---- Receive ---- */

/* Takes the message of the first sender. False: it was not deliverable; the
 * sender has its error, and the next one's turn has come. */
static bool receive_sender(struct thread *self, struct endpoint *endpoint,
                           struct thread *sender) REQUIRES(endpoint->lock) {
    bool call = sender->flags & THREAD_IS_CALL;
    assert(spin_held(&endpoint->lock));
    list_remove(&sender->link);
    int error = message_deliver(sender, self, &self->accept_receive,
                                call ? MESSAGE_CALL : MESSAGE_SEND,
                                sender->session->badge);
    if (!error && call) {
        call_begin(sender, self);
        __atomic_store_n(&sender->state, THREAD_CALLING, __ATOMIC_RELEASE);
        return true;
    }
    thread_clear_flag(sender, THREAD_IS_CALL);
    session_close_call(sender->session);
    message_fail(sender, error);
    thread_wake(sender);
    return !error;
}

/* What the endpoint has in store: signals, then closed sessions, then
 * messages. False: nothing. */
static bool receive_now(struct thread *self, struct endpoint *endpoint)
    REQUIRES(endpoint->lock) {
    uint64_t bits = endpoint->bound ? notification_take(endpoint->bound) : 0;
    if (bits) {
        message_notice(self, MESSAGE_SIGNAL, 0, bits);
        return true;
    }
    struct list *node = list_pop_front(&endpoint->closed);
    if (node) {
        struct session *session = container_of(node, struct session, link);
        message_notice(self, MESSAGE_CLOSED, session->badge, 0);
        session_free(session);
        return true;
    }
    while ((node = list_first(&endpoint->senders))) {
        if (receive_sender(self, endpoint,
                           container_of(node, struct thread, link)))
            return true;
    }
    return false;
}

/* The thread serves this endpoint from now on: senders lend it priority. The
 * one it served before is not locked: its `server` is a hint (ipc/donate.c). */
static void serve(struct thread *self, struct endpoint *endpoint)
    REQUIRES(endpoint->lock) {
    if (self->serves && self->serves != endpoint &&
        self->serves->server == self)
        self->serves->server = NULL;
    self->serves = endpoint;
    endpoint->server = self;
}

int64_t receive_locked(struct thread *self, struct endpoint *endpoint,
                       uint64_t deadline) {
    serve(self, endpoint);
    self->caller_gone = false;
    if (receive_now(self, endpoint)) {
        struct thread *caller = self->caller;
        uint32_t priority = caller ? caller->priority : 0;
        spin_unlock(&endpoint->lock);
        donate(self, priority);
        return RESULT_WRITTEN;
    }
    int error = deadline_check(deadline);
    if (error) {
        spin_unlock(&endpoint->lock);
        return message_error(self, error);
    }
    self->endpoint = endpoint;
    list_push_back(&endpoint->receivers, &self->link);
    thread_wait(self, THREAD_RECEIVING, &endpoint_wait, deadline);
    spin_unlock(&endpoint->lock);
    return RESULT_WAITING;
}

int64_t ipc_recv(struct thread *self) {
    struct endpoint *endpoint;
    int error = self->caller ? -EBUSY : 0;
    if (!error)
        error = endpoint_lock(self, self->frame.x[REG_A0], &endpoint);
    if (error)
        return message_error(self, error);
    return receive_locked(self, endpoint, frame_deadline(self));
}

/* ---- Ending calls from outside ---- */

struct abort_order {
    struct endpoint *endpoint;
    struct session *session; /* NULL: any */
    int error;
};

static void abort_if_open(struct thread *thread, void *argument) {
    const struct abort_order *order = argument;
    struct thread *lent = NULL;
    if (thread->state != THREAD_CALLING || thread->endpoint != order->endpoint)
        return;
    spin_lock(&order->endpoint->lock);
    if (thread->state == THREAD_CALLING &&
        thread->endpoint == order->endpoint &&
        (!order->session || thread->session == order->session))
        lent = cancel_locked(order->endpoint, thread, order->error);
    spin_unlock(&order->endpoint->lock);
    donate_withdraw(lent);
}

void calls_abort(struct endpoint *endpoint, struct session *session,
                 int error) {
    struct abort_order order = {endpoint, session, error};
    thread_each(abort_if_open, &order);
}
