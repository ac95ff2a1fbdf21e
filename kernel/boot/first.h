/* SPDX-License-Identifier: MIT */
/*
 * boot/first.h: making the first process.
 */
#ifndef OCTAVO_BOOT_FIRST_H
#define OCTAVO_BOOT_FIRST_H

/* Makes process 1 from the program `init` in the initrd. Panics when there is
 * no such file or it is no program for this machine. */
void first_process_start(void);

#endif
