/* SPDX-License-Identifier: MIT */
/*
 * ipc/message.c: what is legal in a message, and how it crosses.
 *
 * Check, then commit: message_deliver first does all that can fail (the count
 * of handles, their rights, room for them), then copies registers.
 */
#include "ipc/message.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "vm/space.h"

/* Where words m0..m7 are in a frame. */
static const uint8_t word_register[MESSAGE_WORDS] = {
    REG_A2, REG_A3, REG_A4, REG_A5, REG_A6, REG_T0, REG_T1, REG_T2};

/* The word that holds the base of item 1, 2, 3; the descriptor follows. */
static unsigned item_word(unsigned item) {
    return 8 - 2 * item;
}

static struct memory_item item_read(const struct trap_frame *frame,
                                    unsigned item) {
    if (item == 0)
        return (struct memory_item){frame->x[REG_T4], frame->x[REG_T5]};
    unsigned word = item_word(item);
    return (struct memory_item){frame->x[word_register[word]],
                                frame->x[word_register[word + 1]]};
}

/* A WINDOW: readable or writable user memory; it may be empty. */
static bool item_valid(const struct memory_item *item) {
    uint64_t descriptor = item->descriptor;
    uint64_t length = item_length(descriptor);
    unsigned rights = item_rights(descriptor);
    uint64_t known = ITEM_LENGTH_MASK | (15ull << ITEM_MODE_SHIFT) |
                     (7ull << ITEM_RIGHTS_SHIFT);
    return !(descriptor & ~known) && item_mode(descriptor) == ITEM_WINDOW &&
           rights != 0 && !(rights & ~(unsigned)(ITEM_READ | ITEM_WRITE)) &&
           user_range_ok(item->base, length);
}

static bool tag_valid(uint64_t tag) {
    unsigned handles = tag_handles(tag);
    unsigned items = tag_items(tag);
    if (((uint32_t)tag & TAG_RESERVED) || handles > MESSAGE_HANDLES ||
        items > MESSAGE_ITEMS || (tag_moves(tag) >> handles) != 0)
        return false;
    unsigned room = items > 1 ? item_word(items - 1) : MESSAGE_WORDS;
    return tag_words(tag) <= room;
}

int message_check(struct thread *thread, enum message_use use) {
    uint64_t tag = thread->frame.x[REG_A1];
    if ((uint32_t)tag <= MESSAGE_WORDS)
        return 0;
    unsigned items = tag_items(tag);
    if (!tag_valid(tag) || (items > 0 && use != MESSAGE_USE_CALL))
        return -EINVAL;
    for (unsigned i = 0; i < items; i++) {
        thread->items[i] = item_read(&thread->frame, i);
        if (!item_valid(&thread->items[i]))
            return -EINVAL;
    }
    return parcel_check(&thread->process->handles, thread->frame.x[REG_T3],
                        tag_handles(tag), tag_moves(tag));
}

/* Moves and copies the handles; *packed gets the receiver's. */
static int deliver_handles(struct thread *from, struct thread *to,
                           const struct accept *accept, uint64_t *packed) {
    uint64_t tag = from->frame.x[REG_A1];
    struct handle_parcel parcel;
    if (tag_handles(tag) > accept->handles)
        return -EMSGSIZE;
    int error = parcel_take(&from->process->handles, from->frame.x[REG_T3],
                            tag_handles(tag), tag_moves(tag), &parcel);
    if (error)
        return error;
    error = parcel_give(&to->process->handles, accept->slot, &parcel, packed);
    if (error)
        parcel_cancel(&from->process->handles, &parcel);
    else
        parcel_commit(&from->process->handles, &parcel);
    return error;
}

/* The receiver learns how long windows are, not where the client has them. */
static void deliver_items(const struct thread *from, struct trap_frame *to) {
    unsigned items = tag_items(from->frame.x[REG_A1]);
    to->x[REG_T4] = 0;
    to->x[REG_T5] = items > 0 ? from->items[0].descriptor : 0;
    for (unsigned i = 1; i < items; i++)
        to->x[word_register[item_word(i)]] = 0;
}

int message_deliver(struct thread *from, struct thread *to,
                    const struct accept *accept, enum message_kind kind,
                    uint64_t badge) {
    uint64_t tag = from->frame.x[REG_A1];
    uint64_t packed = 0;
    if (tag_handles(tag) > 0) {
        int error = deliver_handles(from, to, accept, &packed);
        if (error)
            return error;
    }
    /* Commit: nothing below can fail. */
    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        to->frame.x[word_register[i]] = from->frame.x[word_register[i]];
    deliver_items(from, &to->frame);
    to->frame.x[REG_A0] = 0;
    to->frame.x[REG_A1] = tag | (uint64_t)kind << TAG_KIND_SHIFT;
    to->frame.x[REG_A7] = badge;
    to->frame.x[REG_T3] = packed;
    to->frame.x[REG_T6] = 0;
    return 0;
}

void message_fail(struct thread *thread, int error) {
    struct trap_frame *frame = &thread->frame;
    memset(&frame->x[REG_A1], 0, 7 * sizeof frame->x[0]);
    memset(&frame->x[REG_T0], 0, 3 * sizeof frame->x[0]);
    memset(&frame->x[REG_T3], 0, 4 * sizeof frame->x[0]);
    frame->x[REG_A0] = (uint64_t)(int64_t)error;
}

void message_notice(struct thread *to, enum message_kind kind, uint64_t badge,
                    uint64_t word) {
    message_fail(to, 0);
    to->frame.x[REG_A1] = tag_make(0, 1, 0, 0) | (uint64_t)kind
                                                     << TAG_KIND_SHIFT;
    to->frame.x[REG_A2] = word;
    to->frame.x[REG_A7] = badge;
}

int64_t message_error(struct thread *self, int error) {
    message_fail(self, error);
    return RESULT_WRITTEN;
}
