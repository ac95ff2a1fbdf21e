/* SPDX-License-Identifier: MIT */
/*
 * ipc/pager.h: page faults as calls.
 *
 * Idea        A region may name a session as its pager. A fault on a missing
 *             page then becomes a call through it, which the kernel makes for
 *             the faulting thread. The call is like any other (queues,
 *             donation, deadline, kill), but for its message: the words are
 *             made of paging.request when the pager receives them, and the
 *             reply's memory items are mapped where the page is missing. So
 *             nothing of it is ever in the thread's registers, and the
 *             instruction runs again as if nothing had happened.
 * States      RUNNING -> pager_fault: THREAD_PAGING, SENDING or CALLING
 *                 -> pager_answer: the page is there, RUNNING
 *                 -> pager_fail: RUNNING with paging.error; the instruction
 *                    faults again, and this time it is the program's error
 * Invariants  A thread with THREAD_PAGING waits at an endpoint, or is on its
 *             way there: nobody but this file touches its frame.
 * Locks       As calls: from the moment it waits the thread's frame and
 *             `paging` are guarded by the lock of its endpoint.
 * Read        abi/pager.h is the protocol. Before: ipc/call.c; vm/fill.c.
 */
#ifndef OCTAVO_IPC_PAGER_H
#define OCTAVO_IPC_PAGER_H

#include "abi/pager.h"
#include "dev/timer.h"
#include "proc/thread.h"

/* Writes the tag and the words of the kernel's message into the registers of
 * whoever receives it. */
static inline void pager_words(uint64_t *x,
                               const struct fill_request *request) {
    x[REG_A1] = tag_make(PAGER_FAULT, 3, 0, 0);
    x[REG_A2] = request->offset;
    x[REG_A3] = request->rights;
    x[REG_A4] = request->pages;
}

/* PAGER_TIMEOUT_MS, in units of time; constant after pager_init. */
extern uint64_t pager_timeout;

/* When a call that begins now has taken too long. */
static inline uint64_t pager_deadline(void) {
    return timer_now() + pager_timeout;
}

/* Tells vm how regions hold sessions. Once, at boot. */
void pager_init(void);

/*
 * A user access of the current thread found a missing page whose region has a
 * pager: paging.request, as space_fault has just written it. 0: the thread
 * waits, or may try again; it is not to be touched. Else the error with which
 * the pager's call for just this access has ended: EPIPE ESTALE (it is dead),
 * ETIMEDOUT, EPERM (it refused), EDEADLK, ENOMEM.
 */
int pager_fault(struct thread *self);

/*
 * Sees to it that no page of [base, base + length), user memory of the current
 * thread, waits for its pager. 0: so it is; RESULT_WAITING: a pager was called,
 * and the system call runs again afterwards, or fails with EFAULT. Nothing of
 * its results has been written yet.
 */
int pager_prepare(struct thread *self, uint64_t base, uint64_t length,
                  unsigned access);

/*
 * `self` replies to a call of a caller that has THREAD_PAGING. 0: the call may
 * end; else what is wrong with the reply, which is still owed. The caller's
 * endpoint is locked.
 */
int pager_answer(struct thread *self, struct thread *caller);

/* Ends the call of a thread that has THREAD_PAGING with an error. */
void pager_fail(struct thread *thread, int error);

#endif
