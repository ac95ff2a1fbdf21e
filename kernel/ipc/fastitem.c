/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastitem.c: the short cut for a call, and a reply, that takes pages
 * along.
 *
 * One memory item beside words, to a partner that waits and takes it, where the
 * transfer is a quick one (vm/quick.h); or, with a call, handles. The message's
 * words go through the sender's frame, which entry.S has filled and takes them
 * from again: with the registers free, the transfer is worth more than they
 * are.
 */
#include "abi/message.h"
#include "abi/pager.h"
#include "ipc/fastpath.h"
#include "ipc/message.h"
#include "ipc/shortcut.h"
#include "proc/deadline.h"
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

/* Checks, carries out and fences: all or nothing. To `page`, where it is
 * missing, or (0) anywhere. */
static inline bool item_pass_locked(struct quick *quick, va_t page) {
    bool fits = page ? quick_check_fill(quick, page) : quick_check(quick, 0);
    if (!fits)
        return false;
    bool all;
    uint64_t pages = quick_commit(quick, &all);
    if (pages > 0)
        asid_fence_near(&quick->from->asid, quick->item->from, pages, all);
    return true;
}

static inline bool item_pass(struct quick *quick, va_t page) NO_THREAD_SAFETY {
    uint64_t start = csr_read(instret);
    bool passed = false;
    /* Not in order, therefore by trying. */
    if (!spin_try(&quick->from->lock))
        return false;
    if (spin_try(&quick->to->lock)) {
        passed = item_pass_locked(quick, page);
        spin_unlock(&quick->to->lock);
    }
    spin_unlock(&quick->from->lock);
    if (passed) {
        hart_count_event(COUNTER_TRANSFERS);
        stat_add(&hart_self()->remap, csr_read(instret) - start);
    }
    return passed;
}

/* Whether a thread that takes this takes the item, anywhere. */
static inline bool item_accepted(const struct accept *accept,
                                 const struct transfer_item *item) {
    return accept->base == 0 && item->pages <= accept->pages;
}

/* One memory item and at most eight words. */
static inline bool tag_is_item(uint64_t tag) {
    return (uint32_t)tag - (1u << TAG_ITEMS_SHIFT) <= MESSAGE_WORDS;
}

/* ---- Calls ---- */

/* Handles, and at most eight words. */
static inline bool tag_is_handles(uint64_t tag) {
    unsigned handles = tag_handles(tag);
    return ((uint32_t)tag & TAG_RESERVED) == 0 && tag_items(tag) == 0 &&
           tag_words(tag) <= MESSAGE_WORDS && handles <= MESSAGE_HANDLES &&
           tag_moves(tag) >> handles == 0;
}

/* All or none. The tables are locked not in order, therefore by trying. */
static inline bool handles_send(struct thread *self,
                                struct thread *receiver) NO_THREAD_SAFETY {
    uint64_t *x = self->frame.x;
    struct handle_table *from = &self->process->handles;
    struct handle_table *to = &receiver->process->handles;
    struct handle_parcel parcel;
    parcel.packed = x[REG_T3];
    parcel.count = tag_handles(x[REG_A1]);
    parcel.moves = tag_moves(x[REG_A1]);
    bool fits = false;
    if (parcel.count > receiver->accept_receive.handles ||
        !spin_try(&from->lock))
        return false;
    if (from == to || spin_try(&to->lock)) {
        fits =
            parcel_plan(&parcel, from, to, receiver->accept_receive.slot) == 0;
        if (fits)
            x[REG_T3] = parcel_move(&parcel, from, to);
        if (from != to)
            spin_unlock(&to->lock);
    }
    spin_unlock(&from->lock);
    if (fits)
        x[REG_T4] = x[REG_T5] = 0;
    return fits;
}

static inline bool item_send(struct thread *self, struct thread *receiver) {
    struct transfer_item item;
    struct quick quick = {
        .from = self->space, .to = receiver->space, .item = &item};
    if (!item_read(self, &item) ||
        !item_accepted(&receiver->accept_receive, &item) ||
        !item_pass(&quick, 0))
        return false;
    self->frame.x[REG_T3] = 0;
    self->frame.x[REG_T4] = item.to;
    self->items[0].descriptor = self->frame.x[REG_T5]; /* no window */
    return true;
}

static inline bool parcel_send(struct thread *self, struct thread *receiver) {
    uint64_t tag = self->frame.x[REG_A1];
    return tag_is_item(tag)      ? item_send(self, receiver)
           : tag_is_handles(tag) ? handles_send(self, receiver)
                                 : false;
}

struct thread *fastpath_call_item(struct thread *self) NO_THREAD_SAFETY
    __attribute__((flatten));
struct thread *fastpath_call_item(struct thread *self) {
    struct hart *hart = self->frame.hart;
    uint32_t generation;
    struct session *session =
        session_of(self, self->frame.x[REG_A0], &generation);
    struct thread *receiver =
        session ? session_partner(self, session, generation) : NULL;
    if (!receiver)
        return NULL;
    struct endpoint *endpoint = session->endpoint;
    if (!parcel_send(self, receiver)) {
        lock_drop(endpoint);
        return NULL;
    }
    receiver->frame.x[REG_A7] = session->badge;
    call_commit(self, receiver, endpoint, session);
    run(receiver, hart);
    lock_drop(endpoint);
    doom_check(self, hart, THREAD_KILLED);
    return receiver;
}

/* ---- Replies ---- */

/* Whether the item answers the caller's fault. */
static inline bool item_pages(const struct thread *self,
                              const struct paging *paging,
                              const struct transfer_item *item) {
    return tag_label(self->frame.x[REG_A1]) >= 0 && !paging->aside &&
           paging->request.page != 0 && item->pages <= PAGER_PAGES;
}

/* The item goes to the caller, and the words, but to one that has a fault. */
static inline bool item_reply(struct thread *self, struct thread *caller) {
    struct transfer_item item;
    struct quick quick = {
        .from = self->space, .to = caller->space, .item = &item};
    bool paging = caller->flags & THREAD_PAGING;
    if (!item_read(self, &item) ||
        !(paging ? item_pages(self, &caller->paging, &item)
                 : item_accepted(&caller->accept_reply, &item)) ||
        !item_pass(&quick, paging ? caller->paging.request.page : 0))
        return false;
    if (paging) {
        deadline_disarm_with(caller, THREAD_PAGING);
    } else {
        message_deliver_words(self, caller, MESSAGE_CALL, 0);
        caller->frame.x[REG_T4] = item.to;
        caller->frame.x[REG_T5] = self->frame.x[REG_T5];
    }
    return true;
}

struct thread *fastpath_reply_item(struct thread *self) NO_THREAD_SAFETY
    __attribute__((flatten));
struct thread *fastpath_reply_item(struct thread *self) {
    struct hart *hart = self->frame.hart;
    struct thread *caller = NULL;
    if (tag_is_item(self->frame.x[REG_A1]))
        caller = reply_partner(self, self->frame.x[REG_A0]);
    if (!caller)
        return NULL;
    struct endpoint *endpoint = self->serves;
    if (!item_reply(self, caller)) {
        lock_drop(endpoint);
        return NULL;
    }
    reply_commit(self, endpoint);
    run(caller, hart);
    lock_drop(endpoint);
    doom_check(self, hart, THREAD_KILLED);
    return caller;
}
