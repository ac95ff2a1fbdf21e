/* SPDX-License-Identifier: MIT */
/*
 * ipc/message.h: a message in a trap frame, checked and carried over.
 */
#ifndef OCTAVO_IPC_MESSAGE_H
#define OCTAVO_IPC_MESSAGE_H

#include "abi/message.h"
#include "cap/handle.h"
#include "proc/process.h"
#include "proc/thread.h"

enum message_use {
    MESSAGE_USE_CALL,  /* may carry items of all modes */
    MESSAGE_USE_OTHER, /* a send or a reply: none that ends with the call */
};

/*
 * Checks the message in the thread's frame: counts, reserved bits, items
 * (-EINVAL), and that its handles may travel (-EBADF, -EPERM, -ESTALE), so that
 * a bad message fails at once and not when it is received. Notes its items in
 * thread->items and prepares their pages: RESULT_RESTART, or -EFAULT, -ENOMEM.
 */
int message_check_all(struct thread *thread, enum message_use use);

/* The same, quick for words alone. */
static inline int message_check(struct thread *thread, enum message_use use) {
    if ((uint32_t)thread->frame.x[REG_A1] <= MESSAGE_WORDS)
        return 0;
    return message_check_all(thread, use);
}

/*
 * Carries the message in from's frame to to's, which has stopped: the words,
 * the handles, the tag with its kind, and the badge. `accept` is what `to`
 * takes; its window moves on. 0, -EMSGSIZE, -EBADF, -EPERM, -ENOSPC, or what
 * items_deliver returns: then neither has changed. TRANSFER_PREPARE: `from` has
 * to run its call again.
 */
int message_deliver(struct thread *from, struct thread *to,
                    struct accept *accept, enum message_kind kind,
                    uint64_t badge);

/* Writes a message that the kernel itself sends: CLOSED or SIGNAL. */
void message_notice(struct thread *to, enum message_kind kind, uint64_t badge,
                    uint64_t word);

/* Ends a message call with an error: a0 is it, a1 the number of the item that
 * it is about, all other out registers 0. */
void message_fail(struct thread *thread, int error);

/* The same for the current thread; returns RESULT_WRITTEN. If the error says
 * that the call has to run again, RESULT_RESTART, with nothing changed. */
int64_t message_error(struct thread *self, int error);

#endif
