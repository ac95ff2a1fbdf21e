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
#include "proc/process.h"
#include "proc/sched.h"
#include "proc/wait.h"

static uint64_t frame_deadline(const struct thread *thread) {
    return thread->frame.x[REG_T6];
}

/* ---- Ends of waits ---- */

void call_finish(struct endpoint *endpoint, struct thread *caller) {
    struct thread *server = caller->server;
    if (server) {
        server->caller = NULL;
        server->depth = 0;
        caller->server = NULL;
    }
    caller->call_sequence++;
    thread_clear_flag(caller, THREAD_SAVED | THREAD_IS_CALL);
    session_close_call(endpoint, caller->session);
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
        call_finish(endpoint, thread);
    } else {
        list_remove(&thread->link);
        if (thread->state == THREAD_SENDING) {
            lent = endpoint->server;
            thread_clear_flag(thread, THREAD_IS_CALL);
            session_close_call(endpoint, thread->session);
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
static void call_begin(struct thread *caller, struct thread *receiver) {
    receiver->caller = caller;
    receiver->caller_gone = false;
    receiver->depth = caller->depth + 1;
    caller->server = receiver;
    thread_clear_flag(caller, THREAD_SAVED);
}

/* What a thread waits with at an endpoint. */
struct sending {
    struct session *session;
    uint64_t deadline;
    bool call;
};

static void note_session(struct thread *self, struct endpoint *endpoint,
                         const struct sending *sending) {
    self->endpoint = endpoint;
    self->session = sending->session;
    sending->session->open++;
}

/* Joins the senders (RESULT_WAITING), or says why not. */
static int64_t send_wait(struct thread *self, struct endpoint *endpoint,
                         const struct sending *sending)
    REQUIRES(endpoint->lock) {
    int error = deadline_check(sending->deadline);
    if (!error)
        error = donate_check(self, endpoint->server);
    if (error)
        return error;
    if (sending->call)
        thread_set_flag(self, THREAD_IS_CALL);
    note_session(self, endpoint, sending);
    sender_insert(endpoint, self);
    thread_wait(self, THREAD_SENDING, &endpoint_wait, sending->deadline);
    return RESULT_WAITING;
}

/* Delivers to a waiting receiver; a call then waits and switches to it. */
static int64_t send_now(struct thread *self, struct endpoint *endpoint,
                        struct thread *receiver, const struct sending *sending)
    REQUIRES(endpoint->lock) {
    enum message_kind kind = sending->call ? MESSAGE_CALL : MESSAGE_SEND;
    int error = message_deliver(self, receiver, &receiver->accept_receive, kind,
                                sending->session->badge);
    if (error)
        return error;
    list_remove(&receiver->link);
    if (!sending->call) {
        thread_wake(receiver);
        return 0;
    }
    note_session(self, endpoint, sending);
    call_begin(self, receiver);
    /* Poll is about finding a receiver: the reply may take its time. */
    thread_wait(self, THREAD_CALLING, &endpoint_wait,
                sending->deadline == DEADLINE_POLL ? DEADLINE_NONE
                                                   : sending->deadline);
    thread_wake_handoff(receiver);
    return RESULT_WAITING;
}

/* *server: whom this thread, if it waits, lends its priority; may be NULL. */
static int64_t send_locked(struct thread *self, struct endpoint *endpoint,
                           const struct sending *sending,
                           struct thread **server) REQUIRES(endpoint->lock) {
    struct list *node = list_first(&endpoint->receivers);
    if (sending->call && self->depth >= CALL_DEPTH_MAX)
        return -EDEADLK;
    if (!node) {
        *server = endpoint->server;
        return send_wait(self, endpoint, sending);
    }
    struct thread *receiver = container_of(node, struct thread, link);
    *server = receiver;
    return send_now(self, endpoint, receiver, sending);
}

static int64_t send_or_call(struct thread *self, bool call) {
    struct handle_entry entry;
    struct thread *server = NULL;
    uint32_t priority = self->priority;
    int error =
        message_check(self, call ? MESSAGE_USE_CALL : MESSAGE_USE_OTHER);
    if (!error)
        error = session_find(self, self->frame.x[REG_A0], &entry);
    if (error)
        return message_error(self, error);
    struct sending sending = {entry.object, frame_deadline(self), call};
    struct endpoint *endpoint = sending.session->endpoint;
    spin_lock(&endpoint->lock);
    int64_t result = session_check(endpoint, &entry);
    if (!result)
        result = send_locked(self, endpoint, &sending, &server);
    spin_unlock(&endpoint->lock);
    if (result != RESULT_WAITING)
        return message_error(self, (int)result);
    donate(server, priority);
    return RESULT_WAITING;
}

int64_t ipc_call(struct thread *self) {
    hart_count_event(COUNTER_CALL_SLOW);
    return send_or_call(self, true);
}

int64_t ipc_send(struct thread *self) {
    return send_or_call(self, false);
}

/* ---- Receive ---- */

/* Takes the message of the first sender. False: it was not deliverable; the
 * sender has its error, and the next one's turn has come. */
static bool receive_sender(struct thread *self, struct endpoint *endpoint,
                           struct thread *sender) REQUIRES(endpoint->lock) {
    bool call = sender->flags & THREAD_IS_CALL;
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
    session_close_call(endpoint, sender->session);
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
        session_free(endpoint, session);
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

/* Takes what there is, or joins the receivers. */
static int64_t receive_or_wait(struct thread *self, struct endpoint *endpoint,
                               uint64_t deadline) REQUIRES(endpoint->lock) {
    serve(self, endpoint);
    self->caller_gone = false;
    if (receive_now(self, endpoint))
        return RESULT_WRITTEN;
    int error = deadline_check(deadline);
    if (error)
        return message_error(self, error);
    self->endpoint = endpoint;
    list_push_back(&endpoint->receivers, &self->link);
    thread_wait(self, THREAD_RECEIVING, &endpoint_wait, deadline);
    return RESULT_WAITING;
}

int64_t receive(struct thread *self, const struct handle_entry *entry,
                uint64_t deadline) {
    struct endpoint *endpoint = entry->object;
    spin_lock(&endpoint->lock);
    int error = endpoint_check(endpoint, entry);
    int64_t result = error ? message_error(self, error)
                           : receive_or_wait(self, endpoint, deadline);
    spin_unlock(&endpoint->lock);
    if (result == RESULT_WRITTEN && self->caller)
        donate(self, self->caller->priority);
    return result;
}

int64_t ipc_recv(struct thread *self) {
    struct handle_entry entry;
    int error = self->caller ? -EBUSY : 0;
    if (!error)
        error = endpoint_find(self, self->frame.x[REG_A0], &entry);
    if (error)
        return message_error(self, error);
    return receive(self, &entry, frame_deadline(self));
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
