/* SPDX-License-Identifier: MIT */
/*
 * ipc/endpoint.h: where senders meet receivers.
 *
 * Idea        An endpoint is two queues, of which one is always empty: threads
 *             that wait to receive, and threads that wait to be received. A
 *             message goes from frame to frame the moment a pair meets;
 *             nothing is buffered, so nothing can fill up. Clients do not hold
 *             the endpoint but a session: a badge that the server chose and
 *             the client cannot change.
 * States of a call, seen from its caller:
 *             RUNNING -> SENDING (no receiver) -> CALLING (received)
 *                     -> RUNNING (reply, error, deadline, kill)
 * Invariants  I1 receivers and senders are not both non-empty;
 *             I2 senders is sorted by priority, first come first within one;
 *             I3 session->uses counts handles, regions that have it as their
 *                pager, and threads SENDING or CALLING through it, but quick
 *                ones; a session lives while it has uses;
 *             I4 an endpoint's memory lives while its handle or a session does,
 *                which `refs` counts;
 *             I5 a receiver waits only while there is nothing to receive;
 *             I6 the quick thread either waits to receive, has no caller and is
 *                in no list, or owes a reply to its caller, whose call is a
 *                quick one: it came through this endpoint, is in no list, not
 *                counted in its session, which has another use, and has no
 *                THREAD_IS_CALL. All other receivers and callers are in lists,
 *                and a receiver that is came later than a quick one.
 * Quick       A server that waits, is called, and answers, again and again, is
 *             what the fast path is for; it should not have to be moved from
 *             list to list each time. Whoever needs the lists to be complete
 *             makes the call an ordinary one first (call_enlist).
 * Locks       endpoint->lock (RANK_ENDPOINT) guards all of it, the sessions'
 *             fields, and the calls made through them: the state, the server
 *             and the frame of each thread that waits here.
 * Read        before: proc/wait.h · then ipc/message.c, call.c, reply.c
 */
#ifndef OCTAVO_IPC_ENDPOINT_H
#define OCTAVO_IPC_ENDPOINT_H

#include "abi/errno.h"
#include "cap/handle.h"
#include "lib/list.h"
#include "proc/process.h"
#include "proc/work.h"
#include "sync/spinlock.h"

struct notification;
struct quota;

struct endpoint {
    struct spinlock lock;
    uint32_t generation; /* its handle has it; 0 when that is gone */
    uint32_t epoch;      /* grows at revoke: sessions have it */
    uint32_t refs;       /* I4 */
    /* What keeps a server that receives from simply waiting, in one word. */
    union {
        struct {
            bool busy;      /* senders, closed or receivers is not empty */
            bool signalled; /* the bound notification may have bits */
        };
        uint16_t unusual;
    };
    struct thread *quick;  /* I6; or NULL */
    struct list receivers; /* other threads RECEIVING */
    struct list senders;   /* threads SENDING; a glance at the first one, from
                              elsewhere, needs no lock (ipc/donate.c) */
    struct list callers;   /* threads CALLING, whose calls are not quick */
    struct list closed;    /* sessions whose CLOSED notice is due */
    struct notification *bound;
    struct thread *server; /* who received last: callers lend it priority */
    struct quota *quota;
};

struct session {
    struct endpoint *endpoint; /* constant while the session lives */
    uint32_t generation;       /* grows at revoke and at the end */
    uint32_t epoch;            /* the endpoint's when it was minted */
    uint32_t uses;             /* atomic: I3 */
    uint64_t badge;
    bool notify;      /* the receiver wants a CLOSED notice */
    struct list link; /* in endpoint->closed */
    struct quota *quota;
    uint32_t left;    /* atomic: uses by regions that are gone */
    struct work work; /* ends these (ipc/pager.c) */
};

/* Registers endpoints, sessions and replies with cap and proc. Once. */
void ipc_init(void);

/* Of handles to endpoints and sessions. */
extern const struct object_operations endpoint_operations, session_operations;

/* SYS_ENDPOINT_CREATE, SYS_SESSION_MINT: a handle in the caller's table. */
int64_t endpoint_create(struct thread *self);
int64_t session_mint(struct thread *self, uint64_t endpoint, uint64_t badge,
                     uint64_t rights, uint64_t flags);

