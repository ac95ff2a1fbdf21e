/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastpath.c: the short cut through call and reply_recv.
 *
 * The registers of the message (a1-a6, t0-t2) are reserved in this file, so
 * the words cross from thread to thread without being loaded or stored. gcc
 * still uses a reserved register without a word for third arguments and large
 * frames: hence leaf functions without arguments, everything inlined, no
 * sanitizer. `make check` disassembles the result.
 *
 * trap/entry.S branches here, and both functions end by jumping back there, so
 * they are neither called nor do they return. Registers that carry nothing have
 * to be 0 in the end; three are, since they took part in tests for 0.
 */
#include "ipc/fastpath.h"

#include "ipc/shortcut.h"

/* Not a variable: gcc would copy tp to a register for it. */
#define self thread_self()

/* The handle, which must not change before all checks have passed; the tag. */
register uint64_t handle __asm__("a0");
register uint64_t message_tag __asm__("a1");
/* The thread that goes on, and its badge. */
register struct thread *partner __asm__("s11");
register uint64_t badge __asm__("a7");
/* 1: entry.S has just found something to be so. */
register uint64_t one __asm__("s1");
/* Tested for 0. */
register uint64_t zero3 __asm__("t3");
register uint64_t zero4 __asm__("t4");
register uint64_t zero5 __asm__("t5");

/* Near enough to trap/entry.S for its branches. */
#define ENTERED __attribute__((section(".text.trap"), used, flatten))

/* The last test for 0 is whether self was killed just before it was seen to
 * wait: see shortcut.h. */
static inline void doom_check_last(void) {
    __asm__ volatile("lwu %0, %1" : "=r"(handle) : "m"(self->flags));
    if (__builtin_expect(handle != 0, 0)) {
        doom_note(self, self->frame.hart);
        handle = 0;
    }
}

/* Goes on with the partner. */
static inline _Noreturn void leave(void) {
    __asm__ volatile("j trap_fast_leave" ::: "memory");
    __builtin_unreachable();
}

static inline _Noreturn void slow(void) {
    __asm__ volatile("j trap_not_fast" ::: "memory");
    __builtin_unreachable();
}

static inline _Noreturn void slow_unlock(struct endpoint *endpoint) {
    lock_drop(endpoint);
    slow();
}

/* As in shortcut.h, but with the partner where it is: a parameter would be a
 * copy. */
static inline void space_enter_partner(struct hart *hart) {
    if (partner->space != self->space)
        asid_enter_known(hart, &partner->space->asid);
}

static inline void call_partner(struct endpoint *endpoint,
                                struct session *session) {
    event_note(EVENT_CALL, self, (uintptr_t)partner, message_tag);
    self->endpoint = endpoint;
    self->session = session;
    self->server = partner;
    partner->caller = self;
    partner->state = THREAD_RUNNING;
    self->state = THREAD_CALLING;
}

static inline void reply_to_partner(struct endpoint *endpoint) {
    event_note(EVENT_REPLY, self, (uintptr_t)partner, message_tag);
    self->caller = NULL;
    self->endpoint = endpoint;
    partner->state = THREAD_RUNNING;
    self->state = THREAD_RECEIVING;
}

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
    space_enter_partner(self->frame.hart);
    lock_drop(endpoint);
    doom_check_last();
    leave();
}

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
    doom_check_last();
    leave();
}
