/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastfault.c: the short cut from a page fault to its pager.
 *
 * Where the pager waits and can be switched to, the kernel's message goes
 * straight into its frame; the frame of the thread that faults stays as it is,
 * with nothing to be put aside. The way back is in ipc/fastitem.c.
 */
#include "abi/message.h"
#include "ipc/fastpath.h"
#include "ipc/pager.h"
#include "ipc/shortcut.h"
#include "lib/bits.h"
#include "proc/deadline.h"
#include "vm/fill.h"

/* The page, whose region vm has just found; false: so it seemed. */
static inline bool page_request(struct space *space, va_t page,
                                struct fill_request *request) {
    if (!spin_try(&space->lock))
        return false;
    const struct region *region = region_find_last(space, page);
    bool found = region && region->pager.session;
    if (found)
        fill_describe(region, page, request);
    spin_unlock(&space->lock);
    return found;
}

/* The message: all registers that are a message's. */
static inline void request_write(struct thread *receiver,
                                 const struct fill_request *request,
                                 unsigned access, uint64_t badge) {
    uint64_t *x = receiver->frame.x;
    x[REG_A0] = x[REG_A5] = x[REG_A6] = x[REG_T0] = x[REG_T1] = 0;
    x[REG_T2] = x[REG_T3] = x[REG_T4] = x[REG_T5] = x[REG_T6] = 0;
    x[REG_A7] = badge;
    pager_words(x, request, access);
}

struct thread *fastpath_fault(uint64_t cause, uint64_t va) NO_THREAD_SAFETY;
struct thread *fastpath_fault(uint64_t cause, uint64_t va) {
    struct thread *self = thread_self();
    struct paging *paging = &self->paging;
    struct fill_request request;
    va_t page = round_down(va, PAGE_SIZE);
    if (!fastpath_enabled() || self->flags != 0 || paging->error != 0 ||
        !page_request(self->space, page, &request))
        return NULL;
    struct session *session = request.pager.session;
    struct thread *receiver = session_partner(self, session, request.pager.key);
    if (!receiver)
        return NULL;
    request_write(receiver, &request, fault_access(cause), session->badge);
    paging->page = page;
    paging->pc = self->frame.x[REG_PC];
    paging->in_call = paging->aside = false;
    for (unsigned i = 0; i < MESSAGE_ITEMS; i++)
        self->items[i].descriptor = 0; /* no window, whatever a1 says */
    thread_set_flag(self, THREAD_PAGING);
    struct endpoint *endpoint =
        call_commit(self, receiver, session, THREAD_PAGING);
    deadline_arm(self, pager_deadline());
    spin_unlock(&endpoint->lock);
    return receiver;
}
