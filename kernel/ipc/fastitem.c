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

/* Whether the descriptor is of whole pages to MOVE, SHARE or COW: the modes
 * that two bits are enough for. */
static inline bool item_plain(uint64_t descriptor) {
    const uint64_t others = 0x80ffull << 48 | item_make(PAGE_SIZE - 1, 12, 0);
    return (descriptor & others) == 0;
}

/* Transfers self's item, a plain one, if it has at most `most` pages: to
 * `page`, where it is missing, or (0) anywhere. Returns where it is; 0: nothing
 * happened. Once for calls and replies: most of both is this. */
static __attribute__((noinline)) va_t item_pass(const struct thread *self,
                                                uint64_t descriptor,
                                                struct space *to, uint64_t most,
                                                va_t page) NO_THREAD_SAFETY {
    struct transfer_item item = {
        .from = self->frame.x[REG_T4],
        .pages = item_length(descriptor) / PAGE_SIZE,
        .mode = item_mode(descriptor) & 3,
        .prot = (uint8_t)item_rights(descriptor),
    };
    struct space *from = self->space;
    bool passed = false;
    /* Not in order, therefore by trying. */
    if (item.mode == ITEM_NONE || item.pages > most || !spin_try(&from->lock))
        return 0;
    uint64_t start = csr_read(instret);
    if (spin_try(&to->lock)) {
        passed = transfer_quick(from, to, &item, page, page != 0);
        spin_unlock(&to->lock);
    }
    spin_unlock(&from->lock);
    if (!passed)
        return 0;
    hart_count_event(COUNTER_TRANSFERS);
    stat_add(&hart_self()->remap, csr_read(instret) - start);
    return item.to;
}

/* The most pages that a thread takes anywhere. */
static inline uint64_t pages_accepted(const struct accept *accept) {
    return accept->base == 0 ? accept->pages : 0;
}

/* One memory item and at most eight words. */
static inline bool tag_is_item(uint64_t tag) {
    return (uint32_t)tag - (1u << TAG_ITEMS_SHIFT) <= MESSAGE_WORDS;
}

/* ---- Calls ---- */

/* All or none. */
static inline bool handles_send(struct thread *self, struct thread *receiver) {
    uint64_t *x = self->frame.x;
    struct handle_table *from = &self->process->handles;
    struct handle_table *to = &receiver->process->handles;
    struct handle_parcel parcel = parcel_of(self);
    if (parcel.count > receiver->accept_receive.handles)
        return false;
    spin_lock_pair(&from->lock, &to->lock);
    bool fits =
        parcel_plan(&parcel, from, to, receiver->accept_receive.slot) == 0;
    if (fits) {
        x[REG_T3] = parcel_move(&parcel, from, to);
        x[REG_T4] = x[REG_T5] = 0;
    }
    spin_unlock_pair(&from->lock, &to->lock);
    return fits;
}

static inline bool item_send(struct thread *self, struct thread *receiver) {
    uint64_t descriptor = self->frame.x[REG_T5];
    if (!item_plain(descriptor))
        return false;
    va_t to = item_pass(self, descriptor, receiver->space,
                        pages_accepted(&receiver->accept_receive), 0);
    if (to == 0)
        return false;
    self->frame.x[REG_T3] = 0;
    self->frame.x[REG_T4] = to;
    self->items[0].descriptor = descriptor; /* no window */
    return true;
}

static inline bool parcel_send(struct thread *self, struct thread *receiver) {
    uint64_t tag = self->frame.x[REG_A1];
    if (tag_is_item(tag))
        return item_send(self, receiver);
    return tag_items(tag) == 0 && tag_valid(tag) &&
           handles_send(self, receiver);
}

struct thread *fastpath_call_item(struct thread *self) NO_THREAD_SAFETY {
    uint32_t generation;
    struct session *session =
        session_of(self, self->frame.x[REG_A0], &generation);
    struct thread *receiver =
        session ? session_partner(self, session, generation) : NULL;
    if (!receiver)
        return NULL;
    if (!parcel_send(self, receiver)) {
        lock_drop(session->endpoint);
        return NULL;
    }
    struct endpoint *endpoint = session->endpoint;
    receiver->frame.x[REG_A7] = session->badge;
    call_commit(self, receiver, endpoint, session);
    return hand_over(self, receiver, endpoint);
}

/* ---- Replies ---- */

/* The most pages with which self can answer the caller's fault. */
static inline uint64_t pages_answered(const struct thread *self,
                                      const struct paging *paging) {
    bool answers =
        tag_label(self->frame.x[REG_A1]) >= 0 && paging->request.page != 0;
    return answers ? PAGER_PAGES : 0;
}

/* The item goes to the caller, and the words, but to one that has a fault. */
static inline bool item_reply(struct thread *self, struct thread *caller) {
    struct paging *paging = &caller->paging;
    bool fault = caller->flags & THREAD_PAGING;
    uint64_t descriptor = self->frame.x[REG_T5];
    if (!item_plain(descriptor))
        return false;
    va_t to = item_pass(self, descriptor, caller->space,
                        fault ? pages_answered(self, paging)
                              : pages_accepted(&caller->accept_reply),
                        fault ? paging->request.page : 0);
    if (to == 0)
        return false;
    if (fault) {
        deadline_disarm_with(caller, THREAD_PAGING);
    } else {
        message_deliver_words(self, caller, MESSAGE_CALL, 0);
        caller->frame.x[REG_T4] = to;
        caller->frame.x[REG_T5] = descriptor;
    }
    return true;
}

struct thread *fastpath_reply_item(struct thread *self) NO_THREAD_SAFETY {
    struct thread *caller = NULL;
    if (tag_is_item(self->frame.x[REG_A1]))
        caller = reply_partner(self, self->frame.x[REG_A0]);
    if (!caller)
        return NULL;
    if (!item_reply(self, caller)) {
        lock_drop(self->serves);
        return NULL;
    }
    struct endpoint *endpoint = self->serves;
    reply_commit(self, endpoint);
    return hand_over(self, caller, endpoint);
}
