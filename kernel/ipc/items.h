/* SPDX-License-Identifier: MIT */
/*
 * ipc/items.h: the memory items of a message.
 */
#ifndef OCTAVO_IPC_ITEMS_H
#define OCTAVO_IPC_ITEMS_H

#include "ipc/message.h"
#include "proc/thread.h"
#include "vm/transfer.h"

/* Notes the items of the message in the thread's frame in thread->items. 0, or
 * -EINVAL: malformed, or not for this use; thread->failed_item is which. */
int items_check(struct thread *thread, enum message_use use);

/* Ends what was noted: a call that is open may have windows, and no other time
 * sees any in thread->items, whatever the tag in the frame says. */
static inline void items_forget(struct thread *thread) {
    for (unsigned i = 0; i < MESSAGE_ITEMS; i++)
        thread->items[i].descriptor = 0;
}

/*
 * In the sender, before its message can be delivered: makes the pages of its
 * items what the transfer needs. 0, -EFAULT, -ENOMEM, RESULT_RESTART (part of
 * it is done, and something else wants the hart) or RESULT_WAITING (a pager is
 * asked; the system call runs again afterwards).
 */
int items_prepare(struct thread *self);

/* What is wrong with the items whoever receives them, before a sender waits: 0,
 * -EINVAL, -EFAULT, -EPERM, -EBUSY. */
int items_examine(struct thread *from);

/*
 * Transfers the pages of the items that from's message has, as many as `accept`
 * allows, and notes in from->items where they are in the receiver. 0;
 * TRANSFER_PREPARE: the sender has to send again; -EMSGSIZE and the errors of
 * space_transfer: nothing has changed but from->failed_item.
 */
int items_deliver(struct thread *from, struct space *to, struct accept *accept);

/* Writes the items of from's message, which was delivered, into to's frame:
 * where they are (0 for a WINDOW), and their descriptors. */
void items_write(const struct thread *from, struct trap_frame *to);

/* An item that moves pages, as vm sees it. */
struct transfer_item item_transfer(const struct memory_item *item);

/* SYS_TRANSFER. */
int64_t items_transfer(struct thread *self, struct space *to);

#endif
