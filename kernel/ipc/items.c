/* SPDX-License-Identifier: MIT */
/*
 * ipc/items.c: from registers to transfers, and back.
 *
 * An item is checked when its message is sent, and copied to thread->items, so
 * that what the sender's registers hold later does not matter. Its pages change
 * hands when the message is delivered (vm/transfer.c).
 */
#include "ipc/items.h"

#include "abi/errno.h"
#include "abi/layout.h"
#include "ipc/pager.h"
#include "proc/sched.h"
#include "proc/wait.h"
#include "vm/fill.h"
#include "vm/loan.h"

/* The registers of items 0 to 3: base, descriptor. */
static const uint8_t item_register[MESSAGE_ITEMS][2] = {
    {REG_T4, REG_T5}, {REG_T1, REG_T2}, {REG_A6, REG_T0}, {REG_A4, REG_A5}};

static bool moves_pages(const struct memory_item *item) {
    return item_mode(item->descriptor) != ITEM_WINDOW;
}

/* ---- Checking ---- */

/* A range of user memory, empty or not, to be read or written by SYS_COPY. */
static bool window_valid(const struct memory_item *item) {
    unsigned rights = item_rights(item->descriptor);
    return rights != 0 && !(rights & ITEM_EXECUTE) &&
           user_range_ok(item->base, item_length(item->descriptor));
}

static bool item_valid(const struct memory_item *item, enum message_use use) {
    uint64_t length = item_length(item->descriptor);
    enum item_mode mode = item_mode(item->descriptor);
    uint64_t known = ITEM_LENGTH_MASK | (15ull << ITEM_MODE_SHIFT) |
                     (7ull << ITEM_RIGHTS_SHIFT);
    if (item->descriptor & ~known || mode == ITEM_NONE || mode > ITEM_WINDOW)
        return false;
    if (mode >= ITEM_LEND && use != MESSAGE_USE_CALL)
        return false;
    return mode == ITEM_WINDOW
               ? window_valid(item)
               : length > 0 && (length | item->base) % PAGE_SIZE == 0;
}

int items_check(struct thread *thread, enum message_use use) {
    unsigned count = tag_items(thread->frame.x[REG_A1]);
    for (unsigned i = 0; i < count; i++) {
        struct memory_item *item = &thread->items[i];
        item->base = thread->frame.x[item_register[i][0]];
        item->descriptor = thread->frame.x[item_register[i][1]];
        if (!item_valid(item, use)) {
            thread->failed_item = (uint8_t)i;
            return -EINVAL;
        }
        /* No transfer will ever say so of a WINDOW. */
        if (!moves_pages(item) && space_may_lack(thread->space, item->base,
                                                 item_length(item->descriptor)))
            thread->unprepared = true;
    }
    return 0;
}

/* ---- Transferring ---- */

/* Notes which item an error is about; space_transfer counts its own. */
static int items_fail(struct thread *from, unsigned index, int error) {
    from->failed_item = (uint8_t)index;
    hart_count_event(COUNTER_TRANSFER_FAILURES);
    return error;
}

struct transfer_item item_transfer(const struct memory_item *item) {
    return (struct transfer_item){
        .from = item->base,
        .pages = item_length(item->descriptor) / PAGE_SIZE,
        .mode = (uint8_t)item_mode(item->descriptor),
        .prot = (uint8_t)item_rights(item->descriptor),
    };
}

static int item_prepare(struct thread *self, const struct memory_item *item) {
    enum item_mode mode = item_mode(item->descriptor);
    struct transfer_item range = item_transfer(item);
    bool reads = item_rights(item->descriptor) & ITEM_READ;
    int result = pager_prepare(self, item->base, item_length(item->descriptor),
                               reads ? PROT_READ : PROT_WRITE);
    if (result || (mode != ITEM_SHARE && mode != ITEM_LEND))
        return result;
    result = SPACE_MORE;
    while (result == SPACE_MORE) {
        result = space_prepare(self->space, &range);
        if (result == SPACE_MORE && sched_pressing())
            return RESULT_RESTART;
    }
    return result;
}

