/* SPDX-License-Identifier: MIT */
/*
 * ipc/fastpath.h: call and reply_recv in as few instructions as can be.
 *
 * Idea        The message is in registers already. If the partner waits, and
 *             nothing about either thread or the message is out of the
 *             ordinary, then all there is to do is bookkeeping and a change of
 *             address space: the eight words never move. The functions are
 *             compiled with the message registers reserved, so that the
 *             compiler cannot touch them, and each either does the whole
 *             operation or leaves no trace and says no; then the slow path
 *             (ipc/call.c, ipc/reply.c) does it, with the same result.
 * Not here    handles, more items, deadlines, queued senders, signals, notices,
 *             donated priorities, FPU users, other harts' threads, kills.
 * Items       One memory item may travel with a call or a reply, if its
 *             transfer is a quick one (vm/quick.h). Its message goes through
 *             the frame.
 * Faults      The same for a fault whose pager waits: it is a call, and the
 *             pager's answer is a reply with an item.
 * Context     trap/entry.S calls all with the thread's callee-saved registers
 *             in its frame, tp = the thread, interrupts off.
 */
#ifndef OCTAVO_IPC_FASTPATH_H
#define OCTAVO_IPC_FASTPATH_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

/* Where entry.S branches to with words alone and no deadline: they go on at
 * trap_fast_leave, for the thread that is current then, or at trap_not_fast:
 * nothing has happened. */
void fastpath_call(void);
void fastpath_reply_recv(void);

/* ipc/fastitem.c: a call with one memory item or handles beside words; the
 * message is in self's frame. The thread to resume, with the words, tag, item
 * and handles that self's frame then holds and the badge in its own; or NULL.
 */
struct thread *fastpath_call_item(struct thread *self);

/* A reply_recv like that, whose message, too, is in self's frame. The thread to
 * resume, with its frame as it is; or NULL. */
struct thread *fastpath_reply_item(struct thread *self);

/* ipc/fastfault.c: the current thread, whose frame is complete, misses a page,
 * and space_fault has just written paging.request. The thread to resume, with
 * tag, three words and badge as its frame has them and nothing else in its
 * message, or NULL: nothing has happened. */
struct thread *fastpath_fault(void);

/* ipc/signal.c: SYS_SIGNAL with its bits in a1. False: nothing has happened. */
bool fastpath_signal(uint64_t handle);

/* ipc/fastwait.c: SYS_WAIT_SIGNAL, all of it, by ipc_wait_signal if need be. */
int64_t fastpath_wait(struct thread *self);

/* Boot argument fastpath=0 turns it off; constant after ipc_init. */
extern bool fastpath_on;

#endif
