/* SPDX-License-Identifier: MIT */
/*
 * servers/console/input.h: what comes from the keyboard.
 *
 * Idea        Keys go to the line editor (line.h); finished lines go to the
 *             readers that wait, first come first served. A line that reaches
 *             a reader is used up only once the reader has been answered, so
 *             that a reader killed at the wrong moment costs no input.
 */
#ifndef OCTAVO_CONSOLE_INPUT_H
#define OCTAVO_CONSOLE_INPUT_H

#include <stdint.h>

#include "lib/ipc.h"

/* Handles FILE_READ. Returns the label to answer with, or SERVICE_LATER.
 * EINVAL: the message. EFAULT. EAGAIN: too many readers wait. ECANCELED: ^C
 * was typed, with nothing in the foreground to end. */
int64_t input_read(const struct message *m);

/* Handles FILE_CONTROL. EINVAL: no such control, or its argument. EAGAIN: too
 * many processes in the foreground. */
int64_t input_control(const struct message *m);

/* Takes all bytes the port has received, and serves the readers. */
void input_interrupt(void);

#endif
