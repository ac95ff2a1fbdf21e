/* SPDX-License-Identifier: MIT */
/*
 * wrong/items.c: mistakes in the parts that the short cuts with items have.
 */

/*
 * item-any-number: session_of reads beyond the table.
 * File: kernel/ipc/shortcut.h
 * Caught by: items_no_session
 */
static inline struct session *
session_of(const struct thread *self, uint64_t handle, uint32_t *generation) {
    const struct handle_slot *slot = &self->process->handles.slot[handle];
    uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);
    if (word & KIND_MASK)
        return NULL;
    *generation = slot->generation;
    return (struct session *)word;
}

/*
 * item-any-kind: session_of takes any handle for a session.
 * File: kernel/ipc/shortcut.h
 * Caught by: items_no_session
 */
static inline struct session *
session_of(const struct thread *self, uint64_t handle, uint32_t *generation) {
    if (handle >= HANDLE_MAX)
        return NULL;
    const struct handle_slot *slot = &self->process->handles.slot[handle];
    uint64_t word = __atomic_load_n(&slot->word, __ATOMIC_RELAXED);
    *generation = slot->generation;
    return (struct session *)(word & ~(uint64_t)KIND_MASK);
}

/*
 * item-revoked: session_partner compares no generation.
 * File: kernel/ipc/shortcut.h
 * Caught by: items_revoked
 */
static inline struct thread *session_partner(struct thread *self,
                                             struct session *session,
                                             uint32_t generation) {
    (void)generation;
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, 1))
        return NULL;
    struct thread *receiver = endpoint->quick;
    if (session->epoch == endpoint->epoch && receiver && !receiver->caller &&
        gap(receiver, self) < PRIORITY_COUNT &&
        call_depth(self) < CALL_DEPTH_MAX)
        return receiver;
    lock_drop(endpoint);
    return NULL;
}

/*
 * item-epoch: session_partner compares no epoch.
 * File: kernel/ipc/shortcut.h
 * Caught by: items_revoked
 */
static inline struct thread *session_partner(struct thread *self,
                                             struct session *session,
                                             uint32_t generation) {
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, 1))
        return NULL;
    struct thread *receiver = endpoint->quick;
    if (session->generation == generation && receiver && !receiver->caller &&
        gap(receiver, self) < PRIORITY_COUNT &&
        call_depth(self) < CALL_DEPTH_MAX)
        return receiver;
    lock_drop(endpoint);
    return NULL;
}

/*
 * item-locked: session_partner keeps the lock when it finds nobody.
 * File: kernel/ipc/shortcut.h
 * Caught by: items_revoked
 */
static inline struct thread *session_partner(struct thread *self,
                                             struct session *session,
                                             uint32_t generation) {
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, 1))
        return NULL;
    struct thread *receiver = endpoint->quick;
    if (session->generation == generation &&
        session->epoch == endpoint->epoch && receiver && !receiver->caller &&
        gap(receiver, self) < PRIORITY_COUNT &&
        call_depth(self) < CALL_DEPTH_MAX)
        return receiver;
    return NULL;
}

/*
 * item-busy: session_partner takes a server that owes a reply.
 * File: kernel/ipc/shortcut.h
 * Caught by: items_busy
 */
static inline struct thread *session_partner(struct thread *self,
                                             struct session *session,
                                             uint32_t generation) {
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, 1))
        return NULL;
    struct thread *receiver = endpoint->quick;
    if (session->generation == generation &&
        session->epoch == endpoint->epoch && receiver &&
        gap(receiver, self) < PRIORITY_COUNT &&
        call_depth(self) < CALL_DEPTH_MAX)
        return receiver;
    lock_drop(endpoint);
    return NULL;
}

/*
 * item-half-linked: call_commit forgets the server's end of the link.
 * File: kernel/ipc/shortcut.h
 * Caught by: handles, pages
 */
static inline void call_commit(struct thread *self, struct thread *receiver,
                               struct endpoint *endpoint,
                               struct session *session) {
    self->endpoint = endpoint;
    self->session = session;
    self->server = receiver;
    self->state = THREAD_CALLING;
    event_note(EVENT_CALL, self, (uintptr_t)receiver,
               (self->flags ? receiver : self)->frame.x[REG_A1]);
}

/*
 * item-running: call_commit leaves the caller RUNNING.
 * File: kernel/ipc/shortcut.h
 * Caught by: handles
 */
static inline void call_commit(struct thread *self, struct thread *receiver,
                               struct endpoint *endpoint,
                               struct session *session) {
    self->endpoint = endpoint;
    self->session = session;
    self->server = receiver;
    receiver->caller = self;
    event_note(EVENT_CALL, self, (uintptr_t)receiver,
               (self->flags ? receiver : self)->frame.x[REG_A1]);
}

/*
 * item-reply-owed: reply_commit leaves the reply owed.
 * File: kernel/ipc/shortcut.h
 * Caught by: pages_back
 */
static inline void reply_commit(struct thread *self,
                                struct endpoint *endpoint) {
    self->endpoint = endpoint;
    event_note(EVENT_REPLY, self, (uintptr_t)self->caller,
               self->frame.x[REG_A1]);
    self->state = THREAD_RECEIVING;
}

/*
 * item-reply-never: reply_partner never finds a caller.
 * File: kernel/ipc/shortcut.h
 * Caught by: pages_back
 */
static inline struct thread *reply_partner(struct thread *self,
                                           uint64_t handle) {
    const struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, 1))
        return NULL;
    struct thread *caller = self->caller;
    if (caller && self->flags == 0 && !endpoint->unusual &&
        !(caller->flags & ~(uint32_t)(THREAD_PAGING | THREAD_DEADLINE)) &&
        caller->frame.hart != hart && !outranked(hart, caller))
        return caller;
    lock_drop(endpoint);
    return NULL;
}
