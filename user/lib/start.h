/* SPDX-License-Identifier: MIT */
/*
 * lib/start.h: how a program ends when main returns.
 */
#ifndef OCTAVO_LIB_START_H
#define OCTAVO_LIB_START_H

/* Ends the process with main's value. */
void program_end(int status) __attribute__((noreturn));

#endif
