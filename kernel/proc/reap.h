/* SPDX-License-Identifier: MIT */
/*
 * proc/reap.h: within proc, what taking apart shares with putting together.
 */
#ifndef OCTAVO_PROC_REAP_H
#define OCTAVO_PROC_REAP_H

#include "proc/process.h"

/* Makes spaces that lose their last reference be freed in steps. Once. */
void reap_init(void);

/* Frees the memory of a process that owns nothing any more. */
void process_free(struct process *process);

/* Takes the process out of the pid table. */
void pid_release(struct process *process) REQUIRES(tree_lock);

#endif
