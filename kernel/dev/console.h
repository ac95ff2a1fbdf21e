/* SPDX-License-Identifier: MIT */
/*
 * dev/console.h: the kernel's own output, polled.
 *
 * Idea        The console that users see is a server with interrupts and line
 *             editing. The kernel has this one for boot messages, the lines
 *             about killed processes, and panics: it waits until the serial
 *             port can take a byte, and stores it. Before the port is known,
 *             or without one, bytes go through the firmware.
 * Locks       RANK_CONSOLE, held for one piece of text, so pieces of different
 *             harts do not mix. After console_seize nobody waits for it.
 */
#ifndef OCTAVO_DEV_CONSOLE_H
#define OCTAVO_DEV_CONSOLE_H

#include <stddef.h>

/* Makes print_write write here, through the firmware until the machine is
 * known. To be called first of all. */
void console_init_early(void);

/* Uses machine.uart, if the machine has one. Its registers are reached
 * through the direct map. */
void console_init(void);

/* Writes bytes, a carriage return before each newline. Waits for the port. */
void console_write(const char *text, size_t len);

/* For a panic: from now on only this hart writes, without the lock, which a
 * stopped hart may hold. */
void console_seize(void);

#endif
