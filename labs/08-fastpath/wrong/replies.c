/* SPDX-License-Identifier: MIT */
/*
 * wrong/replies.c: mistakes in the short cut of a reply.
 */

/*
 * reply-elsewhere: the handle is not looked at: a server receives where it did
 * the last time.
 * File: kernel/ipc/fastpath.c
 * Caught by: elsewhere
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-moved: nobody looks whether the handle is still there.
 * File: kernel/ipc/fastpath.c
 * Caught by: elsewhere
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle || !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-nobody: whether a reply is owed is not looked at.
 * File: kernel/ipc/fastpath.c
 * Caught by: sends
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-queue: queued senders, signals and notices are not looked at: the
 * server waits beside them.
 * File: kernel/ipc/fastpath.c
 * Caught by: queued, notices
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    zero5 = 0;
    if ((hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-busy-only: of what there may be to receive, signals are forgotten.
 * File: kernel/ipc/fastpath.c
 * Caught by: notices
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lbu %0, %1" : "=r"(zero5) : "m"(endpoint->busy));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-overtakes: the caller is given the hart whoever else is ready.
 * File: kernel/ipc/fastpath.c
 * Caught by: urgent
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5)
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-flags: the caller's flags are not compared: a call with a deadline is
 * ended as if it were a quick one.
 * File: kernel/ipc/fastpath.c
 * Caught by: deadline
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    zero3 = 0;
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16 & 0xffff)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-hart: the caller's hart is not compared: it goes on where the server
 * is.
 * File: kernel/ipc/fastpath.c
 * Caught by: storm
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 32)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-still-owed: the server goes on owing the reply.
 * File: kernel/ipc/fastpath.c
 * Caught by: reply
 */
static inline void reply_to_partner(struct endpoint *endpoint) {
    event_note(EVENT_REPLY, self, (uintptr_t)partner, message_tag);
    self->endpoint = endpoint;
    partner->state = THREAD_RUNNING;
    self->state = THREAD_RECEIVING;
}

/*
 * reply-running: the server is still RUNNING for all others: when it is
 * killed, nobody takes its wait back.
 * File: kernel/ipc/fastpath.c
 * Caught by: cancelled
 */
static inline void reply_to_partner(struct endpoint *endpoint) {
    event_note(EVENT_REPLY, self, (uintptr_t)partner, message_tag);
    self->caller = NULL;
    self->endpoint = endpoint;
    partner->state = THREAD_RUNNING;
}

/*
 * reply-locked: the lock is not given back: the next call waits for ever.
 * File: kernel/ipc/fastpath.c
 * Caught by: reply
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    doom_check_last();
    leave();
}

/*
 * reply-space: the address space stays the server's.
 * File: kernel/ipc/fastpath.c
 * Caught by: reply_spaces, memory
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

/*
 * reply-zero: a0 is not the result but what it was, the server's handle.
 * File: kernel/ipc/fastpath.c
 * Caught by: reply_registers
 */
ENTERED void fastpath_reply_recv(void) {
    struct hart *hart = self->frame.hart;
    struct endpoint *endpoint = self->serves;
    if (self->serves_handle != handle ||
        self->serves_changes != self->process->handles.changes ||
        !lock_try(endpoint, one))
        slow();
    __asm__("ld %0, %1" : "=r"(partner) : "m"(self->caller));
    if (!partner)
        slow_unlock(endpoint);
    __asm__("lwu %0, %1" : "=r"(zero3) : "m"(self->flags));
    if (zero3)
        slow_unlock(endpoint);
    __asm__("lhu %0, %1" : "=r"(zero5) : "m"(endpoint->unusual));
    if (zero5 || (hart->ready && hart->ready >> partner->priority > 1))
        slow_unlock(endpoint);
    uint64_t mine = self->standing, its = partner->standing;
    __asm__("xor %0, %1, %2" : "=r"(zero4) : "r"(its), "r"(mine));
    if (__builtin_expect(zero4 != 0, 0)) {
        if (zero4 >> 16)
            slow_unlock(endpoint);
        hart->running = partner->priority;
        zero4 = 0;
    }

    reply_to_partner(endpoint);
    space_enter_partner(hart);
    lock_drop(endpoint);
    leave();
}
