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

/* SYS_COPY. */
int64_t ipc_copy(struct thread *self);

/* Receives on the endpoint that was found: RECV, and the rest of REPLY_RECV
 * once a reply, if one was owed, has been given. */
int64_t receive(struct thread *self, const struct handle_entry *entry,
                uint64_t deadline);

/* ipc/call.c: the wait that RECEIVING, SENDING and CALLING share. */
extern const struct wait_kind endpoint_wait;

/* The call of a CALLING thread is over: unlinks it from its server and ends
 * its part in the session. The caller then writes its frame and wakes it. */
void call_finish(struct endpoint *endpoint, struct thread *caller)
    REQUIRES(endpoint->lock);

/*
 * Whether the call that a reply names is open: `caller` waits at the endpoint
 * in its call number `sequence`, and `server` owes the reply (NULL: it was
 * saved). The name was read without a lock, so the endpoint may be another.
 */
bool call_is_open(const struct endpoint *endpoint, const struct thread *caller,
                  uint32_t sequence, const struct thread *server)
    REQUIRES(endpoint->lock);

/* Ends every call open on the endpoint (session NULL) or through the session,
 * with the error. No lock held. */
void calls_abort(struct endpoint *endpoint, struct session *session, int error);

/* ipc/reply.c: a thread died; whom it owed a reply gets EPIPE. */
void reply_thread_died(struct thread *thread);

/* ipc/reply.c: registers reply handles. */
void reply_init(void);

/* ---- ipc/donate.c: priorities along chains of calls ---- */

/* `server` works for someone of this priority: raises it, and whoever it waits
 * for in turn, up to 8 deep. No endpoint lock held. NULL is allowed. */
void donate(struct thread *server, uint32_t priority);

/* `server` works for one fewer: lowers it to what its base and its remaining
 * callers say, and whoever it waits for in turn. NULL is allowed. */
void donate_withdraw(struct thread *server);

/* The thread's base priority was changed: so is what it runs at, and that of
 * whom it waits for. Its process's lock may be held. */
void donate_rebase(struct thread *thread);

/* -EDEADLK if a call that queues behind `server` waits for `self`, or the chain
 * is longer than 8. */
int donate_check(const struct thread *self, const struct thread *server);

/* Puts a thread into a sorted queue of senders. */
void sender_insert(struct endpoint *endpoint, struct thread *sender)
    REQUIRES(endpoint->lock);

#endif
