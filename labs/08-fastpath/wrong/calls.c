/* SPDX-License-Identifier: MIT */
/*
 * wrong/calls.c: mistakes in what the short cut of a call changes, and in what
 * it costs.
 */

/*
 * call-badge: the badge is left as it was: the server takes the system call's
 * number for its client.
 * File: kernel/ipc/fastpath.c
 * Caught by: call_registers, badges
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
    if (handle >= HANDLE_MAX)
        slow();
    uint64_t word = slot->word;
    /* In C, gcc would work it out in another register, and copy it. */
    __asm__("andi %0, %1, %2" : "=r"(zero3) : "r"(word), "i"(KIND_MASK));
    if (zero3)
        slow();
    struct session *session = (struct session *)word;
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(endpoint->quick));
    if (session->generation != slot->generation ||
        session->epoch != endpoint->epoch || !partner)
        slow_unlock(endpoint);
    __asm__("ld %0, %1" : "=r"(zero4) : "m"(partner->caller));
    if (zero4)
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    const struct thread *above = self->caller;
    if (__builtin_expect(above != NULL, 0) &&
        call_depth(above) >= CALL_DEPTH_MAX - 1)
        slow_unlock(endpoint);
    __asm__("sub %0, %1, %2" : "=r"(zero5) : "r"(its), "r"(mine));
    if (__builtin_expect(zero5 != 0, 0)) {
        if (zero5 >= PRIORITY_COUNT)
            slow_unlock(endpoint);
        self->frame.hart->running = partner->priority;
        zero5 = 0;
    }

    call_partner(endpoint, session);
    space_enter_partner(self->frame.hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * call-half-linked: the server does not know whom it owes the reply.
 * File: kernel/ipc/fastpath.c
 * Caught by: call
 */
static inline void call_partner(struct endpoint *endpoint,
                                struct session *session) {
    event_note(EVENT_CALL, self, (uintptr_t)partner, message_tag);
    self->endpoint = endpoint;
    self->session = session;
    self->server = partner;
    partner->state = THREAD_RUNNING;
    self->state = THREAD_CALLING;
}

/*
 * call-no-session: the session is not noted: a revoke does not find the call.
 * File: kernel/ipc/fastpath.c
 * Caught by: cancelled
 */
static inline void call_partner(struct endpoint *endpoint,
                                struct session *session) {
    event_note(EVENT_CALL, self, (uintptr_t)partner, message_tag);
    self->endpoint = endpoint;
    (void)session;
    self->server = partner;
    partner->caller = self;
    partner->state = THREAD_RUNNING;
    self->state = THREAD_CALLING;
}

/*
 * call-no-server: the caller does not know who owes it the reply: the reply
 * finds nobody.
 * File: kernel/ipc/fastpath.c
 * Caught by: cancelled
 */
static inline void call_partner(struct endpoint *endpoint,
                                struct session *session) {
    event_note(EVENT_CALL, self, (uintptr_t)partner, message_tag);
    self->endpoint = endpoint;
    self->session = session;
    partner->caller = self;
    partner->state = THREAD_RUNNING;
    self->state = THREAD_CALLING;
}

/*
 * call-running: the caller is still RUNNING for all others: when it is killed,
 * nobody takes its wait back.
 * File: kernel/ipc/fastpath.c
 * Caught by: cancelled
 */
static inline void call_partner(struct endpoint *endpoint,
                                struct session *session) {
    event_note(EVENT_CALL, self, (uintptr_t)partner, message_tag);
    self->endpoint = endpoint;
    self->session = session;
    self->server = partner;
    partner->caller = self;
    partner->state = THREAD_RUNNING;
}

/*
 * call-space: the address space stays the caller's.
 * File: kernel/ipc/fastpath.c
 * Caught by: call_spaces, memory
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
    if (handle >= HANDLE_MAX)
        slow();
    uint64_t word = slot->word;
    /* In C, gcc would work it out in another register, and copy it. */
    __asm__("andi %0, %1, %2" : "=r"(zero3) : "r"(word), "i"(KIND_MASK));
    if (zero3)
        slow();
    struct session *session = (struct session *)word;
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(endpoint->quick));
    if (session->generation != slot->generation ||
        session->epoch != endpoint->epoch || !partner)
        slow_unlock(endpoint);
    __asm__("ld %0, %1" : "=r"(zero4) : "m"(partner->caller));
    if (zero4)
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    const struct thread *above = self->caller;
    if (__builtin_expect(above != NULL, 0) &&
        call_depth(above) >= CALL_DEPTH_MAX - 1)
        slow_unlock(endpoint);
    __asm__("sub %0, %1, %2" : "=r"(zero5) : "r"(its), "r"(mine));
    if (__builtin_expect(zero5 != 0, 0)) {
        if (zero5 >= PRIORITY_COUNT)
            slow_unlock(endpoint);
        self->frame.hart->running = partner->priority;
        zero5 = 0;
    }

    badge = session->badge;
    call_partner(endpoint, session);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * call-leak: what was tested stays in its register: the server reads a kernel
 * address.
 * File: kernel/ipc/fastpath.c
 * Caught by: call_registers
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
    if (handle >= HANDLE_MAX)
        slow();
    uint64_t word = slot->word;
    /* In C, gcc would work it out in another register, and copy it. */
    __asm__("andi %0, %1, %2" : "=r"(zero3) : "r"(word), "i"(KIND_MASK));
    if (zero3)
        slow();
    __asm__("mv %0, %1" : "=r"(zero3) : "r"(word));
    struct session *session = (struct session *)word;
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(endpoint->quick));
    if (session->generation != slot->generation ||
        session->epoch != endpoint->epoch || !partner)
        slow_unlock(endpoint);
    __asm__("ld %0, %1" : "=r"(zero4) : "m"(partner->caller));
    if (zero4)
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    const struct thread *above = self->caller;
    if (__builtin_expect(above != NULL, 0) &&
        call_depth(above) >= CALL_DEPTH_MAX - 1)
        slow_unlock(endpoint);
    __asm__("sub %0, %1, %2" : "=r"(zero5) : "r"(its), "r"(mine));
    if (__builtin_expect(zero5 != 0, 0)) {
        if (zero5 >= PRIORITY_COUNT)
            slow_unlock(endpoint);
        self->frame.hart->running = partner->priority;
        zero5 = 0;
    }

    badge = session->badge;
    call_partner(endpoint, session);
    space_enter_partner(self->frame.hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * call-word: a word's register is used for something else.
 * File: kernel/ipc/fastpath.c
 * Caught by: call_registers
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
    if (handle >= HANDLE_MAX)
        slow();
    uint64_t word = slot->word;
    /* In C, gcc would work it out in another register, and copy it. */
    __asm__("andi %0, %1, %2" : "=r"(zero3) : "r"(word), "i"(KIND_MASK));
    if (zero3)
        slow();
    struct session *session = (struct session *)word;
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(endpoint->quick));
    if (session->generation != slot->generation ||
        session->epoch != endpoint->epoch || !partner)
        slow_unlock(endpoint);
    __asm__("ld %0, %1" : "=r"(zero4) : "m"(partner->caller));
    if (zero4)
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    const struct thread *above = self->caller;
    if (__builtin_expect(above != NULL, 0) &&
        call_depth(above) >= CALL_DEPTH_MAX - 1)
        slow_unlock(endpoint);
    __asm__("sub %0, %1, %2" : "=r"(zero5) : "r"(its), "r"(mine));
    if (__builtin_expect(zero5 != 0, 0)) {
        if (zero5 >= PRIORITY_COUNT)
            slow_unlock(endpoint);
        self->frame.hart->running = partner->priority;
        zero5 = 0;
    }

    badge = session->badge;
    __asm__ volatile("mv a4, %0" : : "r"(session));
    call_partner(endpoint, session);
    space_enter_partner(self->frame.hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * call-handle: a0 is cleared before all checks have passed: the slow path
 * calls by handle 0.
 * File: kernel/ipc/fastpath.c
 * Caught by: busy, no_session
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
    if (handle >= HANDLE_MAX)
        slow();
    uint64_t word = slot->word;
    handle = 0;
    /* In C, gcc would work it out in another register, and copy it. */
    __asm__("andi %0, %1, %2" : "=r"(zero3) : "r"(word), "i"(KIND_MASK));
    if (zero3)
        slow();
    struct session *session = (struct session *)word;
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(endpoint->quick));
    if (session->generation != slot->generation ||
        session->epoch != endpoint->epoch || !partner)
        slow_unlock(endpoint);
    __asm__("ld %0, %1" : "=r"(zero4) : "m"(partner->caller));
    if (zero4)
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    const struct thread *above = self->caller;
    if (__builtin_expect(above != NULL, 0) &&
        call_depth(above) >= CALL_DEPTH_MAX - 1)
        slow_unlock(endpoint);
    __asm__("sub %0, %1, %2" : "=r"(zero5) : "r"(its), "r"(mine));
    if (__builtin_expect(zero5 != 0, 0)) {
        if (zero5 >= PRIORITY_COUNT)
            slow_unlock(endpoint);
        self->frame.hart->running = partner->priority;
        zero5 = 0;
    }

    badge = session->badge;
    call_partner(endpoint, session);
    space_enter_partner(self->frame.hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * call-never: it checks so much that no call is ever fast.
 * File: kernel/ipc/fastpath.c
 * Caught by: call, cost
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
    if (handle >= HANDLE_MAX)
        slow();
    uint64_t word = slot->word;
    /* In C, gcc would work it out in another register, and copy it. */
    __asm__("andi %0, %1, %2" : "=r"(zero3) : "r"(word), "i"(KIND_MASK));
    if (zero3)
        slow();
    struct session *session = (struct session *)word;
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(endpoint->quick));
    if (session->generation != slot->generation ||
        session->epoch != endpoint->epoch || !partner)
        slow_unlock(endpoint);
    __asm__("ld %0, %1" : "=r"(zero4) : "m"(partner->caller));
    if (zero4)
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    const struct thread *above = self->caller;
    if (__builtin_expect(above != NULL, 0) &&
        call_depth(above) >= CALL_DEPTH_MAX - 1)
        slow_unlock(endpoint);
    __asm__("sub %0, %1, %2" : "=r"(zero5) : "r"(its), "r"(mine));
    if (__builtin_expect(zero5 != 0, 0)) {
        if (zero5 >= PRIORITY_COUNT)
            slow_unlock(endpoint);
        self->frame.hart->running = partner->priority;
        zero5 = 0;
    }

    if (endpoint->server == partner)
        slow_unlock(endpoint);
    badge = session->badge;
    call_partner(endpoint, session);
    space_enter_partner(self->frame.hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * call-memory: the words go through memory: right, and slow.
 * File: kernel/ipc/fastpath.c
 * Caught by: cost
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
    if (handle >= HANDLE_MAX)
        slow();
    uint64_t word = slot->word;
    /* In C, gcc would work it out in another register, and copy it. */
    __asm__("andi %0, %1, %2" : "=r"(zero3) : "r"(word), "i"(KIND_MASK));
    if (zero3)
        slow();
    struct session *session = (struct session *)word;
    struct endpoint *endpoint = session->endpoint;
    if (!lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(endpoint->quick));
    if (session->generation != slot->generation ||
        session->epoch != endpoint->epoch || !partner)
        slow_unlock(endpoint);
    __asm__("ld %0, %1" : "=r"(zero4) : "m"(partner->caller));
    if (zero4)
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    const struct thread *above = self->caller;
    if (__builtin_expect(above != NULL, 0) &&
        call_depth(above) >= CALL_DEPTH_MAX - 1)
        slow_unlock(endpoint);
    __asm__("sub %0, %1, %2" : "=r"(zero5) : "r"(its), "r"(mine));
    if (__builtin_expect(zero5 != 0, 0)) {
        if (zero5 >= PRIORITY_COUNT)
            slow_unlock(endpoint);
        self->frame.hart->running = partner->priority;
        zero5 = 0;
    }

    badge = session->badge;
    uint64_t *x = partner->frame.x;
    __asm__ volatile("sd a2, 96(%0); sd a3, 104(%0); sd a4, 112(%0)\n"
                     "sd a5, 120(%0); sd a6, 128(%0); sd t0, 40(%0)\n"
                     "sd t1, 48(%0); sd t2, 56(%0); sd a1, 88(%0)\n"
                     "ld a2, 96(%0); ld a3, 104(%0); ld a4, 112(%0)\n"
                     "ld a5, 120(%0); ld a6, 128(%0); ld t0, 40(%0)\n"
                     "ld t1, 48(%0); ld t2, 56(%0); ld a1, 88(%0)"
                     :
                     : "r"(x)
                     : "memory");
    call_partner(endpoint, session);
    space_enter_partner(self->frame.hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}
