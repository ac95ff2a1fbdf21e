/* SPDX-License-Identifier: MIT */
/*
 * ipc/endpoint.c: endpoints and sessions: making, revoking, and their ends.
 *
 * A handle names a session by pointer and generation and takes no part in its
 * lifetime while it is looked at: find, lock, then check, always in that order
 * (cap/object.h says why that is safe).
 */
#include "ipc/endpoint.h"

#include "abi/errno.h"
#include "cap/handle.h"
#include "ipc/call.h"
#include "ipc/message.h"
#include "ipc/notification.h"
#include "proc/process.h"
#include "vm/quota.h"
#include "vm/slab.h"

static void endpoint_once(void *object) {
    struct endpoint *endpoint = object;
    spin_init(&endpoint->lock, RANK_ENDPOINT);
    list_init(&endpoint->receivers);
    list_init(&endpoint->senders);
    list_init(&endpoint->callers);
    list_init(&endpoint->closed);
}

static struct slab endpoints = SLAB(struct endpoint, endpoint_once);
static struct slab sessions = SLAB(struct session, NULL);

/* ---- Making ---- */

int64_t endpoint_create(struct thread *self) {
    struct quota *quota = self->process->quota;
    struct endpoint *endpoint = slab_alloc(&endpoints, quota);
    if (!endpoint)
        return -ENOMEM;
    endpoint->generation = generation_next();
    endpoint->busy = endpoint->signalled = false;
    endpoint->refs = 1;
    endpoint->quick = NULL;
    endpoint->bound = NULL;
    endpoint->server = NULL;
    endpoint->quota = quota_get(quota);
    return handle_give(&self->process->handles, endpoint, endpoint->generation,
                       HANDLE_ENDPOINT,
                       RIGHT_RECEIVE | RIGHT_PASS | RIGHT_GRANT);
}

static struct session *session_alloc(struct quota *quota) {
    struct session *session = slab_alloc(&sessions, quota);
    if (!session)
        return NULL;
    session->generation = generation_next();
    session->uses = 1;
    session->quota = quota_get(quota);
    return session;
}

static void session_release(struct session *session) {
    quota_uncharge_objects(session->quota, 1);
    quota_put(session->quota);
    slab_free(&sessions, session, NULL);
}

/* Ties a fresh session to the endpoint that the handle names. */
static int session_attach(struct session *session, struct thread *self,
                          uint64_t handle) {
    struct handle_entry entry;
    int error = endpoint_find(self, handle, &entry);
    if (error)
        return error;
    struct endpoint *endpoint = entry.object;
    spin_lock(&endpoint->lock);
    error = endpoint_check(endpoint, entry.generation);
    if (!error) {
        session->endpoint = endpoint;
        session->epoch = endpoint->epoch;
        endpoint->refs++;
    }
    spin_unlock(&endpoint->lock);
    return error;
}

int64_t session_mint(struct thread *self, uint64_t endpoint, uint64_t badge,
                     uint64_t rights, uint64_t flags) {
    const uint64_t allowed =
        RIGHT_SEND | RIGHT_PASS | RIGHT_GRANT | RIGHT_INHERIT;
    if ((rights & ~allowed) || (flags & ~(uint64_t)SESSION_NOTIFY_CLOSED))
        return -EINVAL;
    struct session *session = session_alloc(self->process->quota);
    if (!session)
        return -ENOMEM;
    session->badge = badge;
    session->notify = flags & SESSION_NOTIFY_CLOSED;
    int error = session_attach(session, self, endpoint);
    if (error) {
        session_release(session);
        return error;
    }
    struct handle_entry entry = {
        .object = session,
        .generation = session->generation,
        .type = HANDLE_SESSION,
        .rights = (uint16_t)rights,
    };
    int slot = handle_insert(&self->process->handles, HANDLE_RECEIVED, &entry);
    if (slot < 0) {
        session->notify = false; /* it never was: no notice */
        handle_entry_put(&entry);
    }
    return slot;
}

/* ---- Receivers that wait ---- */

void receiver_queue(struct endpoint *endpoint, struct thread *thread) {
    struct list *receivers = &endpoint->receivers;
    list_push_back(receivers, &thread->link);
    if (!endpoint->quick) {
        struct list *first = list_pop_front(receivers);
        endpoint->quick = container_of(first, struct thread, link);
    }
    endpoint_note(endpoint);
}

/* ---- Ends ---- */

void session_free(struct endpoint *endpoint, struct session *session) {
    endpoint->refs--;
    session_release(session);
}

/* Its notice is queued and a receiver woken, or it is freed. */
void session_end(struct endpoint *endpoint, struct session *session) {
    call_enlist(endpoint, session);
    if (session->uses > 0)
        return; /* by a quick call, which is counted from now on: I6 */
    session->generation = generation_next(); /* who has found it, has not */
    if (session->notify && endpoint->generation) {
        list_push_back(&endpoint->closed, &session->link);
        endpoint_note(endpoint);
        receiver_notify(endpoint);
    } else {
        session_free(endpoint, session);
    }
}

