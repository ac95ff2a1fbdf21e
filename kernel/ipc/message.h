/* SPDX-License-Identifier: MIT */
/*
 * ipc/message.h: a message in a trap frame, checked and carried over.
 */
#ifndef OCTAVO_IPC_MESSAGE_H
#define OCTAVO_IPC_MESSAGE_H

#include "abi/message.h"
#include "arch/event.h"
#include "cap/handle.h"
#include "ipc/pager.h"
#include "proc/process.h"
#include "proc/thread.h"

enum message_use {
    MESSAGE_USE_CALL,  /* may carry items of all modes */
    MESSAGE_USE_OTHER, /* a send or a reply: none that ends with the call */
};

/* Whether the counts are within their limits, and no reserved bit is set. */
static inline bool tag_valid(uint64_t tag) {
    unsigned handles = tag_handles(tag);
    unsigned items = tag_items(tag);
    if (((uint32_t)tag & TAG_RESERVED) || handles > MESSAGE_HANDLES ||
        items > MESSAGE_ITEMS || (tag_moves(tag) >> handles) != 0)
        return false;
    unsigned room = items > 1 ? MESSAGE_WORDS - 2 * (items - 1) : MESSAGE_WORDS;
    return tag_words(tag) <= room;
}

/* The handles of the message in the thread's frame. */
static inline struct handle_parcel parcel_of(const struct thread *from) {
    uint64_t tag = from->frame.x[REG_A1];
    struct handle_parcel parcel;
    parcel.packed = from->frame.x[REG_T3];
    parcel.count = tag_handles(tag);
    parcel.moves = tag_moves(tag);
    return parcel;
}

/*
 * Checks the message in the thread's frame: counts, reserved bits, items
 * (-EINVAL). Notes its items in thread->items and prepares their pages:
 * RESULT_RESTART, or -EFAULT, -ENOMEM.
 */
int message_check_all(struct thread *thread, enum message_use use);

/* The same, quick for words alone. */
static inline int message_check(struct thread *thread, enum message_use use) {
    if ((uint32_t)thread->frame.x[REG_A1] <= MESSAGE_WORDS)
        return 0;
    return message_check_all(thread, use);
}

/*
 * What is wrong with the message's handles and items whoever receives them, so
 * that a bad message fails at once and not when it is received: 0, -EBADF,
 * -EPERM, -ESTALE, and the errors of items_examine.
 */
int message_examine(struct thread *from);

/*
 * Carries the message in from's frame to to's, which has stopped: the words,
 * the handles, the tag with its kind, and the badge. `accept` is what `to`
 * takes; its window moves on. 0, -EMSGSIZE, -EBADF, -EPERM, -ENOSPC, or what
 * items_deliver returns: then neither has changed. TRANSFER_PREPARE: `from` has
 * to run its call again.
 */
int message_deliver_all(struct thread *from, struct thread *to,
                        struct accept *accept, enum message_kind kind,
                        uint64_t badge);

/* The same for words alone, which cannot fail. */
static inline void message_deliver_words(const struct thread *from,
                                         struct thread *to,
                                         enum message_kind kind,
                                         uint64_t badge) {
    const uint64_t *sent = from->frame.x;
    uint64_t *x = to->frame.x;
    x[REG_A0] = 0;
    x[REG_A1] = sent[REG_A1] | (uint64_t)kind << TAG_KIND_SHIFT;
    x[REG_A2] = sent[REG_A2];
    x[REG_A3] = sent[REG_A3];
    x[REG_A4] = sent[REG_A4];
    x[REG_A5] = sent[REG_A5];
    x[REG_A6] = sent[REG_A6];
    x[REG_A7] = badge;
    x[REG_T0] = sent[REG_T0];
    x[REG_T1] = sent[REG_T1];
    x[REG_T2] = sent[REG_T2];
    x[REG_T3] = 0;
    x[REG_T4] = 0;
    x[REG_T5] = 0;
    x[REG_T6] = 0;
}

/* Writes a message that the kernel itself sends, of one word. */
void message_notice(struct thread *to, enum message_kind kind, uint64_t badge,
                    uint64_t word);

/* The quicker of the two; or what a thread that misses a page has to say, which
 * is not in its frame. */
static inline int message_deliver(struct thread *from, struct thread *to,
                                  struct accept *accept, enum message_kind kind,
                                  uint64_t badge) {
    bool reply = accept == &to->accept_reply;
    if (!reply && from->flags & THREAD_PAGING) {
        message_notice(to, MESSAGE_CALL, badge, 0);
        pager_words(to->frame.x, &from->paging.request);
        return 0;
    }
    if ((uint32_t)from->frame.x[REG_A1] > MESSAGE_WORDS)
        return message_deliver_all(from, to, accept, kind, badge);
    message_deliver_words(from, to, kind, badge);
    event_note(EVENT_MESSAGE, from, (uintptr_t)to, to->frame.x[REG_A1]);
    return 0;
}

/* Nothing is in any register of a message. */
static inline void message_clear(uint64_t *x) {
    x[REG_A0] = x[REG_A1] = x[REG_A2] = x[REG_A3] = 0;
    x[REG_A4] = x[REG_A5] = x[REG_A6] = x[REG_A7] = 0;
    x[REG_T0] = x[REG_T1] = x[REG_T2] = 0;
    x[REG_T3] = x[REG_T4] = x[REG_T5] = x[REG_T6] = 0;
}

/* Ends a message call with an error: a0 is it, a1 the number of the item that
 * it is about, all other out registers 0. */
void message_fail(struct thread *thread, int error);

/* The same for the current thread; returns RESULT_WRITTEN. If the error says
 * that the call has to run again, RESULT_RESTART, with nothing changed. */
int64_t message_error(struct thread *self, int error);

#endif
