/* SPDX-License-Identifier: MIT */
/*
 * wrong/session.c: mistakes in minting and revoking.
 */

/*
 * mint-masks-not: the rights of a session are not checked.
 * File: kernel/ipc/endpoint.c
 * Caught by: mint, mint_failed
 */
int64_t session_mint(struct thread *self, uint64_t endpoint, uint64_t badge,
                     uint64_t rights, uint64_t flags) {
    if (flags & ~(uint64_t)SESSION_NOTIFY_CLOSED)
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
        session->notify = false;
        handle_entry_put(&entry);
    }
    return slot;
}

/*
 * mint-keeps: a mint that fails keeps the session, and its charge.
 * File: kernel/ipc/endpoint.c
 * Caught by: mint_failed
 */
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
    if (error)
        return error;
    struct handle_entry entry = {
        .object = session,
        .generation = session->generation,
        .type = HANDLE_SESSION,
        .rights = (uint16_t)rights,
    };
    return handle_insert(&self->process->handles, HANDLE_RECEIVED, &entry);
}

/*
 * mint-notice: a session that found no slot sends a notice all the same, of a
 * client that never was.
 * File: kernel/ipc/endpoint.c
 * Caught by: mint_failed
 */
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
    if (slot < 0)
        handle_entry_put(&entry);
    return slot;
}

/*
 * current-generation: only the epoch is compared: a session that was revoked
 * alone can still be copied.
 * File: kernel/ipc/endpoint.c
 * Caught by: revoke
 */
static bool session_current(const struct handle_entry *entry) {
    const struct session *session = entry->object;
    return session->epoch == session->endpoint->epoch;
}

/*
 * current-epoch: only the generation is compared: a session can still be
 * copied after its endpoint was revoked.
 * File: kernel/ipc/endpoint.c
 * Caught by: revoke
 */
static bool session_current(const struct handle_entry *entry) {
    const struct session *session = entry->object;
    return session->generation == entry->generation;
}

/*
 * holder-first: looks at one slot only, the one that endpoints mostly get.
 * File: kernel/ipc/endpoint.c
 * Caught by: holder
 */
static bool holds_endpoint(struct thread *self,
                           const struct endpoint *endpoint) {
    struct handle_table *table = &self->process->handles;
    bool found = false;
    spin_lock(&table->lock);
    const struct handle_slot *slot = &table->slot[HANDLE_RECEIVED];
    found =
        slot->type == HANDLE_ENDPOINT && slot_entry(slot).object == endpoint;
    spin_unlock(&table->lock);
    return found;
}

/*
 * holder-any: any endpoint will do: who has one of his own may revoke
 * everybody's sessions.
 * File: kernel/ipc/endpoint.c
 * Caught by: holder
 */
static bool holds_endpoint(struct thread *self,
                           const struct endpoint *endpoint) {
    struct handle_table *table = &self->process->handles;
    bool found = false;
    (void)endpoint;
    spin_lock(&table->lock);
    for (unsigned i = 0; i < HANDLE_MAX && !found; i++)
        found = table->slot[i].type == HANDLE_ENDPOINT;
    spin_unlock(&table->lock);
    return found;
}

/*
 * revoke-slot: the caller's own handle is closed; all other copies go on
 * working.
 * File: kernel/ipc/endpoint.c
 * Caught by: revoke
 */
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
    handle_forget(&self->process->handles, handle, &entry);
    handle_entry_put(&entry);
    calls_abort(endpoint, session, -ESTALE);
    handle_entry_put(&entry);
    return 0;
}

/*
 * revoke-sleeps: nobody is woken: a client hangs in a call that no one will
 * answer.
 * File: kernel/ipc/endpoint.c
 * Caught by: waiters
 */
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
    handle_entry_put(&entry);
    return error;
}

/*
 * revoke-keeps: the reference of the lookup is dropped on success only.
 * File: kernel/ipc/endpoint.c
 * Caught by: closed
 */
static int64_t revoke_session(struct thread *self, uint64_t handle) {
    struct handle_entry entry;
    int error =
        handle_take(&self->process->handles, handle, HANDLE_SESSION, 0, &entry);
    if (error)
        return error;
    struct session *session = entry.object;
    struct endpoint *endpoint = session->endpoint;
    if (!holds_endpoint(self, endpoint))
        return -EPERM;
    spin_lock(&endpoint->lock);
    error = session_check(endpoint, &entry);
    if (!error)
        session->generation = generation_next();
    spin_unlock(&endpoint->lock);
    if (error)
        return error;
    calls_abort(endpoint, session, -ESTALE);
    handle_entry_put(&entry);
    return 0;
}

/*
 * revoke-all-sleeps: the sessions are stale, and those who wait are not told.
 * File: kernel/ipc/endpoint.c
 * Caught by: waiters
 */
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
    return error;
}

/*
 * revoke-all-once: waiting calls end, and the sessions stay valid.
 * File: kernel/ipc/endpoint.c
 * Caught by: revoke_all
 */
static int64_t revoke_all(struct thread *self, uint64_t handle) {
    struct handle_entry entry;
    int error = endpoint_find(self, handle, &entry);
    if (error)
        return error;
    calls_abort(entry.object, NULL, -ESTALE);
    return 0;
}
