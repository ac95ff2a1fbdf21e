/* SPDX-License-Identifier: MIT */
/*
 * wrong/looks.c: what the short cut of a call does not look at.
 */

/*
 * call-any-number: the handle is not compared with the table's size: a program
 * chooses what the kernel takes for a session.
 * File: kernel/ipc/fastpath.c
 * Caught by: no_session
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
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
    space_enter_partner(self->frame.hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * call-any-kind: whatever the handle is, it is taken for a session.
 * File: kernel/ipc/fastpath.c
 * Caught by: no_session
 */
ENTERED void fastpath_call(void) {
    struct handle_slot *slot = &self->process->handles.slot[handle];
    if (handle >= HANDLE_MAX)
        slow();
    uint64_t word = slot->word;
    /* In C, gcc would work it out in another register, and copy it. */
    __asm__("andi %0, %1, %2" : "=r"(zero3) : "r"(word), "i"(KIND_MASK));
    zero3 = 0;
    struct session *session = (struct session *)(word & ~(uint64_t)KIND_MASK);
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
 * call-revoked: the generation is not compared: a session that was revoked
 * goes on working.
 * File: kernel/ipc/fastpath.c
 * Caught by: revoked
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
    if (session->epoch != endpoint->epoch || !partner)
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
 * call-epoch: the epoch is not compared: all sessions outlive a revoke of
 * their endpoint.
 * File: kernel/ipc/fastpath.c
 * Caught by: revoked
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
    if (session->generation != slot->generation || !partner)
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
 * call-busy: whether the server owes a reply already is not looked at: two
 * callers wait, and one is forgotten.
 * File: kernel/ipc/fastpath.c
 * Caught by: busy
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
    zero4 = 0;
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
 * call-priority: the server is given the hart whatever its priority.
 * File: kernel/ipc/fastpath.c
 * Caught by: priority
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
        if ((its ^ mine) >> 16)
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
 * call-hart: the server's hart is not compared: it runs where the caller was.
 * File: kernel/ipc/fastpath.c
 * Caught by: storm
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
        if ((its ^ mine) >> 32)
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
 * call-flags: flags are not compared: a thread with floating-point registers
 * in the hart is left with another's.
 * File: kernel/ipc/fastpath.c
 * Caught by: fpu
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
        if ((its ^ mine) >> 16 & 0xffff)
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
 * call-deep: nobody counts the calls within calls.
 * File: kernel/ipc/fastpath.c
 * Caught by: deep
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
    (void)above;
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
 * call-locked: the lock is kept on the way to the slow path, which waits for
 * it for ever.
 * File: kernel/ipc/fastpath.c
 * Caught by: busy
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
        slow();
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
