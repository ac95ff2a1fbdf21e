/* SPDX-License-Identifier: MIT */
/*
 * servers/console/output.h: what goes to the screen.
 *
 * Idea        Bytes pass through a ring on their way to the port. As a rule
 *             the port takes them at once and the writer is answered at once.
 *             When it does not, the rest waits in the ring, and a writer whose
 *             bytes do not fit any more waits with a saved reply, first come
 *             first served, until the port's interrupt makes room.
 * Invariants  O1  While a writer waits, the ring is full or the port's
 *                 interrupt is asked for.
 *             O2  Bytes appear in the order in which their writes arrived.
 */
#ifndef OCTAVO_CONSOLE_OUTPUT_H
#define OCTAVO_CONSOLE_OUTPUT_H

#include <stdint.h>

#include "lib/ipc.h"

/* Handles FILE_WRITE. Returns the label to answer with, or SERVICE_LATER.
 * EINVAL: the message. EFAULT. EAGAIN: too many writers wait. */
int64_t output_write(const struct message *m);

/* Puts text of the console itself (echo, the process list) on its way. What
 * does not fit the ring is dropped: there is nobody to wait. */
void output_text(const char *text, uint64_t length);

/* Sends what the port takes and goes on with writers that wait. */
void output_continue(void);

#endif