/* SYS_REVOKE. */
int64_t endpoint_revoke(struct thread *self);

/*
 * Looks a session or endpoint handle up; -EBADF or -EPERM. Nothing keeps the
 * object alive yet: lock its endpoint, then check.
 */
static inline int session_find(struct thread *self, uint64_t handle,
                               struct handle_entry *entry) {
    return handle_find(&self->process->handles, handle, KIND_CALL, RIGHT_SEND,
                       entry);
}
static inline int endpoint_find(struct thread *self, uint64_t handle,
                                struct handle_entry *entry) {
    return handle_find(&self->process->handles, handle, KIND_RECEIVE,
                       RIGHT_RECEIVE, entry);
}

/* ---- Receivers that wait ---- */

/* One of the lists has changed. */
static inline void endpoint_note(struct endpoint *endpoint)
    REQUIRES(endpoint->lock) {
    endpoint->busy = !list_empty(&endpoint->senders) ||
                     !list_empty(&endpoint->closed) ||
                     !list_empty(&endpoint->receivers);
}

/* The thread whose turn it is; NULL if none waits. */
static inline struct thread *receiver_first(const struct endpoint *endpoint)
    REQUIRES(endpoint->lock) {
    struct thread *quick = endpoint->quick;
    if (quick && !quick->caller)
        return quick;
    struct list *node = list_first(&endpoint->receivers);
    return node ? container_of(node, struct thread, link) : NULL;
}

/* A thread begins to wait; ceases to. The first to come is the quick one. */
void receiver_queue(struct endpoint *endpoint, struct thread *thread)
    REQUIRES(endpoint->lock);
static inline void receiver_add(struct endpoint *endpoint,
                                struct thread *thread)
    REQUIRES(endpoint->lock) {
    if (!endpoint->quick && list_empty(&endpoint->receivers))
        endpoint->quick = thread;
    else
        receiver_queue(endpoint, thread);
}
static inline void receiver_remove(struct endpoint *endpoint,
                                   struct thread *thread)
    REQUIRES(endpoint->lock) {
    if (endpoint->quick == thread) {
        endpoint->quick = NULL;
        return;
    }
    list_remove(&thread->link);
    endpoint_note(endpoint);
}

/* Whether what was found lives: 0; -EBADF for an endpoint that is gone; -ESTALE
 * for a session that was revoked or belongs elsewhere, -EPIPE if its endpoint
 * is dead. */
static inline int endpoint_check(const struct endpoint *endpoint,
                                 uint32_t generation) REQUIRES(endpoint->lock) {
    return endpoint->generation == generation ? 0 : -EBADF;
}
static inline int session_check(const struct endpoint *endpoint,
                                const struct handle_entry *entry)
    REQUIRES(endpoint->lock) {
    const struct session *session = entry->object;
    if (session->endpoint != endpoint ||
        session->generation != entry->generation)
        return -ESTALE;
    if (endpoint->generation == 0)
        return -EPIPE;
    return session->epoch == endpoint->epoch ? 0 : -ESTALE;
}

/* One use more, by someone who has another or the endpoint's lock; one fewer:
 * the last one ends the session. */
static inline void session_use(struct session *session) {
    __atomic_fetch_add(&session->uses, 1, __ATOMIC_RELAXED);
}
void session_end(struct endpoint *endpoint, struct session *session)
    REQUIRES(endpoint->lock);
static inline void session_unuse(struct endpoint *endpoint,
                                 struct session *session)
    REQUIRES(endpoint->lock) {
    if (__atomic_sub_fetch(&session->uses, 1, __ATOMIC_ACQ_REL) == 0)
        session_end(endpoint, session);
}

/* Gives the session's memory back, after its CLOSED notice if it wants one. */
void session_free(struct endpoint *endpoint, struct session *session)
    REQUIRES(endpoint->lock);

/* For SYS_HANDLE_INFO, of a session's handle: its badge, or 0 for those who do
 * not hold the endpoint, in *badge. 0, -ESTALE or -EPIPE. */
int session_describe(struct thread *self, const struct handle_entry *entry,
                     uint64_t *badge);

#endif