int items_prepare(struct thread *self) {
    unsigned count = tag_items(self->frame.x[REG_A1]);
    int result = 0;
    for (unsigned i = 0; i < count && !result; i++) {
        result = item_prepare(self, &self->items[i]);
        if (result && result != RESULT_RESTART && result != RESULT_WAITING)
            return items_fail(self, i, result);
    }
    self->unprepared = result == RESULT_RESTART || result == RESULT_WAITING;
    return result;
}

/* Which item of the message is number n of those that move pages. */
static uint8_t page_item(const struct thread *from, unsigned n) {
    uint8_t i = 0;
    while (!moves_pages(&from->items[i]) || n-- > 0)
        i++;
    return i;
}

/* Notes the items that move pages. 0, or -EMSGSIZE: more than `accept` allows.
 */
static int pages_collect(struct thread *from, const struct accept *accept,
                         struct transfer *transfer) {
    unsigned count = tag_items(from->frame.x[REG_A1]);
    uint64_t room = accept->pages;
    if (accept->base && accept->length / PAGE_SIZE < room)
        room = accept->length / PAGE_SIZE;
    transfer->from = from->space;
    transfer->fill = false;
    transfer->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!moves_pages(&from->items[i]))
            continue;
        struct transfer_item *item = &transfer->item[transfer->count++];
        *item = item_transfer(&from->items[i]);
        if (item->pages > room)
            return items_fail(from, i, -EMSGSIZE);
        room -= item->pages;
    }
    return 0;
}

/* The call holds the loan from now on. */
static void loan_begin(struct thread *from, const struct transfer *transfer) {
    for (unsigned i = 0; i < transfer->count; i++) {
        if (transfer->item[i].mode == ITEM_LEND)
            loan_add(from->loan, &transfer->item[i]);
    }
    thread_set_flag(from, THREAD_LENDS);
}

/* All of the transfer, with the loan if there is one, or nothing. */
static int pages_transfer(struct thread *from, struct transfer *transfer) {
    bool lends = false;
    for (unsigned i = 0; i < transfer->count; i++)
        lends |= transfer->item[i].mode == ITEM_LEND;
    if (lends) {
        from->loan = loan_create(transfer->from, transfer->to);
        if (!from->loan)
            return items_fail(from, 0, -ENOMEM);
    }
    int result = space_transfer(transfer);
    from->unprepared = result == TRANSFER_PREPARE;
    if (result < 0)
        from->failed_item = page_item(from, transfer->failed);
    if (lends && result) {
        loan_free(from->loan);
        from->loan = NULL;
    } else if (lends) {
        loan_begin(from, transfer);
    }
    return result;
}

int items_examine(struct thread *from) {
    static const struct accept anything = {.pages = UINT64_MAX};
    struct transfer transfer;
    pages_collect(from, &anything, &transfer);
    int result = space_transfer_check(&transfer);
    if (result < 0)
        items_fail(from, page_item(from, transfer.failed), result);
    return result;
}

int items_deliver(struct thread *from, struct space *to,
                  struct accept *accept) {
    struct transfer transfer;
    transfer.to = to;
    transfer.window = accept->base;
    int result = pages_collect(from, accept, &transfer);
    if (!result && transfer.count > 0)
        result = pages_transfer(from, &transfer);
    for (unsigned i = 0; i < transfer.count && !result; i++) {
        const struct transfer_item *item = &transfer.item[i];
        from->items[page_item(from, i)].base = item->to;
        if (accept->base) {
            accept->base += item->pages * PAGE_SIZE;
            accept->length -= item->pages * PAGE_SIZE;
        }
    }
    return result;
}

void items_write(const struct thread *from, struct trap_frame *to) {
    unsigned count = tag_items(from->frame.x[REG_A1]);
    to->x[REG_T4] = to->x[REG_T5] = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct memory_item *item = &from->items[i];
        to->x[item_register[i][0]] = moves_pages(item) ? item->base : 0;
        to->x[item_register[i][1]] = item->descriptor;
    }
}

/* ---- Into a space that is being built ---- */

int64_t items_transfer(struct thread *self, struct space *to) {
    struct accept accept = {
        .base = self->frame.x[REG_A2],
        .length = ITEM_LENGTH_MASK,
        .pages = UINT64_MAX,
    };
    int result = message_check_all(self, MESSAGE_USE_OTHER);
    if (!result)
        result = items_deliver(self, to, &accept);
    if (result)
        return message_error(self, result);
    items_write(self, &self->frame);
    return 0;
}
