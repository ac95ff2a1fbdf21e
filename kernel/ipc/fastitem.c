/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastitem.c: the short cut for a call that takes pages along.
 *
 * One memory item beside words, to a receiver that waits and takes it, where
 * the transfer is a quick one (vm/quick.h). The message's words go through the
 * sender's frame, which entry.S has filled and takes them from again: with the
 * registers free, the transfer is worth more than they are.
 */
#include "abi/message.h"
#include "ipc/fastpath.h"
#include "ipc/shortcut.h"
#include "vm/quick.h"

/* The item in the frame; false: it is not one of pages, or malformed. */
static inline bool item_read(const struct thread *self,
                             struct transfer_item *item) {
    uint64_t descriptor = self->frame.x[REG_T5];
    item->from = self->frame.x[REG_T4];
    item->pages = item_length(descriptor) / PAGE_SIZE;
    item->mode = (uint8_t)item_mode(descriptor);
    item->prot = (uint8_t)item_rights(descriptor);
    const uint64_t unused = 0x80ffull << 48 | (PAGE_SIZE - 1);
    return (descriptor & unused) == 0 && item->mode != ITEM_NONE;
}

/* Checks, carries out and fences: all or nothing. */
static inline bool item_pass_locked(struct quick *quick) {
    if (!quick_check(quick, 0))
        return false;
    bool all;
    uint64_t pages = quick_commit(quick, &all);
    if (pages > 0)
        asid_fence_near(&quick->from->asid, quick->item->from, pages, all);
    return true;
}

static inline bool item_pass(struct quick *quick) NO_THREAD_SAFETY {
    uint64_t start = csr_read(instret);
    bool passed = false;
    /* Not in order, therefore by trying. */
    if (!spin_try(&quick->from->lock))
        return false;
    if (spin_try(&quick->to->lock)) {
        passed = item_pass_locked(quick);
        spin_unlock(&quick->to->lock);
    }
    spin_unlock(&quick->from->lock);
    if (passed) {
        hart_count_event(COUNTER_TRANSFERS);
        stat_add(&hart_self()->remap, csr_read(instret) - start);
    }
    return passed;
}

/* The item goes to the receiver, if it takes that many pages, anywhere. */
static inline bool item_deliver(struct thread *self, struct thread *receiver) {
    const struct accept *accept = &receiver->accept_receive;
    struct transfer_item item;
    struct quick quick = {
        .from = self->space, .to = receiver->space, .item = &item};
    if (!item_read(self, &item) || accept->base != 0 ||
        item.pages > accept->pages || quick.from == quick.to ||
        !item_pass(&quick))
        return false;
    self->frame.x[REG_T4] = item.to;
    self->items[0].descriptor = self->frame.x[REG_T5]; /* no window */
    return true;
}

struct thread *fastpath_call_item(struct thread *self) NO_THREAD_SAFETY;
struct thread *fastpath_call_item(struct thread *self) {
    struct session *session;
    struct thread *receiver =
        call_partner(self, self->frame.x[REG_A0], &session);
    if (!receiver)
        return NULL;
    if (!item_deliver(self, receiver)) {
        spin_unlock(&session->endpoint->lock);
        return NULL;
    }
    receiver->frame.x[REG_A7] = session->badge;
    call_switch(self, receiver, session);
    return receiver;
}
