/* SPDX-License-Identifier: MIT */
/*
 * ipc/call.h: call, send, receive, reply: the slow path, which does
 * everything. The fast path (ipc/fastpath.c) is a short cut through it.
 */
#ifndef OCTAVO_IPC_CALL_H
#define OCTAVO_IPC_CALL_H

#include "ipc/endpoint.h"
#include "proc/thread.h"

/* Calls within calls: a client may wait for this many servers in a row. */
enum { CALL_DEPTH_MAX = 8 };

/* SYS_CALL, SYS_SEND, SYS_RECV, SYS_REPLY, SYS_REPLY_RECV: the message is in
 * the thread's frame, and so are the results. */
int64_t ipc_call(struct thread *self);
int64_t ipc_send(struct thread *self);
int64_t ipc_recv(struct thread *self);
int64_t ipc_reply(struct thread *self);
int64_t ipc_reply_recv(struct thread *self);

/* SYS_REPLY_SAVE: the slot of the reply handle, or -ESTALE, -ENOSPC. */
int64_t ipc_reply_save(struct thread *self);

/* SYS_COPY. The light one does what needs no wait, and leaves the rest. */
int64_t ipc_copy(struct thread *self);
int64_t ipc_copy_light(struct thread *self);

/* Calls through the session that was found; the message in the frame has been
 * checked. RESULT_WAITING, or RESULT_WRITTEN with an error. */
int64_t call_session(struct thread *self, struct handle_entry entry);

/* Finds the endpoint that the handle in the frame's a0 names: 0, -EBADF or
 * -EPERM. */
static inline int receive_find(struct thread *self,
                               struct handle_entry *entry) {
    struct handle_table *table = &self->process->handles;
    self->serves_handle = UINT64_MAX; /* until the receive has it */
    /* Before the look: what changes later is noticed. */
    self->serves_changes = __atomic_load_n(&table->changes, __ATOMIC_ACQUIRE);
    return endpoint_find(self, self->frame.x[REG_A0], entry);
}

/* Receives on the endpoint that was found: RECV, and the rest of REPLY_RECV
 * once a reply, if one was owed, has been given. */
int64_t receive(struct thread *self, struct handle_entry entry);

/* The same, when the endpoint is locked: unlocks it. `generation` is that of
 * its handle. */
int64_t receive_unlock(struct thread *self, struct endpoint *endpoint,
                       uint32_t generation) RELEASE(endpoint->lock);

/* A signal or a closed session has come: the receiver whose turn it is gets it,
 * if one waits. */
void receiver_notify(struct endpoint *endpoint) REQUIRES(endpoint->lock);

/* Takes back the wait of a thread that is RECEIVING, SENDING or CALLING. */
wait_cancel endpoint_cancel;

/* Calls that lead to the thread: its caller, the caller's caller, and so on. No
 * lock: exact, but while one of them is being cancelled. */
static inline unsigned call_depth(const struct thread *thread) {
    unsigned depth = 0;
    while (depth < CALL_DEPTH_MAX && (thread = thread->caller) != NULL)
        depth++;
    return depth;
}

/* A quick call through the session (NULL: any), if there is one, becomes an
 * ordinary one: see endpoint.h, I6. */
void call_enlist(struct endpoint *endpoint, const struct session *session)
    REQUIRES(endpoint->lock);

/* The call of a CALLING thread is over: unlinks it from its server and ends
 * its part in the session. The caller then writes its frame and wakes it. */
void call_finish(struct endpoint *endpoint, struct thread *caller)
    REQUIRES(endpoint->lock);

/*
 * Whether the call that a reply names is open: `caller` waits at the endpoint
 * in its call number `sequence`, and `server` owes the reply (NULL: it was
 * saved). The name was read without a lock, so the endpoint may be another.
 */
static inline bool call_is_open(const struct endpoint *endpoint,
                                const struct thread *caller, uint32_t sequence,
                                const struct thread *server)
    REQUIRES(endpoint->lock) {
    return caller->state == THREAD_CALLING && caller->endpoint == endpoint &&
           caller->call_sequence == sequence && caller->server == server;
}

/* Of a thread that was seen to have no `caller`: whether it had one, whose call
 * was cancelled. The canceller writes this before thread->caller. */
static inline bool caller_is_gone(const struct thread *self) {
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return self->caller_gone;
}

/* Ends the wait of everyone who sends or calls through the session, or (NULL)
 * through any from before the endpoint's epoch, with the error. Nobody new can
 * come, since these sessions are revoked. No lock held. */
void calls_abort(struct endpoint *endpoint, struct session *session, int error);

/* ipc/reply.c: a thread died; whom it owed a reply gets EPIPE. */
void reply_thread_died(struct thread *thread);

/* ipc/reply.c: the current thread, or one that is dead, needs no longer what a
 * caller that is gone had lent to it. */
void reply_drop_borrowed(struct thread *thread);

/* ipc/reply.c: of reply handles. */
extern const struct object_operations reply_operations;

/* ---- ipc/donate.c: priorities along chains of calls ---- */

/* The thread works for more or fewer, or for others, or its base priority was
 * changed: brings what it runs at up to date, and whoever it waits for in turn,
 * up to 8 deep. No endpoint lock held, unless it is the current thread; its
 * process's lock may be. NULL is allowed. */
void donate_update(struct thread *thread);

/* A call waits for `server` from now on, and has done a fence since: the
 * server may need its priority. */
static inline void donate_call(const struct thread *caller,
                               struct thread *server) {
    if (server && caller->priority > server->priority)
        donate_update(server);
}

/* The thread works for nobody any more: the opposite. */
static inline void donate_done(struct thread *server) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (server->flags & THREAD_BOOSTED)
        donate_update(server);
}

/* While a thread checks whom it waits for and then does, nobody else does. */
extern struct spinlock donate_lock; /* RANK_THREAD_WAIT */

/* -EDEADLK if a call that queues behind `server` waits for `self`, or the chain
 * is longer than 8. */
int donate_check(const struct thread *self, const struct thread *server)
    REQUIRES(donate_lock);

/* Puts a thread into the sorted queue of senders; takes it out. */
void sender_insert(struct endpoint *endpoint, struct thread *sender)
    REQUIRES(endpoint->lock);
void sender_remove(struct endpoint *endpoint, struct thread *sender)
    REQUIRES(endpoint->lock);

#endif
