/* SPDX-License-Identifier: MIT */
/*
 * arch/fence.c: fences on other harts.
 *
 * Idea        Each hart has one slot for a request of its own, and an inbox
 *             with a bit for each hart that asks something of it.
 *
 *               asking hart a                  hart b
 *               slot[a] = what
 *               slot[a].pending = {b, ...}
 *               inbox[b] |= a, interrupt b
 *                                              takes inbox[b], finds a
 *               serves its own inbox           fences as slot[a] says
 *               meanwhile                      slot[a].pending -= b
 *               pending is empty: done
 *
 * Invariants  I1 slot[a] changes only while slot[a].pending is empty.
 *             I2 a hart that waits here or for a lock serves its inbox, and
 *                one in user mode or idle is interrupted: so every request is
 *                served, whatever locks are held.
 * Locks       None: a slot is written by its hart; inbox and pending are
 *             atomic words.
 */
#include "arch/fence.h"

#include "abi/layout.h"
#include "arch/csr.h"
#include "arch/ipi.h"
#include "lib/bits.h"
#include "lib/panic.h"

enum fence_kind {
    FENCE_CODE,
    FENCE_RANGE,
    FENCE_LEAVE,
};

struct fence_request {
    uint32_t pending; /* atomic: harts that have not served it */
    enum fence_kind kind;
    va_t start;
    uint64_t len;
    uint64_t asid; /* FENCE_LEAVE: satp */
};

void (*fence_hook)(const struct hart *hart, va_t va, uint64_t asid);
void (*fence_leave_hook)(uint64_t satp);

static struct fence_request slots[HART_MAX];
static uint32_t inboxes[HART_MAX]; /* atomic */
static uint32_t serving;           /* atomic: harts that serve requests */

static void request_run(const struct fence_request *request) {
    switch (request->kind) {
    case FENCE_CODE:
        fence_local_code();
        break;
    case FENCE_RANGE:
        if (request->len == FENCE_ANY)
            fence_local_asid(request->asid);
        else
            for (uint64_t done = 0; done < request->len; done += PAGE_SIZE)
                fence_local_page(request->start + done, request->asid);
        break;
    case FENCE_LEAVE:
        fence_leave_hook(request->asid);
        break;
    }
}

void fence_serve(void) {
    uint32_t self = hart_self()->id;
    if (__atomic_load_n(&inboxes[self], __ATOMIC_RELAXED) == 0)
        return;
    uint32_t askers = __atomic_exchange_n(&inboxes[self], 0, __ATOMIC_ACQUIRE);
    for (; askers != 0; askers &= askers - 1) {
        struct fence_request *request = &slots[bits_lowest(askers)];
        request_run(request);
        __atomic_fetch_and(&request->pending, ~(1u << self), __ATOMIC_RELEASE);
    }
}

void fence_interrupt(void) {
    /* Before looking: whoever asks later interrupts again. */
    csr_clear(sip, SIE_SOFTWARE);
    while (panic_started())
        __asm__ volatile("wfi");
    fence_serve();
}

void fence_init_hart(void) {
    __atomic_fetch_or(&serving, 1u << hart_self()->id, __ATOMIC_SEQ_CST);
    /* What this hart was not asked before, all at once. */
    fence_local_all();
    fence_local_code();
}

/* Has the harts of the mask but this one do it, and waits until all have. A
 * hart that does not take requests yet will fence everything as it begins to.
 */
static void fence_request(uint32_t mask, enum fence_kind kind, va_t start,
                          uint64_t len, uint64_t asid) {
    uint32_t self = hart_self()->id;
    uint32_t turns = 0;
    mask &= __atomic_load_n(&serving, __ATOMIC_SEQ_CST) & ~(1u << self);
    if (mask == 0)
        return;
    struct fence_request *slot = &slots[self];
    *slot = (struct fence_request){mask, kind, start, len, asid};
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        __atomic_fetch_or(&inboxes[bits_lowest(rest)], 1u << self,
                          __ATOMIC_RELEASE);
    }
    hart_count_event(COUNTER_FENCE_REMOTE);
    hart_interrupt(mask);
    while (__atomic_load_n(&slot->pending, __ATOMIC_ACQUIRE) != 0) {
        fence_serve();
        hart_relax(&turns);
    }
}

void fence_remote_range(uint32_t mask, va_t va, uint64_t len, uint64_t asid) {
    fence_request(mask, FENCE_RANGE, va, len, asid);
}

void fence_remote_leave(uint32_t mask, uint64_t satp) {
    fence_request(mask, FENCE_LEAVE, 0, 0, satp);
}

void fence_code(void) {
    fence_local_code();
    fence_request(UINT32_MAX, FENCE_CODE, 0, 0, 0);
}
