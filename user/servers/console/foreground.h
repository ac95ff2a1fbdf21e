/* SPDX-License-Identifier: MIT */
/*
 * servers/console/foreground.h: what ^C ends.
 *
 * Idea        The processes that a shell waits for are in the foreground. Each
 *             joins by itself, before it can read or print anything; the shell
 *             clears the set when all have ended. ^C ends them and everything
 *             they have started. A ^C that comes before they have joined is
 *             remembered for them, or for the shell when it reads next.
 * States      quiet -> (^C) interrupted -> (clear, or the shell reads) quiet.
 *             While interrupted, a process that joins is ended at once.
 */
#ifndef OCTAVO_CONSOLE_FOREGROUND_H
#define OCTAVO_CONSOLE_FOREGROUND_H

#include <stdbool.h>
#include <stdint.h>

/* Adds a process. Returns 0; EAGAIN: too many are in the foreground. */
int64_t foreground_join(int64_t pid);

/* Empties the foreground. Returns 1 if it was interrupted, else 0; it is quiet
 * again. */
int64_t foreground_clear(void);

/* Somebody reads. With an empty foreground that is a shell, which wants a
 * command. Returns whether there was a ^C for it; it is quiet again then. */
bool foreground_take(void);

/* ^C. Returns whether there was a process to end. What is left of a foreground
 * that nobody cleared, its shell being dead, is forgotten. */
bool foreground_interrupt(void);

#endif
