/* SPDX-License-Identifier: MIT */
/*
 * servers/console/processes.h: the process list behind ^P.
 *
 * It needs no other server, so that it works when one of them hangs.
 */
#ifndef OCTAVO_CONSOLE_PROCESSES_H
#define OCTAVO_CONSOLE_PROCESSES_H

/* Prints one line for each process. */
void processes_print(void);

#endif