static void session_get(const struct handle_entry *entry) {
    session_use(entry->object);
}

static bool session_current(const struct handle_entry *entry) {
    const struct session *session = entry->object;
    return session->generation == entry->generation &&
           session->epoch == session->endpoint->epoch;
}

/* After the last session of a dead endpoint its memory goes too. */
static void endpoint_unlock_and_free(struct endpoint *endpoint)
    RELEASE(endpoint->lock) {
    bool gone = endpoint->refs == 0;
    spin_unlock(&endpoint->lock);
    if (!gone)
        return;
    quota_uncharge_objects(endpoint->quota, 1);
    quota_put(endpoint->quota);
    slab_free(&endpoints, endpoint, NULL);
}

static void session_put(const struct handle_entry *entry) {
    struct session *session = entry->object;
    struct endpoint *endpoint = session->endpoint;
    spin_lock(&endpoint->lock);
    session_unuse(endpoint, session);
    endpoint_unlock_and_free(endpoint);
}

static void receivers_wake(struct endpoint *endpoint, int error)
    REQUIRES(endpoint->lock) {
    struct thread *thread;
    while ((thread = receiver_first(endpoint))) {
        receiver_remove(endpoint, thread);
        message_fail(thread, error);
        thread_wake(thread);
    }
}

static void endpoint_drop_notices(struct endpoint *endpoint)
    REQUIRES(endpoint->lock) {
    struct list *node;
    while ((node = list_pop_front(&endpoint->closed)))
        session_free(endpoint, container_of(node, struct session, link));
    endpoint_note(endpoint);
}

/* The endpoint's only handle is gone. */
static void endpoint_put(const struct handle_entry *entry) {
    struct endpoint *endpoint = entry->object;
    spin_lock(&endpoint->lock);
    endpoint->generation = 0;
    endpoint->epoch++; /* comparing epochs is enough for the fast path */
    if (endpoint->bound)
        __atomic_store_n(&endpoint->bound->endpoint, NULL, __ATOMIC_RELEASE);
    endpoint->bound = NULL;
    endpoint_drop_notices(endpoint);
    receivers_wake(endpoint, -EPIPE);
    spin_unlock(&endpoint->lock);
    calls_abort(endpoint, NULL, -EPIPE);
    spin_lock(&endpoint->lock);
    endpoint->server = NULL;
    endpoint->refs--;
    endpoint_unlock_and_free(endpoint);
}

/* ---- Revoking ---- */

static int64_t revoke_all(struct thread *self, uint64_t handle) {
    struct handle_entry entry;
    int error = endpoint_find(self, handle, &entry);
    if (error)
        return error;
    struct endpoint *endpoint = entry.object;
    spin_lock(&endpoint->lock);
    error = endpoint_check(endpoint, entry.generation);
    if (!error)
        endpoint->epoch++;
    spin_unlock(&endpoint->lock);
    if (!error)
        calls_abort(endpoint, NULL, -ESTALE);
    return error;
}

/* Whether the caller holds the session's endpoint. */
static bool holds_endpoint(struct thread *self,
                           const struct endpoint *endpoint) {
    struct handle_table *table = &self->process->handles;
    bool found = false;
    spin_lock(&table->lock);
    for (unsigned i = 0; i < HANDLE_MAX && !found; i++) {
        found = table->slot[i].type == HANDLE_ENDPOINT &&
                slot_entry(&table->slot[i]).object == endpoint;
    }
    spin_unlock(&table->lock);
    return found;
}

int session_describe(struct thread *self, const struct handle_entry *entry,
                     uint64_t *badge) {
    struct session *session = entry->object;
    struct endpoint *endpoint = session->endpoint;
    bool holder = holds_endpoint(self, endpoint);
    spin_lock(&endpoint->lock);
    int error = session_check(endpoint, entry);
    *badge = holder ? session->badge : 0;
    spin_unlock(&endpoint->lock);
    return error;
}

static int64_t revoke_session(struct thread *self, uint64_t handle) {
    struct handle_entry entry;
    int error =
        handle_take(&self->process->handles, handle, HANDLE_SESSION, 0, &entry);
    if (error)
        return error;
    struct session *session = entry.object;
    struct endpoint *endpoint = session->endpoint;
    if (!holds_endpoint(self, endpoint)) {
        handle_entry_put(&entry);
        return -EPERM;
    }
    spin_lock(&endpoint->lock);
    error = session_check(endpoint, &entry);
    if (!error)
        session->generation = generation_next();
    spin_unlock(&endpoint->lock);
    if (!error)
        calls_abort(endpoint, session, -ESTALE);
    handle_entry_put(&entry);
    return error;
}

int64_t endpoint_revoke(struct thread *self) {
    uint64_t handle = self->frame.x[REG_A0];
    int64_t result = revoke_all(self, handle);
    return result == -EBADF ? revoke_session(self, handle) : result;
}

const struct object_operations endpoint_operations = {.put = endpoint_put,
                                                      .unique = true};
const struct object_operations session_operations = {
    .get = session_get, .put = session_put, .current = session_current};
