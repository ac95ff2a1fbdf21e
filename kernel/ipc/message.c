/* SPDX-License-Identifier: MIT */
/*
 * ipc/message.c: what is legal in a message, and how it crosses.
 *
 * Check, then commit: message_deliver first does all that can fail (handles,
 * their rights, room for them, memory items), then copies registers.
 */
#include "ipc/message.h"

#include "abi/errno.h"
#include "ipc/items.h"
#include "ipc/pager.h"
#include "proc/wait.h"
#include "vm/transfer.h"

int message_check_all(struct thread *thread, enum message_use use) {
    uint64_t tag = thread->frame.x[REG_A1];
    if (!tag_valid(tag))
        return -EINVAL;
    int result = items_check(thread, use);
    if (!result && thread->unprepared)
        result = items_prepare(thread);
    return result;
}

/* Whether there is room depends on the receiver: that of the sender's own table
 * says nothing. */
int message_examine(struct thread *from) {
    if (from->flags & THREAD_PAGING)
        return 0;
    struct handle_table *table = &from->process->handles;
    struct handle_parcel parcel = parcel_of(from);
    spin_lock(&table->lock);
    int error = parcel_plan(&parcel, table, table, 0);
    spin_unlock(&table->lock);
    if (error && error != -ENOSPC)
        return error;
    return tag_items(from->frame.x[REG_A1]) ? items_examine(from) : 0;
}

/* The handles, and the items with them: both or neither. *handles: packed, in
 * the receiver's table. */
static int deliver_parcel(struct thread *from, struct thread *to,
                          struct accept *accept, uint64_t *handles) {
    struct handle_table *source = &from->process->handles;
    struct handle_table *destination = &to->process->handles;
    struct handle_parcel parcel = parcel_of(from);
    if (parcel.count > accept->handles)
        return -EMSGSIZE;
    if (parcel.count == 0)
        return items_deliver(from, to->space, accept);
    spin_lock_pair(&source->lock, &destination->lock);
    int result = parcel_plan(&parcel, source, destination, accept->slot);
    if (!result && tag_items(from->frame.x[REG_A1]) > 0)
        result = items_deliver(from, to->space, accept);
    if (!result)
        *handles = parcel_move(&parcel, source, destination);
    spin_unlock_pair(&source->lock, &destination->lock);
    return result;
}

int message_deliver_all(struct thread *from, struct thread *to,
                        struct accept *accept, enum message_kind kind,
                        uint64_t badge) {
    uint64_t handles = 0;
    int result = deliver_parcel(from, to, accept, &handles);
    if (result)
        return result;
    /* Commit: nothing below can fail. */
    message_deliver_words(from, to, kind, badge);
    items_write(from, &to->frame);
    to->frame.x[REG_T3] = handles;
    event_note(EVENT_MESSAGE, from, (uintptr_t)to, to->frame.x[REG_A1]);
    return 0;
}

void message_fail(struct thread *thread, int error) {
    event_note(EVENT_ERROR, thread, (uint64_t)-error, 0);
    if (thread->flags & THREAD_PAGING) {
        pager_fail(thread, error);
        return;
    }
    message_clear(thread->frame.x);
    thread_result(thread, error);
    thread->frame.x[REG_A1] = thread->failed_item;
    thread->failed_item = 0;
}

void message_notice(struct thread *to, enum message_kind kind, uint64_t badge,
                    uint64_t word) {
    uint64_t *x = to->frame.x;
    message_clear(x);
    x[REG_A1] = tag_make(0, 1, 0, 0) | (uint64_t)kind << TAG_KIND_SHIFT;
    x[REG_A2] = word;
    x[REG_A7] = badge;
}

int64_t message_error(struct thread *self, int error) {
    if (error == RESULT_WAITING)
        return error; /* the thread is no longer ours */
    if (error)
        items_forget(self);
    if (error == TRANSFER_PREPARE || error == RESULT_RESTART)
        return RESULT_RESTART;
    message_fail(self, error);
    return RESULT_WRITTEN;
}
