/* SPDX-License-Identifier: MIT */
/*
 * servers/init/bootargs.h: what the boot arguments ask of user space.
 *
 * Words are separated by spaces. init knows `disk=ram` and `disk=virtio`,
 * `mark=WORD` and `run=COMMANDS`, which takes the rest of the line; the others
 * are the kernel's. The last of several words for one thing counts.
 */
#ifndef OCTAVO_INIT_BOOTARGS_H
#define OCTAVO_INIT_BOOTARGS_H

#include <stdbool.h>

enum { BOOTARGS_MAX = 2048, MARK_MAX = 64 };

enum disk_choice { DISK_CHOICE_NONE, DISK_CHOICE_RAM, DISK_CHOICE_VIRTIO };

struct bootargs {
    enum disk_choice disk; /* NONE: whatever the machine has */
    const char *run; /* NULL: an interactive shell. Points into the line */
    char mark[MARK_MAX + 1]; /* the word in the marks around run's output */
    const char *problem;     /* what was wrong with the line, or NULL */
};

/* Reads a line, which stays the caller's and must outlive the result. A word
 * that is wrong is named in `problem` and otherwise as if it were not there. */
void bootargs_parse(const char *line, struct bootargs *args);

#endif
