/* SPDX-License-Identifier: MIT */
/*
 * servers/init/shell.h: the first program that is not a server.
 *
 * Idea        A child of init waits until the servers are there, makes itself
 *             an ordinary process with standard descriptors and directories,
 *             and becomes /sh. With the boot argument run=COMMANDS it stays
 *             between init and the shell instead, and frames the commands'
 *             output with two lines that scripts look for:
 *                 [MARK begin]
 *                 ... what the commands print ...
 *                 [MARK end STATUS]
 *             Waiting happens in the child, so that init can go on restarting
 *             what it waits for.
 */
#ifndef OCTAVO_INIT_SHELL_H
#define OCTAVO_INIT_SHELL_H

#include <stdint.h>

#include "servers/init/bootargs.h"

/* Statuses of the child when there was no shell to give one. */
enum {
    SHELL_NO_SERVER = 125, /* a server did not answer */
    SHELL_NO_PROGRAM = 127 /* /sh cannot be run */
};

/*
 * Starts the child. Its exit status is the shell's: with run=, that of the
 * last command. Returns its pid, or the error of SYS_FORK.
 */
int64_t shell_start(const struct bootargs *args);

#endif
